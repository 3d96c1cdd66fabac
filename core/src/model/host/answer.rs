//! What a function of the host's may give, read with a reason for each refusal.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::model::{Completion, Reasoning, ToolCall, Usage, finish};

/// The most calls of one answer.
const CALL_LIMIT: usize = 256;

/// The whole answer, or what is wrong with it.
pub(super) fn completion(answer: Value) -> Result<Completion, String> {
    let mut fields = match answer {
        Value::String(text) => {
            let finish_reason = finish::STOP.to_owned();
            return Ok(Completion { text, finish_reason, ..Completion::default() });
        }
        Value::Object(fields) => fields,
        other => return Err(format!("here belongs a text or an object, not {}", kind(&other))),
    };
    let text = text(&mut fields, "text")?;
    let reasoning = match self::text(&mut fields, "reasoning")? {
        Some(text) if !text.is_empty() => vec![Reasoning { text, receipt: None }],
        _ => Vec::new(),
    };
    let tool_calls = calls(fields.shift_remove("tool_calls"))?;
    let usage = usage(fields.shift_remove("usage"))?;
    let finish_reason = self::text(&mut fields, "finish_reason")?;
    if let Some(name) = fields.keys().next() {
        return Err(format!("`{name}` is not known"));
    }
    if text.is_none() && tool_calls.is_empty() && finish_reason.is_none() {
        return Err("it has neither `text` nor `tool_calls`".into());
    }
    let reason = if tool_calls.is_empty() { finish::STOP } else { finish::TOOL_CALLS };
    Ok(Completion {
        text: text.unwrap_or_default(),
        reasoning,
        tool_calls,
        usage,
        finish_reason: finish_reason.unwrap_or_else(|| reason.to_owned()),
        ..Completion::default()
    })
}

fn text(fields: &mut Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match fields.shift_remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!("`{name}` must be a text, not {}", kind(&other))),
    }
}

fn calls(value: Option<Value>) -> Result<Vec<ToolCall>, String> {
    let items = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        // What an empty table of Lua's may be.
        Some(Value::Object(fields)) if fields.is_empty() => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(other) => return Err(format!("`tool_calls` must be a list, not {}", kind(&other))),
    };
    if items.len() > CALL_LIMIT {
        return Err(format!("it has more than {CALL_LIMIT} tool calls"));
    }
    let read = |(i, item)| call(item).map_err(|why| format!("`tool_calls[{i}]`: {why}"));
    items.into_iter().enumerate().map(read).collect()
}

fn call(item: Value) -> Result<ToolCall, String> {
    let Value::Object(mut fields) = item else {
        return Err(format!("here belongs {{name, arguments, id}}, not {}", kind(&item)));
    };
    let name = text(&mut fields, "name")?.filter(|name| !name.is_empty());
    let name = name.ok_or("`name` is missing")?;
    let arguments = match fields.shift_remove("arguments") {
        None | Some(Value::Null) => "{}".to_owned(),
        Some(Value::String(text)) => text,
        Some(Value::Array(items)) if items.is_empty() => "{}".to_owned(),
        Some(arguments @ Value::Object(_)) => arguments.to_string(),
        Some(other) => return Err(format!("`arguments` must be an object, not {}", kind(&other))),
    };
    let id = text(&mut fields, "id")?.filter(|id| !id.is_empty());
    if let Some(name) = fields.keys().next() {
        return Err(format!("`{name}` is not known"));
    }
    let id = id.unwrap_or_else(|| format!("call_{}", Uuid::now_v7().simple()));
    Ok(ToolCall { id, name, arguments, receipt: None })
}

fn usage(value: Option<Value>) -> Result<Usage, String> {
    let mut fields = match value {
        None | Some(Value::Null) => return Ok(Usage::default()),
        Some(Value::Object(fields)) => fields,
        Some(other) => return Err(format!("`usage` must be an object, not {}", kind(&other))),
    };
    let mut count = |name: &str| match fields.shift_remove(name) {
        None | Some(Value::Null) => Ok(0),
        Some(value) => whole(&value)
            .ok_or_else(|| format!("`usage.{name}` must be a whole number from 0, not {value}")),
    };
    let usage = Usage::new(count("input_tokens")?, count("output_tokens")?)
        .cached(count("cached_input_tokens")?, count("cache_write_tokens")?)
        .reasoned(count("reasoning_tokens")?);
    // The sum may be said, and is not believed.
    count("total_tokens")?;
    match fields.keys().next() {
        Some(name) => Err(format!("`usage.{name}` is not known")),
        None => Ok(usage),
    }
}

/// A count. Languages of one number type write 5 as 5.0.
fn whole(value: &Value) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let float = || value.as_f64().filter(|n| n.fract() == 0.0 && (0.0..=EXACT).contains(n));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    value.as_u64().or_else(|| float().map(|n| n as u64))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_read_in_all_its_parts() {
        let done = completion(json!({
            "text": "t", "reasoning": "r", "finish_reason": "length",
            "tool_calls": [
                {"name": "a", "arguments": {"x": 1}, "id": "1"},
                {"name": "b", "arguments": "{broken"},
                {"name": "c"},
            ],
            "usage": {"input_tokens": 5, "output_tokens": 3.0, "cached_input_tokens": 2,
                      "reasoning_tokens": 1, "total_tokens": 8},
        }))
        .expect("answer");
        assert_eq!((done.text.as_str(), done.reasoning[0].text.as_str()), ("t", "r"));
        assert_eq!(done.finish_reason, "length");
        assert_eq!(done.usage, Usage::new(5, 3).cached(2, 0).reasoned(1));
        let arguments: Vec<&str> = done.tool_calls.iter().map(|c| c.arguments.as_str()).collect();
        assert_eq!(arguments, ["{\"x\":1}", "{broken", "{}"]);
        assert_eq!(done.tool_calls[0].id, "1");
        assert_ne!(done.tool_calls[1].id, done.tool_calls[2].id);
        let plain = completion(json!("only text")).expect("answer");
        assert_eq!((plain.text.as_str(), plain.finish_reason.as_str()), ("only text", "stop"));
        let calls = completion(json!({"tool_calls": [{"name": "a"}]})).expect("answer");
        assert_eq!(calls.finish_reason, "tool_calls");
    }

    #[test]
    fn what_is_no_answer_is_told_with_its_place() {
        let cases = [
            (json!(null), "not nothing"),
            (json!(3), "not a number"),
            (json!(["x"]), "not a list"),
            (json!({}), "neither `text` nor `tool_calls`"),
            (json!({"txt": "x"}), "`txt` is not known"),
            (json!({"text": 3}), "`text` must be a text, not a number"),
            (json!({"tool_calls": "x"}), "`tool_calls` must be a list"),
            (json!({"tool_calls": [{"name": "a"}, {}]}), "`tool_calls[1]`: `name` is missing"),
            (json!({"tool_calls": [{"name": "a", "arguments": 1}]}), "`arguments` must be"),
            (json!({"tool_calls": [{"name": "a", "args": {}}]}), "`args` is not known"),
            (json!({"text": "", "usage": {"input_tokens": -1}}), "`usage.input_tokens` must be"),
            (json!({"text": "", "usage": {"input_tokens": 1.5}}), "`usage.input_tokens` must be"),
            (json!({"text": "", "usage": {"tokens": 1}}), "`usage.tokens` is not known"),
            (json!({"text": "", "usage": [1]}), "`usage` must be an object"),
            (json!({"tool_calls": vec![json!({"name": "a"}); 257]}), "more than 256"),
        ];
        for (answer, expected) in cases {
            let problem = completion(answer.clone()).expect_err("no answer");
            assert!(problem.contains(expected), "{answer}: {problem}");
        }
    }
}
