//! Who the agent is, what goes in and comes out, what is recorded.

use serde_json::Value as Json;

use crate::spec::decode::{block, choice};

block! {
    /// Who the agent is.
    pub struct Identity {
        /// Slug (a UUID is one), unique within the tenant; else made from `name`.
        pub agent_id: String,
        /// The tenant that the spec is written for; any if absent.
        pub tenant_id: Option<String>,
        /// Name for people, a template; else `agent_id`.
        pub name: String,
        /// Semantic version; default 0.1.0.
        pub version: String,
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
        /// JSON Schema of the run's `inputs`, an object.
        pub input_schema: Option<Json>,
        /// JSON Schema of the output.
        pub output_schema: Option<Json>,
    }
}

choice! {
    /// How much is logged.
    pub enum LogLevel {
        /// Every step.
        Trace = "trace",
        /// What helps to find a fault.
        Debug = "debug",
        /// What happened.
        #[default]
        Info = "info",
        /// What is probably not meant.
        Warn = "warn" | "warning",
        /// What failed.
        Error = "error",
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
        /// Level of log lines; default info.
        pub log_level: LogLevel,
    }
}
