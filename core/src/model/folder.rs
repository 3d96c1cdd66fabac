//! Where models in files are kept.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The usual folder of models: `$AIKIT_MODELS`, or `aikit/models` where the system keeps data.
/// `None` when the environment names no place.
pub(super) fn usual(environment: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let get = |name: &str| environment(name).filter(|value| !value.is_empty());
    let under = |name: &str, rest: &str| get(name).map(|base| Path::new(&base).join(rest));
    if let Some(folder) = get("AIKIT_MODELS") {
        return Some(folder.into());
    }
    if cfg!(windows) {
        under("LOCALAPPDATA", "aikit/models")
    } else if cfg!(target_os = "macos") {
        under("HOME", "Library/Application Support/aikit/models")
    } else {
        under("XDG_DATA_HOME", "aikit/models")
            .or_else(|| under("HOME", ".local/share/aikit/models"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_variable_goes_before_the_systems_places() {
        let with = |set: &'static [(&'static str, &'static str)]| {
            usual(&|name| set.iter().find(|(n, _)| *n == name).map(|(_, value)| value.into()))
        };
        let all = &[("AIKIT_MODELS", "/m"), ("XDG_DATA_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(with(all), Some("/m".into()));
        assert_eq!(with(&all[1..]), Some("/x/aikit/models".into()));
        assert_eq!(with(&all[2..]), Some("/h/.local/share/aikit/models".into()));
        assert_eq!(with(&[("AIKIT_MODELS", ""), ("HOME", "/h")]), with(&all[2..]));
        assert_eq!(with(&[]), None);
    }
}
