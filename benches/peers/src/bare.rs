//! What one would write by hand for this one task: reqwest, typed serde, no framework.

use std::error::Error;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::wires::Wire;
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

/// An event of the Responses API.
#[derive(Deserialize)]
struct TextEvent {
    #[serde(rename = "type")]
    kind: String,
    delta: Option<String>,
}

/// An event of Anthropic's.
#[derive(Deserialize)]
struct BlockEvent {
    #[serde(rename = "type")]
    kind: String,
    delta: Option<TextOnly>,
}

#[derive(Deserialize)]
struct TextOnly {
    /// Cohere's first event has an empty list in place of this.
    #[serde(default)]
    text: Option<String>,
}

/// A chunk of Gemini's.
#[derive(Deserialize)]
struct Candidates {
    candidates: Vec<Candidate>,
}

#[derive(Deserialize)]
struct Candidate {
    content: Parts,
}

#[derive(Deserialize)]
struct Parts {
    parts: Vec<TextOnly>,
}

/// An event of Cohere's.
#[derive(Deserialize)]
struct MessageEvent {
    #[serde(rename = "type")]
    kind: String,
    delta: Option<MessageDelta>,
}

#[derive(Deserialize)]
struct MessageDelta {
    message: Option<MessageContent>,
}

#[derive(Deserialize)]
struct MessageContent {
    content: Option<TextOnly>,
}

#[derive(Default)]
struct Answer {
    text: String,
    call_id: String,
    arguments: String,
}

pub struct Bare {
    client: reqwest::Client,
    server: String,
}

impl Bare {
    pub fn new(server: &str) -> Self {
        Self { client: reqwest::Client::new(), server: server.to_owned() }
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
        let url = Wire::Chat.url(&self.server, model);
        let request = self.client.post(url).bearer_auth("none").json(&body);
        let mut answer = Answer::default();
        read(request, |chunk| answer.take(chunk)).await?;
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

    /// The text of an answer, and in how many pieces it came.
    pub async fn chunks(&self, wire: Wire, model: &str) -> Result<(String, usize), Box<dyn Error>> {
        let (mut text, mut pieces) = (String::new(), 0);
        let mut say = |piece: Option<String>| {
            if let Some(piece) = piece.filter(|piece| !piece.is_empty()) {
                text.push_str(&piece);
                pieces += 1;
            }
        };
        let messages = json!([{"role": "user", "content": PROMPT}]);
        let body = match wire {
            Wire::Chat => json!({
                "model": model, "stream": true, "stream_options": {"include_usage": true},
                "messages": messages,
            }),
            Wire::Responses => json!({"model": model, "stream": true, "input": messages}),
            Wire::Anthropic => json!({
                "model": model, "stream": true, "max_tokens": 4096, "messages": messages,
            }),
            Wire::Gemini => json!({"contents": [{"role": "user", "parts": [{"text": PROMPT}]}]}),
            Wire::Cohere => json!({"model": model, "stream": true, "messages": messages}),
        };
        let url = wire.url(&self.server, model);
        let request = self.client.post(url).bearer_auth("none").json(&body);
        match wire {
            Wire::Chat => {
                read(request, |chunk: Chunk| {
                    say(chunk.choices.into_iter().next().and_then(|choice| choice.delta.content));
                })
                .await?;
            }
            Wire::Responses => {
                read(request, |event: TextEvent| {
                    if event.kind == "response.output_text.delta" {
                        say(event.delta);
                    }
                })
                .await?;
            }
            Wire::Anthropic => {
                read(request, |event: BlockEvent| {
                    if event.kind == "content_block_delta" {
                        say(event.delta.and_then(|delta| delta.text));
                    }
                })
                .await?;
            }
            Wire::Gemini => {
                read(request, |chunk: Candidates| {
                    for candidate in chunk.candidates {
                        candidate.content.parts.into_iter().for_each(|part| say(part.text));
                    }
                })
                .await?;
            }
            Wire::Cohere => {
                read(request, |event: MessageEvent| {
                    if event.kind == "content-delta" {
                        let message = event.delta.and_then(|delta| delta.message);
                        say(message.and_then(|message| message.content).and_then(|c| c.text));
                    }
                })
                .await?;
            }
        }
        Ok((text, pieces))
    }
}

/// Reads server-sent events: each line of data is JSON.
async fn read<T: DeserializeOwned>(
    request: reqwest::RequestBuilder,
    mut take: impl FnMut(T),
) -> Result<(), Box<dyn Error>> {
    let mut response = request.send().await?.error_for_status()?;
    let mut buffer = Vec::new();
    while let Some(bytes) = response.chunk().await? {
        buffer.extend_from_slice(&bytes);
        let mut done = 0;
        while let Some(length) = buffer[done..].iter().position(|b| *b == b'\n') {
            let line = &buffer[done..done + length];
            done += length + 1;
            match line.strip_prefix(b"data: ") {
                None | Some(b"[DONE]") => {}
                Some(data) => take(serde_json::from_slice(data)?),
            }
        }
        buffer.drain(..done);
    }
    Ok(())
}

impl Answer {
    fn take(&mut self, chunk: Chunk) {
        for choice in chunk.choices {
            if let Some(text) = choice.delta.content.filter(|text| !text.is_empty()) {
                self.text.push_str(&text);
            }
            for call in choice.delta.tool_calls {
                self.call_id.extend(call.id);
                self.arguments.push_str(&call.function.arguments);
            }
        }
    }
}
