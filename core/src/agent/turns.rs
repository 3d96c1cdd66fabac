//! The loop: retrieve, ask the model, call tools, until the model ends its turn.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::answer::{AnswerSchema, Read, complaint};
use super::budget::{BudgetLimits, Budgets};
use super::event::{EventKind, ToolOutcome};
use super::meter::{Meter, Used};
use super::recorder::{EventSink, Recorder};
use super::run::{RunOptions, RunResult, RunStatus};
use super::said::Said;
use super::{Parts, filling, images, prompt};
use crate::error::{Code, Error, Result};
use crate::io;
use crate::model::{
    ChatRequest, Completion, Delta, DeltaSink, Estimate, Image, Message, ToolCall, Usage, finish,
};
use crate::retrieval::{Passage, SearchOptions, SearchStrategy};
use crate::spec::{RagStrategy, ToolChoice, is_slug};
use crate::store::{self, NewRun};
use crate::tool::{Context, HostCalls, asked};

/// What a run has reached; outlives the work when that is cancelled.
#[derive(Default)]
struct Progress {
    passages: Vec<Passage>,
    /// Of turns that ended.
    usage: Usage,
    turns: u32,
    finish_reason: String,
    /// Of the turn under way, and at the end of the last one.
    text: String,
    meter: Meter,
    /// The answer, once one fitted the output schema.
    output: Option<Value>,
    budgets: Budgets,
}

impl Progress {
    fn result(&self, run_id: &str, model: &str, status: RunStatus) -> RunResult {
        let mut usage = self.usage;
        usage += self.meter.counted();
        RunResult {
            run_id: run_id.to_owned(),
            status,
            text: self.text.clone(),
            output: self.output.clone(),
            citations: prompt::citations(&self.text, &self.passages),
            usage,
            turns: self.turns,
            finish_reason: match status {
                RunStatus::Finished => self.finish_reason.clone(),
                RunStatus::Cancelled => "cancelled".to_owned(),
            },
            model: model.to_owned(),
        }
    }
}

pub(super) async fn drive<S: EventSink>(
    agent: &Parts,
    input: String,
    options: RunOptions,
    host: Option<Arc<dyn HostCalls>>,
    cancel: CancellationToken,
    sink: &S,
) -> Result<RunResult> {
    let run_id: Arc<str> = match options.run_id {
        Some(id) if is_slug(&id) => id.into(),
        Some(id) => {
            return Err(Error::invalid_argument(format!("run_id {id:?} is not a slug"))
                .hint("letters, digits, `-`, `_` and `.`, at most 64"));
        }
        None => Uuid::now_v7().to_string().into(),
    };
    let max_turns = options.max_turns.unwrap_or(agent.limits.max_turns);
    if max_turns == 0 {
        return Err(Error::invalid_argument("max_turns: a run needs at least one turn"));
    }
    if options.cost_usd_per_run.is_some_and(|cost| !(0.0..=1e9).contains(&cost)) {
        return Err(Error::invalid_argument("cost_usd_per_run: US dollars, from 0 to 1000000000"));
    }
    if options.timeout_ms == Some(0) {
        return Err(Error::invalid_argument("timeout_ms: a run needs more than no time"));
    }
    let system = filling::system_prompt(&agent.spec, agent.store.id(), &input, options.inputs)?;
    let images = images::read(options.images)?;
    let repairs = agent.spec.document().intelligence.cognition.output_repairs;
    let asked = options
        .output_schema
        .map(|schema| {
            let way = agent.model.structured_output();
            AnswerSchema::new(&schema, way, repairs, agent.tools.specs())
        })
        .transpose()?;
    let allowed = options.timeout_ms.or(agent.limits.timeout_ms).map(Duration::from_millis);
    let _running = agent.running.token();
    let mut recorder = Recorder::new(run_id.clone(), &agent.store, sink);
    let limits = BudgetLimits {
        tokens_per_run: options.tokens_per_run.or(agent.limits.budget.tokens_per_run),
        cost_micros_per_run: options
            .cost_usd_per_run
            .map(store::micros)
            .or(agent.limits.budget.cost_micros_per_run),
        ..agent.limits.budget
    };
    let mut progress = Progress { budgets: Budgets::new(limits), ..Progress::default() };
    let run = NewRun {
        run_id: run_id.to_string(),
        agent_id: agent.spec.agent_id().to_owned(),
        version: agent.spec.version().to_owned(),
        model: agent.model_name.clone(),
    };
    let started = EventKind::RunStarted {
        agent_id: run.agent_id.clone(),
        version: run.version.clone(),
        model: run.model.clone(),
        input: input.clone(),
        images: images::described(&images),
    };
    recorder.begin(run, started).await?;
    // Cancelled with the run, so that tools hear of it, also when the kernel closes.
    let stop = cancel.child_token();
    let exiting = io::shutdown_token();
    let outcome = {
        let answer = asked.as_ref().or(agent.answer.as_ref());
        let run = Work { agent, run_id: &run_id, host, stop: &stop, max_turns, system, answer };
        let work = run.turns(input, images, &mut recorder, &mut progress);
        tokio::select! {
            biased;
            () = cancel.cancelled() => None,
            () = agent.closing.cancelled() => None,
            () = exiting.cancelled() => None,
            () = expiry(allowed) => Some(Err(Error::new(
                Code::Timeout,
                format!("the run took longer than the {} ms allowed", allowed.unwrap_or_default().as_millis()),
            ))),
            outcome = work => Some(outcome),
        }
    };
    stop.cancel();
    // Of a request that did not end; those that ended were noted then.
    if let Some((model, usage)) = progress.meter.cut_off() {
        recorder.spend(agent.spent(usage, &model));
    }
    let model = &agent.model_name;
    match outcome {
        Some(Ok(())) => {
            let result = progress.result(&run_id, model, RunStatus::Finished);
            let kind = EventKind::RunFinished { result: result.clone() };
            recorder.end(store::RunStatus::Finished, kind).await?;
            Ok(result)
        }
        None => {
            let result = progress.result(&run_id, model, RunStatus::Cancelled);
            let kind = EventKind::RunCancelled { result: result.clone() };
            recorder.end(store::RunStatus::Cancelled, kind).await?;
            Ok(result)
        }
        Some(Err(error)) => {
            let kind = EventKind::RunFailed { error: error.clone() };
            // The first error is the one that tells.
            let _ = recorder.end(store::RunStatus::Failed, kind).await;
            Err(error)
        }
    }
}

async fn expiry(allowed: Option<Duration>) {
    match allowed {
        Some(allowed) => tokio::time::sleep(allowed).await,
        None => std::future::pending().await,
    }
}

struct Work<'a> {
    agent: &'a Parts,
    run_id: &'a Arc<str>,
    host: Option<Arc<dyn HostCalls>>,
    stop: &'a CancellationToken,
    max_turns: u32,
    /// The spec's prompt with its templates filled in.
    system: Option<String>,
    /// What the answer has to be.
    answer: Option<&'a AnswerSchema>,
}

impl Work<'_> {
    async fn turns<S: EventSink>(
        &self,
        input: String,
        images: Vec<Image>,
        recorder: &mut Recorder<'_, S>,
        progress: &mut Progress,
    ) -> Result<()> {
        self.retrieve(&input, recorder, progress).await?;
        let mut request = self.request(input, images, progress);
        let (mut repairs, mut wrong) = (0, None);
        for turn in 1..=self.max_turns {
            let (mut completion, answered) = self.ask(turn, &request, recorder, progress).await?;
            let results = match self.read(&completion, answered.as_ref()) {
                Read::Answer(value) => {
                    progress.output = self.answer.map(|_| value);
                    return Ok(());
                }
                Read::Wrong(problem) => {
                    let (reason, text) = (&completion.finish_reason, &progress.text);
                    if let Some(answer) = self.answer.filter(|_| finish::is_cut(reason)) {
                        return Err(answer.cut_off(reason, &problem, text));
                    }
                    repairs += 1;
                    if let Some(answer) = self.answer.filter(|answer| repairs > answer.repairs()) {
                        return Err(answer.failed(&problem, text, repairs));
                    }
                    recorder.step().await?;
                    let complaint = complaint(&problem, answered.as_ref());
                    completion.tool_calls.extend(answered);
                    wrong = Some(problem);
                    vec![complaint]
                }
                Read::Tools => {
                    wrong = None;
                    recorder.step().await?;
                    let results = self.call_tools(&completion, recorder).await;
                    recorder.step().await?;
                    results
                }
            };
            request.messages.push(Message::Assistant {
                text: completion.text,
                reasoning: completion.reasoning,
                tool_calls: completion.tool_calls,
            });
            request.messages.extend(results);
            // A model that had to call a tool again and again could never answer, unless a call is
            // the answer.
            let by_call = self.answer.is_some_and(AnswerSchema::by_call);
            if request.tool_choice == ToolChoice::Required && !by_call {
                request.tool_choice = ToolChoice::Auto;
            }
        }
        if let (Some(answer), Some(problem)) = (self.answer, wrong) {
            let error = answer.failed(&problem, &progress.text, repairs);
            return Err(error.hint("raise `behavior.max_turns`: no turn is left to correct it"));
        }
        Err(Error::new(
            Code::TurnLimit,
            format!("the model still called tools after {} turns", self.max_turns),
        )
        .hint("raise `behavior.max_turns`, or make the task smaller"))
    }

    /// What became of a turn. Without an output schema, a turn without calls is the answer.
    fn read(&self, completion: &Completion, answered: Option<&ToolCall>) -> Read {
        match (self.answer, answered) {
            (Some(answer), Some(call)) => answer.read(completion, Some(&answer.said(call))),
            (Some(answer), None) => answer.read(completion, None),
            (None, _) if completion.tool_calls.is_empty() => Read::Answer(Value::Null),
            (None, _) => Read::Tools,
        }
    }

    /// Does not come back once the run is to stop: a tool that heard of it first and gave up must
    /// not be taken for one that failed, and the model not be asked again.
    async fn go_on(&self) {
        if self.stop.is_cancelled() {
            std::future::pending::<()>().await;
        }
    }

    async fn retrieve<S: EventSink>(
        &self,
        input: &str,
        recorder: &mut Recorder<'_, S>,
        progress: &mut Progress,
    ) -> Result<()> {
        for (knowledge, collection) in &self.agent.knowledge {
            let options = SearchOptions {
                top_k: Some(knowledge.top_k),
                embedding_model: knowledge.embedding_model.clone(),
                strategy: Some(match self.agent.spec.document().context_policy.rag.strategy {
                    RagStrategy::Keyword => SearchStrategy::Keyword,
                    RagStrategy::Vector => SearchStrategy::Vector,
                    RagStrategy::Hybrid => SearchStrategy::Hybrid,
                }),
            };
            let passages = collection.search_with(input, options).await?;
            progress.passages.extend(passages.iter().cloned());
            let collection = collection.name().to_owned();
            recorder.emit(EventKind::RetrievalFinished { collection, passages }).await;
        }
        Ok(())
    }

    fn request(&self, input: String, images: Vec<Image>, progress: &Progress) -> ChatRequest {
        let document = self.agent.spec.document();
        let intelligence = &document.intelligence;
        let mut system = prompt::system(self.system.as_deref(), &progress.passages);
        if let Some(instruction) = self.answer.and_then(AnswerSchema::instruction) {
            let before = system.map(|text| text + "\n\n").unwrap_or_default();
            system = Some(before + &instruction);
        }
        let mut messages: Vec<Message> = system.map(Message::System).into_iter().collect();
        messages.push(Message::User { text: input, images });
        let by_call = self.answer.is_some_and(AnswerSchema::by_call);
        ChatRequest {
            messages,
            tools: match self.answer {
                // It may call nothing, and has to call this one to answer.
                Some(answer) if by_call && self.calls_nothing() => answer.own_tool(),
                Some(answer) => answer.tools().clone(),
                None => self.agent.tools.specs().clone(),
            },
            // A call is the answer, so there is one at the end of each turn.
            tool_choice: match document.behavior.tool_choice {
                _ if by_call => ToolChoice::Required,
                choice => choice,
            },
            parallel_tool_calls: document.behavior.parallel_tool_calls,
            temperature: intelligence.temperature,
            top_p: intelligence.top_p,
            max_tokens: intelligence.max_tokens,
            stop: intelligence.stop.clone(),
            seed: intelligence.seed,
            reasoning_effort: intelligence.reasoning_effort,
            prompt_caching: intelligence.prompt_caching,
            cache_key: Some(self.agent.cache_key.clone()),
            output: self.answer.and_then(AnswerSchema::native),
            provider_options: self.agent.provider_options.clone(),
            environment: self
                .host
                .as_ref()
                .map(|host| asked(host, self.run_id))
                .unwrap_or_default(),
        }
    }

    async fn ask<S: EventSink>(
        &self,
        turn: u32,
        request: &ChatRequest,
        recorder: &mut Recorder<'_, S>,
        progress: &mut Progress,
    ) -> Result<(Completion, Option<ToolCall>)> {
        // Where there are others, one of them may be cheaper: each is looked at before it is asked.
        if self.agent.spec.document().intelligence.fallback_models.is_empty() {
            let model = &self.agent.model_name;
            self.agent.check(Estimate::of(request), model, recorder, progress)?;
        }
        progress.turns = turn;
        progress.text.clear();
        progress.meter = Meter::default();
        let model = self.agent.model_name.clone();
        recorder.emit(EventKind::ModelStarted { turn, model }).await;
        let (agent, answer) = (self.agent, self.answer);
        let mut watch = Watch { agent, recorder, progress, answer, said: Said::default() };
        let mut completion = self.agent.model.chat(request, &mut watch).await?;
        let used = watch.progress.meter.answered(completion.usage);
        watch.spend(used);
        // What was given as text on the way is text of the turn.
        let answered = self.answer.and_then(|answer| answer.take_call(&mut completion));
        let said = self.answer.zip(answered.as_ref()).map(|(answer, call)| answer.said(call));
        if let Some(said) = said {
            if self.answer.is_some_and(|answer| !answer.streams()) && !said.is_empty() {
                recorder.emit(EventKind::TextDelta { text: said.clone() }).await;
            }
            completion.text.push_str(&said);
        }
        progress.meter = Meter::default();
        progress.usage += completion.usage;
        progress.text.clone_from(&completion.text);
        progress.finish_reason.clone_from(&completion.finish_reason);
        let is_tool =
            |call: &&ToolCall| !self.answer.is_some_and(|answer| answer.is_answer(&call.name));
        let tool_calls = completion
            .tool_calls
            .iter()
            .filter(is_tool)
            .map(|call| json!({"id": call.id, "name": call.name, "arguments": arguments_of(call)}))
            .collect();
        recorder
            .emit(EventKind::ModelFinished {
                turn,
                text: completion.text.clone(),
                tool_calls,
                usage: completion.usage,
                finish_reason: completion.finish_reason.clone(),
            })
            .await;
        for warning in progress.budgets.warnings(&recorder.used()) {
            recorder.emit(warning).await;
        }
        Ok((completion, answered))
    }

    /// Whether the spec keeps the model from calling tools.
    fn calls_nothing(&self) -> bool {
        self.agent.spec.document().behavior.tool_choice == ToolChoice::None
    }

    /// Why a call of a turn is not made, though there may be such a tool.
    fn not_made(&self, call: &ToolCall, completion: &Completion) -> Option<Error> {
        if self.calls_nothing() {
            let message = "this agent calls no tools: its spec says `behavior.tool_choice: none`";
            return Some(Error::new(Code::ToolDenied, message));
        }
        // The others were whole before it began. Without arguments it would be a call for all there is.
        let reason = &completion.finish_reason;
        let last = completion.tool_calls.last().is_some_and(|last| std::ptr::eq(last, call));
        let empty = matches!(call.arguments.trim(), "" | "{}");
        (last && empty && finish::is_cut(reason)).then(|| {
            let message =
                format!("the call was cut off ({reason}) before its arguments were there");
            Error::new(Code::ToolInvalidArguments, message)
        })
    }

    /// Calls the tools of a turn, side by side unless the spec says otherwise. The results stand
    /// in the order of the calls.
    async fn call_tools<S: EventSink>(
        &self,
        completion: &Completion,
        recorder: &mut Recorder<'_, S>,
    ) -> Vec<Message> {
        let calls = &completion.tool_calls[..];
        let too_early = |call| self.answer.and_then(|answer| answer.too_early(call));
        let mut results: Vec<Option<Message>> = calls.iter().map(too_early).collect();
        let parallel = self.agent.spec.document().behavior.parallel_tool_calls;
        let width = if parallel { calls.len() } else { 1 };
        for (start, group) in (0..).step_by(width.max(1)).zip(calls.chunks(width.max(1))) {
            let mut running = FuturesUnordered::new();
            for (i, call) in group.iter().enumerate() {
                if results[start + i].is_some() {
                    continue;
                }
                recorder
                    .emit(EventKind::ToolStarted {
                        call_id: call.id.clone(),
                        name: call.name.clone(),
                        arguments: arguments_of(call),
                    })
                    .await;
                let context = Context {
                    tenant: self.agent.store.id().to_owned(),
                    run_id: Some(self.run_id.to_string()),
                    call_id: call.id.clone(),
                    cancel: self.stop.clone(),
                    host: self.host.clone(),
                };
                running.push(async move {
                    let outcome = match self.not_made(call, completion) {
                        Some(error) => Err(error),
                        None => self.agent.tools.call(call, context).await,
                    };
                    (start + i, outcome)
                });
            }
            while let Some((i, outcome)) = running.next().await {
                self.go_on().await;
                let call = &calls[i];
                results[i] = Some(Message::Tool {
                    call_id: call.id.clone(),
                    name: call.name.clone(),
                    content: content_of(&outcome),
                    is_error: outcome.is_err(),
                });
                let outcome = match outcome {
                    Ok(result) => ToolOutcome::Result(result),
                    Err(error) => ToolOutcome::Error(error),
                };
                let (call_id, name) = (call.id.clone(), call.name.clone());
                recorder.emit(EventKind::ToolFinished { call_id, name, outcome }).await;
            }
        }
        results.into_iter().flatten().collect()
    }
}

/// The arguments as JSON, or as the text that they are.
fn arguments_of(call: &ToolCall) -> Value {
    serde_json::from_str(&call.arguments).unwrap_or_else(|_| Value::String(call.arguments.clone()))
}

/// What the model reads of a call: a text as it is, anything else as JSON; of an error, code and
/// message, never the traceback.
fn content_of(outcome: &Result<Value>) -> String {
    match outcome {
        Ok(Value::String(text)) => text.clone(),
        Ok(value) => value.to_string(),
        Err(error) => {
            json!({"error": {"code": error.code(), "message": error.message()}}).to_string()
        }
    }
}

impl Parts {
    /// Refuses a request that budgets and the tenant's day have no room for.
    fn check<S: EventSink>(
        &self,
        estimate: Estimate,
        model: &str,
        recorder: &Recorder<'_, S>,
        progress: &Progress,
    ) -> Result<()> {
        if progress.budgets.is_empty() && !recorder.is_bounded() {
            return Ok(());
        }
        let next = self.estimated(estimate, model);
        recorder.check_allowance(next)?;
        progress.budgets.check(&recorder.used(), next)
    }
}

/// Turns a model's deltas into events, keeps what a cancelled run will want, and has every request
/// counted.
struct Watch<'a, 'b, S> {
    agent: &'a Parts,
    recorder: &'a mut Recorder<'b, S>,
    progress: &'a mut Progress,
    answer: Option<&'a AnswerSchema>,
    said: Said,
}

impl<S: EventSink> Watch<'_, '_, S> {
    fn spend(&mut self, used: Option<Used>) {
        if let Some((model, usage)) = used {
            self.recorder.spend(self.agent.spent(usage, &model));
        }
    }
}

#[async_trait]
impl<S: EventSink> DeltaSink for Watch<'_, '_, S> {
    fn asks(&mut self, model: &str, request: &ChatRequest) -> Result<()> {
        let estimate = Estimate::of(request);
        self.agent.check(estimate, model, self.recorder, self.progress).map_err(
            |error| match self.progress.meter.failure() {
                Some(failure) => error.caused_by(format!("the request before failed: {failure}")),
                None => error,
            },
        )?;
        self.progress.meter.begin(model, estimate);
        Ok(())
    }

    fn failed(&mut self, error: &Error) {
        let used = self.progress.meter.failed(error);
        self.spend(used);
    }

    async fn delta(&mut self, delta: Delta) {
        self.progress.meter.see(&delta);
        let kind = match delta {
            Delta::Usage(_) => return,
            Delta::Text(text) => {
                self.progress.text.push_str(&text);
                EventKind::TextDelta { text }
            }
            Delta::ToolCall { call_id, name, arguments }
                if self.answer.is_some_and(|answer| answer.is_answer(&name)) =>
            {
                let text = self.said.add(&call_id, &arguments).to_owned();
                if text.is_empty() || self.answer.is_some_and(|answer| !answer.streams()) {
                    return;
                }
                self.progress.text.push_str(&text);
                EventKind::TextDelta { text }
            }
            Delta::ToolCall { call_id, name, arguments } => {
                EventKind::ToolCallDelta { call_id, name, arguments }
            }
            Delta::Reasoning(text) => EventKind::ReasoningDelta { text },
            Delta::Retrying { attempt, delay_ms, code, message, model } => {
                self.said.begin_anew();
                EventKind::Retrying { attempt, delay_ms, code, message, model }
            }
        };
        self.recorder.emit(kind).await;
    }
}
