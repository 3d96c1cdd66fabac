//! The protocols of the providers, and what an answer in 1,000 chunks looks like in each: the fields
//! that the provider sends with every piece, whether or not a client reads them.

use serde_json::{Value, json};

/// A protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    Chat,
    Responses,
    Anthropic,
    Gemini,
    Cohere,
}

pub const WIRES: [Wire; 5] =
    [Wire::Chat, Wire::Responses, Wire::Anthropic, Wire::Gemini, Wire::Cohere];

/// What one piece says.
pub const WORD: &str = " word";

impl Wire {
    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "OpenAI chat",
            Self::Responses => "OpenAI responses",
            Self::Anthropic => "Anthropic",
            Self::Gemini => "Gemini",
            Self::Cohere => "Cohere",
        }
    }

    /// Its name in a configuration of aikit's.
    pub fn word(self) -> &'static str {
        match self {
            Self::Chat => "openai_chat",
            Self::Responses => "openai_responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Cohere => "cohere",
        }
    }

    /// Where clients are told to find it.
    pub fn base_url(self, server: &str) -> String {
        match self {
            Self::Chat | Self::Responses => format!("{server}/v1"),
            Self::Anthropic | Self::Gemini | Self::Cohere => server.to_owned(),
        }
    }

    /// Where the operation is.
    pub fn url(self, server: &str, model: &str) -> String {
        match self {
            Self::Chat => format!("{server}/v1/chat/completions"),
            Self::Responses => format!("{server}/v1/responses"),
            Self::Anthropic => format!("{server}/v1/messages"),
            Self::Gemini => {
                format!("{server}/v1beta/models/{model}:streamGenerateContent?alt=sse")
            }
            Self::Cohere => format!("{server}/v2/chat"),
        }
    }

    /// The protocol that is spoken at a path.
    pub fn at(path: &str) -> Self {
        match path {
            _ if path.contains("/chat/completions") => Self::Chat,
            _ if path.contains("/responses") => Self::Responses,
            _ if path.contains("/messages") => Self::Anthropic,
            _ if path.contains(":streamGenerateContent") => Self::Gemini,
            _ => Self::Cohere,
        }
    }

    /// An answer of so many pieces, as server-sent events.
    pub fn answer(self, pieces: usize) -> Vec<String> {
        let text = WORD.repeat(pieces);
        match self {
            Self::Chat => chat(pieces),
            Self::Responses => responses(pieces, &text),
            Self::Anthropic => anthropic(pieces),
            Self::Gemini => gemini(pieces),
            Self::Cohere => cohere(pieces),
        }
    }
}

/// A chunk of the chat wire.
pub fn chunk(choices: &Value, usage: &Value) -> String {
    let chunk = json!({
        "id": "chatcmpl-Cd3oHZ1mPqXvT9sWk2LrYb7NfEaUg", "object": "chat.completion.chunk",
        "created": 1_700_000_000, "model": "gpt-4o-mini-2024-07-18", "service_tier": "default",
        "system_fingerprint": "fp_560af6e559", "choices": choices, "usage": usage,
    });
    format!("data: {chunk}\n\n")
}

/// A chunk with a choice.
pub fn choice(delta: Value, finish: Value) -> String {
    let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish});
    chunk(&json!([choice]), &Value::Null)
}

fn chat(pieces: usize) -> Vec<String> {
    let mut events = vec![choice(json!({"role": "assistant", "content": ""}), Value::Null)];
    events.extend((0..pieces).map(|_| choice(json!({"content": WORD}), Value::Null)));
    events.push(choice(json!({}), json!("stop")));
    events.extend(chat_end());
    events
}

/// Usage and the end of the chat wire.
pub fn chat_end() -> [String; 2] {
    let usage = json!({"prompt_tokens": 50, "completion_tokens": 20, "total_tokens": 70});
    [chunk(&json!([]), &usage), "data: [DONE]\n\n".to_owned()]
}

fn named(data: &Value) -> String {
    format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or_default())
}

fn responses(pieces: usize, text: &str) -> Vec<String> {
    let response = |status: &str, output: Value, usage: Value| {
        json!({
            "id": "resp_1", "object": "response", "created_at": 1_700_000_000, "status": status,
            "error": null, "incomplete_details": null, "instructions": null,
            "max_output_tokens": null, "model": "gpt-4o-mini-2024-07-18", "output": output,
            "parallel_tool_calls": true, "previous_response_id": null,
            "reasoning": {"effort": null, "summary": null}, "store": false, "temperature": 1.0,
            "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [],
            "top_p": 1.0, "truncation": "disabled", "usage": usage, "metadata": {},
        })
    };
    let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": []});
    let item = |status: &str, content: Value| {
        json!({"id": "msg_1", "type": "message", "status": status, "role": "assistant",
               "content": content})
    };
    let usage = json!({
        "input_tokens": 8, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": pieces, "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 8 + pieces,
    });
    let mut events = vec![
        json!({"type": "response.created",
               "response": response("in_progress", json!([]), Value::Null)}),
        json!({"type": "response.output_item.added", "output_index": 0,
               "item": item("in_progress", json!([]))}),
        json!({"type": "response.content_part.added", "item_id": "msg_1", "output_index": 0,
               "content_index": 0, "part": part("")}),
    ];
    events.extend((0..pieces).map(|_| {
        json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0,
               "content_index": 0, "delta": WORD, "logprobs": [], "obfuscation": "kFJ2mXq8sLw"})
    }));
    let done = item("completed", json!([part(text)]));
    events.extend([
        json!({"type": "response.output_text.done", "item_id": "msg_1", "output_index": 0,
               "content_index": 0, "text": text, "logprobs": []}),
        json!({"type": "response.content_part.done", "item_id": "msg_1", "output_index": 0,
               "content_index": 0, "part": part(text)}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": done}),
        json!({"type": "response.completed",
               "response": response("completed", json!([done]), usage)}),
    ]);
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
    events.iter().map(named).collect()
}

fn anthropic(pieces: usize) -> Vec<String> {
    let usage = json!({"input_tokens": 8, "cache_creation_input_tokens": 0,
                       "cache_read_input_tokens": 0, "output_tokens": 1});
    let mut events = vec![
        json!({"type": "message_start", "message": {
            "id": "msg_1", "type": "message", "role": "assistant", "content": [],
            "model": "claude-sonnet-4-5", "stop_reason": null, "stop_sequence": null,
            "usage": usage}}),
        json!({"type": "content_block_start", "index": 0,
               "content_block": {"type": "text", "text": ""}}),
    ];
    events.extend((0..pieces).map(|_| {
        json!({"type": "content_block_delta", "index": 0,
               "delta": {"type": "text_delta", "text": WORD}})
    }));
    events.extend([
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta",
               "delta": {"stop_reason": "end_turn", "stop_sequence": null},
               "usage": {"output_tokens": pieces}}),
        json!({"type": "message_stop"}),
    ]);
    events.iter().map(named).collect()
}

fn gemini(pieces: usize) -> Vec<String> {
    // Counts come with every chunk, and grow.
    let chunk = |number: usize| {
        let mut candidate = json!({
            "content": {"parts": [{"text": WORD}], "role": "model"}, "index": 0,
        });
        if number == pieces {
            candidate["finishReason"] = json!("STOP");
        }
        let chunk = json!({
            "candidates": [candidate],
            "usageMetadata": {
                "promptTokenCount": 8, "candidatesTokenCount": number,
                "totalTokenCount": 8 + number,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 8}],
            },
            "modelVersion": "gemini-2.5-flash", "responseId": "mLsaacvYEqGCz7IP5LSzuQs",
        });
        format!("data: {chunk}\r\n\r\n")
    };
    (1..=pieces).map(chunk).collect()
}

fn cohere(pieces: usize) -> Vec<String> {
    let content = |kind: &str, content: Value| {
        json!({"type": kind, "index": 0,
                                                      "delta": {"message": {"content": content}}})
    };
    let counts = json!({"input_tokens": 8, "output_tokens": pieces});
    let mut events = vec![
        json!({"type": "message-start", "id": "29f14a5a-11de-4cae-9800-25e4747408ea",
               "delta": {"message": {"role": "assistant", "content": [], "tool_plan": "",
                                     "tool_calls": [], "citations": []}}}),
        content("content-start", json!({"type": "text", "text": ""})),
    ];
    events.extend((0..pieces).map(|_| content("content-delta", json!({"text": WORD}))));
    events.extend([
        json!({"type": "content-end", "index": 0}),
        json!({"type": "message-end", "delta": {
            "finish_reason": "COMPLETE", "usage": {"billed_units": counts, "tokens": counts}}}),
    ]);
    events.iter().map(named).collect()
}
