//! What comes back.

use serde_json::{Value, json};

use super::*;
use crate::error::Code;
use crate::model::wires::embeddings::EmbeddingWire;
use crate::model::wires::testing::{
    Kept, ask, cut_off, embedded, events, serve, tokens_of, whole, with_nonsense, with_nulls,
};
use crate::model::{Usage, finish};

async fn answer(name: &'static str, data: &[&str]) -> (Result<Completion>, Kept) {
    ask(events(data), 4096, |address| chat(name, address, "m")).await
}

/// A stream as OpenAI documents it.
const STREAM: [&str; 6] = [
    r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o","system_fingerprint":"fp","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}"#,
    r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"Hell\u00f6"},"logprobs":null,"finish_reason":null}],"usage":null}"#,
    r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":" \ud83e\udd80"},"finish_reason":null}]}"#,
    r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}"#,
    r#"{"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":12,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":4,"accepted_prediction_tokens":0}}}"#,
    "[DONE]",
];

#[tokio::test]
async fn openais_documented_stream() {
    let (done, kept) = answer("openai", &STREAM).await;
    let expected = Completion {
        text: "Hellö 🦀".into(),
        usage: Usage::new(19, 10).cached(12, 0).reasoned(4),
        finish_reason: "stop".into(),
        request_id: Some("req_1".into()),
        ..Completion::default()
    };
    assert_eq!(done.expect("answer"), expected);
    assert_eq!(kept.0.len(), 3, "{:?}", kept.0);

    // However the bytes are cut.
    for size in [1, 2, 3, 7] {
        let (cut, _) = ask(events(&STREAM), size, |address| chat("openai", address, "m")).await;
        assert_eq!(cut.expect("answer"), expected, "{size}");
    }
}

fn calls(done: &Completion) -> Vec<(&str, &str, &str)> {
    let calls = done.tool_calls.iter();
    calls.map(|c| (c.id.as_str(), c.name.as_str(), c.arguments.as_str())).collect()
}

#[tokio::test]
async fn parallel_calls_are_kept_apart_however_they_come() {
    let piece = |call: &str| format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{call}]}}}}]}}"#);
    let end = r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#.to_owned();
    let begin = |index: &str, id: &str, name: &str, arguments: &str| {
        piece(&format!(
            r#"{{{index}"id":"{id}","type":"function","function":{{"name":"{name}","arguments":"{arguments}"}}}}"#
        ))
    };
    let more = |key: &str, arguments: &str| {
        piece(&format!(r#"{{{key}"function":{{"arguments":"{arguments}"}}}}"#))
    };
    let expected = [("a", "f", "{1}"), ("b", "g", "{2}")];
    let ways: [(&str, Vec<String>); 6] = [
        (
            "one after the other",
            vec![
                begin(r#""index":0,"#, "a", "f", ""),
                more(r#""index":0,"#, "{1"),
                more(r#""index":0,"#, "}"),
                begin(r#""index":1,"#, "b", "g", ""),
                more(r#""index":1,"#, "{2}"),
            ],
        ),
        (
            "interleaved",
            vec![
                begin(r#""index":0,"#, "a", "f", ""),
                begin(r#""index":1,"#, "b", "g", ""),
                more(r#""index":1,"#, "{2"),
                more(r#""index":0,"#, "{1"),
                more(r#""index":0,"#, "}"),
                more(r#""index":1,"#, "}"),
            ],
        ),
        (
            "counted from elsewhere",
            vec![
                begin(r#""index":1,"#, "a", "f", "{"),
                begin(r#""index":3,"#, "b", "g", "{2}"),
                more(r#""index":1,"#, "1}"),
            ],
        ),
        ("whole and without indices", vec![begin("", "a", "f", "{1}"), begin("", "b", "g", "{2}")]),
        (
            "in pieces and without indices",
            vec![
                begin("", "a", "f", "{"),
                more("", "1}"),
                begin("", "b", "g", "{2"),
                more("", "}"),
            ],
        ),
        (
            "all counted 0",
            vec![
                begin(r#""index":0,"#, "a", "f", "{1}"),
                begin(r#""index":0,"#, "b", "g", "{2"),
                more(r#""index":0,"#, "}"),
            ],
        ),
    ];
    for (way, mut data) in ways {
        data.push(end.clone());
        let data: Vec<&str> = data.iter().map(String::as_str).collect();
        let (done, _) = answer("mine", &data).await;
        let done = done.expect(way);
        assert_eq!(calls(&done), expected, "{way}");
        assert_eq!(done.finish_reason, finish::TOOL_CALLS);
    }
}

#[tokio::test]
async fn calls_in_odd_forms_are_calls() {
    // No id, arguments as an object, the name again with each piece, nothing at all as arguments,
    // and a reason that does not know of calls.
    let (done, _) = answer("mine", &[
        r#"{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":{"a":[1]}}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":7,"id":"x","function":{"name":"g","arguments":null}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":7,"id":"","function":{"name":"g"}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":null,"content":null},"finish_reason":"stop"}]}"#,
    ]).await;
    let done = done.expect("answer");
    assert!(done.tool_calls[0].id.starts_with("call_"));
    assert_eq!(calls(&done)[0].1, "f");
    assert_eq!(calls(&done)[0].2, r#"{"a":[1]}"#);
    assert_eq!(calls(&done)[1], ("x", "g", "{}"));
    assert_eq!(done.finish_reason, finish::TOOL_CALLS);
    let (done, _) = answer("mine", &[
        r#"{"choices":[{"delta":{"function_call":{"name":"f","arguments":"{"}}}]}"#,
        r#"{"choices":[{"delta":{"function_call":{"arguments":"}"}},"finish_reason":"function_call"}]}"#,
    ]).await;
    let done = done.expect("answer");
    assert_eq!((calls(&done)[0].1, calls(&done)[0].2), ("f", "{}"));
    assert_eq!(done.finish_reason, finish::TOOL_CALLS);
}

#[tokio::test]
async fn calls_that_make_no_sense_are_no_answer() {
    for data in [
        r#"{"choices":[{"delta":{"tool_calls":[{"index":99999999}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a"}]},"finish_reason":"tool_calls"}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":-1}]}}]}"#,
        r#"{"choices":7}"#,
        "[]",
    ] {
        let (error, _) = answer("mine", &[data]).await;
        assert_eq!(error.expect_err(data).code(), Code::ModelInvalidResponse, "{data}");
    }
}

#[tokio::test]
async fn thoughts_come_from_every_place_where_they_stand() {
    let end = r#"{"choices":[{"delta":{"content":"so"},"finish_reason":"stop"}]}"#;
    for (name, data, field) in [
        (
            "deepseek",
            r#"{"choices":[{"delta":{"content":null,"reasoning_content":"hm"}}]}"#,
            Some("reasoning_content"),
        ),
        (
            "xai",
            r#"{"choices":[{"delta":{"role":"assistant","content":"","reasoning_content":"hm"}}]}"#,
            None,
        ),
        ("groq", r#"{"choices":[{"delta":{"reasoning":"hm","channel":"analysis"}}]}"#, None),
        ("ollama", r#"{"choices":[{"delta":{"content":"","reasoning":"hm"}}]}"#, None),
        (
            "mistral",
            r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}],"closed":true}]}}]}"#,
            Some("thinking"),
        ),
        (
            "mistral",
            r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":""}]}}]}"#,
            Some("thinking"),
        ),
    ] {
        let (done, kept) = answer(name, &[data, end]).await;
        let done = done.expect(name);
        assert_eq!((done.text.as_str(), done.reasoning[0].text.as_str()), ("so", "hm"), "{name}");
        assert_eq!(kept.sum().1, "hm", "{name}");
        let receipt = field.map(|field| Receipt {
            wire: format!("openai_chat:{name}"),
            data: json!({ "field": field }),
        });
        assert_eq!(done.reasoning[0].receipt, receipt, "{name}");
    }
}

#[tokio::test]
async fn openrouters_details_are_put_together_and_go_back() {
    let (done, kept) = answer("openrouter", &[
        r#"{"choices":[{"delta":{"reasoning":"I ","reasoning_details":[{"type":"reasoning.text","text":"I ","format":"anthropic-claude-v1","index":0}]}}]}"#,
        r#"{"choices":[{"delta":{"reasoning":"think","reasoning_details":[{"type":"reasoning.text","text":"think","format":"anthropic-claude-v1","index":0}]}}]}"#,
        r#"{"choices":[{"delta":{"reasoning_details":[{"type":"reasoning.text","signature":"sig","index":0}]}}]}"#,
        r#"{"choices":[{"delta":{"reasoning_details":[{"type":"reasoning.encrypted","data":"xyz","id":"r1","index":1}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"t","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#,
    ]).await;
    let done = done.expect("answer");
    assert_eq!(kept.sum().1, "I think");
    let details = json!([
        {"type": "reasoning.text", "text": "I think", "signature": "sig",
         "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "xyz", "id": "r1", "index": 1},
    ]);
    let receipt = done.reasoning[0].receipt.as_ref().expect("receipt");
    assert_eq!(receipt.data, json!({"model": "m", "details": details}));
    let body = sent("openrouter", "m", &conversation(done.reasoning.clone(), ""));
    assert_eq!(body["messages"][1]["reasoning_details"], details);
    // Another model behind the same address cannot read them.
    let body = sent("openrouter", "other", &conversation(done.reasoning, ""));
    assert!(body["messages"][1].get("reasoning_details").is_none());
}

#[tokio::test]
async fn usage_is_found_wherever_it_stands() {
    let end = r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}"#;
    for (name, data, usage) in [
        (
            "groq",
            r#"{"choices":[],"x_groq":{"id":"req_g","usage":{"prompt_tokens":5,"completion_tokens":7,"total_time":0.1}}}"#,
            Usage::new(5, 7),
        ),
        (
            "deepseek",
            r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":5}}"#,
            Usage::new(9, 3).cached(4, 0),
        ),
        // xAI counts thoughts beside the rest.
        (
            "xai",
            r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":112,"completion_tokens_details":{"reasoning_tokens":100}}}"#,
            Usage::new(10, 102).reasoned(100),
        ),
        (
            "openai",
            r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":102,"total_tokens":112,"completion_tokens_details":{"reasoning_tokens":100}}}"#,
            Usage::new(10, 102).reasoned(100),
        ),
        (
            "openrouter",
            r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2.0,"total_tokens":null,"prompt_tokens_details":{"cached_tokens":3,"cache_write_tokens":4}}}"#,
            Usage::new(10, 2).cached(3, 4),
        ),
    ] {
        let (done, _) = answer(name, &[end, data]).await;
        assert_eq!(done.expect(name).usage, usage, "{name}");
    }
}

#[tokio::test]
async fn reasons_have_one_word_each() {
    for (theirs, ours) in [
        ("stop", finish::STOP),
        ("length", finish::LENGTH),
        ("model_length", finish::LENGTH),
        ("max_tokens", finish::LENGTH),
        ("function_call", finish::TOOL_CALLS),
        ("content_filter", finish::CONTENT_FILTER),
        ("eos", finish::STOP),
        ("other", "other"),
    ] {
        let data =
            format!(r#"{{"choices":[{{"delta":{{"content":"x"}},"finish_reason":"{theirs}"}}]}}"#);
        assert_eq!(answer("mine", &[&data]).await.0.expect(theirs).finish_reason, ours);
    }
    for theirs in ["error", "insufficient_system_resource"] {
        let data = format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{theirs}"}}]}}"#);
        let error = answer("mine", &[&data]).await.0.expect_err(theirs);
        assert_eq!((error.code(), error.retryable()), (Code::ModelUnavailable, true));
    }
    let (done, _) = answer(
        "openai",
        &[
            r#"{"choices":[{"delta":{"refusal":"I will "}}]}"#,
            r#"{"choices":[{"delta":{"refusal":"not."},"finish_reason":"stop"}]}"#,
        ],
    )
    .await;
    let done = done.expect("refusal");
    assert_eq!(
        (done.text.as_str(), done.finish_reason.as_str()),
        ("I will not.", "content_filter")
    );
}

#[tokio::test]
async fn errors_within_a_stream_have_their_codes() {
    for (data, code) in [
        (r#"{"error":{"message":"overloaded"}}"#, Code::ModelUnavailable),
        (
            r#"{"id":"g","error":{"code":429,"message":"slow"},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#,
            Code::ModelRateLimited,
        ),
        (
            r#"{"error":{"message":"too long","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
            Code::ModelContextExceeded,
        ),
        (
            r#"{"error":"the request exceeds the available context size"}"#,
            Code::ModelContextExceeded,
        ),
        (
            r#"{"object":"error","message":"no","type":"invalid_request_error","code":400}"#,
            Code::ModelRefused,
        ),
        (r#"{"choices":[{"delta":{"content":"half"}}]}"#, Code::ModelStreamBroken),
        (r#"{"ping":true}"#, Code::ModelStreamBroken),
    ] {
        let (outcome, _) = answer("mine", &[data]).await;
        assert_eq!(outcome.expect_err(data).code(), code, "{data}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_behind_a_whole_answer_takes_nothing_from_it() {
    let said = r#"{"choices":[{"delta":{"content":"all"}}]}"#;
    let over = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
    let make = |address: &str| chat("mine", address, "m");
    let (done, _) = ask(cut_off(events(&[said, over])), 4096, make).await;
    assert_eq!(done.expect("whole").text, "all");
    let (broken, _) = ask(cut_off(events(&[said])), 4096, make).await;
    assert_eq!(broken.expect_err("not whole").code(), Code::ModelStreamBroken);
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let fails = async |name: &'static str, status: &str, body: &str| {
        let (outcome, _) = ask(whole(status, body), 4096, |address| chat(name, address, "m")).await;
        outcome.expect_err("refused")
    };
    let long = r#"{"error":{"message":"maximum context length is 8 tokens","code":"context_length_exceeded"}}"#;
    let error = fails("openai", "400 Bad Request", long).await;
    assert_eq!(error.code(), Code::ModelContextExceeded);
    assert_eq!(error.answer().and_then(|a| a.status), Some(400));
    let error = fails("openai", "401 Unauthorized", r#"{"error":{"message":"key sk-test"}}"#).await;
    assert_eq!(error.hint_text(), Some("check the API key and what it may use"));
    assert!(!error.to_json().to_string().contains("sk-test"));

    let (address, _asked) = serve(whole("401 Unauthorized", "{}"), 4096);
    let keyless = Reached { key: None, ..reached("mine", &address) };
    let model = OpenAiChat::new(&keyless, "m").expect("model");
    let error = model.chat(&ChatRequest::default(), &mut Kept::default()).await.expect_err("401");
    let hint = error.hint_text().expect("hint");
    assert_eq!(hint, "no API key was given: give `providers.mine.api_key` when opening the kernel");
}

#[tokio::test]
async fn an_answer_in_one_piece_is_taken_as_well() {
    let body = r#"{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"at once","reasoning_content":"hm","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    let (done, _) = ask(whole("200 OK", body), 4096, |address| chat("mine", address, "m")).await;
    let done = done.expect("answer");
    assert_eq!((done.text.as_str(), done.reasoning[0].text.as_str()), ("at once", "hm"));
    assert_eq!(calls(&done), [("a", "f", "{}"), ("b", "g", "{}")]);
    assert_eq!(done.usage, Usage::new(1, 2));
}

#[tokio::test]
async fn embeddings_come_in_order_and_at_length_1() {
    let body = r#"{"object":"list","data":[{"object":"embedding","index":1,"embedding":[0,2]},{"index":0,"embedding":[3.0,4.0]}],"model":"e","usage":{"prompt_tokens":1}}"#;
    let (address, asked) = serve(whole("200 OK", body), 4096);
    let texts = ["a".to_owned(), "b".to_owned()];
    let vectors = embedded(&chat("mine", &address, "e"), &texts).await.expect("vectors");
    assert_eq!(vectors, [[0.6, 0.8], [0.0, 1.0]]);
    let asked = asked.recv().expect("request");
    assert!(asked.starts_with("POST /embeddings "), "{asked}");
    let sent = asked.split("\r\n\r\n").nth(1).expect("body");
    let sent: Value = serde_json::from_str(sent).expect("json");
    assert_eq!(sent, json!({"model": "e", "input": ["a", "b"], "encoding_format": "float"}));

    for body in [
        r#"{"data":[{"index":0,"embedding":[1]}]}"#,
        r#"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]}"#,
        r#"{"data":[{"index":0,"embedding":[0]},{"index":1,"embedding":[0]}]}"#,
        "{}",
    ] {
        let (address, _asked) = serve(whole("200 OK", body), 4096);
        let error = embedded(&chat("mine", &address, "e"), &texts).await.expect_err(body);
        assert_eq!(error.code(), Code::ModelInvalidResponse, "{body}");
    }
}

#[tokio::test]
async fn tokens_of_embeddings_are_counted_where_they_are_told_and_never_make_them_fail() {
    let answer = |usage: &str| {
        format!(r#"{{"data":[{{"embedding":[1]}},{{"embedding":[2]}}],"usage":{usage}}}"#)
    };
    let said = [
        r#"{"prompt_tokens":5,"total_tokens":5}"#,
        r#"{"prompt_tokens":5}"#,
        r#"{"total_tokens":7.0}"#,
        r#"{"total_tokens":null}"#,
        r#"{"total_tokens":-1}"#,
        "null",
        "[]",
        r#""many""#,
    ];
    let counts = tokens_of(&said.map(answer), |address| chat("mine", address, "e")).await;
    assert_eq!(counts, [5, 5, 7, 0, 0, 0, 0, 0]);
}

#[test]
fn requests_for_vectors_are_bounded_by_what_each_provider_takes() {
    let limit = |name: &str| {
        let limit = chat(name, "http://127.0.0.1:9", "e").batch_limit();
        (limit.texts, limit.bytes / 1024)
    };
    assert_eq!(limit("openai"), (64, 440));
    assert_eq!(limit("mistral"), (64, 24));
    assert_eq!(limit("mine"), (32, 128));
}

/// Pieces of every kind that a provider sends.
const PIECES: [&str; 5] = [
    r#"{"choices":[{"index":0,"delta":{"content":{"type":"text","text":"x"}},"native_finish_reason":"x"}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"x"}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"reasoning":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm","signature":"s","id":"r","format":"f","index":0}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#,
    r#"{"choices":[],"x_groq":{"id":"g","usage":{"prompt_tokens":1,"completion_tokens":2,"completion_tokens_details":{"reasoning_tokens":1}}}}"#,
];

#[tokio::test]
async fn null_is_taken_anywhere_and_nonsense_never_does_worse_than_fail() {
    let model = chat("mine", "http://127.0.0.1:9", "m");
    let data = || STREAM.into_iter().filter(|data| *data != "[DONE]").chain(PIECES);
    for mutant in with_nulls(data()) {
        let outcome = Reading::new(&model, None).take(&mutant, &mut Kept::default()).await;
        assert!(outcome.is_ok(), "{mutant}: {outcome:?}");
    }
    for mutant in with_nonsense(data()) {
        let mut reading = Reading::new(&model, None);
        if reading.take(&mutant, &mut Kept::default()).await.is_ok() {
            let _ = reading.complete(&mut Kept::default()).await;
        }
    }
}

#[tokio::test]
async fn errors_stand_in_many_places_and_are_told_from_all() {
    let begin = r#"{"choices":[{"delta":{"content":"x"}}]}"#;
    for (name, data, code, says) in [
        (
            "groq",
            r#"{"choices":[{"delta":{}}],"x_groq":{"id":"req_g","error":"over capacity"}}"#,
            Code::ModelUnavailable,
            "over capacity",
        ),
        (
            "openrouter",
            r#"{"choices":[{"delta":{"content":""},"finish_reason":"error","error":{"code":429,"message":"slow down"}}]}"#,
            Code::ModelRateLimited,
            "slow down",
        ),
        (
            "openrouter",
            r#"{"choices":[{"delta":{},"finish_reason":"error","native_finish_reason":"MALFORMED"}]}"#,
            Code::ModelUnavailable,
            "MALFORMED",
        ),
        (
            "mine",
            r#"{"error":{"message":"the request exceeds the available context size"}}"#,
            Code::ModelContextExceeded,
            "context size",
        ),
    ] {
        let error = answer(name, &[begin, data]).await.0.expect_err(data);
        assert_eq!(error.code(), code, "{data}");
        assert!(error.message().contains(says), "{error}");
        assert_eq!(error.answer().and_then(|a| a.request_id.as_deref()), Some("req_1"), "{data}");
    }
}

#[tokio::test]
async fn a_part_alone_and_counts_that_are_left_out_are_made_sense_of() {
    let (done, _) = answer(
        "mine",
        &[
            r#"{"choices":[{"delta":{"content":{"type":"text","text":"so"}},"finish_reason":"stop"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":9,"total_tokens":12}}"#,
        ],
    )
    .await;
    let done = done.expect("answer");
    assert_eq!((done.text.as_str(), done.usage), ("so", Usage::new(9, 3)));
}

#[tokio::test]
async fn an_exchange_has_the_id_that_its_provider_gives_it() {
    let body = r#"{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}"#;
    for header in ["x-generation-id", "x-debug-trace-id", "cf-ray"] {
        let answer =
            format!("HTTP/1.1 200 OK\r\n{header}: id-7\r\nconnection: close\r\n\r\n{body}");
        let (done, _) = ask(answer.into_bytes(), 4096, |address| chat("mine", address, "m")).await;
        assert_eq!(done.expect(header).request_id.as_deref(), Some("id-7"), "{header}");
    }
}
