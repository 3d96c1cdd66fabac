//! The tools of docker-agent: built-in sets, servers, scripts, interfaces, knowledge; permissions.

use serde_json::{Value as Json, json};

use super::draft::{Draft, mapping, slug, tool_name};
use super::server;
use super::source::View;
use crate::spec::is_slug;

const REGISTER: &str = "a set of tools: register a tool of this name";
const HOST: &str = "what a tool is made with is the host's";

/// A set of an agent's.
pub(super) fn toolset(from: View<'_>, root: View<'_>, draft: &mut Draft<'_>) {
    let kind = from.get("type");
    let word = kind.and_then(View::str).or(from.str()).unwrap_or_default();
    // `{type: mcp, ref: name}` of a table of the text.
    let shared = from.get("ref").and_then(View::str).and_then(|name| {
        let key = if word == "rag" { "rag" } else { "mcps" };
        Some((name, root.get(key)?.get(name)?))
    });
    match word {
        "mcp" => mcp(from, shared, draft),
        "rag" => {
            if let Some((name, entry)) = shared {
                knowledge(name, entry, draft);
                if let Some(view) = from.get("ref") {
                    draft.changed(view, "/context_policy/knowledge", "a collection of that name");
                }
            } else if let Some(view) = from.get("rag_config").or(Some(from)) {
                let name = from.get("name").and_then(View::str).unwrap_or("knowledge");
                knowledge(name, view, draft);
            }
            told(from, "/context_policy/knowledge", draft);
        }
        "script" | "script_shell" => {
            for (name, script) in
                from.get("shell").or(from.get("tools")).map(View::entries).unwrap_or_default()
            {
                function(name, script, draft);
                script.lost_keys(
                    &["cmd", "env", "working_dir"],
                    "register a tool of this name that does it",
                );
            }
            told(from, "/integration/tools", draft);
        }
        "api" | "openapi" if from.has("api_config") => {
            if let Some(api) = from.get("api_config") {
                let name = api.get("name").and_then(View::str).unwrap_or("api");
                function(name, api, draft);
                if let Some(view) = api.get("name") {
                    draft.changed(view, "/integration/tools", "the name of the tool");
                }
                api.lost_keys(
                    &["endpoint", "method", "headers"],
                    "register a tool of this name that asks there",
                );
            }
            told(from, "/integration/tools", draft);
        }
        "a2a" | "background_agents" => from.lost("other agents are named by `network.delegation`"),
        "" => from.lost("a set of tools without a type"),
        _ => set(from, word, draft),
    }
    from.lost_keys(
        &["instruction"],
        "a tool describes itself; what the agent is to know stands in its prompt",
    );
}

fn told(from: View<'_>, to: &str, draft: &Draft<'_>) {
    if let Some(view) = from.get("type") {
        draft.changed(view, to, "told by where it stands");
    }
}

/// A built-in set: its own name, or those of its tools that are picked.
fn set(from: View<'_>, word: &str, draft: &mut Draft<'_>) {
    let picked = from.list("tools");
    let mut places = Vec::new();
    for view in picked {
        match view.str().and_then(tool_name) {
            Some(name) => {
                let at = draft.tool(&name);
                draft.changed(view, &format!("{at}/name"), "register a tool of this name");
                places.push(at);
            }
            None => view.lost("no name that a tool can have"),
        }
    }
    if places.is_empty() {
        match tool_name(word) {
            Some(name) => places.push(draft.tool(&name)),
            None => return from.lost("no name that a tool can have"),
        }
    }
    match from.get("type") {
        Some(view) => draft.changed(view, &format!("{}/name", places[0]), REGISTER),
        None => draft.changed(from, &format!("{}/name", places[0]), REGISTER),
    }
    for (key, view) in from.entries() {
        if !matches!(key, "type" | "tools" | "instruction") {
            view.lost(HOST);
        }
    }
}

fn mcp(from: View<'_>, shared: Option<(&str, View<'_>)>, draft: &mut Draft<'_>) {
    let reference = from.get("ref");
    let entry = shared.map_or(from, |(_, entry)| entry);
    let image = entry.get("ref").and_then(View::str).filter(|text| text.starts_with("docker:"));
    let remote = entry.get("remote");
    let url = remote.and_then(|r| r.get("url")).and_then(View::str);
    let host = url.and_then(|u| u.split("://").nth(1)).and_then(|u| u.split(['/', ':']).next());
    let label = shared.map(|(name, _)| name);
    let label =
        label.or(from.get("name").and_then(View::str)).or(image.and_then(|p| p.get(7..))).or(host);
    let label = label.or(server::program(entry)).unwrap_or("mcp");
    let place = draft.server(label.rsplit('/').next().unwrap_or(label));
    for view in [from, entry].into_iter().filter_map(|v| v.get("type")) {
        draft.changed(view, &place, "a server of tools");
    }
    if let (Some(view), Some(_)) = (reference, shared) {
        draft.changed(view, &format!("{place}/name"), "a name of the table of servers");
    }
    if let Some(view) = from.get("name") {
        draft.changed(view, &format!("{place}/name"), "the name of the server");
    }
    if let Some(remote) = remote {
        server::http(draft, &place, remote, "url");
        if let Some(view) = remote.get("transport_type") {
            let note = if view.str() == Some("streamable") {
                "as all servers over HTTP"
            } else {
                "over streamable HTTP"
            };
            draft.changed(view, &format!("{place}/transport"), note);
        }
        remote.lost_keys(&["oauth"], "aikit does not sign in; keep a key in {env: NAME}");
    } else if let Some(image) = image {
        // The gateway of Docker starts the servers of its catalogue.
        let server = &image[7..];
        draft.set(&format!("{place}/transport"), "stdio".into());
        draft.set(&format!("{place}/command"), "docker".into());
        let args = json!(["mcp", "gateway", "run", format!("--servers={server}")]);
        draft.set(&format!("{place}/args"), args);
        if let Some(view) = entry.get("ref") {
            draft.changed(view, &format!("{place}/args"), "started through Docker's gateway");
        }
        server::secrets(draft, entry, "env", &format!("{place}/env"));
    } else {
        server::stdio(draft, &place, entry);
    }
    for part in if shared.is_some() { vec![from, entry] } else { vec![from] } {
        draft.keep_texts(part, "tools", &format!("{place}/tools"));
        part.lost_keys(
            &["config", "lifecycle", "defer", "version", "working_dir"],
            "aikit starts servers by rules of its own",
        );
        part.lost_keys(&["instruction"], "a server describes itself");
    }
}

/// A tool with a description and arguments, as properties of a JSON Schema.
fn function(name: &str, from: View<'_>, draft: &mut Draft<'_>) {
    let Some(named) = tool_name(name) else { return from.lost("no name that a tool can have") };
    let at = draft.tool(&named);
    for key in ["description", "instruction"] {
        draft.keep_text(from, key, &format!("{at}/description"));
    }
    if let Some(args) = from.get("args").filter(|view| view.value.is_object()) {
        draft.set(&format!("{at}/parameters/type"), "object".into());
        draft.keep(args, &format!("{at}/parameters/properties"));
        draft.keep_texts(from, "required", &format!("{at}/parameters/required"));
    }
}

/// What an agent takes from a table of the text by its name.
pub(super) fn named(view: View<'_>, key: &str, root: View<'_>, draft: &mut Draft<'_>) {
    let entry = |table: &str| root.get(table)?.get(view.str()?);
    match (key, view.str()) {
        ("rag", Some(name)) => match entry("rag") {
            Some(from) => {
                let at = knowledge(name, from, draft);
                draft.changed(view, &at, "a collection of that name");
            }
            None => view.lost("the text declares no such knowledge"),
        },
        (_, Some(_)) => match entry("toolsets") {
            Some(from) => {
                draft.changed(view, "/integration", "a name of the table of tools");
                toolset(from, root, draft);
            }
            None => view.lost("the text declares no such tools"),
        },
        _ => view.lost("a name is expected here"),
    }
}

fn knowledge(name: &str, from: View<'_>, draft: &mut Draft<'_>) -> String {
    const LIST: &str = "/context_policy/knowledge";
    let name = slug(name).unwrap_or_else(|| "knowledge".to_owned());
    let known = draft.get(LIST).and_then(Json::as_array);
    if let Some(at) = known.and_then(|l| l.iter().position(|k| k["collection"] == name.as_str())) {
        return format!("{LIST}/{at}");
    }
    let at = draft.push(LIST, mapping([("collection", Some(name.into()))]).into());
    let (mut words, mut meaning) = (None, None);
    for strategy in from.list("strategies") {
        let Some((view, kind)) = strategy.text("type") else { continue };
        *if kind == "bm25" { &mut words } else { &mut meaning } = Some(view);
        if let Some(model) = strategy.any(&["embedding_model", "model"]).filter(|_| kind != "bm25")
        {
            super::model::put_at(draft, None, model, &format!("{at}/embedding_model"));
        }
        if let Some(chunking) = strategy.get("chunking") {
            draft.keep_whole(chunking, "size", "/context_policy/rag/chunk_size");
            draft.keep_whole(chunking, "overlap", "/context_policy/rag/chunk_overlap");
        }
    }
    let embeds = draft.get(&format!("{at}/embedding_model")).is_some();
    let word = match (&words, &meaning) {
        (Some(_), None) => Some("keyword"),
        (None, Some(_)) if embeds => Some("vector"),
        (Some(_), Some(_)) => Some("hybrid"),
        _ => None,
    };
    if let Some(word) = word {
        draft.set("/context_policy/rag/strategy", word.into());
        for view in [words, meaning].into_iter().flatten() {
            draft.changed(view, "/context_policy/rag/strategy", "how passages are found");
        }
    }
    if let Some(results) = from.get("results") {
        draft.keep_whole(results, "limit", &format!("{at}/top_k"));
    }
    from.lost_keys(&["docs"], "ingest these files into the collection");
    from.lost("what aikit's own search decides");
    at
}

/// What stood beside the sets of tools in version 0.
pub(super) fn first_version(from: View<'_>, draft: &mut Draft<'_>) {
    for key in ["think", "todo"] {
        match from.get(key) {
            Some(view) if *view.value == Json::Bool(false) => view.done("no such tool"),
            Some(view) => {
                let at = draft.tool(key);
                draft.changed(view, &format!("{at}/name"), REGISTER);
            }
            None => {}
        }
    }
    if let Some(view) = from.get("memory") {
        draft.set("/memory/enabled", true.into());
        view.lost("memory is in the kernel's store; it is switched on");
    }
}

/// What may be called without asking, and what never.
pub(super) fn permissions(root: View<'_>, draft: &mut Draft<'_>) {
    let Some(permissions) = root.get("permissions") else { return };
    for view in permissions.list("deny") {
        match view.str().filter(|text| is_slug(text)) {
            Some(name) => {
                let at = draft.push("/governance/security/denied_tools", name.into());
                draft.kept(view, &at);
            }
            None => view.lost("a pattern: name whole tools in `governance.security.denied_tools`"),
        }
    }
    permissions.lost_keys(
        &["allow", "ask"],
        "aikit does not ask before a call: what a spec names may be called",
    );
}
