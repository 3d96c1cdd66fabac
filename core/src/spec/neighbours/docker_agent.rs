//! docker-agent (cagent): a file of agents that name each other, of every version from 0 on.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::docker_tools;
use super::draft::{Draft, Specs, mapping, slug};
use super::model;
use super::prompt::Prompt;
use super::source::View;
use super::stem;
use super::steps::Steps;
use crate::error::Result;

pub(super) fn import<'s>(root: View<'s>, specs: &mut Specs<'s>, file: Option<&str>) -> Result<()> {
    let mut agents: Vec<(&str, View<'s>)> = match root.get("agents") {
        Some(view) if view.value.is_array() => {
            let name = |v: View<'s>| v.get("name").and_then(View::str).unwrap_or("agent");
            view.items().filter(|v| v.value.is_object()).map(|v| (name(v), v)).collect()
        }
        Some(view) => view.entries().into_iter().filter(|(_, v)| v.value.is_object()).collect(),
        None => Vec::new(),
    };
    // The one to begin with is `root`, else the first.
    if let Some(at) = agents.iter().position(|(name, _)| *name == "root") {
        let first = agents.remove(at);
        agents.insert(0, first);
    }
    if let Some(view) = root.get("version") {
        view.done("the version of the format");
    }
    root.lost_keys(&["providers"], "providers are told to the kernel; keep keys in {env: NAME}");
    root.lost_keys(&["flavors"], "write a spec for each, with `extends`");
    // A workflow of the first agent itself is a spec of its own, to begin with.
    let begins =
        |name: &str| stages(root).into_iter().flat_map(members).any(|m| m.str() == Some(name));
    let own = agents.first().is_some_and(|(name, _)| begins(name)).then(|| {
        let taken = |name: &&str| agents.iter().any(|(agent, _)| agent == name);
        specs.begin(stem(file).filter(|name| !taken(name)).unwrap_or("workflow"))
    });
    let drafts: Vec<Draft<'s>> = agents.iter().map(|(name, _)| specs.begin(name)).collect();
    let ids: HashMap<String, String> = agents
        .iter()
        .zip(&drafts)
        .map(|((name, _), draft)| ((*name).to_owned(), draft.id.clone()))
        .collect();
    let begins_here = own.is_none();
    if let Some(mut draft) = own {
        workflow(root, &ids, &mut draft);
        metadata(root, &mut draft);
        specs.finish(draft);
    }
    for (number, ((_, from), mut draft)) in agents.into_iter().zip(drafts).enumerate() {
        agent(from, root, &ids, &mut draft);
        docker_tools::permissions(root, &mut draft);
        metadata(root, &mut draft);
        if number == 0 && begins_here {
            workflow(root, &ids, &mut draft);
        }
        specs.finish(draft);
    }
    for (_, entry) in root.get("models").map(View::entries).unwrap_or_default() {
        entry.lost_keys(&["thinking_budget"], "how long a model thinks is its provider's");
        entry.lost_keys(&["provider_opts"], "settings of one provider only");
        entry.lost_keys(&["provider", "type", "model"], "no agent of the text has this model");
    }
    Ok(())
}

fn metadata(root: View<'_>, draft: &mut Draft<'_>) {
    let Some(metadata) = root.get("metadata") else { return };
    for key in ["author", "license"] {
        draft.keep_text(metadata, key, &format!("/identity/{key}"));
    }
    draft.keep_text(metadata, "version", "/identity/version");
    draft.keep_texts(metadata, "tags", "/identity/tags");
    if draft.get("/identity/description").is_none() {
        draft.keep_text(metadata, "description", "/identity/description");
    }
    metadata.lost_keys(&["readme"], "keep it beside the spec");
}

fn agent(from: View<'_>, root: View<'_>, ids: &HashMap<String, String>, draft: &mut Draft<'_>) {
    if let Some(view) = from.get("name") {
        draft.name(view);
    }
    draft.keep_text(from, "description", "/identity/description");
    if let Some((view, text)) = from.text("instruction") {
        draft.prompt(view, "/intelligence/system_prompt", &Prompt::literal(text));
    }
    for view in from.list("instruction_file").into_iter().chain(from.list("add_prompt_files")) {
        mount(view, draft);
    }
    if let Some(view) = from.get("model") {
        model(view, root, draft);
    }
    if let Some(fallback) = from.get("fallback") {
        for view in fallback.list("models") {
            let name = view.str().unwrap_or_default();
            let named = table(root, name);
            let found = match named {
                Some(entry) => model::name(
                    entry.any(&["provider", "type"]).and_then(View::str),
                    entry.get("model").and_then(View::str).unwrap_or_default(),
                ),
                None => model::name(None, name),
            };
            match found {
                Some(found) => {
                    let at = draft.push("/intelligence/fallback_models", found.clone().into());
                    if found == name {
                        draft.kept(view, &at);
                    } else {
                        draft.changed(view, &at, "written as provider/model");
                    }
                    if let Some(entry) = named {
                        for part in
                            ["provider", "type", "model"].iter().filter_map(|k| entry.get(k))
                        {
                            draft.changed(part, &at, "part of provider/model");
                        }
                        entry.lost("a fallback model has the settings of the first");
                    }
                }
                None => view.lost("no model can be told from it"),
            }
        }
        fallback.lost("aikit repeats calls by rules of its own");
    }
    // "No limit" is written as 0 there.
    match from.get("max_iterations") {
        Some(view) if view.value.as_u64() == Some(0) => view.lost("a run has a limit; default 10"),
        _ => draft.keep_whole(from, "max_iterations", "/behavior/max_turns"),
    }
    if let Some(output) = from.get("structured_output") {
        if let Some(view) = output.get("schema") {
            draft.keep(view, "/interface/output_schema");
            draft.set("/intelligence/cognition/output", "json".into());
        }
        output.lost("a schema in a spec has no name, and is always strict");
    }
    for key in ["sub_agents", "handoffs", "force_handoff"] {
        for view in from.list(key) {
            delegate(view, key, ids, draft);
        }
    }
    for toolset in from.list("toolsets") {
        docker_tools::toolset(toolset, root, draft);
    }
    for key in ["use_toolsets", "rag"] {
        for view in from.list(key) {
            docker_tools::named(view, key, root, draft);
        }
    }
    docker_tools::first_version(from, draft);
    if let Some(view) = from.get("session_compaction").filter(|view| view.value.is_boolean()) {
        let word = if *view.value == Json::Bool(true) { "summarize" } else { "none" };
        draft.change(
            view,
            "/context_policy/compression/strategy",
            word.into(),
            "how a long talk is shortened",
        );
    }
    draft.keep_number(from, "compaction_threshold", "/context_policy/compression/threshold");
    from.lost_keys(
        &["welcome_message", "commands", "use_commands"],
        "belongs to the host's user interface",
    );
    from.lost_keys(&["add_date"], "name the tool `datetime` in `integration.tools`");
    from.lost_keys(
        &["add_environment_info"],
        "name what is needed by `allowed_env` and {{ env.NAME }}",
    );
    from.lost_keys(&["harness"], "another program runs it: a spec tells of agents that run here");
    from.lost_keys(
        &["num_history_items"],
        "bound the conversation by `context_policy.max_context_tokens`",
    );
    from.lost_keys(&["hooks"], "a host watches the events of a run");
    from.lost_keys(&["skills", "use_skills"], "write them as prompts or as context_mounts");
}

/// A file beside the config is a file beside the spec.
fn mount(view: View<'_>, draft: &mut Draft<'_>) {
    const LIST: &str = "/context_policy/context_mounts";
    let Some(file) = view.str() else { return view.lost("a path is expected here") };
    let known = draft.get(LIST).and_then(Json::as_array);
    if known.is_some_and(|known| known.iter().any(|m| m["file"] == file)) {
        return view.lost("the same file once more");
    }
    let at = draft
        .push(LIST, mapping([("name", Some(file.into())), ("file", Some(file.into()))]).into());
    draft.changed(view, &format!("{at}/file"), "a file that is always before the model");
}

fn table<'s>(root: View<'s>, name: &str) -> Option<View<'s>> {
    root.get("models")?.get(name)
}

/// `provider/model`, or a name of the table of models.
fn model(view: View<'_>, root: View<'_>, draft: &mut Draft<'_>) {
    let text = view.str().unwrap_or_default();
    let Some(entry) = table(root, text) else {
        // Several, separated by commas, take turns there.
        if let Some((first, _)) = text.split_once(',')
            && let Some(name) = model::name(None, first)
        {
            return draft.change(view, "/intelligence/model", name.into(), "the first of several");
        }
        return model::put(draft, None, view);
    };
    draft.changed(view, "/intelligence/model", "a name of the table of models");
    match entry.get("model") {
        Some(name) => model::put(draft, entry.any(&["provider", "type"]), name),
        None => entry.lost("no model can be told from it"),
    }
    draft.keep_number(entry, "temperature", "/intelligence/temperature");
    draft.keep_number(entry, "top_p", "/intelligence/top_p");
    draft.keep_whole(entry, "max_tokens", "/intelligence/max_tokens");
    draft.keep_bool(entry, "parallel_tool_calls", "/behavior/parallel_tool_calls");
    entry.lost_keys(&["base_url"], "addresses are told to the kernel: `providers.NAME.base_url`");
    entry.lost_keys(
        &["token_key", "env", "auth"],
        "keys are told to the kernel, or written as {env: NAME}",
    );
    entry.lost_keys(&["routing"], "an agent has one model, and others if it fails");
}

fn delegate(view: View<'_>, key: &str, ids: &HashMap<String, String>, draft: &mut Draft<'_>) {
    let Some(text) = view.str() else { return view.lost("the name of an agent is expected here") };
    if let Some(id) = ids.get(text) {
        match draft.allow(id) {
            Some(at) if key == "force_handoff" => {
                draft.changed(view, &at, "it may hand over, and need not")
            }
            Some(at) if id == text => draft.kept(view, &at),
            Some(at) => draft.changed(view, &at, "the agent's id"),
            None => view.lost("an agent cannot hand over to itself"),
        }
        return;
    }
    // `name:image`, `owner/image:tag@digest`, an address
    let name = match text.split_once(':') {
        Some((name, rest))
            if rest.contains('/') && !rest.starts_with("//") && !name.contains('/') =>
        {
            name
        }
        _ => {
            let last = text.rsplit('/').next().unwrap_or(text);
            last.split([':', '@']).next().unwrap_or(last)
        }
    };
    let name = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")).unwrap_or(name);
    match slug(name).and_then(|id| draft.allow(&id)) {
        Some(at) => draft.changed(view, &at, "an agent from elsewhere: import it under this id"),
        None => view.lost("no name that an agent can have"),
    }
}

/// The stages of the workflow, which stands as a list, or under `steps` beside its settings.
fn stages(root: View<'_>) -> Vec<View<'_>> {
    match root.get("workflow") {
        Some(view) if view.value.is_object() && view.has("steps") => view.list("steps"),
        _ => root.list("workflow"),
    }
}

/// The names of the agents of a stage, as texts or in mappings.
fn members(stage: View<'_>) -> Vec<View<'_>> {
    let name = |view: View<'_>| view.get("name").unwrap_or(view).value.is_string();
    let stages = if name(stage) { vec![stage] } else { stage.list("steps") };
    stages
        .into_iter()
        .filter(|view| name(*view))
        .map(|view| view.get("name").unwrap_or(view))
        .collect()
}

/// Agents one after the other, or side by side.
fn workflow<'s>(root: View<'s>, ids: &HashMap<String, String>, draft: &mut Draft<'_>) {
    let mut steps: Steps<'s> = Steps::default();
    let mut before: Vec<usize> = Vec::new();
    for from in stages(root) {
        let mut now = Vec::new();
        for view in members(from) {
            let id = view.str().and_then(|name| ids.get(name).cloned().or_else(|| slug(name)));
            let Some(id) = id.filter(|id| *id != draft.id) else {
                view.lost("the agent of the workflow is no step of it");
                continue;
            };
            draft.allow(&id);
            let step = steps.id(&id);
            let number =
                steps.add(mapping([("id", Some(step.into())), ("agent", Some(id.into()))]));
            draft.changed(view, &format!("{}/agent", Steps::place(number)), "a step");
            for needed in &before {
                steps.need(number, *needed, Some(view));
            }
            now.push(number);
        }
        let Some(first) = now.first() else {
            from.lost("a stage without an agent: only those of one, and side by side, are read");
            continue;
        };
        for part in std::iter::once(from).chain(from.list("steps")) {
            for view in ["type", "id"].iter().filter_map(|key| part.get(key)) {
                draft.changed(view, &Steps::place(*first), "told by what the steps wait for");
            }
        }
        before = now;
    }
    if let Some(view) = root.get("workflow").filter(|view| view.has("steps")) {
        view.lost_keys(&["max_loop_iterations"], "the steps of a spec have no way back");
    }
    let how = if steps.has_needs() { "graph" } else { "parallel" };
    steps.finish(draft, how);
}
