//! Which neighbour a text is from.

use super::source::View;
use super::{Format, words};
use crate::error::{Error, Result};

/// The format that was named, or else the one that the text has.
pub(super) fn format(root: View<'_>, from: Option<Format>) -> Result<Format> {
    if !root.value.is_object() {
        return Err(Error::invalid_argument(
            "the text is no mapping, and every known format is one",
        )
        .hint(format!("known formats: {}", words())));
    }
    let found = Format::ALL.into_iter().find(|format| is(root, *format));
    match (from.or(found), is_aikit(root)) {
        (_, true) => Err(Error::invalid_argument("the text is a spec of aikit already")
            .hint("parse it as it is: there is nothing to import")),
        (Some(format), false) => Ok(format),
        (None, false) => Err(Error::invalid_argument("the text is of no format that is known")
            .hint(format!("known formats: {}; name one to have it read as such", words()))),
    }
}

fn is(root: View<'_>, format: Format) -> bool {
    match format {
        Format::Oracle => ["agentspec_version", "component_type", "$referenced_components"]
            .iter()
            .any(|k| root.has(k)),
        Format::OpenAgentSpec => {
            root.has("open_agent_spec")
                || (root.has("intelligence") && root.has("tasks") && is_mapping(root, "agent"))
        }
        Format::Adl => root.has("adl_spec"),
        Format::AgentFramework => is_agent_framework(root),
        Format::CrewAi => is_crewai(root),
        // A crew has `agents` too, in one text with its tasks.
        Format::DockerAgent => !is_crewai(root) && is_docker_agent(root),
        Format::GoogleAdk => {
            root.has("agent_class")
                || (root.has("name")
                    && ["instruction", "sub_agents", "global_instruction", "static_instruction"]
                        .iter()
                        .any(|k| root.has(k)))
        }
    }
}

fn is_docker_agent(root: View<'_>) -> bool {
    root.get("agents").is_some_and(|agents| {
        !agents.entries().is_empty() || (agents.value.is_array() && root.has("models"))
    })
}

fn is_mapping(root: View<'_>, key: &str) -> bool {
    root.get(key).is_some_and(|view| view.value.is_object())
}

fn is_agent_framework(root: View<'_>) -> bool {
    let kind = root.any(&["kind", "type"]).and_then(View::str).unwrap_or_default();
    let kinds =
        ["prompt", "workflow", "hosted", "container_agent", "promptagent", "azure_ai_agent"];
    let known = kinds.contains(&kind.to_ascii_lowercase().as_str());
    let manifest = root.get("template").is_some_and(|t| t.has("kind"));
    let parts =
        ["instructions", "model", "tools", "trigger", "outputSchema", "template", "protocols"];
    manifest || (known && (root.has("kind") || parts.iter().any(|k| root.has(k))))
}

pub(super) fn is_crew_agent(view: View<'_>) -> bool {
    view.has("role") && (view.has("goal") || view.has("backstory"))
}

pub(super) fn is_crew_task(view: View<'_>) -> bool {
    let about = ["agent", "context", "output_file", "async_execution"];
    view.has("expected_output")
        || (view.has("description") && about.iter().any(|key| view.has(key)))
}

fn is_crewai(root: View<'_>) -> bool {
    let any = |view: View<'_>| {
        let entries = view.entries().into_iter().map(|(_, view)| view);
        entries.chain(view.items()).any(|view| is_crew_agent(view) || is_crew_task(view))
    };
    any(root) || ["agents", "tasks"].iter().filter_map(|key| root.get(key)).any(any)
}

/// A spec of our own: what says so, or a layer that nobody else has.
fn is_aikit(root: View<'_>) -> bool {
    let layers = ["identity", "integration", "context_policy", "governance", "behavior"];
    let layer = layers.iter().any(|key| is_mapping(root, key));
    let short =
        root.has("agent") && (root.has("prompt") || root.has("model") || root.has("extends"));
    let neighbour = Format::ALL.into_iter().any(|format| is(root, format));
    root.has("spec_version") || (!neighbour && (layer || short || is_mapping(root, "intelligence")))
}
