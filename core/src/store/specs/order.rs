//! Which version of which agent is meant, and the order of versions as bytes.

use std::fmt;

use semver::Version;

use crate::error::{Code, Error, Result};
use crate::spec::is_slug;

/// The most characters that a version may have.
const LONGEST: usize = 100;

/// One version of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VersionId {
    agent_id: String,
    version: String,
    order: Vec<u8>,
}

impl VersionId {
    /// `None` if the id is not a slug, or the version not a semantic version of at most 100
    /// characters.
    pub fn new(agent_id: &str, version: &str) -> Option<Self> {
        let parsed = parse(version)?;
        is_slug(agent_id).then(|| Self {
            agent_id: agent_id.to_owned(),
            version: version.to_owned(),
            order: order(&parsed),
        })
    }

    /// The agent.
    pub fn agent_id(&self) -> &str {
        &self.agent_id
    }

    /// The version as text.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Sorts as versions do.
    pub(in crate::store) fn order(&self) -> &[u8] {
        &self.order
    }

    /// The releases that a save may take instead, nearest first: those with a greater patch number,
    /// and the release itself behind a prerelease.
    pub(super) fn free_numbers(&self) -> impl Iterator<Item = Self> {
        let version = parse(&self.version).unwrap_or(Version::new(0, 0, 0));
        let first =
            if version.pre.is_empty() { version.patch.checked_add(1) } else { Some(version.patch) };
        first.into_iter().flat_map(|first| first..=u64::MAX).filter_map(move |patch| {
            let text = Version::new(version.major, version.minor, patch).to_string();
            Self::new(&self.agent_id, &text)
        })
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.agent_id, self.version)
    }
}

/// What a text such as `id` or `id@version` means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpecRef {
    /// The active version of this agent.
    Active(String),
    /// This version.
    Version(VersionId),
}

impl SpecRef {
    /// Reads `id` or `id@version`.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a text that cannot mean a version.
    pub fn parse(text: &str) -> Result<Self> {
        let unknown = |hint: &str| {
            let shown: String = text.chars().take(LONGEST).collect();
            Error::new(Code::InvalidArgument, format!("{shown:?} names no version of an agent"))
                .hint(hint)
        };
        let (agent, version) = match text.split_once('@') {
            Some((agent, version)) => (agent, Some(version)),
            None => (text, None),
        };
        if !is_slug(agent) {
            return Err(unknown(
                "write the agent's id, or `id@version`; the path of a file has a `/` or ends in \
                 .yaml, .yml or .json",
            ));
        }
        match version {
            None => Ok(Self::Active(agent.to_owned())),
            Some(version) => VersionId::new(agent, version)
                .map(Self::Version)
                .ok_or_else(|| unknown("behind the `@` belong three numbers, such as 1.2.0")),
        }
    }
}

fn parse(version: &str) -> Option<Version> {
    if version.len() > LONGEST { None } else { Version::parse(version).ok() }
}

/// Bytes that compare as semantic versions do: the three numbers, then prereleases before the
/// release, their numeric identifiers before and apart from the others. What follows a `+` has no
/// rank; it comes last so that each version has bytes of its own.
fn order(version: &Version) -> Vec<u8> {
    let mut out = Vec::with_capacity(8);
    for number in [version.major, version.minor, version.patch] {
        let bytes = number.to_be_bytes();
        let digits = &bytes[number.leading_zeros() as usize / 8..];
        push_long(&mut out, digits);
    }
    if version.pre.is_empty() {
        out.push(0xff);
    } else {
        for identifier in version.pre.split('.') {
            if identifier.bytes().all(|b| b.is_ascii_digit()) {
                // No leading zeros: the longer number is the greater one.
                out.push(1);
                push_long(&mut out, identifier.as_bytes());
            } else {
                out.push(2);
                out.extend_from_slice(identifier.as_bytes());
                out.push(0);
            }
        }
        out.push(0);
    }
    out.extend_from_slice(version.build.as_bytes());
    out
}

/// Digits behind their number, which is at most [`LONGEST`].
fn push_long(out: &mut Vec<u8>, digits: &[u8]) {
    out.push(u8::try_from(digits.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(digits);
}

#[cfg(test)]
mod tests {
    use super::VersionId;

    fn id(version: &str) -> VersionId {
        VersionId::new("a", version).expect("version")
    }

    #[test]
    fn bytes_sort_as_semantic_versions_do() {
        let sorted = [
            "0.0.0-0",
            "0.0.0",
            "0.0.1",
            "0.1.0",
            "0.255.0",
            "0.256.0",
            "0.65536.0",
            "1.0.0-0",
            "1.0.0-1",
            "1.0.0-9",
            "1.0.0-10",
            "1.0.0-10.a",
            "1.0.0-99999999999999999999999999",
            "1.0.0-100000000000000000000000000",
            "1.0.0--",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-alpha-",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0-rc.1+build",
            "1.0.0",
            "1.0.0+1",
            "1.0.0+a",
            "1.0.1-a",
            "1.0.1",
            "1.2.0",
            "1.10.0",
            "2.0.0",
            "10.0.0",
            "18446744073709551615.0.0",
        ];
        for pair in sorted.windows(2) {
            assert!(id(pair[0]).order() < id(pair[1]).order(), "{pair:?}");
            let [a, b] = [pair[0], pair[1]].map(|v| semver::Version::parse(v).expect("version"));
            assert!(a < b, "the list itself: {pair:?}");
        }
    }

    #[test]
    fn what_is_no_version_or_no_id_is_refused() {
        let long = format!("1.0.0-{}", "a".repeat(100));
        for version in ["", "1", "1.0", "1.0.0.0", "01.0.0", "v1.0.0", "latest", "1.0.0 ", &long] {
            assert_eq!(VersionId::new("a", version), None, "{version}");
        }
        assert_eq!(VersionId::new("a b", "1.0.0"), None);
    }

    #[test]
    fn free_numbers_follow_the_version() {
        let numbers = |version| -> Vec<String> {
            id(version).free_numbers().take(2).map(|id| id.version().to_owned()).collect()
        };
        assert_eq!(numbers("1.2.3"), ["1.2.4", "1.2.5"]);
        assert_eq!(numbers("1.2.3+b"), ["1.2.4", "1.2.5"]);
        assert_eq!(numbers("1.2.3-rc.1"), ["1.2.3", "1.2.4"]);
        assert_eq!(numbers("0.0.18446744073709551615"), [""; 0]);
    }
}
