//! Several models in order, and answers that break off in the middle.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::seam::Seam;
use crate::error::{Code, Error, Result};
use crate::model::{
    ChatModel, ChatRequest, Completion, Delta, DeltaSink, Message, StructuredOutput, Usage,
};

/// What a model is told when it is to go on with an answer.
const GO_ON: &str = "Your answer broke off because of a technical failure. Go on exactly where it \
                     ended, with the very next character. Do not repeat anything of it, and do not \
                     mention the interruption.";
/// The most of other models' failures that an error carries.
const CAUSE_LIMIT: usize = 2000;

/// One of the models.
#[derive(Clone)]
pub(crate) struct Link {
    /// `provider/model`.
    pub(crate) name: String,
    pub(crate) model: Arc<dyn ChatModel>,
    /// How often it may be asked to go on with an answer of its own that broke off.
    pub(crate) again: u32,
}

impl Link {
    /// A model before which nothing stands that would tell of its requests.
    pub(crate) fn of(name: &str, model: Arc<dyn ChatModel>) -> Self {
        let model = Arc::new(Telling { name: name.to_owned(), model });
        Self { name: name.to_owned(), model, again: 0 }
    }
}

/// Tells the sink of each request.
struct Telling {
    name: String,
    model: Arc<dyn ChatModel>,
}

#[async_trait]
impl ChatModel for Telling {
    async fn chat(&self, request: &ChatRequest, sink: &mut dyn DeltaSink) -> Result<Completion> {
        sink.asks(&self.name, request)?;
        let outcome = self.model.chat(request, sink).await;
        if let Err(error) = &outcome {
            sink.failed(error);
        }
        outcome
    }

    fn structured_output(&self) -> StructuredOutput {
        self.model.structured_output()
    }
}

/// Models that are asked in order until one has answered.
pub(crate) struct Fallback {
    links: Vec<Link>,
}

impl Fallback {
    /// The first model, and those that are asked when it fails.
    pub(crate) fn of(first: Link, others: Vec<Link>) -> Arc<dyn ChatModel> {
        if others.is_empty() && first.again == 0 {
            return first.model;
        }
        let mut links = vec![first];
        links.extend(others);
        Arc::new(Self { links })
    }
}

impl Fallback {
    /// Fields of a provider's own are of the first model's: another one may refuse them.
    fn is_of_first_provider(&self, link: &Link) -> bool {
        let provider = |link: &Link| link.name.split('/').next().unwrap_or_default().to_owned();
        self.links.first().is_none_or(|first| provider(first) == provider(link))
    }
}

#[async_trait]
impl ChatModel for Fallback {
    async fn chat(&self, request: &ChatRequest, sink: &mut dyn DeltaSink) -> Result<Completion> {
        let mut so_far = SoFar::default();
        let mut failures: Vec<(&str, Error)> = Vec::new();
        let mut links = self.links.iter().enumerate();
        let Some((mut index, mut link)) = links.next() else {
            return Err(Error::new(Code::ModelUnknown, "there is no model to ask"));
        };
        let mut again = link.again;
        loop {
            let mut rewritten = so_far.goes_on_with(request);
            if !request.provider_options.is_empty() && !self.is_of_first_provider(link) {
                let rewritten = rewritten.get_or_insert_with(|| request.clone());
                rewritten.provider_options = Arc::default();
            }
            let mut relay = Relay::new(&mut *sink, &mut so_far);
            let outcome = link.model.chat(rewritten.as_ref().unwrap_or(request), &mut relay).await;
            relay.flush().await;
            let Relay { emitted, renamed, usage, .. } = relay;
            let error = match outcome {
                Ok(mut completion) => {
                    so_far.spent += completion.usage;
                    for call in &mut completion.tool_calls {
                        if let Some((_, new)) = renamed.iter().find(|(old, _)| *old == call.id) {
                            call.id.clone_from(new);
                        }
                    }
                    completion.text = so_far.text;
                    completion.usage = so_far.spent;
                    if index > 0 {
                        completion.answered_by.get_or_insert_with(|| link.name.clone());
                    }
                    return Ok(completion);
                }
                Err(error) => error,
            };
            so_far.spent += usage;
            let told = |model: Option<&str>| Delta::Retrying {
                attempt: u32::try_from(failures.len() + 1).unwrap_or(u32::MAX),
                delay_ms: 0,
                code: error.code(),
                message: error.message().to_owned(),
                model: model.map(str::to_owned),
            };
            let next = if passes_on(&error) { links.next() } else { None };
            if let Some((next_index, next)) = next {
                sink.delta(told(Some(&next.name))).await;
                failures.push((&link.name, error));
                (index, link, again) = (next_index, next, next.again);
            } else if emitted && error.retryable() && again > 0 {
                sink.delta(told(None)).await;
                failures.push((&link.name, error));
                again -= 1;
            } else {
                failures.push((&link.name, error));
                return Err(of_all(failures));
            }
        }
    }

    /// What every one of them can do.
    fn structured_output(&self) -> StructuredOutput {
        let mut least = StructuredOutput::Native;
        for link in &self.links {
            match (least, link.model.structured_output()) {
                (_, StructuredOutput::Prompt) => return StructuredOutput::Prompt,
                (_, StructuredOutput::Tool) => least = StructuredOutput::Tool,
                (StructuredOutput::Native, alone @ StructuredOutput::NativeWithoutTools) => {
                    least = alone;
                }
                (_, StructuredOutput::Native | StructuredOutput::NativeWithoutTools) => {}
            }
        }
        least
    }
}

/// Whether a request was kept back, because there is no room left for it.
fn is_kept_back(error: &Error) -> bool {
    matches!(error.code(), Code::BudgetExceeded | Code::QuotaExceeded)
}

/// Whether another model may do what this one failed with. A request that was refused as wrong is
/// wrong elsewhere, too; a script that ends is a fault of the test. Where there is no room for one
/// model, there may be for a cheaper one.
fn passes_on(error: &Error) -> bool {
    let status = error.answer().and_then(|answer| answer.status);
    error.retryable()
        || is_kept_back(error)
        || matches!(
            error.code(),
            Code::ModelUnavailable
                | Code::ModelRateLimited
                | Code::ModelContextExceeded
                | Code::ModelUnauthorized
                | Code::ModelUnknown
                | Code::ModelInvalidResponse
        )
        || (error.code() == Code::ModelRefused && status == Some(404))
}

/// The first failure, which is of the model that was wanted, with the others as its cause. But where
/// a request was kept back, that is what the run ends for, and it says what came before.
fn of_all(mut failures: Vec<(&str, Error)>) -> Error {
    if let Some(kept) = failures.iter().position(|(_, error)| is_kept_back(error)) {
        return failures.swap_remove(kept).1;
    }
    let mut failures = failures.into_iter();
    let Some((_, first)) = failures.next() else {
        return Error::new(Code::ModelUnknown, "there is no model to ask");
    };
    let mut cause = first.cause().map(str::to_owned).unwrap_or_default();
    let own = cause.len();
    for (name, error) in failures {
        if !cause.is_empty() {
            cause.push_str("; ");
        }
        cause.push_str(&format!("then {name}: [{}] {}", error.code(), error.message()));
    }
    if cause.len() == own {
        return first;
    }
    let shown: String = cause.chars().take(CAUSE_LIMIT).collect();
    first.caused_by(shown)
}

/// What the models that were asked have given.
#[derive(Default)]
struct SoFar {
    text: String,
    spent: Usage,
    /// Of all calls that were begun.
    call_ids: HashSet<String>,
}

impl SoFar {
    /// The request to go on; `None` when there is nothing to go on with.
    fn goes_on_with(&self, request: &ChatRequest) -> Option<ChatRequest> {
        if self.text.trim().is_empty() {
            return None;
        }
        let mut request = request.clone();
        request.messages.push(Message::Assistant {
            text: self.text.clone(),
            reasoning: Vec::new(),
            tool_calls: Vec::new(),
        });
        request.messages.push(Message::user(GO_ON));
        // A model that is held to the schema would begin anew.
        request.output = None;
        Some(request)
    }
}

/// Passes on what one model gives as a part of the whole answer.
struct Relay<'a> {
    sink: &'a mut dyn DeltaSink,
    so_far: &'a mut SoFar,
    seam: Seam,
    /// Text, reasoning or a call came.
    emitted: bool,
    usage: Usage,
    /// Calls of this model that have the id of another one's.
    renamed: Vec<(String, String)>,
    own_calls: HashSet<String>,
}

impl<'a> Relay<'a> {
    fn new(sink: &'a mut dyn DeltaSink, so_far: &'a mut SoFar) -> Self {
        Self {
            seam: Seam::after(&so_far.text),
            sink,
            so_far,
            emitted: false,
            usage: Usage::default(),
            renamed: Vec::new(),
            own_calls: HashSet::new(),
        }
    }

    async fn text(&mut self, text: String) {
        if !text.is_empty() {
            self.so_far.text.push_str(&text);
            self.sink.delta(Delta::Text(text)).await;
        }
    }

    async fn flush(&mut self) {
        let rest = self.seam.finish();
        self.text(rest).await;
    }

    /// The id of a call, another one if a model before had it.
    fn call_id(&mut self, id: String) -> String {
        if let Some((_, new)) = self.renamed.iter().find(|(old, _)| *old == id) {
            return new.clone();
        }
        if self.own_calls.contains(&id) {
            return id;
        }
        if self.so_far.call_ids.insert(id.clone()) {
            self.own_calls.insert(id.clone());
            return id;
        }
        let new = format!("call_{}", Uuid::now_v7().simple());
        self.renamed.push((id, new.clone()));
        new
    }
}

#[async_trait]
impl DeltaSink for Relay<'_> {
    async fn delta(&mut self, delta: Delta) {
        match delta {
            Delta::Text(text) => {
                self.emitted = true;
                let new = self.seam.push(text);
                self.text(new).await;
            }
            Delta::ToolCall { call_id, name, arguments } => {
                self.emitted = true;
                self.flush().await;
                let call_id = self.call_id(call_id);
                self.sink.delta(Delta::ToolCall { call_id, name, arguments }).await;
            }
            Delta::Usage(usage) => {
                self.usage = usage;
                let mut sum = self.so_far.spent;
                sum += usage;
                self.sink.delta(Delta::Usage(sum)).await;
            }
            Delta::Reasoning(text) => {
                self.emitted = true;
                self.sink.delta(Delta::Reasoning(text)).await;
            }
            retrying @ Delta::Retrying { .. } => self.sink.delta(retrying).await,
        }
    }

    fn asks(&mut self, model: &str, request: &ChatRequest) -> Result<()> {
        self.sink.asks(model, request)
    }

    fn failed(&mut self, error: &Error) {
        self.sink.failed(error);
    }
}

#[cfg(test)]
#[path = "fallback_tests.rs"]
mod tests;
