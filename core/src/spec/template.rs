//! Templates in prompts and names: the part of Jinja that only fills in. What could compute, call
//! or fill memory (arithmetic, filters, functions, assignments) is refused before minijinja sees it,
//! and rendering is bounded.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::panic::AssertUnwindSafe;
use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Template, UndefinedBehavior, Value};

use crate::error::{Code, Error, Result};

/// Instructions of one rendering: at most, and however large the values are.
const FUEL: std::ops::RangeInclusive<u64> = 2_000..=100_000;
/// One instruction can look at all of a value: instructions times the size of the values.
const WORK: u64 = 2_000_000_000;
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
    environment.set_syntax(syntax());
    environment
}

/// Third-party code that users feed, and that counts columns in 16 bits: a panic in it must stay an
/// error.
fn compile<'e, 't>(
    environment: &'e Environment<'t>,
    text: &'t str,
) -> std::result::Result<Template<'e, 't>, minijinja::Error> {
    let read = AssertUnwindSafe(|| environment.template_from_str(text));
    std::panic::catch_unwind(read).unwrap_or_else(|_| {
        let what = "it has a fault on a very long line";
        Err(minijinja::Error::new(minijinja::ErrorKind::SyntaxError, what))
    })
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
        let template = compile(&self.0, text).map_err(|e| Fault {
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
    let mut environment = environment();
    let fuel = (WORK / weight(values).max(1)).clamp(*FUEL.start(), *FUEL.end());
    environment.set_fuel(Some(fuel));
    let mut out = Bounded(Vec::new());
    compile(&environment, text)
        .and_then(|template| {
            template.render_captured_to(Value::from(Serde(values)), &mut out).map(drop)
        })
        .map_err(|error| match error.kind() {
            minijinja::ErrorKind::UndefinedError => {
                let line = error.line().map(|l| format!(" on its line {l}")).unwrap_or_default();
                let names = without_value(&environment, text, values);
                let what = if names.is_empty() { "a name".to_owned() } else { names.join(", ") };
                failed(format!("{what} has no value{line}"))
                    .hint("give it in the run's `inputs`, or ask with {% if %} whether it is there")
            }
            minijinja::ErrorKind::OutOfFuel => failed(format!("it takes more than {fuel} steps")),
            minijinja::ErrorKind::WriteFailure => {
                failed(format!("it becomes longer than {} KiB", OUTPUT_LIMIT / 1024))
            }
            _ => failed(error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)),
        })?;
    String::from_utf8(out.0)
        .map_err(|_| Error::new(Code::InvalidArgument, format!("{what}: it is not UTF-8")))
}

/// The names of a template that lead to nothing.
fn without_value(
    environment: &Environment<'_>,
    text: &str,
    values: &serde_json::Value,
) -> Vec<String> {
    let Ok(template) = environment.template_from_str(text) else { return Vec::new() };
    let there =
        |name: &String| name.split('.').try_fold(values, |value, part| value.get(part)).is_some();
    let mut names: Vec<String> = template.undeclared_variables(true).into_iter().collect();
    names.retain(|name| !there(name));
    names.sort_unstable();
    names
}

/// The size of what a template may name.
fn weight(value: &serde_json::Value) -> u64 {
    use serde_json::Value as Json;
    match value {
        Json::String(text) => text.len() as u64,
        Json::Array(items) => items.iter().map(|item| 1 + weight(item)).sum(),
        Json::Object(map) => map.values().map(|item| 1 + weight(item)).sum(),
        _ => 1,
    }
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
                // `{#}` opens a comment and does not close it.
                rest = inside[1..].find("#}").map_or("", |end| &inside[end + 3..]);
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

/// The letters outside of quotes, and where they stand.
fn outside_quotes(code: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut quote, mut escaped) = (None, false);
    code.char_indices().filter(move |(_, c)| {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if *c == '\\' => escaped = true,
            Some(q) if *c == q => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') => quote = Some(*c),
            None => return true,
        }
        false
    })
}

/// Where the closing mark stands outside of quotes; the length of the text if nowhere.
fn end_of(code: &str, close: &str) -> usize {
    let mut outside = outside_quotes(code);
    outside.find(|(i, _)| code[*i..].starts_with(close)).map_or(code.len(), |(i, _)| i)
}

/// What stands behind `{% endraw %}`. Only what minijinja takes for that ends the raw text: where the
/// two disagreed, what computes would pass for text.
fn skip_raw(text: &str) -> &str {
    let mut rest = text;
    while let Some(at) = rest.find("{%") {
        rest = &rest[at + 2..];
        let space = |c: char| c.is_ascii_whitespace();
        let behind = rest
            .strip_prefix(['-', '+'])
            .unwrap_or(rest)
            .trim_start_matches(space)
            .strip_prefix("endraw")
            .map(|behind| behind.trim_start_matches(space))
            .and_then(|behind| {
                behind.strip_prefix(['-', '+']).unwrap_or(behind).strip_prefix("%}")
            });
        if let Some(behind) = behind {
            return behind;
        }
    }
    ""
}

/// The first sign or word outside of quotes that could compute or call.
fn forbidden(code: &str) -> Option<&str> {
    let code = code.trim_end().trim_end_matches(['-', '+']);
    let (mut word, mut next) = (0, 0);
    for (i, c) in outside_quotes(code) {
        if i != next {
            word = i;
        }
        next = i + c.len_utf8();
        if matches!(c, '*' | '+' | '-' | '~' | '/' | '%' | '|' | '(' | '{') {
            return Some(&code[i..next]);
        }
        // Tests (`x is defined`) are not there; `inputs.is` is a name.
        if is_test(&code[word..], &code[..word]) {
            return Some("is");
        }
        if !(c.is_alphanumeric() || c == '_') {
            word = next;
        }
    }
    None
}

/// Whether the word `is` begins here, behind something that is no dot.
fn is_test(code: &str, before: &str) -> bool {
    code.strip_prefix("is")
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        && !before.trim_end().ends_with('.')
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
        assert_eq!(filled("{%raw%}{%endraw x%}{%- endraw +%}{#}{{ 1 * 2 }}#}."), "{%endraw x%}.");
        assert_eq!(filled("{% if inputs.is %}{% endif %}{{ 'this is' }}"), "this is");
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
            "{% raw %}{% endrawx %}{{ '{% endraw %}{{ 'x' * 9 }}",
            "{% raw %}{% endraw x %}{{ ' %}{% endraw %}{{ 'x' * 9 }}",
            "{#}{{ ' #}{{ 'x' * 9 }}",
            "{% if inputs.vip is defined %}{% endif %}",
            &format!("{{{{ {}a }}}}", "not ".repeat(100_000)),
            &format!("{{{{ a{} }}}}", ".b".repeat(100_000)),
        ] {
            assert!(Reader::new().names(bomb).is_err(), "{bomb}");
            assert!(render("prompt", bomb, &values).is_err(), "{bomb}");
        }
    }

    /// Whatever the marks are mixed to: what is not refused computes nothing.
    #[test]
    fn no_mixture_of_marks_computes() {
        const PARTS: &[&str] = &[
            "{{",
            "}}",
            "{%",
            "%}",
            "{#",
            "#}",
            "{",
            "}",
            "raw",
            "endraw",
            "-",
            "+",
            " ",
            "'",
            "\"",
            "\\",
            "x",
            "'ab'*9",
            "{% raw %}",
            "{% endraw %}",
            "{{ '",
            "' }}",
            "{%- endraw -%}",
            "\n",
        ];
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 33).expect("31 bits")
        };
        let mut rendered = 0;
        for _ in 0..60_000 {
            let parts = 2 + next() % 12;
            let text: String = (0..parts).map(|_| PARTS[next() % PARTS.len()]).collect();
            if let Ok(out) = render("p", &text, &json!({"x": ""})) {
                rendered += usize::from(text.contains("'ab'*9"));
                assert!(!out.contains("abab"), "{text:?} gives {out:?}");
            }
        }
        assert!(rendered > 1_000, "{rendered}");
    }

    #[test]
    fn what_has_no_value_or_never_ends_is_an_error() {
        let many = json!({"inputs": {"many": vec!["some text"; 1000]}});
        assert!(render("p", "{{ inputs.who }}", &many).is_err());
        let nested =
            "{% for a in inputs.many %}{% for b in inputs.many %}{{ b }}{% endfor %}{% endfor %}";
        let error = render("p", nested, &many).expect_err("too long");
        assert!(error.message().contains("steps"), "{error}");
        // One step over a large text takes long, so that there are fewer of them.
        let mut values = json!({"inputs": {"many": vec![1; 2_000], "text": ""}});
        let each = "{% for a in inputs.many %}{{ a }}{% endfor %}";
        assert!(render("p", each, &values).is_ok());
        values["inputs"]["text"] = "x".repeat(1_000_000).into();
        let error = render("p", each, &values).expect_err("large values");
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
        for end in ["{{ @ }}", "{# ", "{% raw %}", "{{ 'a", "{% if"] {
            let long = "x".repeat(70_000) + end;
            assert!(Reader::new().names(&long).is_err(), "{end}");
            assert!(render("p", &long, &json!({})).is_err(), "{end}");
        }
    }
}
