//! Conversations as the text that the model was taught to read: with the template in its file.

use std::fmt::Write as _;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, StringInput, Value as Jinja};
use minijinja::{Environment, ErrorKind, context};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};
use serde_json::{Value, json};

use super::gguf::invalid;
use crate::error::{Code, Error, Result};
use crate::model::{Message, ToolSpec};

/// Steps that a template may take: enough for conversations of ten thousand messages.
const FUEL: u64 = 20_000_000;

/// Columns of an indentation.
const WIDEST: usize = 64;

/// What a call begins and ends with.
pub(super) const CALL_START: &str = "<tool_call>";
pub(super) const CALL_END: &str = "</tool_call>";

/// The template of files that have none: ChatML, which most models of these families know.
const CHATML: &str = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + \
message['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}\
{{ '<|im_start|>assistant\n' }}{% endif %}";

/// A model's template.
pub(super) struct Template {
    environment: Environment<'static>,
    /// Whether it shows tools itself, and calls in the format that is held to here.
    takes_tools: bool,
    bos: String,
    eos: String,
}

/// As minijinja's, for widths that a text may have: the fuel of a template counts its steps, not the
/// memory of one.
fn indent(
    text: StringInput<'_>,
    width: Option<usize>,
    first: Option<bool>,
    blank: Option<bool>,
    named: Kwargs,
) -> Result<Jinja, minijinja::Error> {
    let wide = width.into_iter().chain(named.peek::<Option<usize>>("width").ok().flatten());
    if wide.max().is_some_and(|width| width > WIDEST) {
        return Err(minijinja::Error::new(ErrorKind::InvalidOperation, "too wide an indentation"));
    }
    minijinja::filters::indent(text, width, first, blank, named)
}

impl Template {
    /// Of a model's file, with the texts of its first and its last token.
    pub(super) fn new(source: Option<&str>, bos: String, eos: String) -> Result<Self> {
        let source = source.unwrap_or(CHATML);
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| {
            Error::new(Code::Panic, "the syntax of chat templates cannot be set").caused_by(error)
        })?);
        environment.set_fuel(Some(FUEL));
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |message: String| -> Result<Jinja, _> {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.add_function("strftime_now", |format: String| -> Result<String, _> {
            let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
            jiff::fmt::strtime::format(&format, &now).map_err(|error| {
                minijinja::Error::new(ErrorKind::InvalidOperation, error.to_string())
            })
        });
        environment.add_filter("tojson", tojson);
        environment.add_filter("indent", indent);
        environment.add_template_owned("chat", source.to_owned()).map_err(|error| {
            invalid("the chat template in the model file cannot be read").caused_by(error)
        })?;
        let takes_tools = source.contains("tools") && source.contains(CALL_START);
        Ok(Self { environment, takes_tools, bos, eos })
    }

    /// Whether it shows tools itself.
    pub(super) fn takes_tools(&self) -> bool {
        self.takes_tools
    }

    /// The text that the model goes on from. `harmless` is applied to all that is not the
    /// template's own.
    pub(super) fn render(
        &self,
        messages: &[Message],
        tools: &[ToolSpec],
        thinks: bool,
        harmless: &dyn Fn(&str) -> String,
    ) -> Result<String> {
        let shown = harmed(&tools_shown(tools), harmless);
        let mut given = if self.takes_tools {
            native(messages, harmless)
        } else {
            plain(messages, tools, harmless)
        };
        let tools = (self.takes_tools && !tools.is_empty()).then_some(&shown);
        let once = |given: &[Value]| -> Result<String, minijinja::Error> {
            self.environment.get_template("chat")?.render(context! {
                messages => Jinja::from(Serde(given)),
                tools => tools.map(|tools| Jinja::from(Serde(tools))),
                add_generation_prompt => true,
                enable_thinking => thinks,
                bos_token => &self.bos,
                eos_token => &self.eos,
            })
        };
        let text = once(&given).or_else(|error| {
            // Some templates refuse a system message: it goes before what the user says first.
            if fold_system(&mut given) { once(&given) } else { Err(error) }
        });
        text.map_err(|error| {
            Error::new(
                Code::ModelRefused,
                "the model's chat template does not take the conversation",
            )
            .hint("some models want the user and the assistant to speak in turns")
            .caused_by(error)
        })
    }
}

/// JSON as Python writes it, which is what models have seen.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }
    fn begin_object_key<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }
    fn begin_object_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
    ) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}

fn written(value: &impl Serialize, formatter: impl Formatter) -> Option<String> {
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    value.serialize(&mut serializer).ok()?;
    String::from_utf8(out).ok()
}

fn tojson(value: Jinja, options: Kwargs) -> Result<String, minijinja::Error> {
    let indent: Option<usize> = options.get("indent")?;
    let _: Option<bool> = options.get("ensure_ascii")?;
    options.assert_all_used()?;
    let text = match indent {
        Some(indent) => {
            let indent = " ".repeat(indent.min(16));
            written(&value, PrettyFormatter::with_indent(indent.as_bytes()))
        }
        None => written(&value, Spaced),
    };
    text.ok_or_else(|| minijinja::Error::new(ErrorKind::BadSerialization, "not JSON"))
}

/// A value with all its texts made harmless.
fn harmed(value: &Value, harmless: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(harmless(text)),
        Value::Array(items) => items.iter().map(|item| harmed(item, harmless)).collect(),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| (harmless(key), harmed(value, harmless)));
            Value::Object(entries.collect())
        }
        other => other.clone(),
    }
}

fn tools_shown(tools: &[ToolSpec]) -> Value {
    let shown = |tool: &ToolSpec| {
        json!({"type": "function", "function": {
            "name": tool.name, "description": tool.description, "parameters": tool.parameters,
        }})
    };
    tools.iter().map(shown).collect()
}

/// Messages for a template that knows tools.
fn native(messages: &[Message], harmless: &dyn Fn(&str) -> String) -> Vec<Value> {
    let of = |message: &Message| match message {
        Message::System(text) => json!({"role": "system", "content": harmless(text)}),
        Message::User { text, .. } => json!({"role": "user", "content": harmless(text)}),
        Message::Assistant { text, tool_calls, .. } => {
            let mut out = json!({"role": "assistant", "content": harmless(text)});
            if !tool_calls.is_empty() {
                let calls = tool_calls.iter().map(|call| {
                    let arguments = serde_json::from_str(&call.arguments);
                    let arguments =
                        arguments.unwrap_or_else(|_| Value::String(call.arguments.clone()));
                    json!({"type": "function", "id": call.id, "function": {
                        "name": harmless(&call.name), "arguments": harmed(&arguments, harmless),
                    }})
                });
                out["tool_calls"] = calls.collect();
            }
            out
        }
        Message::Tool { call_id, name, content, .. } => json!({
            "role": "tool", "tool_call_id": call_id, "name": harmless(name),
            "content": harmless(content),
        }),
    };
    messages.iter().map(of).collect()
}

/// Messages for a template that knows none: tools are told of in the system message, calls are a
/// part of what the assistant says, and results a part of what the user does.
fn plain(
    messages: &[Message],
    tools: &[ToolSpec],
    harmless: &dyn Fn(&str) -> String,
) -> Vec<Value> {
    let mut out: Vec<(&str, String)> = Vec::new();
    for message in messages {
        let (role, text) = match message {
            Message::System(text) => ("system", harmless(text)),
            Message::User { text, .. } => ("user", harmless(text)),
            Message::Assistant { text, tool_calls, .. } => {
                let mut said = harmless(text);
                for call in tool_calls {
                    let arguments: Value =
                        serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
                    let call = json!({"name": call.name, "arguments": arguments});
                    let call = written(&harmed(&call, harmless), Spaced).unwrap_or_default();
                    let line = if said.is_empty() { "" } else { "\n" };
                    let _ = write!(said, "{line}{CALL_START}\n{call}\n{CALL_END}");
                }
                ("assistant", said)
            }
            Message::Tool { content, .. } => {
                let text = harmless(content);
                ("user", format!("<tool_response>\n{text}\n</tool_response>"))
            }
        };
        // Most templates want turns: what the same side says twice in a row is one message.
        match out.last_mut() {
            Some((last, before)) if *last == role => {
                before.push('\n');
                before.push_str(&text);
            }
            _ => out.push((role, text)),
        }
    }
    if !tools.is_empty() {
        let told = tools_told(tools, harmless);
        match out.first_mut() {
            Some(("system", before)) => {
                before.push_str("\n\n");
                before.push_str(&told);
            }
            _ => out.insert(0, ("system", told)),
        }
    }
    out.into_iter().map(|(role, content)| json!({"role": role, "content": content})).collect()
}

fn tools_told(tools: &[ToolSpec], harmless: &dyn Fn(&str) -> String) -> String {
    let mut text = String::from(
        "You may call functions to help with the user's request. These are the functions:\n<tools>\n",
    );
    if let Value::Array(shown) = tools_shown(tools) {
        for tool in &shown {
            let tool = written(&harmed(tool, harmless), Spaced).unwrap_or_default();
            let _ = writeln!(text, "{tool}");
        }
    }
    let _ = write!(
        text,
        "</tools>\nTo call one, answer with its name and arguments as JSON, like this:\n\
         {CALL_START}\n{{\"name\": \"function\", \"arguments\": {{\"key\": \"value\"}}}}\n{CALL_END}"
    );
    text
}

fn fold_system(messages: &mut Vec<Value>) -> bool {
    if messages.len() < 2 || messages[0]["role"] != "system" || messages[1]["role"] != "user" {
        return false;
    }
    let system = messages.remove(0);
    let text = |message: &Value| message["content"].as_str().unwrap_or_default().to_owned();
    messages[0]["content"] = Value::String(format!("{}\n\n{}", text(&system), text(&messages[0])));
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ToolCall;

    fn render(source: &str, messages: &[Message], tools: &[ToolSpec]) -> Result<String> {
        let template = Template::new(Some(source), "<s>".into(), "</s>".into())?;
        template.render(messages, tools, false, &|text| text.to_owned())
    }

    fn tool() -> ToolSpec {
        let parameters =
            json!({"type": "object", "properties": {"z": {"type": "string"}, "a": {}}});
        ToolSpec { name: "find".into(), description: "Finds ü.".into(), parameters }
    }

    fn called() -> Message {
        let (id, name) = ("call_1".into(), "find".into());
        let call = ToolCall { id, name, arguments: "{\"z\": 1, \"a\": [2]}".into(), receipt: None };
        Message::Assistant { text: "Wait.".into(), reasoning: vec![], tool_calls: vec![call] }
    }

    fn found(content: &str) -> Message {
        let (call_id, name) = ("call_1".into(), "find".into());
        Message::Tool { call_id, name, content: content.into(), is_error: false }
    }

    #[test]
    fn templates_have_what_those_of_models_use() {
        let source = "\
{%- macro line(role) -%}[{{ role | upper }}]{%- endmacro -%}
{%- set ns = namespace(last=none) -%}
{%- for message in messages[::-1] -%}
    {%- if message.role == 'user' and message.content is string -%}
        {%- set ns.last = message.content.strip() -%}
        {%- break -%}
    {%- endif -%}
{%- endfor -%}
{{ line('x') }}{{ ns.last }}|{{ ns.last.startswith('b') }}|{{ 'a</t>b'.split('</t>')[-1] }}|
{%- if tools is defined and tools is none %}none{% endif %}|{{ bos_token }}|
{%- for key, value in {'k': 1}.items() %}{{ key }}={{ value }}{% endfor %}|
{{- strftime_now('%Y') | length }}|{{ enable_thinking }}|{{ {'b': [1, 'ü<'], 'a': none} | tojson }}
    {% if true %}
trimmed
    {% endif %}
";
        let said = |text: &str| Message::Assistant {
            text: text.into(),
            reasoning: vec![],
            tool_calls: vec![],
        };
        let messages = [Message::user("first"), said("x"), Message::user(" both \n"), said("y")];
        assert_eq!(
            render(source, &messages, &[]).unwrap(),
            "[X]both|True|b|none|<s>|k=1|4|False|{\"b\": [1, \"ü<\"], \"a\": null}\ntrimmed\n"
        );
    }

    #[test]
    fn a_template_that_knows_tools_gets_them_and_keeps_the_order_of_keys() {
        let source = "{{ tools | tojson }}<tool_call>{% for m in messages %}{% for c in m.tool_calls \
                      or [] %}{{ c.function.name }}{{ c.function.arguments | tojson }}{% endfor %}{% endfor %}";
        let text = render(source, &[Message::user("x"), called()], &[tool()]).unwrap();
        assert_eq!(
            text,
            "[{\"type\": \"function\", \"function\": {\"name\": \"find\", \"description\": \"Finds ü.\", \
             \"parameters\": {\"type\": \"object\", \"properties\": {\"z\": {\"type\": \"string\"}, \
             \"a\": {}}}}}]<tool_call>find{\"z\": 1, \"a\": [2]}"
        );
    }

    #[test]
    fn tools_are_told_of_where_the_template_knows_none() {
        let source = "{% for m in messages %}{{ m.role }}:{{ m.content }}\n--\n{% endfor %}";
        let told = [
            Message::System("Be brief.".into()),
            Message::user("Where?"),
            called(),
            found("here"),
            found("and there"),
        ];
        let text = render(source, &told, &[tool()]).unwrap();
        let parts: Vec<&str> = text.split("\n--\n").collect();
        assert!(parts[0].starts_with("system:Be brief.\n\nYou may"), "{text}");
        assert!(parts[0].contains("<tools>\n{\"type\": \"function\"") && parts[0].contains("find"));
        assert_eq!(parts[1], "user:Where?");
        assert_eq!(
            parts[2],
            "assistant:Wait.\n<tool_call>\n{\"name\": \"find\", \"arguments\": {\"z\": 1, \"a\": [2]}}\n</tool_call>"
        );
        assert_eq!(
            parts[3],
            "user:<tool_response>\nhere\n</tool_response>\n<tool_response>\nand there\n</tool_response>"
        );
        assert_eq!(parts.len(), 5, "{text}");
    }

    #[test]
    fn a_refused_system_message_goes_to_the_user_and_other_refusals_are_told() {
        let source = "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') \
                      }}{% endif %}{{ m.role }}:{{ m.content }};{% endfor %}";
        let system = Message::System("Be brief.".into());
        let text = render(source, &[system.clone(), Message::user("Hi")], &[]).unwrap();
        assert_eq!(text, "user:Be brief.\n\nHi;");
        let error = render(source, &[system], &[]).unwrap_err();
        assert_eq!(error.code(), Code::ModelRefused);
        assert!(error.cause().unwrap().contains("no system"));
        let endless =
            "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}";
        assert_eq!(render(endless, &[], &[]).unwrap_err().code(), Code::ModelRefused);
        assert_eq!(render("{% if %}", &[], &[]).unwrap_err().code(), Code::ModelFileInvalid);
    }

    #[test]
    fn an_indentation_has_a_bound_however_it_is_given() {
        let of = |given: &str| render(&format!("{{{{ 'a\nb' | indent({given}) }}}}"), &[], &[]);
        assert_eq!(of("2").unwrap(), "a\n  b");
        assert_eq!(of("width=3").unwrap(), "a\n   b");
        for wide in ["100000000", "width=100000000", "65", "width=18446744073709551615"] {
            assert_eq!(of(wide).unwrap_err().code(), Code::ModelRefused, "{wide}");
        }
    }
}
