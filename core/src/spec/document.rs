//! The types of the document: four cross-cutting blocks and six layers.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::decode::{Decode, Decoder, block, choice};
use super::node::{self, Node};

block! {
    /// The whole document.
    pub struct Document {
        /// Version of the spec format, for instance `"1"`.
        pub spec_version: SpecVersion,
        /// Version of the serialisation; kept as written.
        pub format_version: SpecVersion,
        /// Who the agent is.
        pub identity: Identity,
        /// What goes in and comes out.
        pub interface: Interface,
        /// What it may do and use.
        pub governance: Governance,
        /// What is recorded of it.
        pub observability: Observability,
        /// Layer 1: tools.
        pub integration: Integration,
        /// Layer 2: what is put before the model.
        pub context_policy: ContextPolicy,
        /// Layer 3: what it remembers.
        pub memory: Memory,
        /// Layer 4: the model and its prompt.
        pub intelligence: Intelligence,
        /// Layer 5: how a run goes.
        pub behavior: Behavior,
        /// Layer 6: other agents.
        pub network: Network,
    }
}

/// A version of the format: a text, or a number taken as it was meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct SpecVersion(pub String);

impl Decode for SpecVersion {
    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        match &node.value {
            node::Value::Int(number) => Some(Self(number.to_string())),
            node::Value::Float(number) => Some(Self(number.to_string())),
            _ => String::decode(node, decoder).map(Self),
        }
    }
}

block! {
    /// Who the agent is.
    pub struct Identity {
        /// Slug, unique within the tenant; else made from `name`.
        pub agent_id: String,
        /// The tenant that the spec is written for; any if absent.
        pub tenant_id: Option<String>,
        /// Name for people; else `agent_id`.
        pub name: String,
        /// Semantic version; default 0.1.0.
        pub version: String = "0.1.0".into(),
        /// What the agent does.
        pub description: Option<String>,
        /// Who wrote it.
        pub author: Option<String>,
        /// Licence of the spec.
        pub license: Option<String>,
        /// Words to find it by.
        pub tags: Vec<String>,
        /// RFC 3339.
        pub created_at: Option<String>,
        /// RFC 3339.
        pub updated_at: Option<String>,
    }
}

block! {
    /// What goes in and comes out.
    pub struct Interface {
        /// What to ask the agent.
        pub description: Option<String>,
        /// JSON Schema of the input.
        pub input_schema: Option<Json>,
        /// JSON Schema of the output.
        pub output_schema: Option<Json>,
    }
}

block! {
    /// What the agent may do and use.
    pub struct Governance {
        /// Isolation, tools, resources.
        pub security: Security,
        /// Retention and audit.
        pub compliance: Compliance,
        /// Limits over time.
        pub rate_limits: RateLimits,
    }
}

choice! {
    /// How tenants are kept apart.
    pub enum TenantIsolation {
        /// No call reaches another tenant.
        #[default]
        Strict = "strict",
        /// Shared collections are readable.
        Relaxed = "relaxed",
    }
}

block! {
    /// Isolation, tools, resources.
    pub struct Security {
        /// Default strict.
        pub tenant_isolation: TenantIsolation,
        /// If given, only these tools, of those in `integration.tools`.
        pub allowed_tools: Option<Vec<String>>,
        /// Never these tools; wins over everything else.
        pub denied_tools: Vec<String>,
        /// Bounds for one agent.
        pub resource_limits: ResourceLimits,
    }
}

block! {
    /// Bounds for one agent.
    pub struct ResourceLimits {
        /// Runs at once.
        pub max_concurrent_executions: Option<u32>,
        /// Memory in MiB.
        pub max_memory_mb: Option<u64>,
        /// Percent of one core.
        pub max_cpu_percent: Option<u32>,
        /// Store in MiB.
        pub max_storage_mb: Option<u64>,
    }
}

choice! {
    /// How much the audit log says.
    pub enum AuditLevel {
        /// Nothing.
        None = "none",
        /// Changes.
        #[default]
        Basic = "basic",
        /// Every call.
        Detailed = "detailed",
    }
}

block! {
    /// Retention and audit.
    pub struct Compliance {
        /// Days that runs are kept.
        pub data_retention_days: Option<u32>,
        /// Whether data-protection rules apply.
        pub gdpr_compliant: bool,
        /// Default basic.
        pub audit_level: AuditLevel,
    }
}

block! {
    /// Limits over time.
    pub struct RateLimits {
        /// Runs per minute.
        pub requests_per_minute: Option<u32>,
        /// Tokens per day.
        pub llm_tokens_per_day: Option<u64>,
        /// US dollars per day.
        pub cost_limit_usd_per_day: Option<f64>,
    }
}

block! {
    /// What is recorded of the agent.
    pub struct Observability {
        /// Spans; default on.
        pub tracing: bool = true,
        /// Counters; default on.
        pub metrics: bool = true,
        /// Whether spans carry prompts and answers; default off.
        pub capture_content: bool,
        /// Level of log lines.
        pub log_level: Option<String>,
    }
}

block! {
    /// Layer 1: tools. No tool is available that is not named here.
    pub struct Integration {
        /// Names of built-in tools and of tools that the host registers.
        pub tools: Vec<ToolRef>,
    }
}

/// A tool that the agent may use: its name, or a mapping with settings.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct ToolRef {
    /// The name under which the tool is registered.
    pub name: String,
    /// Replaces the tool's own description for the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Decode for ToolRef {
    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if let node::Value::Text(name) = &node.value {
            return Some(Self { name: name.clone(), description: None });
        }
        let settings = ToolSettings::decode(node, decoder)?;
        if settings.name.is_empty() {
            decoder.error(node, "AK1004", "`name` is missing".into(), None);
            return None;
        }
        Some(Self { name: settings.name, description: settings.description })
    }
}

block! {
    /// The long form of a [`ToolRef`].
    pub struct ToolSettings {
        /// Required.
        pub name: String,
        /// Replaces the tool's own description.
        pub description: Option<String>,
    }
}

block! {
    /// Layer 2: what is put before the model.
    pub struct ContextPolicy {
        /// Collections to search with the input before the first model call.
        pub knowledge: Vec<Knowledge>,
    }
}

block! {
    /// A collection that the agent knows.
    pub struct Knowledge {
        /// Name of the collection; required.
        pub collection: String,
        /// Passages to take; default 5.
        pub top_k: u32 = 5,
        /// Adds vector search with this `provider/model`; keyword search alone if absent.
        pub embedding_model: Option<String>,
    }
}

choice! {
    /// Where memory is kept.
    pub enum MemoryBackend {
        /// Gone with the process.
        InMemory = "inmemory" | "memory" | "in_memory",
        /// In the kernel's SQLite file.
        #[default]
        Sqlite = "sqlite" | "hnsw",
        /// In the kernel's PostgreSQL database.
        Postgresql = "postgresql" | "postgres",
    }
}

block! {
    /// Layer 3: what the agent remembers.
    pub struct Memory {
        /// Default off.
        pub enabled: bool,
        /// Default: the kernel's store.
        pub backend: MemoryBackend,
        /// What was said and done.
        pub episodic: MemoryTier,
        /// What is known: a graph in two times.
        pub semantic: MemoryTier,
        /// How things are done.
        pub procedural: MemoryTier,
    }
}

block! {
    /// One kind of memory.
    pub struct MemoryTier {
        /// Implementation, by name.
        pub provider: Option<String>,
        /// Template of the key space, for instance `{{tenant_id}}/{{agent_id}}/episodic`.
        pub namespace: Option<String>,
        /// Days that entries are kept.
        pub retention_days: Option<u32>,
        /// Entries that are kept.
        pub max_entries: Option<u64>,
        /// Whether facts carry the time in which they hold.
        pub enable_temporal: bool,
        /// Whether rows are isolated by the database.
        pub rls_enabled: bool,
        /// Prefix of tables.
        pub table_prefix: Option<String>,
        /// Parameters of the vector index.
        pub hnsw_config: BTreeMap<String, Json>,
    }
}

block! {
    /// Layer 4: the model and its prompt.
    pub struct Intelligence {
        /// `provider/model`; required.
        pub model: String,
        /// What the model is told first.
        pub system_prompt: Option<String>,
        /// 0 to 2.
        pub temperature: Option<f64>,
        /// 0 to 1.
        pub top_p: Option<f64>,
        /// Tokens of one answer.
        pub max_tokens: Option<u32>,
        /// Texts that end an answer.
        pub stop: Vec<String>,
        /// For models that can repeat themselves.
        pub seed: Option<i64>,
        /// Turns of a `scripted/` model.
        pub script: Vec<ScriptTurn>,
    }
}

block! {
    /// One turn of a scripted model. See the guide for what stands in for `{{...}}`.
    pub struct ScriptTurn {
        /// The answer, given in deltas of one word.
        pub text: Option<String>,
        /// The answer's deltas, instead of `text`.
        pub deltas: Vec<String>,
        /// Calls that the model makes.
        pub tool_calls: Vec<ScriptToolCall>,
        /// Waits before each delta.
        pub delay_ms: u64,
        /// Fails after the deltas.
        pub error: Option<ScriptError>,
        /// Tokens; else words are counted.
        pub usage: Option<ScriptUsage>,
        /// Else `tool_calls` or `stop`.
        pub finish_reason: Option<String>,
        /// The turn exists only for such inputs.
        pub when: ScriptCondition,
    }
}

block! {
    /// A call that a scripted model makes.
    pub struct ScriptToolCall {
        /// The tool.
        pub name: String,
        /// A mapping; or a text that is sent as it stands.
        pub arguments: Json = Json::Object(serde_json::Map::new()),
        /// Else `call_1`, `call_2`, ...
        pub id: Option<String>,
    }
}

block! {
    /// How a scripted model fails.
    pub struct ScriptError {
        /// Word of a model error, for instance `model_unavailable`.
        pub code: String = "model_unavailable".into(),
        /// What it says.
        pub message: String = "the script says so".into(),
    }
}

block! {
    /// Tokens that a scripted turn claims.
    pub struct ScriptUsage {
        /// Of the request.
        pub input_tokens: u64,
        /// Of the answer.
        pub output_tokens: u64,
    }
}

block! {
    /// When a scripted turn exists.
    pub struct ScriptCondition {
        /// The input holds this text.
        pub input_contains: Option<String>,
    }
}

choice! {
    /// Whether the model must call a tool.
    pub enum ToolChoice {
        /// As it likes.
        #[default]
        Auto = "auto",
        /// It must, in its first turn.
        Required = "required",
        /// It must not.
        None = "none",
    }
}

block! {
    /// Layer 5: how a run goes.
    pub struct Behavior {
        /// Model calls in one run; default 10.
        pub max_turns: u32 = 10,
        /// Default auto.
        pub tool_choice: ToolChoice,
        /// Whether the calls of one turn run side by side; default true.
        pub parallel_tool_calls: bool = true,
        /// Milliseconds that a run may take.
        pub timeout_ms: Option<u64>,
    }
}

block! {
    /// Layer 6: other agents.
    pub struct Network {
        /// Whether other agents can find this one.
        pub a2a_enabled: bool,
        /// Where it is found.
        pub discovery: Discovery,
        /// Whom it may ask.
        pub delegation: Delegation,
    }
}

block! {
    /// Where an agent is found.
    pub struct Discovery {
        /// Template, for instance `{{tenant_id}}/agents`.
        pub namespace: Option<String>,
    }
}

block! {
    /// Whom an agent may ask.
    pub struct Delegation {
        /// Default off.
        pub enabled: bool,
        /// Agent ids.
        pub allowed_agents: Vec<String>,
        /// Hand-overs in a row.
        pub max_depth: Option<u32>,
    }
}
