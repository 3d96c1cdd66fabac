//! Where a store is.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

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
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Self::Postgres(text.into())
        } else if text == ":memory:" {
            // To SQLite this means a database of each connection's own, so that readers would
            // never see what the writer wrote.
            Self::Memory
        } else {
            Self::File(text.into())
        }
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
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        Ok(text.map_or(Self::Memory, |text| Self::new(&text)))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str(":memory:"),
            Self::File(path) => write!(f, "{}", path.display()),
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
    fn it_shows_no_password() {
        for (text, shown) in [
            ("postgres://u:p@ss@h:5/d?password=s", "postgres://u@h:5/d"),
            ("postgresql://h/d", "postgresql://h/d"),
            ("postgres://u@h/d?sslpassword=x#y", "postgres://u@h/d"),
            (":memory:", ":memory:"),
            ("a.db", "a.db"),
        ] {
            assert_eq!(Location::new(text).to_string(), shown);
            assert_eq!(format!("{:?}", Location::new(text)), format!("Location({shown})"));
        }
    }
}
