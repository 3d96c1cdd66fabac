//! Layer 1: tools.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::Secret;
use crate::spec::decode::{Decode, Decoder, block, choice};
use crate::spec::node::{Node, Value};
use crate::spec::schema::{Definitions, Describe};

block! {
    /// Layer 1: tools. No tool is available that is not named here.
    pub struct Integration {
        /// What the agent can do, in words, for who looks for an agent.
        pub capabilities: Vec<String>,
        /// Names of built-in tools and of tools that the host registers.
        pub tools: Vec<ToolRef>,
        /// Servers of the Model Context Protocol whose tools the agent may use.
        pub mcp_servers: Vec<McpServer>,
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
    /// Replaces the tool's own JSON Schema for the model, for instance to narrow it. Calls are
    /// checked against the tool's own all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Json>,
}

impl Decode for ToolRef {
    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if let Value::Text(name) = &node.value {
            return Some(Self { name: name.clone(), ..Self::default() });
        }
        let ToolSettings { name, description, parameters } = ToolSettings::decode(node, decoder)?;
        if name.is_empty() {
            decoder.missing(node, "name", Some("give the name of the tool: `name: calculator`"));
            return None;
        }
        Some(Self { name, description, parameters })
    }
}

impl Describe for ToolRef {
    fn describe(definitions: &mut Definitions) -> Json {
        definitions.text_or::<ToolSettings>("The name of the tool", "name")
    }
}

block! {
    /// The long form of a tool.
    pub struct ToolSettings {
        /// The name under which the tool is registered; required.
        pub name: String,
        /// Replaces the tool's own description for the model.
        pub description: Option<String>,
        /// Replaces the tool's own JSON Schema for the model.
        pub parameters: Option<Json>,
    }
}

choice! {
    /// How an MCP server is reached.
    pub enum McpTransport {
        /// A process of our own.
        #[default]
        Stdio = "stdio",
        /// Streamable HTTP.
        Http = "http" | "streamable_http" | "streamable-http" | "sse",
    }
}

block! {
    /// A server of the Model Context Protocol.
    pub struct McpServer {
        /// Slug, unique in the spec; required.
        pub name: String,
        /// Default stdio.
        pub transport: McpTransport,
        /// The program, for stdio.
        pub command: Option<String>,
        /// Its arguments.
        pub args: Vec<String>,
        /// Its environment; it gets no other variables.
        pub env: BTreeMap<String, Secret>,
        /// The address, for http.
        pub url: Option<String>,
        /// Headers of its requests.
        pub headers: BTreeMap<String, Secret>,
        /// If given, only these of its tools.
        pub tools: Option<Vec<String>>,
        /// Milliseconds that a call may take.
        pub timeout_ms: Option<u64>,
    }
}
