//! From nodes to values, finding every problem in one pass. No finding shows a text of the
//! configuration: a secret could stand in a wrong place.

use super::secret::{Address, SecretRef, has_password};
use super::tree::{Node, Value};
use crate::error::{Code, Error, Result};
use crate::spec::{is_model_name, is_slug};

/// The most characters of a text.
const TEXT_LIMIT: usize = 4096;
/// The most characters of the name of a tool or of an environment variable.
const NAME_LIMIT: usize = 256;
/// Longer keys are shown in part, and not compared with the known ones.
const KEY_SHOWN: usize = 64;
/// Findings that are kept: one is shown, and the others are counted.
const FINDING_LIMIT: usize = 100;

const SECRET_HINT: &str =
    "refer to it: `{env = \"NAME\"}` or `{file = \"/path\"}` (in JSON `{\"env\": \"NAME\"}`)";

struct Finding {
    at: usize,
    pointer: String,
    message: String,
    hint: Option<String>,
}

/// Collects what is wrong while nodes are read.
#[derive(Default)]
pub(super) struct Reader {
    path: Vec<String>,
    found: Vec<Finding>,
}

impl Reader {
    /// The first finding, in the order of the text, as an error. `origin` is a file's name and text.
    pub(super) fn finish(mut self, origin: Option<(&str, &str)>) -> Result<()> {
        self.found.sort_by_key(|finding| finding.at);
        let more = match self.found.len() {
            0 | 1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        let Some(first) = self.found.into_iter().next() else { return Ok(()) };
        let message = format!("{}{more}", first.message);
        let error = match origin {
            Some((file, text)) => located(file, text, first.at, &message),
            None => Error::new(Code::ConfigInvalid, message),
        };
        let error = error.at(first.pointer);
        Err(match first.hint {
            Some(hint) => error.hint(hint),
            None => error,
        })
    }

    /// Walks into what stands under a key.
    pub(super) fn within<T>(&mut self, part: &str, walk: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(part.to_owned());
        let result = walk(self);
        self.path.pop();
        result
    }

    /// Reports what is wrong with the value that is being read: "... must be ...".
    pub(super) fn refuse(&mut self, node: &Node<'_>, what: &str, hint: Option<&str>) {
        let message = match self.path.is_empty() {
            true => format!("the configuration {what}"),
            false => format!("`{}` {what}", dotted(&self.path)),
        };
        self.report(node.at, message, hint.map(str::to_owned));
    }

    fn report(&mut self, at: usize, message: String, hint: Option<String>) {
        if self.found.len() < FINDING_LIMIT {
            let escape = |part: &String| format!("/{}", part.replace('~', "~0").replace('/', "~1"));
            let pointer = self.path.iter().map(escape).collect();
            self.found.push(Finding { at, pointer, message, hint });
        }
    }

    fn wrong(&mut self, node: &Node<'_>, wanted: &str, hint: Option<&str>) {
        let what = format!("must be {wanted}, and this is {}", node.value.kind());
        self.refuse(node, &what, hint);
    }

    /// Reads the keys of a table. `field` says whether it knows a key; `known` is for hints.
    pub(super) fn table<'n, 't>(
        &mut self,
        node: &'n Node<'t>,
        known: &[&str],
        mut field: impl FnMut(&mut Self, &str, &'n Node<'t>) -> bool,
    ) {
        let entries = match &node.value {
            Value::Table(entries) => entries,
            Value::Null => return,
            _ => {
                let hint = format!("known here: {}", known.join(", "));
                return self.wrong(node, "a table", Some(&hint));
            }
        };
        for entry in entries {
            let says = !matches!(entry.node.value, Value::Null);
            let shown: String = entry.key.chars().take(KEY_SHOWN).collect();
            let is_known = if says {
                self.within(&shown, |r| field(r, &entry.key, &entry.node))
            } else {
                known.contains(&&*entry.key)
            };
            if !is_known {
                let hint = near(&entry.key, known);
                self.within(&shown, |r| {
                    r.report(entry.at, format!("the key `{}` is not known", dotted(&r.path)), hint);
                });
            }
        }
    }

    /// Reads a table whose keys are names.
    pub(super) fn names<'n, 't>(
        &mut self,
        node: &'n Node<'t>,
        what: &str,
        mut each: impl FnMut(&mut Self, &str, &'n Node<'t>),
    ) {
        match &node.value {
            Value::Table(entries) => {
                for entry in entries.iter().filter(|e| !matches!(e.node.value, Value::Null)) {
                    let shown: String = entry.key.chars().take(KEY_SHOWN).collect();
                    self.within(&shown, |r| each(r, &entry.key, &entry.node));
                }
            }
            _ => self.wrong(node, what, None),
        }
    }

    /// A text of at most so many characters, not empty, without control characters.
    pub(super) fn text(&mut self, node: &Node<'_>, limit: usize) -> Option<String> {
        let Value::Text(text) = &node.value else {
            self.wrong(node, "a text", None);
            return None;
        };
        if text.trim().is_empty() {
            self.refuse(node, "is empty", Some("leave it out, or say something"));
        } else if text.chars().any(char::is_control) {
            self.refuse(node, "holds a control character", Some("take it out"));
        } else if text.chars().count() > limit {
            self.refuse(node, &format!("has more than {limit} characters"), None);
        } else {
            return Some(text.clone().into_owned());
        }
        None
    }

    /// A slug.
    pub(super) fn slug(&mut self, node: &Node<'_>) -> Option<String> {
        let text = self.text(node, TEXT_LIMIT)?;
        if is_slug(&text) {
            return Some(text);
        }
        let hint =
            "letters, digits, `-`, `_` and `.`, at most 64, beginning with a letter or digit";
        self.refuse(node, "is not a slug", Some(hint));
        None
    }

    /// `provider/model`.
    pub(super) fn model(&mut self, node: &Node<'_>) -> Option<String> {
        let text = self.text(node, TEXT_LIMIT)?;
        if is_model_name(&text) {
            return Some(text);
        }
        self.refuse(
            node,
            "is not of the form provider/model",
            Some("for instance openai/gpt-4o-mini"),
        );
        None
    }

    /// The address of a provider.
    pub(super) fn base_url(&mut self, node: &Node<'_>) -> Option<String> {
        let text = self.text(node, TEXT_LIMIT)?;
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split('/').next());
        let what = match rest {
            _ if has_password(&text) || host.is_some_and(|host| host.contains('@')) => {
                "holds a user or a password, and is shown openly"
            }
            None | Some("") => "is not an address that begins with https:// or http://",
            Some(rest) if rest.contains(['?', '#', ' ']) => {
                "has parameters, and is only the beginning"
            }
            Some(_) => return Some(text),
        };
        self.refuse(
            node,
            what,
            Some("for instance https://api.openai.com/v1; the key is `api_key`"),
        );
        None
    }

    /// Names of tools, each once.
    pub(super) fn tools(&mut self, node: &Node<'_>) -> Option<Vec<String>> {
        let Value::List(items) = &node.value else {
            self.wrong(node, "a list of names of tools", Some("for instance [\"calculator\"]"));
            return None;
        };
        let mut names: Vec<String> = Vec::with_capacity(items.len());
        let mut seen = std::collections::HashSet::new();
        for (i, item) in items.iter().enumerate() {
            self.within(&i.to_string(), |r| {
                let Some(name) = r.text(item, NAME_LIMIT) else { return };
                if seen.insert(name.clone()) {
                    names.push(name);
                } else {
                    r.refuse(item, "names a tool that stands before it already", None);
                }
            });
        }
        Some(names)
    }

    /// A reference to a secret.
    pub(super) fn secret(&mut self, node: &Node<'_>) -> Option<SecretRef> {
        match &node.value {
            Value::Table(entries) => {
                if let [entry] = entries.as_slice() {
                    match &*entry.key {
                        "env" => return self.within("env", |r| r.variable(&entry.node)),
                        "file" => return self.within("file", |r| r.file(&entry.node)),
                        _ => {}
                    }
                }
                self.refuse(node, "must name one of `env` and `file`", Some(SECRET_HINT));
            }
            Value::Text(_) => {
                self.refuse(node, "is a secret, and must not stand here", Some(SECRET_HINT));
            }
            _ => self.wrong(node, "a reference to a secret", Some(SECRET_HINT)),
        }
        None
    }

    fn variable(&mut self, node: &Node<'_>) -> Option<SecretRef> {
        let name = self.text(node, NAME_LIMIT)?;
        let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.chars().all(letter) && !name.starts_with(|c: char| c.is_ascii_digit()) {
            return Some(SecretRef::Env(name));
        }
        let hint = "letters, digits and `_`, for instance OPENAI_API_KEY; not the secret itself";
        self.refuse(node, "is not the name of an environment variable", Some(hint));
        None
    }

    fn file(&mut self, node: &Node<'_>) -> Option<SecretRef> {
        self.absolute(node).map(SecretRef::File)
    }

    /// A path from the root on.
    pub(super) fn absolute(&mut self, node: &Node<'_>) -> Option<String> {
        let path = self.text(node, TEXT_LIMIT)?;
        if std::path::Path::new(&path).is_absolute() {
            return Some(path);
        }
        let hint = "write all of it, for instance /run/secrets/openai: where a program is started \
                    must not change which file is meant";
        self.refuse(node, "is not an absolute path", Some(hint));
        None
    }

    /// Where a store is.
    pub(super) fn address(&mut self, node: &Node<'_>) -> Option<Address> {
        if matches!(node.value, Value::Table(_)) {
            return self.secret(node).map(Address::Secret);
        }
        let text = self.text(node, TEXT_LIMIT)?;
        if has_password(&text) {
            self.refuse(node, "holds a password, which must not stand here", Some(SECRET_HINT));
            return None;
        }
        Some(Address::Open(text))
    }

    /// A whole number of a range.
    pub(super) fn whole<T: TryFrom<i128>>(
        &mut self,
        node: &Node<'_>,
        low: u32,
        high: u64,
    ) -> Option<T> {
        let range = i128::from(low)..=i128::from(high);
        let value = match node.value {
            Value::Whole(value) => value,
            // Languages of one number type write 5 as 5.0.
            #[expect(clippy::cast_possible_truncation, reason = "whole; bounded below")]
            Value::Float(value) if value.fract() == 0.0 => Some(value as i128),
            _ => {
                self.wrong(node, "a whole number", None);
                return None;
            }
        };
        let inside = value.filter(|value| range.contains(value)).and_then(|v| T::try_from(v).ok());
        if inside.is_none() {
            self.refuse(node, &format!("must be from {low} to {high}"), None);
        }
        inside
    }

    /// US dollars.
    pub(super) fn money(&mut self, node: &Node<'_>, high: u32) -> Option<f64> {
        let value = match node.value {
            #[expect(clippy::cast_precision_loss, reason = "bounded below, where all are exact")]
            Value::Whole(value) => value.map_or(f64::INFINITY, |value| value as f64),
            Value::Float(value) => value,
            _ => {
                self.wrong(node, "a number of US dollars", None);
                return None;
            }
        };
        if (0.0..=f64::from(high)).contains(&value) {
            // Minus nothing is nothing.
            return Some(value + 0.0);
        }
        self.refuse(node, &format!("must be US dollars, from 0 to {high}"), None);
        None
    }
}

/// An error at a byte of a text.
#[expect(clippy::cast_possible_truncation, reason = "texts are bounded")]
pub(super) fn located(file: &str, text: &str, at: usize, message: &str) -> Error {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() as u32 + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before[start..].chars().count() as u32 + 1;
    Error::new(Code::ConfigInvalid, format!("{file}:{line}:{column}: {message}"))
        .on_line(line, column)
}

/// A key as it stands in TOML: `prices."openai/gpt-4o-mini".input_usd_per_million`.
pub(super) fn dotted<T: AsRef<str>>(path: &[T]) -> String {
    let bare = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    let part = |part: &T| match part.as_ref() {
        part if bare(part) => part.to_owned(),
        part => format!("{part:?}"),
    };
    path.iter().map(part).collect::<Vec<_>>().join(".")
}

/// What a key may have been meant for; else all that could stand there.
fn near(key: &str, known: &[&str]) -> Option<String> {
    let nearest = known
        .iter()
        .filter(|_| key.len() <= KEY_SHOWN)
        .map(|k| (strsim::damerau_levenshtein(key, k), k))
        .min()
        .filter(|(distance, k)| *distance <= (k.len() / 3).max(2));
    Some(match nearest {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None => format!("known here: {}", known.join(", ")),
    })
}
