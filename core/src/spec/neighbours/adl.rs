//! Agent Definition Language, 0.1 to 0.3: one agent a document.

use serde_json::{Value as Json, json};

use super::draft::{Draft, Specs, mapping, slug, tool_name};
use super::model;
use super::prompt::{Prompt, Style};
use super::source::View;
use super::stem;
use crate::error::Result;
use crate::spec::node::escape;

const HOST: &str = "aikit's host and its tools decide about it";
const PATTERN: &str = "a pattern: a spec takes whole names only";

pub(super) fn import<'s>(root: View<'s>, specs: &mut Specs<'s>, file: Option<&str>) -> Result<()> {
    let name = root.get("name").and_then(View::str).or(stem(file)).unwrap_or("agent");
    let mut draft = specs.begin(name);
    for (key, note) in
        [("adl_spec", "the version of the format"), ("$schema", "the schema of the format")]
    {
        if let Some(view) = root.get(key) {
            view.done(note);
        }
    }
    if let Some(view) = root.get("name") {
        draft.name(view);
    }
    draft.keep_text(root, "description", "/identity/description");
    draft.keep_text(root, "version", "/identity/version");
    if let Some(view) = root.get("lifecycle") {
        view.lost("the state of a version is kept by the repository: promote, deprecate, retire");
    }
    if let Some(view) = root.get("id") {
        view.lost("agents are known by `identity.agent_id`, made from the name");
    }
    metadata(root, &mut draft);
    intelligence(root, &mut draft);
    tools(root, &mut draft);
    for (i, prompt) in root.list("prompts").into_iter().enumerate() {
        let name = prompt.get("name").and_then(View::str).map(str::to_owned);
        let name = name.unwrap_or_else(|| format!("prompt_{}", i + 1));
        let key = super::prompt::input_name(&name);
        let pointer = format!("/intelligence/prompts/{key}");
        if let Some(view) = prompt.get("name") {
            draft.changed(view, &pointer, "the key of the prompt");
        }
        if let Some((view, text)) = prompt.text("template") {
            draft.prompt(view, &pointer, &Prompt::read(text, Style::Double));
        }
        arguments(prompt.get("arguments"), &mut draft);
        prompt.lost_keys(&["description"], "a prompt of a spec has no description");
    }
    resources(root, &mut draft);
    if let Some(permissions) = root.get("permissions") {
        permission(permissions, &mut draft);
    }
    if let Some(runtime) = root.get("runtime") {
        self::runtime(runtime, &mut draft);
    }
    if let Some(days) = root.get("data_classification").and_then(|d| d.get("retention")) {
        draft.keep_whole(days, "max_days", "/governance/compliance/data_retention_days");
    }
    for (key, view) in root.get("extensions").map(View::entries).unwrap_or_default() {
        draft.keep(view, &format!("/extensions/{}", escape(key)));
    }
    root.lost_keys(&["cryptographic_identity"], "a spec carries no proof of who it is from");
    root.lost_keys(&["security"], "how callers sign in, and what is encrypted, is the host's");
    root.lost_keys(&["data_classification"], "the host decides what data an agent may see");
    root.lost_keys(&["provider"], "a spec names one author");
    root.lost_keys(&["metadata"], "a spec names who wrote it, its license and its tags");
    root.lost_keys(&["profiles"], "a spec follows no profiles");
    specs.finish(draft);
    Ok(())
}

fn metadata(root: View<'_>, draft: &mut Draft<'_>) {
    let provider = root.get("provider");
    if let Some(metadata) = root.get("metadata") {
        draft.keep_text(metadata, "license", "/identity/license");
        draft.keep_texts(metadata, "tags", "/identity/tags");
        let authors = metadata.list("authors");
        let names: Vec<(View<'_>, &str)> = authors.iter().filter_map(|a| a.text("name")).collect();
        if !names.is_empty() {
            let all: Vec<&str> = names.iter().map(|(_, name)| *name).collect();
            draft.set("/identity/author", all.join(", ").into());
            for (view, _) in names {
                draft.changed(view, "/identity/author", "all authors in one text");
            }
        }
    }
    if let Some((view, text)) = provider.and_then(|p| p.text("name"))
        && draft.get("/identity/author").is_none()
    {
        draft.change(view, "/identity/author", text.into(), "who provides it");
    }
}

fn arguments(arguments: Option<View<'_>>, draft: &mut Draft<'_>) {
    let Some(arguments) = arguments else { return };
    let schema = arguments.get("properties").filter(|_| arguments.has("type"));
    for (name, view) in schema.unwrap_or(arguments).entries() {
        let input = super::prompt::input_name(name);
        let value = match view.value {
            Json::Object(_) => view.value.clone(),
            other => json!({"default": other}),
        };
        if let Some(at) = draft.input(&input, value) {
            draft.changed(view, &at, "an input of the run");
        }
    }
}

fn intelligence(root: View<'_>, draft: &mut Draft<'_>) {
    if let Some(model) = root.get("model") {
        if let Some(name) = model.get("name") {
            model::put(draft, model.get("provider"), name);
        }
        draft.keep_number(model, "temperature", "/intelligence/temperature");
        draft.keep_whole(model, "max_tokens", "/intelligence/max_tokens");
        draft.keep_whole(model, "context_window", "/context_policy/max_context_tokens");
        model.lost_keys(&["version"], "a model is named by provider and name");
        model.lost_keys(&["capabilities"], "known of the model by its provider");
    }
    let Some(prompt) = root.get("system_prompt") else { return };
    const TO: &str = "/intelligence/system_prompt";
    if let Some(text) = prompt.str() {
        draft.prompt(prompt, TO, &Prompt::literal(text));
    } else {
        if let Some((view, text)) = prompt.text("template") {
            draft.prompt(view, TO, &Prompt::read(text, Style::Double));
        }
        arguments(prompt.get("variables"), draft);
    }
}

fn tools(root: View<'_>, draft: &mut Draft<'_>) {
    for tool in root.list("tools") {
        let Some((view, name)) = tool.text("name") else {
            tool.lost("a tool without a name");
            continue;
        };
        let Some(named) = tool_name(name) else {
            view.lost("no name that a tool can have");
            continue;
        };
        let at = draft.tool(&named);
        if named == name {
            draft.kept(view, &format!("{at}/name"));
        } else {
            draft.changed(view, &format!("{at}/name"), "written as a name of a tool");
        }
        draft.keep_text(tool, "description", &format!("{at}/description"));
        if let Some(view) = tool.get("parameters") {
            draft.keep(view, &format!("{at}/parameters"));
        }
        tool.lost_keys(
            &[
                "returns",
                "examples",
                "idempotent",
                "read_only",
                "annotations",
                "requires_confirmation",
            ],
            "belongs to the tool that the host registers",
        );
    }
}

fn resources(root: View<'_>, draft: &mut Draft<'_>) {
    for resource in root.list("resources") {
        let kind = resource.get("type").and_then(View::str).unwrap_or_default();
        let name = resource.get("name").and_then(View::str).and_then(slug);
        match (kind, name) {
            ("vector_store" | "knowledge_base", Some(name)) => {
                let known = draft.get("/context_policy/knowledge").and_then(Json::as_array);
                if known.is_some_and(|known| known.iter().any(|k| k["collection"] == name.as_str()))
                {
                    resource.lost("a second collection of the same name");
                    continue;
                }
                let entry = mapping([("collection", Some(name.into()))]);
                let at = draft.push("/context_policy/knowledge", entry.into());
                for view in ["name", "type"].iter().filter_map(|key| resource.get(key)) {
                    draft.changed(view, &format!("{at}/collection"), "a collection of that name");
                }
                resource.lost_keys(
                    &["uri", "description", "mime_types", "schema"],
                    "documents are ingested into the collection",
                );
            }
            _ => {
                resource.lost("no collection: make it a tool of the host, or ingest what it holds")
            }
        }
    }
}

fn permission(from: View<'_>, draft: &mut Draft<'_>) {
    if let Some(environment) = from.get("environment") {
        for view in environment.list("allowed_variables") {
            let name = view.str().unwrap_or_default();
            if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                let at = draft.push("/governance/security/allowed_env", name.into());
                draft.kept(view, &at);
            } else {
                view.lost(PATTERN);
            }
        }
    }
    if let Some(limits) = from.get("resource_limits") {
        const TO: &str = "/governance/security/resource_limits";
        draft.keep_whole(limits, "max_memory_mb", &format!("{TO}/max_memory_mb"));
        draft.keep_whole(limits, "max_cpu_percent", &format!("{TO}/max_cpu_percent"));
        draft.keep_whole(limits, "max_concurrent", &format!("{TO}/max_concurrent_executions"));
        draft.seconds(limits, "max_duration_sec", "/behavior/timeout_ms");
        if let Some(budget) = limits.get("budget") {
            const RATES: &str = "/governance/rate_limits";
            if let Some(tokens) = budget.get("tokens") {
                draft.keep_whole(tokens, "per_day", &format!("{RATES}/llm_tokens_per_day"));
            }
            if let Some(cost) = budget.get("cost_usd") {
                draft.keep_number(cost, "per_day", &format!("{RATES}/cost_limit_usd_per_day"));
            }
            budget.lost("a spec limits tokens and cost a day");
        }
    }
    for agent in from.list("sub_agents") {
        if let Some((view, name)) = agent.text("name") {
            match slug(name).and_then(|id| draft.allow(&id)) {
                Some(at) => {
                    draft.changed(view, &at, "an agent of its own: write its spec under this id")
                }
                None => view.lost("no name that an agent can have"),
            }
        }
        agent.lost("belongs in the spec of that agent");
    }
    if let Some(delegation) = from.get("delegation") {
        for view in delegation.list("match") {
            match view
                .str()
                .filter(|text| crate::spec::is_slug(text))
                .and_then(|id| draft.allow(id))
            {
                Some(at) => draft.kept(view, &at),
                None => view.lost(PATTERN),
            }
        }
        draft.keep_whole(delegation, "max_depth", "/network/delegation/max_depth");
        delegation.lost_keys(&["deny"], "whom a spec does not name is denied");
    }
    from.lost_keys(&["network", "filesystem", "execution"], HOST);
}

fn runtime(from: View<'_>, draft: &mut Draft<'_>) {
    if let Some(tools) = from.get("tool_invocation") {
        draft.keep_bool(tools, "parallel", "/behavior/parallel_tool_calls");
        draft.keep_whole(tools, "max_iterations", "/behavior/max_turns");
        tools.lost("each tool has its own time, and a model call is repeated by aikit's own rules");
    }
    if let Some(output) = from.get("output_handling") {
        if let Some((view, text)) = output.text("format") {
            match text {
                "json" | "text" => draft.keep(view, "/intelligence/cognition/output"),
                _ => draft.change(view, "/intelligence/cognition/output", "text".into(), "a text"),
            }
        }
        if let Some(view) = output.get("streaming") {
            view.lost("every run can be watched as it goes");
        }
    }
}
