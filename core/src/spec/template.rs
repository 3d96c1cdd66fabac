//! Templates in prompts and names: the part of Jinja that only fills in. What could compute, call
//! or fill memory (arithmetic, filters, functions, assignments) is refused before minijinja sees it,
//! and rendering is bounded.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value};

use crate::error::{Code, Error, Result};

/// Instructions of one rendering.
const FUEL: u64 = 100_000;
/// Bytes of one `{{ ... }}` or `{% ... %}`: minijinja's stack grows with them.
const TAG_LIMIT: usize = 500;
/// Bytes of one rendered text.
const OUTPUT_LIMIT: usize = 1024 * 1024;
const STATEMENTS: &[&str] =
    &["if", "elif", "else", "endif", "for", "endfor", "raw", "endraw", "endcomment"];

/// Whether a text is more than itself.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

/// What is wrong with a template, and on which of its lines, from 1.
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) line: Option<usize>,
}

/// The usual marks; a prompt's last line break stays.
fn syntax() -> SyntaxConfig {
    static SYNTAX: LazyLock<SyntaxConfig> = LazyLock::new(|| {
        SyntaxConfig::builder().keep_trailing_newline(true).build().unwrap_or_default()
    });
    SYNTAX.clone()
}

fn environment<'a>() -> Environment<'a> {
    let mut environment = Environment::empty();
    // A name without a value may be asked for in `if`, and may not be shown.
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_fuel(Some(FUEL));
    environment.set_syntax(syntax());
    environment
}

/// Reads many templates.
pub(crate) struct Reader<'a>(Environment<'a>);

impl<'a> Reader<'a> {
    pub(crate) fn new() -> Self {
        Self(environment())
    }

    /// The names that a template uses, for instance `inputs.customer`.
    pub(crate) fn names(&self, text: &'a str) -> std::result::Result<BTreeSet<String>, Fault> {
        if !is_template(text) {
            return Ok(BTreeSet::new());
        }
        only_filling_in(text)?;
        let template = self.0.template_from_str(text).map_err(|e| Fault {
            message: e.detail().map_or_else(|| e.kind().to_string(), str::to_owned),
            line: e.line(),
        })?;
        Ok(template.undeclared_variables(true).into_iter().collect())
    }
}

/// Fills a template in.
///
/// # Errors
/// [`Code::InvalidArgument`] when a name has no value, or when rendering takes too long or makes
/// too long a text.
pub(crate) fn render(what: &str, text: &str, values: &serde_json::Value) -> Result<String> {
    if !is_template(text) {
        return Ok(text.to_owned());
    }
    let failed = |message: String| Error::invalid_argument(format!("{what}: {message}"));
    only_filling_in(text).map_err(|fault| failed(fault.message))?;
    let environment = environment();
    let mut out = Bounded(Vec::new());
    environment
        .template_from_str(text)
        .and_then(|template| {
            template.render_captured_to(Value::from(Serde(values)), &mut out).map(drop)
        })
        .map_err(|error| match error.kind() {
            minijinja::ErrorKind::UndefinedError => {
                let line = error.line().map(|l| format!(" on its line {l}")).unwrap_or_default();
                failed(format!("a name{line} has no value"))
                    .hint("give it in the run's `inputs`, or ask with {% if %} whether it is there")
            }
            minijinja::ErrorKind::OutOfFuel => failed(format!("it takes more than {FUEL} steps")),
            minijinja::ErrorKind::WriteFailure => {
                failed(format!("it becomes longer than {} KiB", OUTPUT_LIMIT / 1024))
            }
            _ => failed(error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)),
        })?;
    String::from_utf8(out.0)
        .map_err(|_| Error::new(Code::InvalidArgument, format!("{what}: it is not UTF-8")))
}

struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > OUTPUT_LIMIT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Refuses everything but names, conditions and loops over what is there.
fn only_filling_in(text: &str) -> std::result::Result<(), Fault> {
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let line = || Some(1 + text[..text.len() - rest.len() + at].matches('\n').count());
        let inside = &rest[at + 1..];
        let (close, statement) = match inside.as_bytes().first() {
            Some(b'{') => ("}}", false),
            Some(b'%') => ("%}", true),
            Some(b'#') => {
                rest = inside.find("#}").map_or("", |end| &inside[end + 2..]);
                continue;
            }
            _ => {
                rest = inside;
                continue;
            }
        };
        let body = inside[1..].trim_start_matches(['-', '+']);
        let end = end_of(body, close);
        let code = &body[..end];
        rest = body.get(end + close.len()..).unwrap_or("");
        if statement {
            let word = code.split_whitespace().next().unwrap_or("").trim_end_matches(['-', '+']);
            if word == "raw" {
                rest = skip_raw(rest);
                continue;
            }
            if !STATEMENTS.contains(&word) {
                return Err(Fault {
                    message: format!("{{% {word} %}} is not allowed in a template"),
                    line: line(),
                });
            }
        }
        if code.len() > TAG_LIMIT {
            return Err(Fault {
                message: format!("what stands between two marks has more than {TAG_LIMIT} bytes"),
                line: line(),
            });
        }
        if let Some(sign) = forbidden(code) {
            return Err(Fault {
                message: format!("{sign:?} is not allowed in a template: it only fills in names"),
                line: line(),
            });
        }
    }
    Ok(())
}

/// Where the closing mark stands outside of quotes; the length of the text if nowhere.
fn end_of(code: &str, close: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (i, c) in code.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if code[i..].starts_with(close) => return i,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None => {}
        }
    }
    code.len()
}

fn skip_raw(text: &str) -> &str {
    let mut rest = text;
    while let Some(at) = rest.find("{%") {
        rest = &rest[at + 2..];
        let word = rest.trim_start_matches(['-', '+']).trim_start();
        if word.starts_with("endraw") {
            return rest.find("%}").map_or("", |end| &rest[end + 2..]);
        }
    }
    ""
}

/// The first sign outside of quotes that could compute or call.
fn forbidden(code: &str) -> Option<char> {
    let code = code.trim_end().trim_end_matches(['-', '+']);
    let mut quote = None;
    let mut escaped = false;
    for c in code.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if matches!(c, '*' | '+' | '-' | '~' | '/' | '%' | '|' | '(' | '{') => {
                return Some(c);
            }
            None => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test fails by panicking")]

    use super::{Reader, render};
    use serde_json::json;

    #[test]
    fn names_are_filled_in_and_nothing_is_computed() {
        let values = json!({"tenant_id": "acme", "inputs": {"who": "Ada", "items": [1, 2]}});
        let filled = |text| render("prompt", text, &values).expect(text);
        assert_eq!(filled("{{ tenant_id }}/{{inputs.who}}\n"), "acme/Ada\n");
        assert_eq!(filled("{% if inputs.vip %}gold{% else %}plain{% endif %}"), "plain");
        assert_eq!(filled("{% for i in inputs['items'] -%} <{{ i }}> {%- endfor %}"), "<1><2>");
        assert_eq!(filled("{% raw %}{{ 1 * 2 }}{% endraw %}{# 3 * 4 #}."), "{{ 1 * 2 }}.");
        assert_eq!(filled("{{ '(*)' }} {braces} {\"json\": 1}"), "(*) {braces} {\"json\": 1}");
        for bomb in [
            "{{ 'x' * 999999999 }}",
            "{% set x = 'aa' %}",
            "{% with x = 1 %}{% endwith %}",
            "{{ range(9) }}",
            "{{ tenant_id | upper }}",
            "{{ tenant_id ~ tenant_id }}",
            "{% include 'x' %}",
            "{% macro f() %}{% endmacro %}",
            "{%- set x = 1 -%}",
            "{# #}{{ 2 ** 9 }}",
            &format!("{{{{ {}a }}}}", "not ".repeat(100_000)),
            &format!("{{{{ a{} }}}}", ".b".repeat(100_000)),
        ] {
            assert!(Reader::new().names(bomb).is_err(), "{bomb}");
            assert!(render("prompt", bomb, &values).is_err(), "{bomb}");
        }
    }

    #[test]
    fn what_has_no_value_or_never_ends_is_an_error() {
        let many = json!({"inputs": {"many": vec!["some text"; 1000]}});
        assert!(render("p", "{{ inputs.who }}", &many).is_err());
        let nested =
            "{% for a in inputs.many %}{% for b in inputs.many %}{{ b }}{% endfor %}{% endfor %}";
        let error = render("p", nested, &many).expect_err("too long");
        assert!(error.message().contains("steps"), "{error}");
        let long = json!({"inputs": {"many": vec!["x".repeat(10_000); 1000]}});
        let error =
            render("p", "{% for a in inputs.many %}{{ a }}{% endfor %}", &long).expect_err("long");
        assert!(error.message().contains("KiB"), "{error}");
    }

    #[test]
    fn the_names_of_a_template_are_known_before_it_is_filled_in() {
        let reader = Reader::new();
        let found = reader.names(
            "{{ a.b }} {% if c %}{{ inputs.d }}{% endif %}{% for x in e %}{{ x.y }}{% endfor %}",
        );
        let found: Vec<String> = found.map_err(|f| f.message).expect("fine").into_iter().collect();
        assert_eq!(found, ["a.b", "c", "e", "inputs.d"]);
        assert!(reader.names("{{ a").is_err());
        assert!(reader.names("{% if a %}").is_err());
    }
}
