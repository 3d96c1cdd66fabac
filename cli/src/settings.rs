//! Settings that stand in files: a profile, or a tenant's configuration.

use std::path::Path;

use aikit::config::Settings;
use aikit::{Code, Error, Result};
use serde_json::Value;

use crate::source;

/// Whether a file is JSON by its name; all other settings are TOML.
pub(crate) fn is_json(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}

/// A tenant's configuration out of a file, checked, in the form in which it is kept.
///
/// # Errors
/// What cannot be read, and [`Code::ConfigInvalid`] with the place.
pub(crate) fn tenant_config(path: &str) -> Result<Value> {
    let text = source::read_text(path)?;
    let name = source::name_of(path);
    let said = match is_json(path) {
        true => serde_json::from_str(&text).map_err(|error| no_json(&error, name))?,
        false => Settings::from_toml(&text, name)?.to_json(),
    };
    checked(&said).map_err(|error| error.caused_by(format!("in {name}")))
}

/// The configuration in the form in which it is kept.
///
/// # Errors
/// [`Code::ConfigInvalid`] with the path of what is wrong.
pub(crate) fn checked(config: &Value) -> Result<Value> {
    Ok(Settings::from_json(config)?.to_json())
}

/// The place alone: what the parser cites could be a secret in a wrong place.
fn no_json(error: &serde_json::Error, name: &str) -> Error {
    let place = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let (line, column) = (error.line(), error.column());
    Error::new(Code::ConfigInvalid, format!("{name}:{line}:{column}: this is not JSON"))
        .at(name)
        .on_line(place(line), place(column))
        .hint("texts and keys stand in double quotes, and nothing follows the last value")
}
