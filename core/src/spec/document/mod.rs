//! The types of the document: four cross-cutting blocks and six layers, one file each where they
//! are large. Defaults belong to `spec_version` 1 and never change within it.

mod behavior;
mod context;
mod governance;
mod identity;
mod integration;
mod intelligence;
mod memory;
mod network;
mod script;
mod secret;

pub use behavior::*;
pub use context::*;
pub use governance::*;
pub use identity::*;
pub use integration::*;
pub use intelligence::*;
pub use memory::*;
pub use network::*;
pub use script::*;
pub use secret::Secret;
pub(super) use secret::{has_password, looks_secret};

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::decode::{Decode, Decoder, block};
use super::node::{Node, Value};
use super::schema::{Definitions, Describe};

block! {
    /// The declaration of an agent.
    pub struct Document {
        /// Version of the spec format: `"1"`.
        pub spec_version: SpecVersion,
        /// Version of the serialisation; kept as written.
        pub format_version: Option<String>,
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
        /// Layer 3: where what it makes is kept.
        pub storage: Storage,
        /// Layer 4: the model and its prompt.
        pub intelligence: Intelligence,
        /// Layer 5: how a run goes.
        pub behavior: Behavior,
        /// Layer 6: other agents.
        pub network: Network,
        /// What others keep in the document, under names of their own, for instance
        /// `vendor.example`. Kept as it is; no effect.
        pub extensions: BTreeMap<String, Json>,
    }
}

/// A version of the format. `"1"`, `1`, `"1.0.0"` and `"aikit-v1.0.0"` all mean version 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct SpecVersion(pub String);

/// The version of the spec format that this library reads.
pub const SPEC_VERSION: &str = "1";

impl Decode for SpecVersion {
    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let text = match &node.value {
            Value::Int(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            _ => String::decode(node, decoder)?,
        };
        let bare = text.strip_prefix("aikit-").unwrap_or(&text);
        let bare = bare.strip_prefix('v').unwrap_or(bare);
        if bare.split('.').next() == Some(SPEC_VERSION)
            && bare
                .split('.')
                .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()))
        {
            return Some(Self(SPEC_VERSION.to_owned()));
        }
        let message = format!("this version of aikit does not know spec version {text:?}");
        decoder.error(node, "AK1012", message, Some("write `spec_version: \"1\"`".into()));
        None
    }
}

impl Describe for SpecVersion {
    fn describe(_: &mut Definitions) -> Json {
        serde_json::json!({
            "anyOf": [
                {"type": "string", "pattern": "^(aikit-)?v?1(\\.[0-9]+)*$"},
                {"type": "number", "minimum": 1, "exclusiveMaximum": 2},
            ],
        })
    }
}
