//! Prompts of neighbours as templates of a spec: their variables become inputs of the run, and
//! braces that mean themselves are guarded.

use std::collections::BTreeSet;

use crate::spec::is_template;

/// How a neighbour writes a variable.
#[derive(Clone, Copy)]
pub(super) enum Style<'a> {
    /// `{{ name }}`
    Double,
    /// `{name}`
    Single,
    /// `{name}`, `{name?}`, also of a scope: `{user:name}`
    Adk,
    /// `{{ name }}`, `{name}`, `{{ input.name }}`, of these names only
    Declared(&'a BTreeSet<String>),
}

/// A template, and what it names.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    pub(super) text: String,
    pub(super) inputs: BTreeSet<String>,
    guarded: bool,
}

enum Part {
    Text(String),
    Input { name: String, optional: bool },
}

impl Prompt {
    /// A text that means itself.
    pub(super) fn literal(text: &str) -> Self {
        Self::of(vec![Part::Text(text.to_owned())])
    }

    pub(super) fn read(text: &str, style: Style<'_>) -> Self {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            plain.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some((length, name, optional)) = variable(rest, style) {
                parts.push(Part::Text(std::mem::take(&mut plain)));
                parts.push(Part::Input { name: input_name(name), optional });
                rest = &rest[length..];
            } else {
                plain.push('{');
                rest = &rest[1..];
            }
        }
        plain.push_str(rest);
        parts.push(Part::Text(plain));
        Self::of(parts)
    }

    fn of(parts: Vec<Part>) -> Self {
        let mut prompt = Self::default();
        let mut parts = parts.into_iter().peekable();
        while let Some(part) = parts.next() {
            match part {
                Part::Text(text) => {
                    let before_input = parts.peek().is_some();
                    prompt.guarded |= guard(&text, before_input, &mut prompt.text);
                }
                Part::Input { name, optional } => {
                    let value = format!("{{{{ inputs.{name} }}}}");
                    if optional {
                        prompt
                            .text
                            .push_str(&format!("{{% if inputs.{name} %}}{value}{{% endif %}}"));
                    } else {
                        prompt.text.push_str(&value);
                    }
                    prompt.inputs.insert(name);
                }
            }
        }
        prompt
    }

    /// One after the other, with an empty line between them.
    pub(super) fn then(mut self, next: Self) -> Self {
        if !self.text.is_empty() && !next.text.is_empty() {
            let end = self.text.trim_end_matches('\n').len();
            self.text.truncate(end);
            self.text.push_str("\n\n");
        }
        self.text.push_str(&next.text);
        self.inputs.extend(next.inputs);
        self.guarded |= next.guarded;
        self
    }

    /// What was changed.
    pub(super) fn note(&self) -> Option<&'static str> {
        match (self.inputs.is_empty(), self.guarded) {
            (true, false) => None,
            (false, false) => Some("its variables became {{ inputs.NAME }}"),
            (true, true) => Some("braces that mean themselves are guarded by {% raw %}"),
            (false, true) => Some(
                "its variables became {{ inputs.NAME }}; other braces are guarded by {% raw %}",
            ),
        }
    }
}

/// The variable with which a text begins: its length, its name, whether it may be missing.
fn variable<'t>(text: &'t str, style: Style<'_>) -> Option<(usize, &'t str, bool)> {
    let within = |open: &str, close: &str| {
        let inside = text.strip_prefix(open)?;
        let end = inside.find(['{', '}'])?;
        inside[end..]
            .starts_with(close)
            .then(|| (open.len() + end + close.len(), inside[..end].trim()))
    };
    match style {
        Style::Double => {
            let (length, name) = within("{{", "}}")?;
            is_name(name).then_some((length, name, false))
        }
        Style::Single => {
            let (length, name) = within("{", "}")?;
            is_name(name).then_some((length, name, false))
        }
        Style::Adk => {
            let (length, name) = within("{", "}")?;
            let (name, optional) =
                name.strip_suffix('?').map_or((name, false), |name| (name, true));
            let bare = name.split_once(':').map_or(name, |(_, bare)| bare);
            (is_name(bare) && !name.contains('-')).then_some((length, name, optional))
        }
        Style::Declared(names) => {
            let (length, name) = within("{{", "}}").or_else(|| within("{", "}"))?;
            let name = name.strip_prefix("input.").unwrap_or(name);
            names.contains(name).then_some((length, name, false))
        }
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.len() <= 64
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// A name that can stand after `inputs.`
pub(super) fn input_name(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = name.chars().take(64).map(letter).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
        format!("_{name}")
    } else {
        name
    }
}

/// Adds a text that means itself; whether it had to be guarded.
fn guard(text: &str, before_input: bool, out: &mut String) -> bool {
    const OPENERS: [&str; 3] = ["{{", "{%", "{#"];
    // Braces before `{{ name }}` would be read with it.
    let bare = if before_input { text.trim_end_matches('{') } else { text };
    let (text, braces) = text.split_at(bare.len());
    let guarded = is_template(text);
    if guarded && !text.contains("endraw") && text.matches('{').count() > 16 {
        raw(text, out);
    } else {
        let mut rest = text;
        while let Some(at) = OPENERS.iter().filter_map(|opener| rest.find(opener)).min() {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            let close =
                ["}}", "%}", "#}"][OPENERS.iter().position(|o| rest.starts_with(o)).unwrap_or(0)];
            let end =
                rest.find(close).map(|end| end + 2).filter(|end| !rest[..*end].contains("endraw"));
            let (chunk, tail) = rest.split_at(end.unwrap_or(2));
            raw(chunk, out);
            rest = tail;
        }
        out.push_str(rest);
    }
    if !braces.is_empty() {
        raw(braces, out);
    }
    guarded || !braces.is_empty()
}

fn raw(text: &str, out: &mut String) {
    out.push_str("{% raw %}");
    out.push_str(text);
    out.push_str("{% endraw %}");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test fails by panicking")]

    use super::{Prompt, Style};
    use crate::spec::fill;
    use serde_json::json;
    use std::collections::BTreeSet;

    fn filled(text: &str, style: Style<'_>) -> String {
        let prompt = Prompt::read(text, style);
        let values = json!({"inputs": {"a": "A", "b_c": "B", "user_x": "U"}});
        fill("prompt", &prompt.text, &values).unwrap_or_else(|e| format!("{e}: {}", prompt.text))
    }

    #[test]
    fn variables_are_filled_in_and_everything_else_stays_as_it_was() {
        assert_eq!(filled("x {{a}} y {{ b-c }}.\n", Style::Double), "x A y B.\n");
        assert_eq!(filled("{a} {{a}} {b c} {\"k\": {a}}", Style::Single), "A {A} {b c} {\"k\": A}");
        assert_eq!(filled("{a?}{no?}{user:x} {a.b} {}", Style::Adk), "AU {a.b} {}");
        let names = BTreeSet::from(["a".to_owned()]);
        let declared = Style::Declared(&names);
        assert_eq!(filled("{a} {{ input.a }} {{ z }} {z}", declared), "A A {{ z }} {z}");
    }

    #[test]
    fn braces_that_mean_themselves_are_guarded_in_every_company() {
        for text in [
            "{{ user | upper }}",
            "{% if x %}{% endif %}",
            "{# no #}",
            "{{",
            "{%",
            "{#",
            "{{{",
            "{{{{",
            "a {% raw %} b",
            "{% endraw %}",
            "{{ {% endraw %} }}",
            "}} %} #}",
            "{{%",
            "{{#",
            "{ {{ {% x",
            "{%- endraw -%} {{ 'x' }}",
            "{{{% endraw %}}}",
            "{{a}",
            "{{ 'x' }} {{ \"}}\" }}",
        ] {
            assert_eq!(fill("p", &Prompt::literal(text).text, &json!({})).expect(text), text);
            let doubled = format!("{text}{{{{ a }}}}{text}");
            assert_eq!(filled(&doubled, Style::Double), format!("{text}A{text}"), "{text}");
            let many = text.repeat(20);
            assert_eq!(fill("p", &Prompt::literal(&many).text, &json!({})).expect(&many), many);
        }
    }
}
