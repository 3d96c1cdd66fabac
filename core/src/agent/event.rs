//! What happens in a run.

use std::sync::Arc;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;

use super::run::RunResult;
use crate::error::{Code, Error};
use crate::model::Usage;
use crate::retrieval::Passage;

/// One event of a run. Its JSON is made once; clones share it.
#[derive(Clone, Debug)]
pub struct Event {
    /// The run.
    pub run_id: Arc<str>,
    /// Its place in the run, from 0, without gaps.
    pub seq: u64,
    /// What happened.
    pub kind: Arc<EventKind>,
    json: Arc<str>,
}

/// How a call of a tool ended.
#[derive(Clone, Debug)]
pub enum ToolOutcome {
    /// With a result.
    Result(Value),
    /// With an error, which the model sees.
    Error(Error),
}

/// What happened. `Run...` variants other than the first are endings; a run has exactly one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// The run begins.
    RunStarted {
        /// The agent.
        agent_id: String,
        /// Its version.
        version: String,
        /// The model in use.
        model: String,
        /// What was asked.
        input: String,
        /// The pictures that go with it: their types, hashes, and sizes or addresses without queries.
        images: Vec<Value>,
    },
    /// A collection was searched.
    RetrievalFinished {
        /// The collection.
        collection: String,
        /// What was found, best first.
        passages: Vec<Passage>,
    },
    /// The model was asked.
    ModelStarted {
        /// Which call of the run, from 1.
        turn: u32,
        /// The model.
        model: String,
    },
    /// A piece of the model's text.
    TextDelta {
        /// The piece.
        text: String,
    },
    /// A piece of what the model thinks.
    ReasoningDelta {
        /// The piece.
        text: String,
    },
    /// A piece of a call that the model writes.
    ToolCallDelta {
        /// The call.
        call_id: String,
        /// The tool.
        name: String,
        /// The piece of the arguments.
        arguments: String,
    },
    /// The model ended its turn.
    ModelFinished {
        /// Which call of the run, from 1.
        turn: u32,
        /// Its whole text.
        text: String,
        /// Its calls.
        tool_calls: Vec<Value>,
        /// Tokens of this call.
        usage: Usage,
        /// The provider's word.
        finish_reason: String,
    },
    /// A tool was called.
    ToolStarted {
        /// The call.
        call_id: String,
        /// The tool.
        name: String,
        /// The arguments; a text if they are not JSON.
        arguments: Value,
    },
    /// A call ended.
    ToolFinished {
        /// The call.
        call_id: String,
        /// The tool.
        name: String,
        /// How.
        outcome: ToolOutcome,
    },
    /// A request to the model failed and will be made again. Text that was given stays: what
    /// follows continues it.
    Retrying {
        /// Which attempt failed, from 1.
        attempt: u32,
        /// Milliseconds until the next.
        delay_ms: u64,
        /// Why.
        code: Code,
        /// Why, in a sentence.
        message: String,
        /// The model that is asked next, when it is another.
        model: Option<String>,
    },
    /// Most of a budget is spent. Given once for each budget of a run.
    BudgetWarning {
        /// As in the spec: `tokens_per_run`, `cost_usd_per_run`, and of the agent's day
        /// `llm_tokens_per_day`, `cost_limit_usd_per_day`.
        budget: &'static str,
        /// Tokens or US dollars until now.
        used: Value,
        /// Tokens or US dollars that are allowed.
        limit: Value,
    },
    /// The end: with an answer.
    RunFinished {
        /// The result.
        result: RunResult,
    },
    /// The end: stopped by its caller.
    RunCancelled {
        /// What there was until then.
        result: RunResult,
    },
    /// The end: with an error.
    RunFailed {
        /// The error.
        error: Error,
    },
}

impl EventKind {
    /// The event's type as a word, for instance `text_delta`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RunStarted { .. } => "run_started",
            Self::RetrievalFinished { .. } => "retrieval_finished",
            Self::ModelStarted { .. } => "model_started",
            Self::TextDelta { .. } => "text_delta",
            Self::ReasoningDelta { .. } => "reasoning_delta",
            Self::ToolCallDelta { .. } => "tool_call_delta",
            Self::ModelFinished { .. } => "model_finished",
            Self::ToolStarted { .. } => "tool_started",
            Self::ToolFinished { .. } => "tool_finished",
            Self::Retrying { .. } => "retrying",
            Self::BudgetWarning { .. } => "budget_warning",
            Self::RunFinished { .. } => "run_finished",
            Self::RunCancelled { .. } => "run_cancelled",
            Self::RunFailed { .. } => "run_failed",
        }
    }

    /// Whether nothing comes after it.
    pub fn is_ending(&self) -> bool {
        matches!(
            self,
            Self::RunFinished { .. } | Self::RunCancelled { .. } | Self::RunFailed { .. }
        )
    }
}

impl Event {
    pub(super) fn new(run_id: Arc<str>, seq: u64, kind: EventKind) -> Self {
        // Only strings, numbers and JSON values are inside: writing them cannot fail.
        let json = serde_json::to_string(&Wire { run_id: &run_id, seq, kind: &kind });
        let json = json.unwrap_or_default().into();
        Self { run_id, seq, kind: Arc::new(kind), json }
    }

    /// The event's type as a word.
    pub fn kind(&self) -> &'static str {
        self.kind.name()
    }

    /// The event as a JSON object: `type`, `run_id`, `seq`, and the fields of its type.
    pub fn to_json(&self) -> String {
        self.json.as_ref().to_owned()
    }

    pub(super) fn shared_json(&self) -> Arc<str> {
        self.json.clone()
    }

    /// [`Event::to_json`] without a copy.
    pub fn as_json(&self) -> &str {
        &self.json
    }
}

struct Wire<'a> {
    run_id: &'a str,
    seq: u64,
    kind: &'a EventKind,
}

impl Serialize for Wire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.kind.name())?;
        map.serialize_entry("run_id", self.run_id)?;
        map.serialize_entry("seq", &self.seq)?;
        macro_rules! put {
            ($($field:ident),*) => {{ $(map.serialize_entry(stringify!($field), $field)?;)* }};
        }
        match self.kind {
            EventKind::RunStarted { agent_id, version, model, input, images } => {
                put!(agent_id, version, model, input);
                if !images.is_empty() {
                    put!(images);
                }
            }
            EventKind::RetrievalFinished { collection, passages } => put!(collection, passages),
            EventKind::ModelStarted { turn, model } => put!(turn, model),
            EventKind::TextDelta { text } | EventKind::ReasoningDelta { text } => put!(text),
            EventKind::ToolCallDelta { call_id, name, arguments } => put!(call_id, name, arguments),
            EventKind::ModelFinished { turn, text, tool_calls, usage, finish_reason } => {
                put!(turn, text, tool_calls, usage, finish_reason);
            }
            EventKind::ToolStarted { call_id, name, arguments } => put!(call_id, name, arguments),
            EventKind::ToolFinished { call_id, name, outcome } => {
                put!(call_id, name);
                match outcome {
                    ToolOutcome::Result(result) => put!(result),
                    ToolOutcome::Error(error) => map.serialize_entry("error", &error.to_json())?,
                }
            }
            EventKind::Retrying { attempt, delay_ms, code, message, model } => {
                put!(attempt, delay_ms, code, message);
                if model.is_some() {
                    put!(model);
                }
            }
            EventKind::BudgetWarning { budget, used, limit } => put!(budget, used, limit),
            EventKind::RunFinished { result } | EventKind::RunCancelled { result } => put!(result),
            EventKind::RunFailed { error } => map.serialize_entry("error", &error.to_json())?,
        }
        map.end()
    }
}
