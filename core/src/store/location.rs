//! Where a store is.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::error::{Error, Result};

/// Where a store is. It may hold a password, so it shows itself without one.
#[derive(Clone, Default)]
pub enum Location {
    /// In memory; gone when it is closed.
    #[default]
    Memory,
    /// An SQLite file.
    File(PathBuf),
    /// A PostgreSQL database, `postgres://user:password@host:port/database`.
    Postgres(SecretString),
}

impl Location {
    /// Reads a path or a URL. `:memory:` is in memory.
    pub fn new(text: &str) -> Self {
        let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
        if ["postgres", "postgresql"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            Self::Postgres(text.into())
        } else if text == ":memory:" {
            // To SQLite this means a database of each connection's own, so that readers would
            // never see what the writer wrote.
            Self::Memory
        } else {
            Self::File(text.into())
        }
    }

    /// Refuses what was meant as a URL and is none of ours: as the name of a file it would be shown,
    /// with the password that it may hold.
    ///
    /// # Errors
    /// [`crate::Code::InvalidArgument`].
    pub(super) fn check(&self) -> Result<()> {
        let Self::File(path) = self else { return Ok(()) };
        let text = path.to_string_lossy();
        let Some((scheme, _)) = text.split_once("://") else { return Ok(()) };
        Err(Error::invalid_argument(format!("a store is not reached by URLs of {scheme:?}"))
            .hint("postgres://user@host:5432/database, or the path of an SQLite file"))
    }

    /// The file, if it is one.
    pub fn path(&self) -> Option<&Path> {
        if let Self::File(path) = self { Some(path) } else { None }
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        path.to_str().map_or_else(|| Self::File(path.into()), Self::new)
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        path.as_path().into()
    }
}

impl From<&str> for Location {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for Location {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Self, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        Ok(text.map_or(Self::Memory, |text| Self::new(&text)))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str(":memory:"),
            Self::File(path) => match path.display().to_string() {
                url if url.contains("://") => f.write_str(&without_secrets(&url)),
                path => f.write_str(&path),
            },
            Self::Postgres(url) => f.write_str(&without_secrets(url.expose_secret())),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}

/// Scheme, user, host and database: no password, no parameters (which may hold one).
fn without_secrets(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else { return String::new() };
    // A password may hold an `@`; a host cannot.
    let Some((login, place)) = rest.rsplit_once('@') else { return url.to_owned() };
    let user = login.split(':').next().unwrap_or_default();
    format!("{scheme}://{user}@{place}")
}

#[cfg(test)]
mod tests {
    use super::Location;

    #[test]
    fn a_url_that_is_not_ours_is_no_file() {
        for text in ["postgresql+driver://u:hidden@h/d", "mysql://u:hidden@h/d", "sqlite:///a.db"] {
            let error = Location::new(text).check().expect_err("refused");
            assert!(!error.to_json().to_string().contains("hidden"), "{error}");
        }
        for text in ["POSTGRES://u:p@h/d", ":memory:", "folder/a.db", "c:/a.db"] {
            Location::new(text).check().expect(text);
        }
    }

    #[test]
    fn it_shows_no_password() {
        for (text, shown) in [
            ("postgres://u:p@ss@h:5/d?password=s", "postgres://u@h:5/d"),
            ("postgresql://h/d", "postgresql://h/d"),
            ("postgres://u@h/d?sslpassword=x#y", "postgres://u@h/d"),
            ("POSTGRES://u:p@h/d", "POSTGRES://u@h/d"),
            ("postgresql+driver://u:p@h/d", "postgresql+driver://u@h/d"),
            (":memory:", ":memory:"),
            ("a.db", "a.db"),
        ] {
            assert_eq!(Location::new(text).to_string(), shown);
            assert_eq!(format!("{:?}", Location::new(text)), format!("Location({shown})"));
        }
    }
}
