//! Tools and servers of tools.

use std::collections::HashSet;

use super::Check;
use crate::spec::dialect;
use crate::spec::document::{Document, McpServer, McpTransport, has_password, looks_secret};

pub(super) fn check(document: &Document, check: &mut Check<'_>) {
    let integration = &document.integration;
    let provider = dialect::provider(&document.intelligence.model);
    for (i, tool) in integration.tools.iter().enumerate() {
        let pointer = format!("/integration/tools/{i}");
        if tool.name.is_empty() {
            check.error(&pointer, "AK1004", "the name of a tool is missing", None);
        }
        if let Some(parameters) = &tool.parameters {
            let at = format!("{pointer}/parameters");
            if check.json_schema(&at, parameters, true) {
                for refusal in dialect::refusals(provider, parameters) {
                    check.error(
                        &format!("{at}{}", refusal.pointer),
                        "AK2009",
                        format!("{provider} cannot be told this schema of a tool: {}", refusal.why),
                        Some(refusal.hint),
                    );
                }
            }
        }
    }
    let names = integration.tools.iter().map(|t| t.name.as_str()).enumerate();
    check.once("/integration/tools", "name", names);
    permissions(document, check);
    for (i, server) in integration.mcp_servers.iter().enumerate() {
        mcp_server(&format!("/integration/mcp_servers/{i}"), server, check);
    }
    let names = integration.mcp_servers.iter().map(|s| s.name.as_str()).enumerate();
    check.once("/integration/mcp_servers", "name", names);
}

/// A tool that the spec names and forbids in one breath.
fn permissions(document: &Document, check: &mut Check<'_>) {
    let security = &document.governance.security;
    let denied: HashSet<&String> = security.denied_tools.iter().collect();
    let allowed: Option<HashSet<&String>> =
        security.allowed_tools.as_ref().map(|allowed| allowed.iter().collect());
    for (i, tool) in document.integration.tools.iter().enumerate() {
        let rule = if denied.contains(&tool.name) {
            "governance.security.denied_tools names it"
        } else if allowed.as_ref().is_some_and(|a| !a.contains(&tool.name)) {
            "governance.security.allowed_tools does not name it"
        } else {
            continue;
        };
        // Whoever builds on another spec may mean it; no agent is made of it all the same.
        check.warn(
            &format!("/integration/tools/{i}"),
            "AK2013",
            format!("the tool {:?} is denied: {rule}", tool.name),
            "take the tool out of `integration.tools`, or change the rule",
        );
    }
}

fn mcp_server(pointer: &str, server: &McpServer, check: &mut Check<'_>) {
    if server.name.is_empty() {
        check.error(pointer, "AK1004", "`name` is missing", None);
    } else {
        check.slug(&format!("{pointer}/name"), &server.name);
    }
    let http = server.transport == McpTransport::Http;
    match (http, &server.command, &server.url) {
        (true, _, None) => {
            check.error(pointer, "AK1004", "`url` is missing", Some("where the server answers"));
        }
        (false, None, url) => {
            let hint = if url.is_some() {
                "for a `url`, add `transport: http`"
            } else {
                "the program to start"
            };
            check.error(pointer, "AK1004", "`command` is missing", Some(hint));
        }
        (true, Some(_), _) => check.warn(
            &format!("{pointer}/command"),
            "AK2001",
            "`command` has no effect with the transport http",
            "remove it, or use `transport: stdio`",
        ),
        (false, _, Some(_)) => check.warn(
            &format!("{pointer}/url"),
            "AK2001",
            "`url` has no effect with the transport stdio",
            "remove it, or use `transport: http`",
        ),
        _ => {}
    }
    secrets(pointer, server, check);
    if let Some(url) = &server.url
        && !(url.starts_with("https://") || url.starts_with("http://"))
    {
        let message = format!("{url:?} is not an address");
        check.error(&format!("{pointer}/url"), "AK1005", message, Some("https://..."));
    }
}

/// What is given to the server elsewhere than in `env` and `headers` cannot refer to a secret.
fn secrets(pointer: &str, server: &McpServer, check: &mut Check<'_>) {
    let mut found: Vec<String> = Vec::new();
    let args = server.args.iter().enumerate().filter(|(_, arg)| looks_secret(arg));
    found.extend(args.map(|(i, _)| format!("{pointer}/args/{i}")));
    if server.url.as_ref().is_some_and(|url| has_password(url) || looks_secret(url)) {
        found.push(format!("{pointer}/url"));
    }
    for at in found {
        check.error(
            &at,
            "AK2015",
            "this looks like a secret, and a spec is stored and shared",
            Some("give it to the server in `env` or `headers`, as `{env: NAME}` or `{file: PATH}`"),
        );
    }
}
