//! Agent config of Google's Agent Development Kit: one agent a file, the others named by path.
//! Agents that run others become workflows.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use super::draft::{Draft, Specs, mapping, slug, tool_name};
use super::prompt::{Prompt, Style};
use super::source::View;
use super::steps::{Steps, path_of, result_of};
use super::{model, server, stem};
use crate::error::Result;

const CODE: &str = "refers to code: register it with the host";
const ELSEWHERE: &str = "an agent of another file or of code: import it under this id";

pub(super) fn import<'s>(root: View<'s>, specs: &mut Specs<'s>, file: Option<&str>) -> Result<()> {
    agent(root, specs, stem(file).filter(|stem| *stem != "root_agent"));
    Ok(())
}

/// Makes a spec of an agent and of those that stand within it; gives its id.
fn agent<'s>(from: View<'s>, specs: &mut Specs<'s>, file: Option<&str>) -> String {
    let name = from.get("name").and_then(View::str).or(file).unwrap_or("agent");
    let mut draft = specs.begin(name);
    if let Some(view) = from.get("name") {
        draft.name(view);
    }
    draft.keep_text(from, "description", "/identity/description");
    if let Some(view) = from.get("model") {
        let name = if view.value.is_object() { view.any(&["model", "name"]) } else { Some(view) };
        if let Some(name) = name {
            model::put(&mut draft, None, name);
        }
        view.lost("how the model is reached is told to the kernel (`providers`)");
    }
    prompts(from, &mut draft);
    if let Some(config) = from.any(&["generate_content_config", "generateContentConfig"]) {
        generation(config, &mut draft);
    }
    for tool in from.list("tools") {
        self::tool(tool, &mut draft, specs);
    }
    for (key, to) in
        [("input_schema", "/interface/input_schema"), ("output_schema", "/interface/output_schema")]
    {
        match from.get(key) {
            Some(view) if view.has("properties") => draft.keep(view, to),
            Some(view) => view.lost("refers to a class: write its JSON Schema"),
            None => {}
        }
    }
    match from.get("include_contents") {
        Some(view) if view.str() == Some("default") => view.done("as agents of aikit do"),
        Some(view) => view.lost("a session keeps its conversation"),
        None => {}
    }
    let class = from.get("agent_class");
    let word =
        class.and_then(View::str).unwrap_or("LlmAgent").rsplit('.').next().unwrap_or_default();
    let children: Vec<(View<'s>, Option<String>)> =
        from.list("sub_agents").into_iter().map(|view| (view, child(view, specs))).collect();
    if let Some(view) = class {
        match word {
            "LlmAgent" => view.done("a model with its tools"),
            "SequentialAgent" | "ParallelAgent" | "LoopAgent" | "GraphAgent" | "Workflow" => {
                draft.changed(view, "/behavior/orchestration", "how its agents follow one another");
            }
            _ => view.lost("a class of its own: write its work as a tool of the host"),
        }
    }
    match word {
        "SequentialAgent" => team(from, &mut draft, children, "sequential"),
        "ParallelAgent" => team(from, &mut draft, children, "parallel"),
        "LoopAgent" => team(from, &mut draft, children, "loop"),
        "GraphAgent" => graph(from, &mut draft, specs),
        "Workflow" => chains(from, &mut draft, specs),
        _ => {
            for (view, id) in children {
                match id.and_then(|id| draft.allow(&id)) {
                    Some(at) => told(view, &draft, &at),
                    None => view.lost("no agent that can be named"),
                }
            }
        }
    }
    for key in ["disallow_transfer_to_parent", "disallow_transfer_to_peers"] {
        from.lost_keys(&[key], "an agent hands over only to whom `network.delegation` names");
    }
    for moment in ["agent", "model", "tool"] {
        from.lost_keys(
            &[&format!("before_{moment}_callbacks"), &format!("after_{moment}_callbacks")],
            CODE,
        );
    }
    from.lost_keys(&["model_code", "planner", "code_executor"], CODE);
    from.lost_keys(&["output_key"], "the result of a run is its answer");
    let id = draft.id.clone();
    specs.finish(draft);
    id
}

/// The id of an agent that is named or stands here; its leaves are told when it is known where.
fn child<'s>(view: View<'s>, specs: &mut Specs<'s>) -> Option<String> {
    if view.has("name") && !view.has("code") && !view.has("config_path") {
        return Some(agent(view, specs, None));
    }
    let text = view.any(&["config_path", "code"]).unwrap_or(view).str()?;
    let name = text.rsplit(['/', '\\']).next().unwrap_or(text);
    let name = ["yaml", "yml", "json"]
        .iter()
        .find_map(|end| name.strip_suffix(end).and_then(|n| n.strip_suffix('.')))
        .unwrap_or_else(|| name.rsplit('.').next().unwrap_or(name));
    slug(name)
}

fn told(view: View<'_>, draft: &Draft<'_>, at: &str) {
    match view.any(&["config_path", "code"]) {
        Some(path) => draft.changed(path, at, ELSEWHERE),
        None if view.str().is_some() => draft.changed(view, at, ELSEWHERE),
        None => {}
    }
}

fn prompts(from: View<'_>, draft: &mut Draft<'_>) {
    let mut system = Prompt::default();
    let mut views = Vec::new();
    for key in ["global_instruction", "static_instruction", "instruction"] {
        let Some((view, text)) = from.text(key) else { continue };
        let style = if key == "static_instruction" { None } else { Some(Style::Adk) };
        system =
            system.then(style.map_or_else(|| Prompt::literal(text), |s| Prompt::read(text, s)));
        views.push(view);
    }
    let alone = views.len() < 2;
    for view in views {
        draft.prompt(view, "/intelligence/system_prompt", &system);
        if !alone && system.note().is_none() {
            draft.changed(view, "/intelligence/system_prompt", "all instructions in one prompt");
        }
    }
}

fn generation(config: View<'_>, draft: &mut Draft<'_>) {
    draft.keep_number(config, "temperature", "/intelligence/temperature");
    for key in ["top_p", "topP"] {
        draft.keep_number(config, key, "/intelligence/top_p");
    }
    for key in ["max_output_tokens", "maxOutputTokens"] {
        draft.keep_whole(config, key, "/intelligence/max_tokens");
    }
    for key in ["stop_sequences", "stopSequences"] {
        draft.keep_texts(config, key, "/intelligence/stop");
    }
    draft.keep_whole(config, "seed", "/intelligence/seed");
    for key in ["response_mime_type", "responseMimeType"] {
        if let Some((view, text)) = config.text(key) {
            let word = if text == "application/json" { "json" } else { "text" };
            draft.change(
                view,
                "/intelligence/cognition/output",
                word.into(),
                "the form of an answer",
            );
        }
    }
    for key in ["response_schema", "responseSchema", "response_json_schema"] {
        if let Some(view) = config.get(key).filter(|view| view.value.is_object()) {
            draft.keep(view, "/interface/output_schema");
        }
    }
}

fn tool<'s>(from: View<'s>, draft: &mut Draft<'_>, specs: &mut Specs<'s>) {
    let name = from.get("name").unwrap_or(from);
    let Some(text) = name.str() else { return from.lost("a tool without a name") };
    let last = text.rsplit('.').next().unwrap_or(text);
    let args = from.get("args");
    if matches!(last, "MCPToolset" | "McpToolset" | "McpTool") {
        return mcp(name, args.unwrap_or(from), draft);
    }
    if last == "AgentTool" {
        let agent = args.and_then(|args| args.get("agent"));
        let id = agent.and_then(|agent| child(agent, specs));
        match id.and_then(|id| draft.allow(&id)) {
            Some(at) => {
                draft.changed(name, &at, "an agent that this one may ask");
                if let Some(agent) = agent {
                    told(agent, draft, &at);
                }
            }
            None => from.lost("no agent that can be named"),
        }
        return;
    }
    let Some(named) = tool_name(last) else { return from.lost("no name that a tool can have") };
    let at = draft.tool(&named);
    draft.changed(name, &format!("{at}/name"), "register a tool of this name");
    if let Some(args) = args {
        args.lost("what a tool is made with is the host's");
    }
}

fn mcp(name: View<'_>, args: View<'_>, draft: &mut Draft<'_>) {
    let params = args.any(&[
        "stdio_server_params",
        "stdio_connection_params",
        "sse_connection_params",
        "sse_server_params",
        "streamable_http_connection_params",
        "connection_params",
    ]);
    let params = params.unwrap_or(args);
    let server = params.get("server_params").unwrap_or(params);
    // A server has no name there: its package, its program or its host tells what it is.
    let package =
        server.list("args").into_iter().filter_map(View::str).find(|a| !a.starts_with('-'));
    let url = server.get("url").and_then(View::str).and_then(|url| url.split("://").nth(1));
    let host = url.and_then(|url| url.split(['/', ':']).next());
    let label = host.or(package).or(server.get("command").and_then(View::str)).unwrap_or("mcp");
    let place = draft.server(label.trim_start_matches('@'));
    draft.changed(name, &place, "a server of tools");
    if server.has("url") {
        server::http(draft, &place, server, "url");
    } else {
        server::stdio(draft, &place, server);
    }
    server::limits(draft, &place, params, "timeout", "");
    draft.keep_texts(args, "tool_filter", &format!("{place}/tools"));
}

/// Its agents as steps, in their order.
fn team(
    from: View<'_>,
    draft: &mut Draft<'_>,
    children: Vec<(View<'_>, Option<String>)>,
    how: &str,
) {
    let mut steps = Steps::default();
    let mut given: Vec<String> = Vec::new();
    for (view, id) in children {
        let Some(id) = id.filter(|id| *id != draft.id) else {
            view.lost("no agent that can be named");
            continue;
        };
        draft.allow(&id);
        let step = steps.id(&id);
        let number = steps.len();
        let output = view.get("output_key").and_then(View::str).and_then(slug);
        if let (Some(key), Some(_)) = (view.get("output_key"), &output) {
            draft.changed(
                key,
                &format!("{}/output", Steps::place(number)),
                "the name of the step's result",
            );
        }
        told(view, draft, &format!("{}/agent", Steps::place(number)));
        // What an agent before it left under a name that the prompt of this one has.
        let texts = ["instruction", "global_instruction"].iter().filter_map(|k| view.get(k)?.str());
        let named = texts.flat_map(|text| Prompt::read(text, Style::Adk).inputs);
        let input: serde_json::Map<String, Json> = named
            .filter(|name| how != "parallel" && given.contains(name))
            .map(|name| (name.clone(), result_of(&name, None)))
            .collect();
        given.extend(output.clone());
        steps.add(mapping([
            ("id", Some(step.into())),
            ("agent", Some(id.into())),
            ("input", (!input.is_empty()).then(|| input.into())),
            ("output", output.map(Json::from)),
        ]));
    }
    if how == "loop" && steps.len() > 0 {
        draft.keep_whole(from, "max_iterations", "/behavior/workflow/max_iterations");
        if draft.get("/behavior/workflow/max_iterations").is_none() {
            draft.set("/behavior/workflow/max_iterations", json!(10));
        }
    }
    steps.finish(draft, how);
}

/// Nodes as steps, edges as what they wait for.
fn graph<'s>(from: View<'s>, draft: &mut Draft<'s>, specs: &mut Specs<'s>) {
    let mut steps = Steps::default();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for node in from.list("nodes") {
        let agents = node.list("sub_agents");
        let name = node.get("name").and_then(View::str);
        let found = agents.first().and_then(|view| Some((*view, child(*view, specs)?)));
        let Some((view, id)) = found.filter(|(_, id)| *id != draft.id) else {
            node.lost("a node without an agent");
            continue;
        };
        draft.allow(&id);
        let step = steps.id(name.unwrap_or(&id));
        let number = steps.add(mapping([("id", Some(step.into())), ("agent", Some(id.into()))]));
        told(view, draft, &format!("{}/agent", Steps::place(number)));
        if let (Some(view), Some(name)) = (node.get("name"), name) {
            known.insert(name, number);
            draft.changed(view, &format!("{}/id", Steps::place(number)), "the id of a step");
        }
        for view in agents.iter().skip(1) {
            view.lost("a step has one agent");
        }
    }
    for edge in from.list("edges") {
        let end = |key| edge.get(key).and_then(View::str).and_then(|name| known.get(name)).copied();
        let (Some(source), Some(target)) = (end("source_node"), end("target_node")) else {
            edge.lost("leads to no step");
            continue;
        };
        steps.need(target, source, edge.get("source_node"));
        if let Some(view) = edge.get("target_node") {
            draft.changed(view, &Steps::place(target), "the step that waits");
        }
        if let Some((view, text)) = edge.text("condition") {
            let settings = steps.settings(target);
            if settings.contains_key("when") {
                view.lost("a step has one condition");
            } else {
                settings.insert("when".into(), text.into());
                let at = format!("{}/when", Steps::place(target));
                draft.changed(view, &at, "an expression of Python: rewrite it");
            }
        }
    }
    if let Some((view, name)) = from.text("start_node")
        && let Some(step) = known.get(name)
    {
        steps.enter(*step);
        let id = steps.settings(*step)["id"].clone();
        draft.change(view, "/behavior/workflow/entry", id, "the id of a step");
    }
    from.lost_keys(&["end_nodes"], "a workflow ends where no step waits");
    if steps.len() > 0 {
        draft.keep_whole(from, "max_iterations", "/behavior/workflow/max_iterations");
    }
    steps.finish(draft, "graph");
}

/// Chains of agents and functions, each from `START` on; a mapping in a chain names one for each
/// route that the work may take from there, a list several that go side by side.
fn chains<'s>(from: View<'s>, draft: &mut Draft<'s>, specs: &mut Specs<'s>) {
    let mut steps = Steps::default();
    let mut known: HashMap<&'s str, usize> = HashMap::new();
    for chain in from.list("edges") {
        let mut before: Vec<usize> = Vec::new();
        let mut begins = false;
        for item in chain.items() {
            let routes: Vec<&str> = item.entries().iter().map(|(route, _)| *route).collect();
            let next: Vec<(Option<&str>, View<'s>)> = if item.value.is_object() {
                item.entries().into_iter().map(|(route, view)| (Some(route), view)).collect()
            } else if item.value.is_array() {
                item.items().map(|view| (None, view)).collect()
            } else {
                vec![(None, item)]
            };
            let mut now = Vec::new();
            for (route, view) in next {
                if view.str() == Some("START") {
                    view.done("where the work begins");
                    begins = true;
                    continue;
                }
                let Some(step) = link(view, &mut known, draft, specs, &mut steps) else { continue };
                if before.is_empty() {
                    if begins {
                        steps.enter(step);
                    }
                    draft.changed(view, &Steps::place(step), "the step of that name");
                }
                for needed in &before {
                    let taken = path_of(steps.output(*needed), None);
                    let when = route.and_then(|route| way(&taken, route, &routes));
                    steps.need_when(step, *needed, Some(view), when);
                }
                now.push(step);
            }
            before = now;
        }
    }
    steps.finish(draft, "graph");
}

/// When a route is taken: the one of that name, or the one that is taken if no other is.
fn way(taken: &str, route: &str, all: &[&str]) -> Option<String> {
    if !matches!(route, "default" | "__DEFAULT__") {
        return Some(format!("{taken} == {}", Json::from(route)));
    }
    let others = all.iter().filter(|other| **other != route);
    let others: Vec<String> =
        others.map(|other| format!("{taken} != {}", Json::from(*other))).collect();
    (!others.is_empty()).then(|| others.join(" and "))
}

/// The step of an agent in another file or of a function; one step however often it is named.
fn link<'s>(
    view: View<'s>,
    known: &mut HashMap<&'s str, usize>,
    draft: &mut Draft<'s>,
    specs: &mut Specs<'s>,
    steps: &mut Steps<'s>,
) -> Option<usize> {
    let Some(text) = view.str() else {
        view.lost("the name of an agent or of a function is expected here");
        return None;
    };
    if let Some(step) = known.get(text) {
        return Some(*step);
    }
    let file = [".yaml", ".yml", ".json"].iter().any(|end| text.ends_with(end));
    let (key, name, note) = if file {
        ("agent", child(view, specs).filter(|id| *id != draft.id), ELSEWHERE)
    } else {
        ("tool", text.rsplit('.').next().and_then(tool_name), CODE)
    };
    let Some(name) = name else {
        view.lost("no name that an agent or a tool can have");
        return None;
    };
    let step = steps.id(&name);
    let number = steps.add(mapping([("id", Some(step.into())), (key, Some(name.clone().into()))]));
    if file {
        draft.allow(&name);
    } else {
        draft.tool(&name);
    }
    draft.changed(view, &format!("{}/{key}", Steps::place(number)), note);
    known.insert(text, number);
    Some(number)
}
