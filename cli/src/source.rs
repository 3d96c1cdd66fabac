//! What a command is pointed at: a file, standard input, or a version in the repository.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use aikit::spec::{SIZE_LIMIT, Spec};
use aikit::{Code, Error, Result};

use crate::failure::Failure;

/// The name of the text that comes from standard input.
const STDIN: &str = "-";
/// What standard input is called in messages.
const STDIN_NAME: &str = "stdin";
/// Bundles can hold many specs; what is larger is none.
const BUNDLE_LIMIT: usize = 1 << 30;

/// Whether an argument names a file: it has a separator, ends like a spec file, begins with a dot,
/// is standard input, or is there as a file. All else is a version in the repository.
pub(crate) fn is_file(text: &str) -> bool {
    let path = Path::new(text);
    let ending = path.extension().unwrap_or_default();
    text == STDIN
        || text.starts_with('.')
        || text.contains(['/', '\\'])
        || ["yaml", "yml", "json"].iter().any(|known| ending.eq_ignore_ascii_case(known))
        || path.is_file()
}

/// What a file is called in messages.
pub(crate) fn name_of(path: &str) -> &str {
    if path == STDIN { STDIN_NAME } else { path }
}

/// A spec, and the text that its findings are shown in.
pub(crate) fn read_with_text(path: &str) -> (Result<Spec>, String) {
    if path == STDIN {
        return match standard_input(SIZE_LIMIT) {
            Ok(text) => (Spec::parse_in(&text, "."), text),
            Err(error) => (Err(error), String::new()),
        };
    }
    let spec = Spec::read(path);
    // It was read a moment ago; an empty text only means that no line is shown.
    let text = match &spec {
        Err(error) if error.diagnostics().is_empty() => String::new(),
        _ => std::fs::read_to_string(path).unwrap_or_default(),
    };
    (spec, text)
}

/// The spec of a file, or of standard input.
pub(crate) fn read_spec(path: &str) -> Result<Spec, Failure> {
    let (spec, text) = read_with_text(path);
    spec.map_err(|error| Failure::in_text(error, name_of(path), &text))
}

/// The text of a file, or of standard input.
pub(crate) fn read_text(path: &str) -> Result<String> {
    if path == STDIN {
        return standard_input(BUNDLE_LIMIT);
    }
    let fault = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => {
            Error::new(Code::FileNotFound, format!("there is no file {path}"))
                .hint("check the path; it is relative to the current folder")
        }
        _ => Error::new(Code::FileUnreadable, format!("{path} cannot be read")).caused_by(e),
    };
    let file = File::open(path).map_err(fault)?;
    if file.metadata().map_err(fault)?.is_dir() {
        return Err(Error::new(Code::FileUnreadable, format!("{path} is a folder"))
            .hint("name a file in it"));
    }
    text_of(file, path, BUNDLE_LIMIT)
}

fn standard_input(limit: usize) -> Result<String> {
    text_of(std::io::stdin().lock(), "standard input", limit)
}

fn text_of(from: impl Read, name: &str, limit: usize) -> Result<String> {
    let mut bytes = Vec::new();
    from.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(|e| {
        Error::new(Code::FileUnreadable, format!("{name} cannot be read")).caused_by(e)
    })?;
    if bytes.len() > limit {
        let message = format!("{name} is larger than {} MiB", limit / 1024 / 1024);
        return Err(Error::new(Code::SpecTooLarge, message));
    }
    String::from_utf8(bytes)
        .map_err(|_| Error::new(Code::FileUnreadable, format!("{name} is not a text in UTF-8")))
}
