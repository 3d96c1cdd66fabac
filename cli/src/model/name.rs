//! Names for models that were given none.

use percent_encoding::percent_decode_str;

/// The longest name that the folder takes.
const LONGEST: usize = 100;
/// What the names of such files end with.
const ENDING: &str = ".gguf";

/// Whether it is fetched over the network.
pub(super) fn is_address(source: &str) -> bool {
    source.starts_with("https://") || source.starts_with("http://")
}

/// A name made of a file's: without its ending, and with a `-` for what names cannot have. Nothing
/// when nothing is left.
pub(super) fn of(source: &str) -> Option<String> {
    let file = match is_address(source) {
        true => {
            let path = source.split_once("://").map_or("", |(_, rest)| rest);
            let path = path.split(['?', '#']).next().unwrap_or_default();
            let last = path.rsplit_once('/').map_or("", |(_, last)| last);
            percent_decode_str(last).decode_utf8_lossy().into_owned()
        }
        false => std::path::Path::new(source).file_name()?.to_string_lossy().into_owned(),
    };
    let stem = match file.len().checked_sub(ENDING.len()).and_then(|at| file.split_at_checked(at)) {
        Some((stem, ending)) if ending.eq_ignore_ascii_case(ENDING) => stem,
        _ => &file,
    };
    let mut name = String::new();
    for c in stem.chars() {
        let good = c.is_ascii_alphanumeric() || "-_.".contains(c);
        match good {
            _ if name.len() == LONGEST => break,
            true if !name.is_empty() || c.is_ascii_alphanumeric() => name.push(c),
            false if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    let name = name.trim_end_matches(['-', '.', '_']);
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_is_what_is_left_of_the_file_s() {
        for (source, name) in [
            ("https://example.com/a/Tiny-1B.Q4_K_M.gguf?download=true#x", Some("Tiny-1B.Q4_K_M")),
            ("https://example.com/My%20Model%2Fv2.GGUF", Some("My-Model-v2")),
            ("https://example.com/", None),
            ("https://example.com", None),
            ("https://example.com?file=/a.gguf", None),
            ("models/tiny.gguf", Some("tiny")),
            ("/srv/größe (1).gguf", Some("gr-e-1")),
            ("tiny.bin", Some("tiny.bin")),
            (".gguf", None),
            ("..", None),
            ("._-x.gguf", Some("x")),
            ("模型.gguf", None),
        ] {
            assert_eq!(super::of(source).as_deref(), name, "{source}");
        }
        let long = format!("{}.gguf", "x".repeat(300));
        assert_eq!(super::of(&long).map(|name| name.len()), Some(100));
    }
}
