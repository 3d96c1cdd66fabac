//! Secrets, by reference: where one is, and reading it when it is used.

use std::fmt;
use std::path::Path;

use secrecy::SecretString;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::file;
use crate::error::{Code, Error, Result};

/// The most bytes that a secret may have.
const SIZE_LIMIT: usize = 64 * 1024;

/// Where a secret is. Shown as `env:NAME` or `file:PATH`, never as what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file, by its absolute path.
    File(String),
}

/// Whether what a reference names is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretState {
    /// It is there and is not empty.
    Set,
    /// It is not.
    Missing,
}

impl SecretRef {
    /// Reads the secret. Line ends at the end of a file do not belong to it.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] for a variable that is not set and for what is empty, too large or
    /// not a text; [`Code::FileNotFound`], [`Code::FileUnreadable`].
    pub fn read(&self) -> Result<SecretString> {
        match self {
            Self::Env(name) => match std::env::var_os(name) {
                None => Err(self.refused("is not set").hint(format!(
                    "set the environment variable {name} before the program starts"
                ))),
                Some(value) => self.checked(value.into_string().ok()),
            },
            Self::File(path) => {
                let bytes = file::read(Path::new(path), SIZE_LIMIT)
                    .map_err(|e| e.hint(format!("the configuration refers to it as {self}")))?;
                let mut text = String::from_utf8(bytes).ok();
                if let Some(text) = &mut text {
                    text.truncate(text.trim_end_matches(['\r', '\n']).len());
                }
                self.checked(text)
            }
        }
    }

    /// Whether there is something to read; nothing is read.
    pub fn state(&self) -> SecretState {
        let there = match self {
            Self::Env(name) => std::env::var_os(name).is_some_and(|value| !value.is_empty()),
            Self::File(path) => {
                std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() > 0)
            }
        };
        if there { SecretState::Set } else { SecretState::Missing }
    }

    fn checked(&self, text: Option<String>) -> Result<SecretString> {
        let text = text.ok_or_else(|| self.refused("is not a text in UTF-8"))?;
        if text.trim().is_empty() {
            return Err(self.refused("is empty").hint("put the secret there"));
        }
        if text.len() > SIZE_LIMIT {
            let what = format!("is larger than {} KiB", SIZE_LIMIT / 1024);
            return Err(self.refused(&what).hint("a secret is a key or an address, in one line"));
        }
        Ok(text.into())
    }

    fn refused(&self, what: &str) -> Error {
        Error::new(Code::ConfigInvalid, format!("the secret {self} {what}")).at(self.to_string())
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
        }
    }
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (key, value) = match self {
            Self::Env(name) => ("env", name),
            Self::File(path) => ("file", path),
        };
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(key, value)?;
        map.end()
    }
}

/// Where a store is: said openly, or kept where secrets are because it has a password in it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub enum Address {
    /// A path, or a URL without a password.
    Open(String),
    /// Where the address is.
    Secret(SecretRef),
}

impl Address {
    /// The address itself.
    ///
    /// # Errors
    /// As [`SecretRef::read`].
    pub fn read(&self) -> Result<SecretString> {
        match self {
            Self::Open(text) => Ok(text.clone().into()),
            Self::Secret(reference) => reference.read(),
        }
    }
}

/// Whether an address has a password in it: `scheme://user:password@host`, or as a parameter. A
/// password may hold signs that end an address, so all of it is looked at.
pub(super) fn has_password(address: &str) -> bool {
    let user = address.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
    user.is_some_and(|(user, _)| user.contains(':'))
        || address.to_ascii_lowercase().contains("password=")
}
