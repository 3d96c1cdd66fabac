//! Several models: who is asked, what is given once, what is told.

use std::sync::Mutex;

use super::*;
use crate::error::ProviderAnswer;
use crate::model::ToolCall;

/// Gives the deltas and ends as it is told, one turn after the other; keeps what it was asked.
#[derive(Default)]
struct Told {
    turns: Mutex<Vec<(Vec<Delta>, Result<Completion>)>>,
    asked: Mutex<Vec<ChatRequest>>,
}

#[async_trait]
impl ChatModel for Told {
    async fn chat(&self, request: &ChatRequest, sink: &mut dyn DeltaSink) -> Result<Completion> {
        self.asked.lock().expect("lock").push(request.clone());
        let (deltas, outcome) = self.turns.lock().expect("lock").remove(0);
        for delta in deltas {
            sink.delta(delta).await;
        }
        outcome
    }

    fn structured_output(&self) -> StructuredOutput {
        StructuredOutput::Native
    }
}

#[derive(Default)]
struct Deltas(Vec<Delta>);

#[async_trait]
impl DeltaSink for Deltas {
    async fn delta(&mut self, delta: Delta) {
        self.0.push(delta);
    }
}

impl Deltas {
    fn text(&self) -> String {
        let text = |delta: &Delta| match delta {
            Delta::Text(text) => Some(text.clone()),
            _ => None,
        };
        self.0.iter().filter_map(text).collect()
    }

    /// Attempt and next model.
    fn retries(&self) -> Vec<(u32, Code, Option<String>)> {
        let of = |delta: &Delta| match delta {
            Delta::Retrying { attempt, code, model, .. } => Some((*attempt, *code, model.clone())),
            _ => None,
        };
        self.0.iter().filter_map(of).collect()
    }
}

type Turn = (Vec<Delta>, Result<Completion>);

fn chain(models: Vec<(&str, u32, Vec<Turn>)>) -> (Arc<dyn ChatModel>, Vec<Arc<Told>>) {
    let mut told = Vec::new();
    let mut links = Vec::new();
    for (name, again, turns) in models {
        let model = Arc::new(Told { turns: turns.into(), ..Told::default() });
        told.push(model.clone());
        links.push(Link { name: name.into(), model, again });
    }
    let first = links.remove(0);
    (Fallback::of(first, links), told)
}

async fn ask(model: &Arc<dyn ChatModel>) -> (Result<Completion>, Deltas) {
    let mut deltas = Deltas::default();
    let request = ChatRequest { messages: vec![Message::user("tell")], ..ChatRequest::default() };
    let outcome = model.chat(&request, &mut deltas).await;
    (outcome, deltas)
}

fn text(text: &str) -> Delta {
    Delta::Text(text.into())
}

fn call(id: &str, arguments: &str) -> Delta {
    Delta::ToolCall { call_id: id.into(), name: "t".into(), arguments: arguments.into() }
}

fn said(said: &str) -> Turn {
    let usage = Usage::new(10, 5);
    let completion = Completion { text: said.into(), usage, ..Completion::default() };
    (vec![Delta::Usage(usage), text(said)], Ok(completion))
}

fn fails(deltas: Vec<Delta>, code: Code) -> Turn {
    (deltas, Err(Error::new(code, format!("{code} happened"))))
}

#[tokio::test]
async fn the_next_model_is_asked_when_another_may_answer() {
    for (code, passes) in [
        (Code::ModelUnavailable, true),
        (Code::ModelRateLimited, true),
        (Code::ModelStreamBroken, true),
        (Code::ModelContextExceeded, true),
        (Code::ModelUnauthorized, true),
        (Code::ModelInvalidResponse, true),
        (Code::ModelRefused, false),
        (Code::ModelScriptExhausted, false),
        (Code::CassetteDiffers, false),
    ] {
        let (model, told) = chain(vec![
            ("a/1", 2, vec![fails(Vec::new(), code)]),
            ("b/2", 2, vec![said("from b")]),
        ]);
        let (outcome, deltas) = ask(&model).await;
        if !passes {
            assert_eq!(outcome.expect_err("fails").code(), code);
            assert!(told[1].asked.lock().expect("lock").is_empty() && deltas.0.is_empty());
            continue;
        }
        let completion = outcome.expect("answered");
        assert_eq!(completion.text, "from b");
        assert_eq!(completion.answered_by.as_deref(), Some("b/2"));
        assert_eq!(deltas.retries(), [(1, code, Some("b/2".to_owned()))]);
        assert_eq!(told[1].asked.lock().expect("lock")[0].messages.len(), 1, "asked as the first");
    }
    // No model of that name.
    let answer = ProviderAnswer { status: Some(404), ..ProviderAnswer::default() };
    let gone = Error::new(Code::ModelRefused, "no such model").answered(answer);
    let (model, _) =
        chain(vec![("a/1", 0, vec![(Vec::new(), Err(gone))]), ("b/2", 0, vec![said("b")])]);
    assert_eq!(ask(&model).await.0.expect("answered").text, "b");
}

#[tokio::test]
async fn the_first_model_that_answers_is_not_named() {
    let (model, told) = chain(vec![("a/1", 0, vec![said("from a")]), ("b/2", 0, Vec::new())]);
    let (outcome, deltas) = ask(&model).await;
    let completion = outcome.expect("answered");
    assert_eq!((completion.text.as_str(), completion.answered_by), ("from a", None));
    assert!(deltas.retries().is_empty() && told[1].asked.lock().expect("lock").is_empty());
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_gone_on_with_and_no_text_is_given_twice() {
    let broken = fails(
        vec![Delta::Usage(Usage::new(10, 2)), text("The quick "), text("brown fox")],
        Code::ModelStreamBroken,
    );
    let (model, told) =
        chain(vec![("a/1", 2, vec![broken]), ("b/2", 2, vec![said("brown fox jumps.")])]);
    let (outcome, deltas) = ask(&model).await;
    let completion = outcome.expect("answered");
    assert_eq!(completion.text, "The quick brown fox jumps.");
    assert_eq!(deltas.text(), completion.text);
    assert_eq!(completion.usage, Usage::new(20, 7));
    assert_eq!(completion.answered_by.as_deref(), Some("b/2"));
    let last = deltas.0.iter().rev().find_map(|delta| match delta {
        Delta::Usage(usage) => Some(*usage),
        _ => None,
    });
    assert_eq!(last, Some(Usage::new(20, 7)), "deltas and completion agree");
    let asked = told[1].asked.lock().expect("lock");
    let [Message::User { .. }, Message::Assistant { text, .. }, Message::User { text: go_on, .. }] =
        &asked[0].messages[..]
    else {
        panic!("{:?}", asked[0].messages)
    };
    assert_eq!((text.as_str(), go_on.as_str()), ("The quick brown fox", GO_ON));
}

#[tokio::test]
async fn the_same_model_goes_on_when_there_is_no_other() {
    let broken = |said: &str| fails(vec![text(said)], Code::ModelStreamBroken);
    let turns = || vec![broken("One, "), broken("two, "), said("three.")];
    let (model, _) = chain(vec![("a/1", 2, turns())]);
    let (outcome, deltas) = ask(&model).await;
    let completion = outcome.expect("answered");
    assert_eq!((completion.text.as_str(), completion.answered_by), ("One, two, three.", None));
    let broke = Code::ModelStreamBroken;
    assert_eq!(deltas.retries(), [(1, broke, None), (2, broke, None)]);

    let (model, told) = chain(vec![("a/1", 1, turns())]);
    let (outcome, deltas) = ask(&model).await;
    let error = outcome.expect_err("broke too often");
    assert_eq!(error.code(), Code::ModelStreamBroken);
    assert!(error.cause().unwrap_or_default().contains("then a/1: [model_stream_broken]"));
    assert_eq!(deltas.text(), "One, two, ");
    assert_eq!(told[0].asked.lock().expect("lock").len(), 2);

    // What was not begun is tried again below, not here.
    let (model, told) = chain(vec![("a/1", 2, vec![fails(Vec::new(), Code::ModelUnavailable)])]);
    ask(&model).await.0.expect_err("fails");
    assert_eq!(told[0].asked.lock().expect("lock").len(), 1);
}

#[tokio::test]
async fn calls_that_were_begun_are_begun_anew_under_other_ids() {
    let broken = fails(vec![call("call_1", "{\"x\":")], Code::ModelStreamBroken);
    let calls = ["call_1", "call_2"].map(|id| ToolCall {
        id: id.into(),
        name: "t".into(),
        arguments: "{\"x\":1}".into(),
        receipt: None,
    });
    let whole = (
        vec![call("call_1", "{\"x\""), call("call_1", ":1}"), call("call_2", "{\"x\":1}")],
        Ok(Completion { tool_calls: calls.into(), ..Completion::default() }),
    );
    let (model, told) = chain(vec![("a/1", 0, vec![broken]), ("b/2", 0, vec![whole])]);
    let (outcome, deltas) = ask(&model).await;
    let completion = outcome.expect("answered");
    let new = completion.tool_calls[0].id.clone();
    assert!(new != "call_1" && new.starts_with("call_"), "{new}");
    assert_eq!(completion.tool_calls[1].id, "call_2");
    let ids: Vec<&str> = deltas
        .0
        .iter()
        .filter_map(|delta| match delta {
            Delta::ToolCall { call_id, .. } => Some(call_id.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(ids, ["call_1", &new, &new, "call_2"]);
    assert_eq!(told[1].asked.lock().expect("lock")[0].messages.len(), 1, "nothing to go on with");
}

#[tokio::test]
async fn the_failure_of_the_wanted_model_is_told_with_the_others() {
    let (model, _) = chain(vec![
        ("a/1", 0, vec![fails(Vec::new(), Code::ModelRateLimited)]),
        ("b/2", 0, vec![fails(Vec::new(), Code::ModelUnavailable)]),
        ("c/3", 0, vec![fails(Vec::new(), Code::ModelRefused)]),
    ]);
    let (outcome, deltas) = ask(&model).await;
    let error = outcome.expect_err("all failed");
    assert_eq!(error.code(), Code::ModelRateLimited);
    assert_eq!(
        error.cause(),
        Some(
            "then b/2: [model_unavailable] model_unavailable happened; \
             then c/3: [model_refused] model_refused happened"
        )
    );
    assert_eq!(deltas.retries().len(), 2);
}

#[tokio::test]
async fn a_text_that_is_held_back_at_the_seam_comes_when_the_answer_ends_or_fails() {
    let (model, _) = chain(vec![
        ("a/1", 0, vec![fails(vec![text("It is so, so")], Code::ModelStreamBroken)]),
        ("b/2", 0, vec![fails(vec![text(" so")], Code::ModelStreamBroken)]),
        ("c/3", 0, vec![said(" far.")]),
    ]);
    let (outcome, deltas) = ask(&model).await;
    assert_eq!(outcome.expect("answered").text, "It is so, so so far.");
    assert_eq!(deltas.text(), "It is so, so so far.");
}

#[tokio::test]
async fn a_model_that_there_is_no_room_for_is_passed_over() {
    let turns = |last| {
        vec![
            ("a/1", 0, vec![fails(Vec::new(), Code::ModelUnavailable)]),
            ("b/2", 0, vec![fails(Vec::new(), Code::BudgetExceeded)]),
            ("c/3", 0, vec![last]),
        ]
    };
    let (model, _) = chain(turns(said("cheap")));
    assert_eq!(ask(&model).await.0.expect("answered").answered_by.as_deref(), Some("c/3"));
    let (model, _) = chain(turns(fails(Vec::new(), Code::ModelUnavailable)));
    assert_eq!(ask(&model).await.0.expect_err("all").code(), Code::BudgetExceeded);
}

#[tokio::test]
async fn fields_of_a_providers_own_go_to_that_provider_only() {
    let down = || fails(Vec::new(), Code::ModelUnavailable);
    let broken = fails(vec![text("One, ")], Code::ModelStreamBroken);
    let (model, told) = chain(vec![
        ("a/1", 0, vec![down()]),
        ("b/2", 0, vec![broken]),
        ("a/3", 0, vec![said("two.")]),
    ]);
    let options = serde_json::json!({"top_k": 5});
    let request = ChatRequest {
        messages: vec![Message::user("tell")],
        provider_options: options.as_object().cloned().expect("object").into(),
        ..ChatRequest::default()
    };
    let done = model.chat(&request, &mut Deltas::default()).await.expect("answered");
    assert_eq!(done.text, "One, two.");
    let options =
        told.iter().map(|told| told.asked.lock().expect("lock")[0].provider_options.len());
    assert_eq!(options.collect::<Vec<_>>(), [1, 0, 1]);
    assert_eq!(told[1].asked.lock().expect("lock")[0].messages.len(), 1);
}

#[tokio::test]
async fn the_requests_of_all_models_are_told() {
    #[derive(Default)]
    struct Book(Vec<String>);
    #[async_trait]
    impl DeltaSink for Book {
        async fn delta(&mut self, _: Delta) {}

        fn asks(&mut self, model: &str, request: &ChatRequest) -> Result<()> {
            self.0.push(format!("{model} {}", request.messages.len()));
            if model == "c/3" { Err(Error::new(Code::BudgetExceeded, "no room")) } else { Ok(()) }
        }

        fn failed(&mut self, error: &Error) {
            self.0.push(error.code().to_string());
        }
    }
    let link = |name: &str, turn: Turn| {
        Link::of(name, Arc::new(Told { turns: vec![turn].into(), ..Told::default() }))
    };
    let broken = fails(vec![text("One, ")], Code::ModelStreamBroken);
    let others = vec![link("b/2", broken), link("c/3", said("never")), link("d/4", said("two"))];
    let model = Fallback::of(link("a/1", fails(Vec::new(), Code::ModelUnavailable)), others);
    let mut book = Book::default();
    let request = ChatRequest { messages: vec![Message::user("tell")], ..ChatRequest::default() };
    let completion = model.chat(&request, &mut book).await.expect("answered");
    assert_eq!(completion.text, "One, two");
    let told = ["a/1 1", "model_unavailable", "b/2 1", "model_stream_broken", "c/3 3", "d/4 3"];
    assert_eq!(book.0, told);
}

#[test]
fn a_chain_can_do_what_each_of_its_models_can() {
    use StructuredOutput::{Native, NativeWithoutTools, Prompt, Tool};
    struct Way(StructuredOutput);
    #[async_trait]
    impl ChatModel for Way {
        async fn chat(&self, _: &ChatRequest, _: &mut dyn DeltaSink) -> Result<Completion> {
            Ok(Completion::default())
        }

        fn structured_output(&self) -> StructuredOutput {
            self.0
        }
    }
    // From what asks least of a model to what asks most.
    let ways = [Prompt, Tool, NativeWithoutTools, Native];
    for (i, one) in ways.into_iter().enumerate() {
        for (j, other) in ways.into_iter().enumerate() {
            let link = |way| Link { name: "a/1".into(), model: Arc::new(Way(way)), again: 0 };
            let both = Fallback::of(link(one), vec![link(other)]);
            assert_eq!(both.structured_output(), ways[i.min(j)], "{one:?} and {other:?}");
        }
    }
}
