//! Who the agent is; what goes in and comes out.

use super::{Check, SLUG_LIMIT};
use crate::spec::document::Document;
use crate::spec::node::{Node, Value};

/// The version of a spec that names none.
const FIRST_VERSION: &str = "0.1.0";

pub(super) fn check(document: &mut Document, check: &mut Check<'_>) {
    let identity = &mut document.identity;
    let is_empty = |node: &Node| matches!(&node.value, Value::Text(text) if text.is_empty());
    if check.root.node_at("/identity/agent_id").is_some_and(is_empty) {
        check.slug("/identity/agent_id", "");
    } else if identity.agent_id.is_empty() {
        identity.agent_id = slug_of(&identity.name);
        if identity.agent_id.is_empty() {
            check.error(
                "/identity",
                "AK1004",
                "`identity.agent_id` is missing, and cannot be made from the name",
                Some("add `agent: my-agent`, or `agent_id: my-agent` under `identity`"),
            );
        }
    } else {
        check.slug("/identity/agent_id", &identity.agent_id);
    }
    if identity.name.is_empty() {
        identity.name.clone_from(&identity.agent_id);
    }
    if let Some(tenant) = &identity.tenant_id {
        check.slug("/identity/tenant_id", tenant);
    }
    // Written into every document: what is promoted and compared has a number.
    // One that could not be read was reported; an empty text is no version.
    let written = check.root.node_at("/identity/version").map(|node| &node.value);
    if identity.version.is_empty() && !matches!(written, Some(Value::Text(_))) {
        FIRST_VERSION.clone_into(&mut identity.version);
    }
    if let Err(error) = semver::Version::parse(&identity.version) {
        check.error(
            "/identity/version",
            "AK1005",
            format!("{:?} is not a semantic version: {error}", identity.version),
            Some("three numbers: 1.0.0"),
        );
    }
    for (field, time) in
        [("created_at", &identity.created_at), ("updated_at", &identity.updated_at)]
    {
        if let Some(time) = time
            && super::time(time).is_none()
        {
            check.error(
                &format!("/identity/{field}"),
                "AK1005",
                format!("{time:?} is not a time as in RFC 3339"),
                Some("for instance 2026-01-31T12:00:00Z"),
            );
        }
    }
    if let Some(schema) = &document.interface.input_schema {
        check.json_schema("/interface/input_schema", schema, true);
    }
    if let Some(schema) = &document.interface.output_schema {
        check.json_schema("/interface/output_schema", schema, false);
    }
    if let Some(schema) = &document.behavior.state_schema {
        check.json_schema("/behavior/state_schema", schema, true);
    }
}

/// A slug made from a name; template marks and all other signs become a dash.
fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        if slug.len() >= SLUG_LIMIT {
            break;
        }
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}
