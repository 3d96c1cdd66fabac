//! Answers that are JSON of a schema: how the model is brought to them, and how they are read,
//! checked and asked for again.
//!
//! Where the provider cannot hold a model to a schema, a tool whose parameters are the schema is
//! put beside the others, and a call of it is the answer; where there are no tools either, the
//! prompt says it. Whatever the way, the answer is checked against the schema as the spec has it.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::error::{Code, Error, Result};
use crate::model::{
    Completion, Message, OutputSchema, StructuredOutput, ToolCall, ToolSpec, finish,
};

/// The tool whose call is the answer; further letters are added where a tool has the name.
const TOOL: &str = "final_answer";
/// Problems of one answer that the model is told.
const PROBLEMS: usize = 10;

/// What an agent's answers have to be.
#[derive(Debug)]
pub(crate) struct AnswerSchema {
    schema: Arc<OutputSchema>,
    validator: jsonschema::Validator,
    way: StructuredOutput,
    /// How often a wrong answer is asked for again.
    repairs: u32,
    /// All tools of the agent, with the one whose call is the answer where there is one.
    tools: Arc<[ToolSpec]>,
    tool: String,
    /// The schema is no object's, so it stands in a property of one.
    wrapped: bool,
}

/// What became of a model's turn.
pub(super) enum Read {
    /// It is the answer.
    Answer(Value),
    /// It is none yet: the model wants tools first.
    Tools,
    /// It does not fit. What is wrong, in words for the model.
    Wrong(String),
}

impl AnswerSchema {
    /// # Errors
    /// [`Code::InvalidArgument`] for what is no JSON Schema.
    pub(crate) fn new(
        schema: &Value,
        way: StructuredOutput,
        repairs: u32,
        tools: &Arc<[ToolSpec]>,
    ) -> Result<Self> {
        let bad = |why: String| {
            Error::invalid_argument(format!("`output_schema` is no JSON Schema: {why}")).hint(
                r#"for instance {"type": "object", "properties": {"city": {"type": "string"}}}"#,
            )
        };
        if !schema.is_object() {
            return Err(bad("it is no object".into()));
        }
        let validator =
            jsonschema::options().offline().build(schema).map_err(|e| bad(e.to_string()))?;
        let mut tool = TOOL.to_owned();
        while tools.iter().any(|known| known.name == tool) {
            tool.push('_');
        }
        let wrapped = schema.get("type").is_none_or(|kind| kind != "object");
        let way = match way {
            StructuredOutput::NativeWithoutTools if tools.is_empty() => StructuredOutput::Native,
            StructuredOutput::NativeWithoutTools => StructuredOutput::Tool,
            way => way,
        };
        let tools = match way {
            StructuredOutput::Tool => tools
                .iter()
                .cloned()
                .chain([ToolSpec {
                    name: tool.clone(),
                    description: "Gives the answer. Call it once, when you have all you need, \
                                  with the whole answer."
                        .into(),
                    parameters: if wrapped { wrap(schema) } else { schema.clone() },
                }])
                .collect(),
            _ => tools.clone(),
        };
        let schema = Arc::new(OutputSchema { name: "answer".into(), schema: schema.clone() });
        Ok(Self { schema, validator, way, repairs, tools, tool, wrapped })
    }

    pub(super) fn repairs(&self) -> u32 {
        self.repairs
    }

    /// The tools that the model is offered.
    pub(super) fn tools(&self) -> &Arc<[ToolSpec]> {
        &self.tools
    }

    /// Of these, the one whose call is the answer, for agents that may call no other.
    pub(super) fn own_tool(&self) -> Arc<[ToolSpec]> {
        self.tools.iter().filter(|tool| self.is_answer(&tool.name)).cloned().collect()
    }

    /// For models that hold themselves to it.
    pub(super) fn native(&self) -> Option<Arc<OutputSchema>> {
        (self.way == StructuredOutput::Native).then(|| self.schema.clone())
    }

    /// Whether the model can only answer by a call.
    pub(super) fn by_call(&self) -> bool {
        self.way == StructuredOutput::Tool
    }

    /// What is added to the system prompt.
    pub(super) fn instruction(&self) -> Option<String> {
        match self.way {
            StructuredOutput::Native | StructuredOutput::NativeWithoutTools => None,
            StructuredOutput::Tool => Some(format!(
                "Give your answer by calling the tool `{}`, and in no other way.",
                self.tool
            )),
            StructuredOutput::Prompt => Some(format!(
                "Answer with one JSON value and nothing else: no words around it, no code fence. It \
                 must fit this JSON Schema:\n{}",
                self.schema.schema
            )),
        }
    }

    /// Whether a call of this tool is the answer.
    pub(super) fn is_answer(&self, tool: &str) -> bool {
        self.by_call() && tool == self.tool
    }

    /// Whether pieces of the call's arguments are pieces of the answer.
    pub(super) fn streams(&self) -> bool {
        !self.wrapped
    }

    /// Takes the call that is the answer out of a turn: its arguments are the end of the text then.
    /// Beside calls of tools it is none: it was given before their results were there.
    pub(super) fn take_call(&self, completion: &mut Completion) -> Option<ToolCall> {
        if !completion.tool_calls.iter().all(|call| self.is_answer(&call.name)) {
            return None;
        }
        let call = completion.tool_calls.drain(..).next()?;
        if !finish::is_cut(&completion.finish_reason) {
            completion.finish_reason = finish::STOP.to_owned();
        }
        Some(call)
    }

    /// What the model hears of an answer that it gave beside calls of tools.
    pub(super) fn too_early(&self, call: &ToolCall) -> Option<Message> {
        self.is_answer(&call.name).then(|| {
            let tool = &self.tool;
            let content = format!(
                "This answer was given before the results of the other calls were there. Call `{tool}` \
                 alone, once you have read them."
            );
            let (call_id, name) = (call.id.clone(), call.name.clone());
            Message::Tool { call_id, name, content, is_error: true }
        })
    }

    /// The arguments of such a call as text.
    pub(super) fn said(&self, call: &ToolCall) -> String {
        if !self.wrapped {
            return call.arguments.clone();
        }
        match serde_json::from_str::<Value>(&call.arguments) {
            Ok(Value::Object(mut map)) if map.contains_key("answer") => {
                map.remove("answer").unwrap_or_default().to_string()
            }
            _ => call.arguments.clone(),
        }
    }

    /// Reads the text of a turn, or of the call that was taken out of it.
    pub(super) fn read(&self, completion: &Completion, called: Option<&str>) -> Read {
        if !completion.tool_calls.is_empty() {
            return Read::Tools;
        }
        let text = called.unwrap_or(&completion.text);
        // A call that was cut off before its arguments came says nothing.
        if called.is_some_and(|text| text.trim() == "{}")
            && finish::is_cut(&completion.finish_reason)
        {
            return Read::Wrong("nothing came of it".into());
        }
        let value = match parse(text) {
            Ok(value) => value,
            Err(why) if called.is_none() && self.by_call() => {
                let tool = &self.tool;
                return Read::Wrong(format!("the answer has to be a call of `{tool}` ({why})"));
            }
            Err(why) => return Read::Wrong(format!("it is not JSON: {why}")),
        };
        let problems: Vec<String> = self
            .validator
            .iter_errors(&value)
            .take(PROBLEMS)
            .map(|e| {
                let path = e.instance_path().to_string();
                if path.is_empty() { e.to_string() } else { format!("{path}: {e}") }
            })
            .collect();
        if problems.is_empty() {
            return Read::Answer(value);
        }
        Read::Wrong(problems.join("; "))
    }

    /// The error when none of so many answers fitted.
    pub(super) fn failed(&self, problem: &str, text: &str, tries: u32) -> Error {
        let tries = if tries == 1 { "one try".to_owned() } else { format!("{tries} tries") };
        Error::new(
            Code::OutputInvalid,
            format!("after {tries} the answer does not fit the output schema: {problem}"),
        )
        .hint("make the schema simpler, say in the prompt what is wanted, or take another model")
        .caused_by(shown(text))
    }

    /// The error when the answer was stopped before it was one: another try would be stopped as well.
    pub(super) fn cut_off(&self, reason: &str, problem: &str, text: &str) -> Error {
        Error::new(
            Code::OutputInvalid,
            format!(
                "the answer was cut off ({reason}) before it fitted the output schema: {problem}"
            ),
        )
        .hint(if reason == finish::LENGTH {
            "raise `intelligence.max_tokens`, or make the schema smaller"
        } else {
            "the provider held it back: change what is asked, or take another model"
        })
        .caused_by(shown(text))
    }
}

fn shown(text: &str) -> String {
    format!("the last answer: {}", text.chars().take(500).collect::<String>())
}

/// What the model hears of a wrong answer.
pub(super) fn complaint(problem: &str, call: Option<&ToolCall>) -> Message {
    let content = format!(
        "This answer does not fit its JSON Schema: {problem}. Give the whole answer again, corrected."
    );
    match call {
        Some(call) => Message::Tool {
            call_id: call.id.clone(),
            name: call.name.clone(),
            content,
            is_error: true,
        },
        None => Message::user(content),
    }
}

/// Reads JSON, also where a model put a code fence around it.
fn parse(text: &str) -> Result<Value, String> {
    let text = text.trim();
    let inner = text
        .strip_prefix("```")
        .and_then(|rest| rest.strip_suffix("```"))
        .map(|rest| rest.strip_prefix("json").unwrap_or(rest));
    serde_json::from_str(inner.unwrap_or(text).trim()).map_err(|e| e.to_string())
}

/// What is at the root of a schema and stays there.
const ROOT: [&str; 3] = ["$schema", "$defs", "definitions"];

/// An object whose property `answer` has the schema. References point from the root: what they point
/// at moves there, or they are made to lead to where it is now.
fn wrap(schema: &Value) -> Value {
    let mut inner = schema.clone();
    let mut outer = Map::new();
    outer.insert("type".into(), "object".into());
    // With its own name it would be a root of its own.
    let name = inner.as_object_mut().and_then(|map| map.shift_remove("$id"));
    point_into(&mut inner, name.as_ref().and_then(Value::as_str).unwrap_or_default());
    if let Value::Object(map) = &mut inner {
        for key in ROOT {
            if let Some(moved) = map.shift_remove(key) {
                outer.insert(key.into(), moved);
            }
        }
    }
    outer.insert("properties".into(), json!({"answer": inner}));
    outer.insert("required".into(), json!(["answer"]));
    outer.insert("additionalProperties".into(), false.into());
    Value::Object(outer)
}

/// Lets references from the root of a schema of this name lead into the property `answer`.
fn point_into(schema: &mut Value, name: &str) {
    match schema {
        // One with a name of its own is the root of what is in it.
        Value::Object(map) if map.contains_key("$id") => {}
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(reference) if key == "$ref" => {
                        let local = reference.strip_prefix(name).unwrap_or(reference);
                        let path = local.strip_prefix('#').unwrap_or("-");
                        let first = path.split('/').nth(1).unwrap_or_default();
                        if path.is_empty() || path.starts_with('/') && !ROOT.contains(&first) {
                            *reference = format!("#/properties/answer{path}");
                        } else if !path.starts_with('-') {
                            *reference = local.to_owned();
                        }
                    }
                    // These hold values, and no schemas.
                    _ if ["const", "enum", "default", "examples"].contains(&key.as_str()) => {}
                    value => point_into(value, name),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| point_into(item, name)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(schema: &Value, way: StructuredOutput) -> AnswerSchema {
        AnswerSchema::new(schema, way, 2, &Vec::new().into()).expect("a schema")
    }

    fn said(text: &str) -> Completion {
        Completion { text: text.into(), ..Completion::default() }
    }

    fn city() -> Value {
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})
    }

    #[test]
    fn a_text_is_read_with_and_without_a_fence() {
        let schema = answers(&city(), StructuredOutput::Native);
        for text in [
            r#"{"city": "Bern"}"#,
            "\n {\"city\": \"Bern\"}\n",
            "```json\n{\"city\": \"Bern\"}\n```",
            "```\n{\"city\": \"Bern\"}```",
        ] {
            let Read::Answer(value) = schema.read(&said(text), None) else { panic!("{text}") };
            assert_eq!(value, json!({"city": "Bern"}));
        }
    }

    #[test]
    fn all_that_is_wrong_is_told_with_its_place() {
        let schema = answers(&city(), StructuredOutput::Native);
        let Read::Wrong(why) = schema.read(&said(r#"{"city": 1}"#), None) else { panic!("fits") };
        assert!(why.contains("/city") && why.contains("string"), "{why}");
        let Read::Wrong(why) = schema.read(&said("Bern"), None) else { panic!("fits") };
        assert!(why.contains("not JSON"), "{why}");
    }

    #[test]
    fn a_call_is_the_answer_where_the_provider_has_no_other_way() {
        let schema = answers(&city(), StructuredOutput::Tool);
        assert_eq!(schema.tools().len(), 1);
        assert_eq!(schema.tools()[0].parameters, city());
        let call = |name: &str| ToolCall {
            id: "c".into(),
            name: name.into(),
            arguments: r#"{"city": "Bern"}"#.into(),
            receipt: None,
        };
        let mut completion = said("");
        // Beside another call, it comes too early.
        completion.tool_calls = vec![call("other"), call(TOOL)];
        assert_eq!(schema.take_call(&mut completion), None);
        assert_eq!(completion.tool_calls.len(), 2);
        assert!(schema.too_early(&call("other")).is_none());
        let told = schema.too_early(&call(TOOL)).expect("told");
        assert!(matches!(told, Message::Tool { is_error: true, .. }));
        completion.tool_calls = vec![call(TOOL), call(TOOL)];
        let call = schema.take_call(&mut completion).expect("the answer");
        assert!(completion.tool_calls.is_empty());
        let text = schema.said(&call);
        assert!(matches!(schema.read(&completion, Some(&text)), Read::Answer(_)));
        // A model that answers in words is told how, and one that wrote the JSON there is believed.
        assert!(matches!(schema.read(&said("Bern"), None), Read::Wrong(_)));
        assert!(matches!(schema.read(&said(r#"{"city": "Bern"}"#), None), Read::Answer(_)));
    }

    #[test]
    fn where_a_shape_keeps_a_model_from_its_tools_a_call_is_the_answer_only_next_to_them() {
        let way = StructuredOutput::NativeWithoutTools;
        let alone = answers(&city(), way);
        assert!(alone.native().is_some() && !alone.by_call() && alone.tools().is_empty());
        assert_eq!(alone.instruction(), None);
        let own = ToolSpec { name: "t".into(), description: String::new(), parameters: city() };
        let schema = AnswerSchema::new(&city(), way, 0, &vec![own].into()).expect("a schema");
        assert!(schema.native().is_none() && schema.by_call());
        let names: Vec<&str> = schema.tools().iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(names, ["t", TOOL]);
    }

    #[test]
    fn what_is_no_object_is_wrapped_for_the_call_and_its_references_still_lead_somewhere() {
        let list = json!({
            "type": "array", "items": {"$ref": "#/$defs/word"},
            "$defs": {"word": {"type": "string"}},
        });
        let schema = answers(&list, StructuredOutput::Tool);
        let parameters = &schema.tools()[0].parameters;
        let validator = jsonschema::validator_for(parameters).expect("a schema");
        assert!(validator.is_valid(&json!({"answer": ["a"]})));
        assert!(!validator.is_valid(&json!({"answer": [1]})));
        let call = ToolCall { arguments: r#"{"answer": ["a"]}"#.into(), ..ToolCall::default() };
        let text = schema.said(&call);
        let Read::Answer(value) = schema.read(&said(""), Some(&text)) else { panic!("{text}") };
        assert_eq!(value, json!(["a"]));
    }

    #[test]
    fn references_to_the_root_lead_to_where_it_is_now() {
        let tree = json!({
            "$id": "https://example.com/tree", "type": ["object", "null"], "required": ["name"],
            "properties": {
                "name": {"type": "string", "default": {"$ref": "#"}},
                "same": {"$ref": "#/properties/name"},
                "under": {"type": "array", "items": {"$ref": "https://example.com/tree#"}},
                "also": {"$ref": "#/$defs/leaf"},
            },
            "$defs": {"leaf": {"anyOf": [{"$ref": "#"}, {"type": "integer"}]}},
        });
        let parameters = &answers(&tree, StructuredOutput::Tool).tools()[0].parameters.clone();
        assert_eq!(
            parameters["properties"]["answer"]["properties"]["name"]["default"]["$ref"],
            "#"
        );
        let wrapped = jsonschema::validator_for(parameters).expect("a schema");
        let plain = jsonschema::validator_for(&tree).expect("a schema");
        for (value, fits) in [
            (json!(null), true),
            (json!({"name": "a", "same": "b", "under": [{"name": "c"}, null], "also": 1}), true),
            (json!({"name": "a", "also": {"name": "b"}}), true),
            (json!({"name": "a", "same": 1}), false),
            (json!({"name": "a", "under": [{}]}), false),
            (json!({"name": "a", "also": {}}), false),
        ] {
            assert_eq!(plain.is_valid(&value), fits, "{value}");
            assert_eq!(wrapped.is_valid(&json!({"answer": value})), fits, "wrapped: {value}");
        }
    }

    #[test]
    fn what_was_cut_off_is_no_answer_even_if_nothing_would_fit() {
        let all_optional = json!({"type": "object", "properties": {"city": {"type": "string"}}});
        let schema = answers(&all_optional, StructuredOutput::Tool);
        let call = ToolCall { name: TOOL.into(), arguments: "{}".into(), ..ToolCall::default() };
        for (reason, answer) in [(finish::LENGTH, false), (finish::TOOL_CALLS, true)] {
            let mut completion = said("");
            completion.tool_calls = vec![call.clone()];
            completion.finish_reason = reason.into();
            let call = schema.take_call(&mut completion).expect("the answer");
            let read = schema.read(&completion, Some(&schema.said(&call)));
            assert_eq!(matches!(read, Read::Answer(_)), answer, "{reason}");
            assert_eq!(completion.finish_reason == finish::STOP, answer, "{reason}");
        }
        let error = schema.cut_off(finish::LENGTH, "it is not JSON", "{\"ci");
        assert_eq!(error.code(), Code::OutputInvalid);
        assert!(error.hint_text().is_some_and(|hint| hint.contains("max_tokens")));
    }

    #[test]
    fn a_tool_of_the_same_name_keeps_it() {
        let own = ToolSpec { name: TOOL.into(), description: String::new(), parameters: city() };
        let tools: Arc<[ToolSpec]> = vec![own].into();
        let schema =
            AnswerSchema::new(&city(), StructuredOutput::Tool, 0, &tools).expect("a schema");
        assert!(!schema.is_answer(TOOL));
        assert_eq!(schema.tools().len(), 2);
    }
}
