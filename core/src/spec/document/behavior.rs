//! Layer 5: how a run goes.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::spec::decode::{block, choice};

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

choice! {
    /// How the steps of a workflow follow one another.
    pub enum Orchestration {
        /// No steps: the model and its tools.
        #[default]
        Single = "single",
        /// One after the other.
        Sequential = "sequential",
        /// Side by side.
        Parallel = "parallel",
        /// The first whose condition holds.
        Conditional = "conditional",
        /// Again until a condition holds or `max_iterations` is reached.
        Loop = "loop",
        /// As `depends_on` says.
        Graph = "graph",
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
        /// JSON Schema of what the steps share.
        pub state_schema: Option<Json>,
        /// Default single; with a workflow whose steps have `depends_on`, graph.
        pub orchestration: Orchestration,
        /// Steps, instead of one model with its tools.
        pub workflow: Workflow,
    }
}

block! {
    /// Steps and how they depend on one another.
    pub struct Workflow {
        /// The step to begin with; else those without `depends_on`.
        pub entry: Option<String>,
        /// Rounds of a loop at most.
        pub max_iterations: Option<u32>,
        /// The steps.
        pub steps: Vec<WorkflowStep>,
    }
}

block! {
    /// One step: an agent, a tool or a prompt.
    pub struct WorkflowStep {
        /// Slug, unique in the workflow; required.
        pub id: String,
        /// What it does.
        pub description: Option<String>,
        /// Asks this agent.
        pub agent: Option<String>,
        /// Calls this tool.
        pub tool: Option<String>,
        /// Asks the spec's own model this; a template.
        pub prompt: Option<String>,
        /// What goes in.
        pub input: BTreeMap<String, Json>,
        /// Steps that end before this one begins.
        pub depends_on: Vec<String>,
        /// The step is left out unless this holds.
        pub when: Option<String>,
        /// Name of its result in the shared state; else its id.
        pub output: Option<String>,
        /// JSON Schema of its result.
        pub output_schema: Option<Json>,
    }
}
