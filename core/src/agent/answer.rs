//! Answers that are JSON of a schema: how the model is brought to them, and how they are read,
//! checked and asked for again.
//!
//! Where the provider cannot hold a model to a schema, a tool whose parameters are the schema is
//! put beside the others, and a call of it is the answer; where there are no tools either, the
//! prompt says it. Whatever the way, the answer is checked against the schema as the spec has it.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::error::{Code, Error, Result};
use crate::model::{Completion, Message, OutputSchema, StructuredOutput, ToolCall, ToolSpec};

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
    /// Other calls of the same turn came too early to matter for it, and are passed over.
    pub(super) fn take_call(&self, completion: &mut Completion) -> Option<ToolCall> {
        let place = completion.tool_calls.iter().position(|call| self.is_answer(&call.name))?;
        let call = completion.tool_calls.swap_remove(place);
        completion.tool_calls.clear();
        completion.finish_reason = crate::model::finish::STOP.to_owned();
        Some(call)
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

    /// The error when no answer fitted.
    pub(super) fn failed(&self, problem: &str, text: &str) -> Error {
        let shown: String = text.chars().take(500).collect();
        let tries = self.repairs + 1;
        Error::new(
            Code::OutputInvalid,
            format!("after {tries} tries the answer does not fit the output schema: {problem}"),
        )
        .hint("make the schema simpler, say in the prompt what is wanted, or take another model")
        .caused_by(format!("the last answer: {shown}"))
    }
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

/// An object whose property `answer` has the schema. References point from the root, so what they
/// point at moves there.
fn wrap(schema: &Value) -> Value {
    let mut inner = schema.clone();
    let mut outer = Map::new();
    outer.insert("type".into(), "object".into());
    if let Value::Object(map) = &mut inner {
        for key in ["$schema", "$defs", "definitions"] {
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
        completion.tool_calls = vec![call("other"), call(TOOL)];
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
    fn a_tool_of_the_same_name_keeps_it() {
        let own = ToolSpec { name: TOOL.into(), description: String::new(), parameters: city() };
        let tools: Arc<[ToolSpec]> = vec![own].into();
        let schema =
            AnswerSchema::new(&city(), StructuredOutput::Tool, 0, &tools).expect("a schema");
        assert!(!schema.is_answer(TOOL));
        assert_eq!(schema.tools().len(), 2);
    }
}
