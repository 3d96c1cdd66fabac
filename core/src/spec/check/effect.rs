//! What is kept and checked and has no effect yet, told openly; and spellings that were understood.

use super::Check;
use crate::error::Severity;
use crate::spec::document::{Document, TenantIsolation};
use crate::spec::node::Value;

/// Places whose settings this version keeps, checks, versions and exports, and does not act on.
const LATER: &[&str] = &[
    "/governance/security/resource_limits",
    "/governance/compliance",
    "/observability",
    "/integration/mcp_servers",
    "/context_policy/context_mounts",
    "/context_policy/rag",
    "/context_policy/max_context_tokens",
    "/context_policy/compression",
    "/memory",
    "/storage",
    "/intelligence/cognition/strategy",
    "/intelligence/cognition/max_steps",
    "/behavior/state_schema",
    "/behavior/orchestration",
    "/behavior/workflow",
    "/network/a2a_enabled",
    "/network/discovery",
    "/network/delegation",
];

pub(super) fn check(document: &Document, check: &mut Check<'_>) {
    let said = |pointer: &&&str| {
        check.root.node_at(pointer).is_some_and(|node| match &node.value {
            Value::Null | Value::Bool(false) => false,
            Value::List(items) => !items.is_empty(),
            Value::Map(entries) => !is_off(entries),
            _ => true,
        })
    };
    let mut places: Vec<&str> = LATER.iter().filter(said).copied().collect();
    if document.governance.security.tenant_isolation == TenantIsolation::Relaxed {
        places.push("/governance/security/tenant_isolation");
    }
    for pointer in places {
        let name = pointer[1..].replace('/', ".");
        check.report(
            Severity::Info,
            pointer,
            "AK2016",
            format!("`{name}` is kept and checked, and this version does not act on it yet"),
            None,
        );
    }
    spelling(document, check);
}

/// `memory: {enabled: false}` asks for nothing.
fn is_off(entries: &[(crate::spec::node::Key, crate::spec::node::Node)]) -> bool {
    entries.is_empty()
        || entries
            .iter()
            .all(|(key, node)| key.text == "enabled" && matches!(node.value, Value::Bool(false)))
}

/// Says what was understood where an older word stands.
fn spelling(document: &Document, check: &mut Check<'_>) {
    let understood = [(
        "/memory/backend",
        "hnsw",
        "`backend: sqlite`; the vector index is `episodic.provider: hnsw`",
    )];
    for (pointer, word, meant) in understood {
        let text = match check.root.node_at(pointer).map(|node| &node.value) {
            Some(Value::Text(text)) => text.as_str(),
            _ => continue,
        };
        if text == word {
            let message = format!("{word:?} is read as {meant}");
            check.report(Severity::Info, pointer, "AK2014", message, None);
        }
    }
    let written = check.root.node_at("/spec_version").map(|node| &node.value);
    if let Some(Value::Text(text)) = written
        && *text != document.spec_version.0
        && text.starts_with("aikit-")
    {
        let message = format!("{text:?} is read as {:?}", document.spec_version.0);
        check.report(Severity::Info, "/spec_version", "AK2014", message, None);
    }
}
