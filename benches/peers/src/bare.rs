//! What one would write by hand for this one task: reqwest, typed serde, no framework.

use std::error::Error;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{PROMPT, SYSTEM, add, tool_parameters};

#[derive(Deserialize)]
struct Chunk {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Delta,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    tool_calls: Vec<CallDelta>,
}

#[derive(Deserialize)]
struct CallDelta {
    id: Option<String>,
    function: FunctionDelta,
}

#[derive(Deserialize)]
struct FunctionDelta {
    arguments: String,
}

#[derive(Default)]
struct Answer {
    text: String,
    call_id: String,
    arguments: String,
    pieces: usize,
}

pub struct Bare {
    client: reqwest::Client,
    url: String,
}

impl Bare {
    pub fn new(base_url: &str) -> Self {
        Self { client: reqwest::Client::new(), url: format!("{base_url}/chat/completions") }
    }

    async fn ask(&self, model: &str, messages: &[Value]) -> Result<Answer, Box<dyn Error>> {
        let body = json!({
            "model": model,
            "stream": true,
            "stream_options": {"include_usage": true},
            "messages": messages,
            "tools": [{"type": "function", "function": {
                "name": "add", "description": "Adds.", "parameters": tool_parameters(),
            }}],
        });
        let request = self.client.post(&self.url).bearer_auth("none").json(&body);
        let mut response = request.send().await?.error_for_status()?;
        let mut answer = Answer::default();
        let mut buffer = Vec::new();
        while let Some(bytes) = response.chunk().await? {
            buffer.extend_from_slice(&bytes);
            let mut done = 0;
            while let Some(length) = buffer[done..].iter().position(|b| *b == b'\n') {
                let line = &buffer[done..done + length];
                done += length + 1;
                match line.strip_prefix(b"data: ") {
                    None | Some(b"[DONE]") => {}
                    Some(data) => answer.take(serde_json::from_slice(data)?),
                }
            }
            buffer.drain(..done);
        }
        Ok(answer)
    }

    pub async fn run(&self) -> Result<String, Box<dyn Error>> {
        let mut messages = vec![
            json!({"role": "system", "content": SYSTEM}),
            json!({"role": "user", "content": PROMPT}),
        ];
        let first = self.ask("bench", &messages).await?;
        let result = add(&serde_json::from_str(&first.arguments)?);
        messages.push(json!({"role": "assistant", "content": null, "tool_calls": [{
            "id": first.call_id, "type": "function",
            "function": {"name": "add", "arguments": first.arguments},
        }]}));
        let content = result.to_string();
        messages.push(json!({"role": "tool", "tool_call_id": first.call_id, "content": content}));
        Ok(self.ask("bench", &messages).await?.text)
    }

    pub async fn chunks(&self) -> Result<usize, Box<dyn Error>> {
        let messages = [json!({"role": "user", "content": PROMPT})];
        Ok(self.ask("chunks", &messages).await?.pieces)
    }
}

impl Answer {
    fn take(&mut self, chunk: Chunk) {
        for choice in chunk.choices {
            if let Some(text) = choice.delta.content.filter(|text| !text.is_empty()) {
                self.text.push_str(&text);
                self.pieces += 1;
            }
            for call in choice.delta.tool_calls {
                self.call_id.extend(call.id);
                self.arguments.push_str(&call.function.arguments);
            }
        }
    }
}
