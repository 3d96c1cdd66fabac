//! How a request differs from a recorded one, field by field, for a reader.

use std::fmt;

use serde_json::Value;

use super::exchange::Asked;

/// Fields that are shown; the rest is counted.
const SHOWN: usize = 10;
/// Characters of a value that are shown.
const WIDTH: usize = 120;
/// Characters before the place where two texts part.
const BEFORE: usize = 30;

/// What differs.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// Fields that differ.
    pub(super) count: usize,
    lines: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, line) in self.lines.iter().enumerate() {
            write!(f, "{}  {line}", if i == 0 { "" } else { "\n" })?;
        }
        match self.count - self.lines.len() {
            0 => Ok(()),
            more => write!(f, "\n  and in {more} more"),
        }
    }
}

/// Everything in which the two differ.
pub(super) fn between(recorded: &Asked, asked: &Asked) -> Difference {
    let mut out = Difference::default();
    let text = |text: &String| Value::String(text.clone());
    out.compare("method", &text(&recorded.method), &text(&asked.method));
    out.compare("path", &text(&recorded.path), &text(&asked.path));
    out.compare("body", &recorded.body, &asked.body);
    out
}

impl Difference {
    fn compare(&mut self, path: &str, recorded: &Value, asked: &Value) {
        match (recorded, asked) {
            (Value::Object(before), Value::Object(after)) => {
                for (key, value) in before {
                    self.field(&format!("{path}.{key}"), Some(value), after.get(key));
                }
                for (key, value) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
                    self.field(&format!("{path}.{key}"), None, Some(value));
                }
            }
            (Value::Array(before), Value::Array(after)) => {
                for i in 0..before.len().max(after.len()) {
                    self.field(&format!("{path}[{i}]"), before.get(i), after.get(i));
                }
            }
            _ => self.field(path, Some(recorded), Some(asked)),
        }
    }

    fn field(&mut self, path: &str, recorded: Option<&Value>, asked: Option<&Value>) {
        match (recorded, asked) {
            (Some(before), Some(after)) if before == after => return,
            (Some(before @ Value::Object(_)), Some(after @ Value::Object(_)))
            | (Some(before @ Value::Array(_)), Some(after @ Value::Array(_))) => {
                return self.compare(path, before, after);
            }
            _ => {}
        }
        self.count += 1;
        if self.lines.len() < SHOWN {
            let skipped = match (recorded, asked) {
                (Some(Value::String(before)), Some(Value::String(after))) => alike(before, after),
                _ => 0,
            };
            let (recorded, asked) = (shown(recorded, skipped), shown(asked, skipped));
            self.lines.push(format!("{path}: recorded {recorded}, asked {asked}"));
        }
    }
}

/// How many characters of two texts need not be shown, because they are the same.
fn alike(a: &str, b: &str) -> usize {
    let longest = a.chars().count().max(b.chars().count());
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    if longest <= WIDTH { 0 } else { same.saturating_sub(BEFORE) }
}

fn shown(value: Option<&Value>, skipped: usize) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let text = match value {
        Value::String(text) => {
            let mut rest: String = text.chars().skip(skipped).take(WIDTH + 1).collect();
            if skipped > 0 {
                rest.insert(0, '\u{2026}');
            }
            Value::String(rest).to_string()
        }
        value => value.to_string(),
    };
    if text.chars().count() <= WIDTH + 3 {
        return text;
    }
    text.chars().take(WIDTH).chain(['\u{2026}']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::secrets::Secrets;

    fn difference(recorded: &Value, asked: &Value) -> Difference {
        let request =
            |body: &Value| Asked::post("/v1", body.to_string().as_bytes(), &Secrets::default());
        between(&request(recorded), &request(asked))
    }

    #[test]
    fn each_field_is_named_with_both_values() {
        let recorded =
            json!({"model": "a", "messages": [{"role": "user", "content": "x"}], "n": 1});
        let asked =
            json!({"model": "a", "messages": [{"role": "user", "content": "y"}, {}], "m": []});
        let difference = difference(&recorded, &asked);
        assert_eq!(difference.count, 4);
        assert_eq!(
            difference.to_string(),
            "  body.messages[0].content: recorded \"x\", asked \"y\"\n  \
               body.messages[1]: recorded nothing, asked {}\n  \
               body.n: recorded 1, asked nothing\n  \
               body.m: recorded nothing, asked []"
        );
    }

    #[test]
    fn of_long_texts_the_place_is_shown_where_they_part() {
        let text = "\u{e4}".repeat(5000);
        let difference =
            difference(&json!({"a": format!("{text}1")}), &json!({"a": format!("{text}2")}));
        let shown = difference.to_string();
        assert!(shown.contains("\u{e4}1\"") && shown.contains("\u{e4}2\""), "{shown}");
        assert!(shown.len() < 300, "{shown}");
    }

    #[test]
    fn a_thousand_fields_are_counted_and_ten_are_shown() {
        let list = |n: i32| json!((0..1000).map(|i| i + n).collect::<Vec<_>>());
        let shown = difference(&list(0), &list(1)).to_string();
        assert_eq!(shown.lines().count(), 11);
        assert!(shown.ends_with("and in 990 more"), "{shown}");
    }
}
