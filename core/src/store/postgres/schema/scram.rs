//! What a server keeps of a password (RFC 5802, RFC 7677), so that the password itself is not sent.

use std::num::NonZeroU32;

use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Code, Error, Result};

/// As PostgreSQL's own, which is also the least that the RFC allows.
const ITERATIONS: NonZeroU32 = NonZeroU32::MIN.saturating_add(4095);

/// The three values of which a verifier is put together.
pub(super) struct Verifier {
    pub(super) salt: [u8; 16],
    pub(super) stored_key: Vec<u8>,
    pub(super) server_key: Vec<u8>,
}

impl Verifier {
    /// Of a password, with a salt of its own.
    pub(super) fn new(password: &SecretString) -> Result<Self> {
        let plain = password.expose_secret();
        // Other characters can be written in several ways, of which the protocol prescribes one.
        if plain.is_empty() || !plain.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(Error::invalid_argument(
                "the password is empty or has characters other than those of printable ASCII",
            ));
        }
        let mut salt = [0; 16];
        SystemRandom::new()
            .fill(&mut salt)
            .map_err(|_| Error::new(Code::StoreFailed, "the system gave no random numbers"))?;
        Ok(Self::salted(plain, salt))
    }

    fn salted(password: &str, salt: [u8; 16]) -> Self {
        let mut salted = [0; digest::SHA256_OUTPUT_LEN];
        let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::derive(algorithm, ITERATIONS, &salt, password.as_bytes(), &mut salted);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
        let client_key = hmac::sign(&key, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref()).as_ref().to_vec();
        let server_key = hmac::sign(&key, b"Server Key").as_ref().to_vec();
        Self { salt, stored_key, server_key }
    }
}

#[cfg(test)]
mod tests {
    use super::Verifier;

    /// The values of the example in RFC 7677, section 3, whose salt is also of 16 bytes.
    #[test]
    fn a_verifier_is_the_one_of_the_standard() {
        let salt = [
            0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36,
            0xfa, 0x81,
        ];
        let verifier = Verifier::salted("pencil", salt);
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        assert_eq!(
            hex(&verifier.stored_key),
            "586e5df283e6dceb5c3e791d8b8528ec191e664045ce971792e2e6b5bb13e2a6"
        );
        assert_eq!(
            hex(&verifier.server_key),
            "c1f3cbc1c13a9d35a14c0990eed97629ea225863e566a4314ab99f3f00e5d9d5"
        );
    }

    #[test]
    fn passwords_that_can_be_written_in_several_ways_are_refused() {
        for password in ["", "pässword", "a\u{0}b", "tab\t"] {
            assert!(Verifier::new(&password.into()).is_err(), "{password:?}");
        }
        let (one, two) = (Verifier::new(&"same".into()), Verifier::new(&"same".into()));
        assert_ne!(one.expect("made").salt, two.expect("made").salt);
    }
}
