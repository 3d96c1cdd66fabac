//! A model whose wire sends schemas as they stand, with the compiler around it: the wire sees what
//! its provider takes, the caller what the tools ask for.

use std::sync::Arc;

use super::{Compiled, Flavour, Output, Tools};
use crate::error::Result;
use crate::model::{
    ChatModel, ChatRequest, Completion, Delta, DeltaSink, Message, OutputSchema, StructuredOutput,
    ToolSpec,
};
use async_trait::async_trait;

/// The model `M`, in the words of its provider.
#[derive(Debug)]
pub(in crate::model) struct Adapted<M> {
    model: M,
    compiled: Compiled,
    /// Whether the provider holds answers to a schema only when that is written its way.
    strict: bool,
}

impl<M> Adapted<M> {
    pub(in crate::model) fn new(model: M, flavour: Flavour, strict: bool) -> Self {
        Self { model, compiled: Compiled::new(flavour), strict }
    }
}

#[async_trait]
impl<M: ChatModel> ChatModel for Adapted<M> {
    async fn chat(&self, request: &ChatRequest, sink: &mut dyn DeltaSink) -> Result<Completion> {
        let tools = self.compiled.tools(&request.tools);
        let output = request.output.as_ref().filter(|_| self.strict);
        let output = output.map(|output| (output, self.compiled.output(output)));
        let same_output =
            output.as_ref().is_none_or(|(own, output)| *output.schema() == own.schema);
        if tools.are_as_they_stand(&request.tools) && same_output {
            return self.model.chat(request, sink).await;
        }
        let mut sent = request.clone();
        sent.tools = written(&tools);
        sent.messages.iter_mut().for_each(|message| rewrite(message, &tools));
        if let Some((own, output)) = &output {
            let schema = output.schema().clone();
            sent.output = Some(Arc::new(OutputSchema { name: own.name.clone(), schema }));
        }
        let output = output.map(|(_, output)| output).filter(|output| !output.streams());
        let mut back = Back { sink, tools: &tools, holds_text: output.is_some() };
        let mut done = self.model.chat(&sent, &mut back).await?;
        for call in &mut done.tool_calls {
            let Some(tool) = tools.called(&call.name) else { continue };
            call.name = tool.own_name().to_owned();
            if !tool.streams() {
                call.arguments = tool.restore(&call.arguments);
                sink.delta(Delta::ToolCall {
                    call_id: call.id.clone(),
                    name: call.name.clone(),
                    arguments: call.arguments.clone(),
                })
                .await;
            }
        }
        if let Some(output) = output {
            done.text = restored(&output, &done);
            if !done.text.is_empty() {
                sink.delta(Delta::Text(done.text.clone())).await;
            }
        }
        Ok(done)
    }

    fn structured_output(&self) -> StructuredOutput {
        self.model.structured_output()
    }
}

/// What is said before calls is no answer yet, and stays as it is.
fn restored(output: &Output, done: &Completion) -> String {
    if done.tool_calls.is_empty() { output.restore(&done.text) } else { done.text.clone() }
}

fn written(tools: &Tools) -> Arc<[ToolSpec]> {
    let spec = |tool: &super::CompiledTool| ToolSpec {
        name: tool.name.clone(),
        description: tool.description.clone(),
        parameters: tool.parameters.clone(),
    };
    tools.list().iter().map(spec).collect()
}

/// Earlier calls in the words that the model wrote them in.
fn rewrite(message: &mut Message, tools: &Tools) {
    match message {
        Message::Assistant { tool_calls, .. } => {
            for call in tool_calls {
                if tools.called_own(&call.name).is_some_and(|tool| !tool.streams()) {
                    call.arguments = tools.sent_arguments(&call.name, &call.arguments).to_string();
                }
                call.name = tools.wire_name(&call.name).into_owned();
            }
        }
        Message::Tool { name, .. } => *name = tools.wire_name(name).into_owned(),
        Message::System(_) | Message::User { .. } => {}
    }
}

/// The way back of what comes in pieces. Arguments that read otherwise in the tool's own words are
/// given when they are whole.
struct Back<'a> {
    sink: &'a mut dyn DeltaSink,
    tools: &'a Tools,
    holds_text: bool,
}

#[async_trait]
impl DeltaSink for Back<'_> {
    async fn delta(&mut self, delta: Delta) {
        let delta = match delta {
            Delta::Text(_) if self.holds_text => return,
            Delta::ToolCall { call_id, name, arguments } => {
                let tool = self.tools.called(&name);
                let streams = tool.is_none_or(super::CompiledTool::streams);
                let name = tool.map_or(name, |tool| tool.own_name().to_owned());
                let arguments = if streams { arguments } else { String::new() };
                Delta::ToolCall { call_id, name, arguments }
            }
            other => other,
        };
        self.sink.delta(delta).await;
    }

    fn began(&mut self) {
        self.sink.began();
    }
}

impl Tools {
    /// Whether all of them are sent as they stand in the spec.
    fn are_as_they_stand(&self, own: &[ToolSpec]) -> bool {
        let same = |(tool, own): (&super::CompiledTool, &ToolSpec)| {
            tool.name == own.name && tool.parameters == own.parameters
        };
        self.as_they_stand.get_or_init(|| self.tools.iter().zip(own).all(same)).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::io::Mutex;
    use crate::model::ToolCall;

    /// A wire that keeps what it is sent, and answers with a call and a text.
    struct Wire {
        call: ToolCall,
        text: String,
        sent: Mutex<Option<ChatRequest>>,
    }

    #[async_trait]
    impl ChatModel for Wire {
        async fn chat(
            &self,
            request: &ChatRequest,
            sink: &mut dyn DeltaSink,
        ) -> Result<Completion> {
            *self.sent.lock() = Some(request.clone());
            let mut done = Completion { text: self.text.clone(), ..Completion::default() };
            if !self.text.is_empty() {
                sink.delta(Delta::Text(self.text.clone())).await;
            }
            if !self.call.name.is_empty() {
                let ToolCall { id, name, arguments, .. } = self.call.clone();
                sink.delta(Delta::ToolCall { call_id: id, name, arguments }).await;
                done.tool_calls.push(self.call.clone());
            }
            Ok(done)
        }
    }

    struct Given(Vec<Delta>);

    #[async_trait]
    impl DeltaSink for Given {
        async fn delta(&mut self, delta: Delta) {
            self.0.push(delta);
        }
    }

    fn ask(wire: Wire, request: &ChatRequest) -> (ChatRequest, Completion, String, String) {
        let model = Adapted::new(wire, Flavour::OpenAi, true);
        let mut given = Given(Vec::new());
        let done = futures_util::FutureExt::now_or_never(model.chat(request, &mut given));
        let done = done.expect("at once").expect("an answer");
        let sent = model.model.sent.lock().take().expect("a request");
        let (mut text, mut arguments) = (String::new(), String::new());
        for delta in given.0 {
            match delta {
                Delta::Text(piece) => text.push_str(&piece),
                Delta::ToolCall { arguments: piece, .. } => arguments.push_str(&piece),
                _ => {}
            }
        }
        (sent, done, text, arguments)
    }

    fn call(name: &str, arguments: &str) -> ToolCall {
        let (name, arguments) = (name.to_owned(), arguments.to_owned());
        ToolCall { id: "c".into(), name, arguments, receipt: None }
    }

    fn request(name: &str, parameters: Value) -> ChatRequest {
        let tool = ToolSpec { name: name.into(), description: String::new(), parameters };
        ChatRequest { tools: vec![tool].into(), ..ChatRequest::default() }
    }

    #[test]
    fn a_tool_that_is_an_alternative_is_wrapped_and_its_call_is_unwrapped() {
        let own = json!({"anyOf": [{"type": "string"}, {"type": "integer"}]});
        let mut request = request("wetter.heute", own.clone());
        let earlier = Message::Assistant {
            text: String::new(),
            reasoning: Vec::new(),
            tool_calls: vec![call("wetter.heute", r#""Bern""#)],
        };
        request.messages.push(earlier);
        // What the provider would call is known only from what it is sent.
        let wire = Wire { call: call("", ""), text: String::new(), sent: Mutex::new(None) };
        let (sent, ..) = ask(wire, &request);
        let [tool] = &*sent.tools else { panic!("one tool") };
        assert_eq!(tool.parameters["type"], "object");
        assert!(!tool.name.contains('.'), "{}", tool.name);
        let Message::Assistant { tool_calls, .. } = &sent.messages[0] else { panic!("a turn") };
        assert_eq!(tool_calls[0].name, tool.name);
        let wire = Wire {
            call: ToolCall { arguments: tool_calls[0].arguments.clone(), ..call(&tool.name, "") },
            text: String::new(),
            sent: Mutex::new(None),
        };
        let (_, done, _, arguments) = ask(wire, &request);
        assert_eq!(done.tool_calls[0].name, "wetter.heute");
        assert_eq!(done.tool_calls[0].arguments, r#""Bern""#);
        assert_eq!(arguments, r#""Bern""#);
    }

    #[test]
    fn what_may_be_left_out_is_asked_for_as_null_and_left_out_again() {
        let schema = json!({"type": "object", "properties": {
            "city": {"type": "string"}, "zip": {"type": "string"}}, "required": ["city"]});
        let output = Some(Arc::new(OutputSchema { name: "answer".into(), schema }));
        let request = ChatRequest { output, ..ChatRequest::default() };
        let text = r#"{"city":"Bern","zip":null}"#.to_owned();
        let wire = Wire { call: call("", ""), text, sent: Mutex::new(None) };
        let (sent, done, text, _) = ask(wire, &request);
        let sent = sent.output.expect("a schema");
        assert_eq!(sent.schema["required"], json!(["city", "zip"]));
        assert_eq!(done.text, r#"{"city":"Bern"}"#);
        assert_eq!(text, done.text);
    }

    #[test]
    fn what_needs_no_change_goes_through_untouched() {
        let parameters = json!({"type": "object", "properties": {"a": {"type": "string"}},
            "required": ["a"], "additionalProperties": false});
        let request = request("plain", parameters);
        let wire =
            Wire { call: call("plain", r#"{"a":"b"}"#), text: "x".into(), sent: Mutex::new(None) };
        let (sent, done, text, arguments) = ask(wire, &request);
        assert!(Arc::ptr_eq(&sent.tools, &request.tools));
        assert_eq!((text.as_str(), arguments.as_str()), ("x", r#"{"a":"b"}"#));
        assert_eq!(done.tool_calls.len(), 1);
    }
}
