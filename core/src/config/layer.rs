//! The layers, and where their settings come from.

use std::fmt;

use super::policy::{Policy, Quotas};
use super::settings::{RunLimits, Settings};
use crate::agent::RunOptions;
use crate::spec::{Behavior, Spec};

/// Who says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// aikit, when nobody else does.
    Default,
    /// A profile: its file.
    Profile(String),
    /// A tenant's configuration: its id.
    Tenant(String),
    /// A spec: `agent_id@version`.
    Spec(String),
    /// Whoever opened the kernel.
    Open,
    /// The caller of an agent or a run.
    Call,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Profile(file) => write!(f, "profile {file}"),
            Self::Tenant(id) => write!(f, "tenant {id}"),
            Self::Spec(name) => write!(f, "spec {name}"),
            Self::Open => f.write_str("open"),
            Self::Call => f.write_str("call"),
        }
    }
}

/// What one source says.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Who says it.
    pub source: Source,
    /// What is said.
    pub settings: Settings,
}

impl Layer {
    /// What holds when nobody says anything.
    pub fn defaults() -> Self {
        let settings = Settings {
            tenant: Some("default".into()),
            run: RunLimits {
                max_turns: Some(Behavior::default().max_turns),
                ..RunLimits::default()
            },
            ..Settings::default()
        };
        Self { source: Source::Default, settings }
    }

    /// What a spec says itself, rather than by a default of its format.
    pub fn spec(spec: &Spec) -> Self {
        let document = spec.document();
        let security = &document.governance.security;
        // What a spec asks for of quotas is compared with the tenant's when it is checked; the
        // tenant's are counted over all of its agents, so one spec cannot narrow them.
        let settings = Settings {
            default_model: Some(spec.model().to_owned()).filter(|model| !model.is_empty()),
            policy: Policy {
                allowed_tools: security.allowed_tools.clone(),
                denied_tools: security.denied_tools.clone(),
                quotas: Quotas::default(),
            },
            run: RunLimits {
                max_turns: spec.says("/behavior/max_turns").then_some(document.behavior.max_turns),
                timeout_ms: document.behavior.timeout_ms,
                tokens_per_run: document.governance.budget.tokens_per_run,
                cost_usd_per_run: document.governance.budget.cost_usd_per_run,
            },
            ..Settings::default()
        };
        let name = format!("{}@{}", spec.agent_id(), spec.version());
        Self { source: Source::Spec(name), settings }
    }

    /// What the caller of an agent and a run says.
    pub fn call(model: Option<&str>, options: &RunOptions) -> Self {
        let settings = Settings {
            default_model: model.map(str::to_owned),
            run: RunLimits {
                max_turns: options.max_turns,
                timeout_ms: options.timeout_ms,
                tokens_per_run: options.tokens_per_run,
                cost_usd_per_run: options.cost_usd_per_run,
            },
            ..Settings::default()
        };
        Self { source: Source::Call, settings }
    }
}
