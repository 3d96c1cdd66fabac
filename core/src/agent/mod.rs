//! Agents: the loop of model and tools, and the stream of events that a run is.
//!
//! A run's life is a typed, ordered stream with exactly one ending. Each step is in the store
//! before the next begins.

mod answer;
mod budget;
mod event;
mod filling;
mod images;
mod meter;
mod prompt;
mod recorder;
mod run;
mod said;
mod toolbox;
mod turns;

pub(crate) use answer::AnswerSchema;
pub(crate) use budget::BudgetLimits;
pub use event::{Event, EventKind, ToolOutcome};
pub(crate) use filling::names;
pub use images::ImageInput;
pub use prompt::Citation;
pub(crate) use recorder::EventSink;
pub use run::{Run, RunOptions, RunResult, RunStatus};
pub use toolbox::Toolbox;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::Result;
use crate::model::{ChatModel, Estimate, Price, Usage};
use crate::retrieval::Collection;
use crate::spec::{Knowledge, Spec};
use crate::store::{Spent, TenantStore, micros};
use crate::tool::HostCalls;

/// An agent, ready to run. Cheap to clone, `Send`, `Sync`; any number of runs at once.
#[derive(Clone)]
pub struct Agent(Arc<Parts>);

/// What an agent is made of; the kernel puts it together.
pub(crate) struct Parts {
    pub(crate) spec: Spec,
    /// The spec's name with its template filled in.
    pub(crate) name: String,
    pub(crate) model_name: String,
    pub(crate) model: Arc<dyn ChatModel>,
    pub(crate) tools: Toolbox,
    /// What answers have to be, where the spec says it.
    pub(crate) answer: Option<AnswerSchema>,
    pub(crate) knowledge: Vec<(Knowledge, Collection)>,
    pub(crate) store: TenantStore,
    /// Groups requests that begin alike, for providers that route by it: a hash.
    pub(crate) cache_key: String,
    /// Fields of the provider's own API.
    pub(crate) provider_options: Arc<serde_json::Map<String, serde_json::Value>>,
    /// What holds when the caller of a run does not say.
    pub(crate) limits: RunLimits,
    /// What its models cost, the first one's first, as far as that is known.
    pub(crate) prices: Vec<(String, Price)>,
    /// Cancelled when the kernel closes.
    pub(crate) closing: CancellationToken,
    /// Holds the kernel's closing back until every run has ended.
    pub(crate) running: TaskTracker,
}

/// Limits of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunLimits {
    /// Calls of the model.
    pub(crate) max_turns: u32,
    /// Milliseconds.
    pub(crate) timeout_ms: Option<u64>,
    /// Tokens and money.
    pub(crate) budget: BudgetLimits,
}

impl Parts {
    /// What a usage counts against budgets and the tenant's day, at the price of the model that
    /// answered. One without a price costs nothing.
    fn spent(&self, usage: Usage, model: &str) -> Spent {
        let price = self.prices.iter().find(|(name, _)| name == model);
        let dollars = price.map_or(0.0, |(_, price)| price.of(usage));
        Spent {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cost_micros: micros(dollars),
        }
    }

    /// What a request to a model is estimated at.
    fn estimated(&self, estimate: Estimate, model: &str) -> Spent {
        self.spent(Usage::new(estimate.input, estimate.output), model)
    }
}

impl Agent {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The spec that it was made from.
    pub fn spec(&self) -> &Spec {
        &self.0.spec
    }

    /// Its name for people.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The model that it uses: the spec's, or the one it was made with.
    pub fn model(&self) -> &str {
        &self.0.model_name
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// Model codes, `turn_limit`, `timeout`, `closed` and store codes. What tools report is not an
    /// error of the run: the model sees it.
    pub async fn run(&self, input: impl Into<String>) -> Result<RunResult> {
        self.start(input).result().await
    }

    /// Starts a run on the global runtime, to be watched.
    pub fn start(&self, input: impl Into<String>) -> Run {
        self.start_with(input, RunOptions::default(), None, CancellationToken::new())
    }

    /// [`Agent::start`] with options, with the environment that serves host tools, and with a
    /// token that cancels the run.
    pub fn start_with(
        &self,
        input: impl Into<String>,
        options: RunOptions,
        host: Option<Arc<dyn HostCalls>>,
        cancel: CancellationToken,
    ) -> Run {
        Run::start(self.clone(), input.into(), options, host, cancel)
    }

    /// Runs in the caller's own task, giving events to `sink`: what [`Agent::start`] does on the
    /// global runtime. A cancelled run gives its partial result.
    pub(crate) async fn drive(
        &self,
        input: String,
        options: RunOptions,
        host: Option<Arc<dyn HostCalls>>,
        cancel: CancellationToken,
        sink: &impl EventSink,
    ) -> Result<RunResult> {
        turns::drive(&self.0, input, options, host, cancel, sink).await
    }
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent")
            .field("spec", &self.0.spec)
            .field("model", &self.0.model_name)
            .finish_non_exhaustive()
    }
}
