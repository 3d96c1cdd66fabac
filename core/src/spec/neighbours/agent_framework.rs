//! Declarative agents of Microsoft's Agent Framework: `kind: Prompt`, alone or in a manifest.

use super::draft::{Draft, Specs, tool_name};
use super::prompt::{Prompt, Style};
use super::source::View;
use super::{model, server, stem};
use crate::error::{Error, Result};

const NAMES: &[&str] = &["name"];
const FORMULA: &str = "a formula of Power Fx: write the value, or give it to the run";

pub(super) fn import<'s>(root: View<'s>, specs: &mut Specs<'s>, file: Option<&str>) -> Result<()> {
    // A manifest holds the agent in its template, and may name it only outside of it.
    let agent = root.get("template").filter(|t| t.has("kind")).unwrap_or(root);
    let kind = agent.any(&["kind", "type"]).and_then(View::str).unwrap_or("Prompt");
    if kind.eq_ignore_ascii_case("workflow") {
        return Err(Error::invalid_argument(
            "the text is a workflow of Microsoft's Agent Framework: its Power Fx formulas and jumps \
             have no counterpart in a spec",
        )
        .at("/kind")
        .hint("import its agents (`kind: Prompt`), and write `behavior.workflow` by hand"));
    }
    let named = [agent.any(&["name", "displayName"]), root.any(&["name", "displayName"])];
    let name = named.iter().flatten().next();
    let mut draft = specs.begin(name.and_then(|n| n.str()).or(stem(file)).unwrap_or("agent"));
    if let Some(view) = agent.any(&["kind", "type"]) {
        if kind.eq_ignore_ascii_case("prompt") || kind.eq_ignore_ascii_case("promptagent") {
            view.done("the kind of the document");
        } else {
            view.lost("an agent of this kind is a program: a spec says only what it is");
        }
    }
    for (i, view) in named.into_iter().flatten().enumerate() {
        if i == 0 {
            draft.name(view);
        } else if !std::ptr::eq(view.value, named[0].map_or(view.value, |n| n.value)) {
            if view.str() == named[0].and_then(View::str) {
                view.done("the agent's own name once more");
            } else {
                view.lost("the agent has a name of its own");
            }
        }
    }
    for part in if std::ptr::eq(agent.value, root.value) { vec![root] } else { vec![agent, root] } {
        if draft.get("/identity/description").is_none() {
            draft.keep_text(part, "description", "/identity/description");
        }
        if let Some(metadata) = part.get("metadata") {
            draft.keep_texts(metadata, "tags", "/identity/tags");
            let authors: Vec<&str> =
                metadata.list("authors").iter().filter_map(|a| a.str()).collect();
            if !authors.is_empty() {
                draft.set("/identity/author", authors.join(", ").into());
                for view in metadata.list("authors").iter().filter(|a| a.str().is_some()) {
                    draft.changed(*view, "/identity/author", "all authors in one text");
                }
            }
        }
    }
    prompts(agent, &mut draft);
    if let Some(model) = agent.get("model") {
        self::model(model, &mut draft);
    }
    schemas(agent, &mut draft);
    // Of a program that is hosted, not of an agent.
    for part in [agent, root] {
        part.lost_keys(
            &["environment_variables", "protocols", "resources", "parameters"],
            "the host sets up the program",
        );
    }
    for view in [agent, root].into_iter().filter_map(|part| part.get("displayName")) {
        if draft.get("/identity/name").is_none() {
            draft.name(view);
        }
        view.lost("a spec has one name for people");
    }
    for tool in agent.list("tools") {
        self::tool(tool, &mut draft);
    }
    specs.finish(draft);
    Ok(())
}

fn prompts(agent: View<'_>, draft: &mut Draft<'_>) {
    let mut system = Prompt::default();
    let mut views = Vec::new();
    for key in ["instructions", "additionalInstructions", "additional_instructions"] {
        let Some((view, text)) = agent.text(key) else { continue };
        if text.starts_with('=') {
            view.lost(FORMULA);
            continue;
        }
        system = system.then(Prompt::read(text, Style::Double));
        views.push(view);
    }
    for view in &views {
        draft.prompt(*view, "/intelligence/system_prompt", &system);
    }
    if let Some(view) = agent.get("template") {
        view.lost("a spec has one form of template");
    }
}

fn model(from: View<'_>, draft: &mut Draft<'_>) {
    if from.str().is_some() {
        return model::put(draft, None, from);
    }
    if let Some(id) = from.any(&["id", "name"]) {
        model::put(draft, from.any(&["provider", "publisher"]), id);
    }
    if let Some(view) = from.get("kind") {
        view.lost("how the model is reached is told to the kernel (`providers`)");
    }
    for key in ["connection", "publisher", "apiType", "provider"] {
        from.lost_keys(
            &[key],
            "addresses and keys are told to the kernel (`providers`); keep a key in {env: NAME}",
        );
    }
    let Some(options) = from.get("options") else { return };
    options.lost_keys(&["apiType"], "how the model is reached is told to the kernel (`providers`)");
    for (theirs, snake, ours) in
        [("topP", "top_p", "top_p"), ("temperature", "temperature", "temperature")]
    {
        let key = if options.has(theirs) { theirs } else { snake };
        draft.keep_number(options, key, &format!("/intelligence/{ours}"));
    }
    for key in ["maxOutputTokens", "max_output_tokens", "maxTokens"] {
        draft.keep_whole(options, key, "/intelligence/max_tokens");
    }
    draft.keep_whole(options, "seed", "/intelligence/seed");
    for key in ["stopSequences", "stop_sequences"] {
        draft.keep_texts(options, key, "/intelligence/stop");
    }
    draft.keep_bool(options, "allowMultipleToolCalls", "/behavior/parallel_tool_calls");
    if let Some((view, text)) = options.text("chatToolMode") {
        let word = text.to_ascii_lowercase();
        match word.as_str() {
            "auto" | "required" | "none" if word == text => {
                draft.keep(view, "/behavior/tool_choice")
            }
            "auto" | "required" | "none" => {
                draft.change(view, "/behavior/tool_choice", word.into(), "in small letters");
            }
            _ => view.lost("one of auto, required, none is expected here"),
        }
    }
}

fn schemas(agent: View<'_>, draft: &mut Draft<'_>) {
    for (keys, to) in [
        (["inputSchema", "inputs"], "/interface/input_schema"),
        (["outputSchema", "outputs"], "/interface/output_schema"),
    ] {
        let Some(view) = agent.any(&keys) else { continue };
        if view.str().is_some_and(|text| text.starts_with('=')) {
            view.lost(FORMULA);
            continue;
        }
        let mut schema = server::object_schema(view.get("properties").unwrap_or(view), NAMES);
        for (name, known) in
            draft.get(&format!("{to}/properties")).and_then(|p| p.as_object()).into_iter().flatten()
        {
            if schema["properties"].get(name).is_none() {
                schema["properties"][name] = known.clone();
            }
        }
        draft.change(view, to, schema, "as a JSON Schema");
        if to.ends_with("output_schema") {
            draft.set("/intelligence/cognition/output", "json".into());
        }
    }
}

fn tool(from: View<'_>, draft: &mut Draft<'_>) {
    let kind = from.any(&["kind", "type"]);
    let word = kind.and_then(View::str).unwrap_or_default().to_ascii_lowercase();
    let name = from.any(&["name", "id", "serverName"]);
    let text = name.and_then(View::str).unwrap_or(&word);
    if word == "mcp" {
        let place = draft.server(text);
        if let Some(view) = kind {
            draft.changed(view, &format!("{place}/transport"), "a server of tools");
        }
        if let Some(view) = name {
            draft.changed(view, &format!("{place}/name"), "the name of the server");
        }
        let url = ["url", "serverUrl", "server_url"].into_iter().find(|key| from.has(key));
        server::http(draft, &place, from, url.unwrap_or("url"));
        draft.keep_texts(from, "allowedTools", &format!("{place}/tools"));
        from.lost_keys(&["description", "serverDescription"], "a server describes itself");
        from.lost_keys(
            &["requireApproval", "approvalMode", "connection"],
            "aikit has no approvals of calls yet; keys belong into `headers` as {env: NAME}",
        );
        return;
    }
    let Some(named) = tool_name(text) else {
        from.lost("a tool without a name");
        return;
    };
    let at = draft.tool(&named);
    if let Some(view) = name {
        draft.changed(view, &format!("{at}/name"), "the name of the tool");
    }
    if let Some(view) = kind {
        let note = if word == "function" {
            "a function of the host"
        } else {
            "register a tool of this name"
        };
        draft.changed(view, &format!("{at}/name"), note);
    }
    draft.keep_text(from, "description", &format!("{at}/description"));
    if let Some(view) = from.get("parameters") {
        let schema = server::object_schema(view.get("properties").unwrap_or(view), NAMES);
        draft.change(view, &format!("{at}/parameters"), schema, "as a JSON Schema");
    }
    from.lost_keys(&["bindings"], "the host binds what its functions take");
}
