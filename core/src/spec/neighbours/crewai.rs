//! agents.yaml and tasks.yaml of CrewAI, each alone or both in one text.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value as Json, json};

use super::draft::{Draft, Specs, mapping, slug, tool_name};
use super::model;
use super::prompt::{Prompt, Style};
use super::recognise::{is_crew_agent, is_crew_task};
use super::source::View;
use super::stem;
use super::steps::Steps;
use crate::error::Result;
use crate::spec::node::escape;

type Named<'s> = Vec<(String, View<'s>)>;

pub(super) fn import<'s>(root: View<'s>, specs: &mut Specs<'s>, file: Option<&str>) -> Result<()> {
    let (mut agents, mut tasks): (Named<'s>, Named<'s>) = (Vec::new(), Vec::new());
    let mut sort = |name: String, view: View<'s>, default: Option<bool>| {
        let task = is_crew_task(view) && !is_crew_agent(view);
        if is_crew_agent(view) || (!task && default == Some(false)) {
            agents.push((name, view));
        } else if task || default == Some(true) {
            tasks.push((name, view));
        }
    };
    let tasks_alone = root.entries().iter().any(|(_, view)| is_crew_task(*view))
        && !root.entries().iter().any(|(_, view)| is_crew_agent(*view));
    for (key, view) in root.entries() {
        let list = match key {
            "agents" => Some(false),
            "tasks" => Some(true),
            _ => None,
        };
        match list.filter(|_| !is_crew_agent(view) && !is_crew_task(view)) {
            Some(list) => {
                for (name, view) in view.entries() {
                    sort(name.to_owned(), view, Some(list));
                }
                for (i, view) in view.items().enumerate().filter(|(_, v)| v.value.is_object()) {
                    let name = view.any(&["name", "id", "role"]).and_then(View::str);
                    sort(
                        name.map_or_else(|| format!("{key}-{}", i + 1), str::to_owned),
                        view,
                        Some(list),
                    );
                }
            }
            None => {
                // Among tasks, what is described is one.
                let default = (tasks_alone && view.has("description")).then_some(true);
                sort(key.to_owned(), view, default);
            }
        }
    }
    // The crew first: it is what one begins with.
    let crew = (!tasks.is_empty()).then(|| {
        let name = root.get("name").and_then(View::str).or(stem(file)).unwrap_or("crew");
        specs.begin(if matches!(name, "agents" | "tasks") { "crew" } else { name })
    });
    let drafts: Vec<Draft<'s>> = agents.iter().map(|(name, _)| specs.begin(name)).collect();
    let ids: HashMap<String, String> = agents
        .iter()
        .zip(&drafts)
        .map(|((name, _), draft)| (name.clone(), draft.id.clone()))
        .collect();
    let all: Vec<String> = drafts.iter().map(|draft| draft.id.clone()).collect();
    // What the prompts of the agents name is given to the crew, and goes on to them.
    let named: HashMap<String, BTreeSet<String>> =
        all.iter().cloned().zip(agents.iter().map(|(_, view)| placeholders(*view))).collect();
    if let Some(mut crew) = crew {
        if let Some(view) = root.get("name").filter(|view| view.str().is_some()) {
            crew.name(view);
        }
        workflow(&tasks, &ids, &named, &mut crew);
        settings(root, &crew);
        specs.finish(crew);
    }
    for ((_, view), mut draft) in agents.into_iter().zip(drafts) {
        agent(view, &all, &mut draft);
        specs.finish(draft);
    }
    Ok(())
}

/// The settings of a crew beside its agents and tasks.
fn settings(root: View<'_>, crew: &Draft<'_>) {
    if let Some(view) = root.get("process") {
        if view.str() == Some("sequential") {
            crew.changed(view, "/behavior/orchestration", "how the tasks follow one another");
        } else {
            view.lost("no manager gives out the tasks: they follow one another");
        }
    }
    root.lost_keys(&["verbose"], "runs are watched by their events");
    root.lost_keys(
        &["manager_llm", "manager_agent", "planning", "planning_llm"],
        "no manager gives out the tasks: they follow one another",
    );
}

/// What the prompt of an agent names.
fn placeholders(from: View<'_>) -> BTreeSet<String> {
    ["role", "goal", "backstory"]
        .iter()
        .filter_map(|key| from.get(key)?.str())
        .flat_map(|text| Prompt::read(text, Style::Single).inputs)
        .collect()
}

fn agent(from: View<'_>, all: &[String], draft: &mut Draft<'_>) {
    const PROMPT: &str = "/intelligence/system_prompt";
    let mut system = Prompt::default();
    let mut views = Vec::new();
    if let Some(view) = from.get("name") {
        draft.name(view);
    }
    if let Some(view) = from.get("id").filter(|view| view.str().is_some()) {
        draft.changed(view, "/identity/agent_id", "the agent's id");
    }
    for (key, before) in [("role", "You are "), ("goal", "Your goal: "), ("backstory", "")] {
        let Some((view, text)) = from.text(key) else { continue };
        if text.trim().is_empty() {
            view.done("empty: says no more than its absence");
            continue;
        }
        let text = if key == "role" {
            format!("{}.", text.trim().trim_end_matches('.'))
        } else {
            text.trim().to_owned()
        };
        system = system.then(Prompt::read(&format!("{before}{text}"), Style::Single));
        views.push((view, key));
    }
    if !views.is_empty() {
        draft.declare(&system);
        draft.set(PROMPT, system.text.clone().into());
    }
    for (view, key) in views {
        let plain = !view.str().is_some_and(|text| text.contains(['{', '}']));
        if key == "role" && plain {
            draft.set("/identity/description", view.str().unwrap_or_default().trim().into());
        }
        draft.changed(
            view,
            PROMPT,
            match key {
                "role" if plain => "begins the system prompt; also the description",
                "role" => "begins the system prompt",
                "goal" => "the goal in the system prompt",
                _ => "part of the system prompt",
            },
        );
    }
    if let Some(llm) = from.get("llm") {
        if llm.value.is_object() {
            if let Some(name) = llm.any(&["model", "model_name"]) {
                model::put(draft, llm.get("provider"), name);
            }
            draft.keep_number(llm, "temperature", "/intelligence/temperature");
            draft.keep_number(llm, "top_p", "/intelligence/top_p");
            draft.keep_whole(llm, "max_tokens", "/intelligence/max_tokens");
            draft.keep_whole(llm, "seed", "/intelligence/seed");
            draft.keep_texts(llm, "stop", "/intelligence/stop");
            llm.lost("addresses and keys are told to the kernel (`providers`); keep a key in {env: NAME}");
        } else {
            model::put(draft, None, llm);
        }
    }
    tools(from, draft);
    draft.keep_whole(from, "max_iter", "/behavior/max_turns");
    draft.keep_whole(from, "max_rpm", "/governance/rate_limits/requests_per_minute");
    draft.seconds(from, "max_execution_time", "/behavior/timeout_ms");
    draft.keep_bool(from, "memory", "/memory/enabled");
    match from.get("allow_delegation").map(|view| (view, view.value)) {
        Some((view, Json::Bool(true))) => {
            for id in all {
                draft.allow(id);
            }
            draft.changed(
                view,
                "/network/delegation/enabled",
                "it may ask the other agents of the text",
            );
        }
        Some((view, Json::Bool(false))) => view.done("as agents of aikit are"),
        Some((view, _)) => view.lost("true or false is expected here"),
        None => {}
    }
    from.lost_keys(&["verbose"], "runs are watched by their events");
    from.lost_keys(&["function_calling_llm"], "an agent has one model");
    from.lost_keys(
        &["system_template", "prompt_template", "response_template"],
        "the prompt has one form",
    );
    from.lost_keys(
        &["knowledge_sources"],
        "ingest them into a collection, and name it in `knowledge`",
    );
    from.lost_keys(&["step_callback", "guardrail"], "refers to code");
}

fn tools(from: View<'_>, draft: &mut Draft<'_>) {
    for view in from.list("tools") {
        let name = view.any(&["name"]).unwrap_or(view);
        match name.str().map(|text| text.rsplit('.').next().unwrap_or(text)).and_then(tool_name) {
            Some(named) => {
                let at = draft.tool(&named);
                draft.changed(name, &format!("{at}/name"), "register a tool of this name");
            }
            None => view.lost("no name that a tool can have"),
        }
    }
    for view in from.list("mcps") {
        let url = view.str().filter(|text| text.starts_with("http"));
        let host = url
            .and_then(|url| url.split("://").nth(1))
            .and_then(|url| url.split(['/', ':', '?']).next());
        match (url, host) {
            (Some(text), Some(host)) if !text.contains(['?', '@']) => {
                let place = draft.server(host);
                draft.set(&format!("{place}/transport"), "http".into());
                draft.keep(view, &format!("{place}/url"));
            }
            _ => {
                view.lost("no address of a server without secrets in it; keep keys in {env: NAME}")
            }
        }
    }
}

fn workflow<'s>(
    tasks: &Named<'s>,
    ids: &HashMap<String, String>,
    named: &HashMap<String, BTreeSet<String>>,
    crew: &mut Draft<'_>,
) {
    let mut steps = Steps::default();
    let names: Vec<String> = tasks.iter().map(|(name, _)| steps.id(name)).collect();
    let numbers: HashMap<&str, usize> =
        tasks.iter().enumerate().map(|(i, (name, _))| (name.as_str(), i)).collect();
    for (number, (_, task)) in tasks.iter().enumerate() {
        let place = Steps::place(number);
        let agent = task.text("agent").and_then(|(view, name)| {
            let known = ids.get(name).cloned();
            let note = if known.is_some() {
                "the agent's id"
            } else {
                "an agent of another text: import it under this id"
            };
            let id = known.or_else(|| slug(name)).filter(|id| *id != crew.id)?;
            crew.allow(&id);
            crew.changed(view, &format!("{place}/agent"), note);
            Some(id)
        });
        let mut prompt = Prompt::default();
        let at = match agent {
            Some(_) => format!("{place}/input/{}", escape("task")),
            None => format!("{place}/prompt"),
        };
        for (key, before) in [("description", ""), ("expected_output", "Expected output: ")] {
            let Some((view, text)) = task.text(key) else { continue };
            if text.trim().is_empty() {
                view.done("empty: says no more than its absence");
                continue;
            }
            prompt = prompt.then(Prompt::read(&format!("{before}{}", text.trim()), Style::Single));
            let note = if key == "description" {
                "what the step asks"
            } else {
                "at the end of what the step asks"
            };
            crew.changed(view, &at, note);
        }
        for view in ["name", "id"].iter().filter_map(|key| task.get(key)) {
            crew.changed(view, &format!("{place}/id"), "the id of the step");
        }
        crew.declare(&prompt);
        let text = if prompt.text.is_empty() { "{{ input }}".to_owned() } else { prompt.text };
        let (input, own) = match &agent {
            Some(id) => {
                let mut input = mapping([("task", Some(text.into()))]);
                for name in named.get(id).into_iter().flatten() {
                    crew.input(name, json!({}));
                    input.entry(name.clone()).or_insert(json!(format!("{{{{ inputs.{name} }}}}")));
                }
                (Some(input.into()), None)
            }
            None => (None, Some(Json::from(text))),
        };
        steps.add(mapping([
            ("id", Some(names[number].clone().into())),
            ("agent", agent.map(Json::from)),
            ("prompt", own),
            ("input", input),
        ]));
        task.lost_keys(
            &["output_file", "create_directory"],
            "the result of a step is in the run's answer",
        );
        task.lost_keys(
            &["output_json", "output_pydantic"],
            "refers to a class: write `output_schema`",
        );
        task.lost_keys(
            &["async_execution"],
            "steps that wait for nothing run side by side in a graph",
        );
        task.lost_keys(&["tools"], "tools belong to the agent of the step");
        task.lost_keys(
            &["human_input", "guardrail", "callback"],
            "aikit has no such stop in a workflow",
        );
    }
    for (number, (_, task)) in tasks.iter().enumerate() {
        for view in task.list("context") {
            match view.str().and_then(|name| numbers.get(name)) {
                Some(needed) => steps.need(number, *needed, Some(view)),
                None => view.lost("there is no such task in the text"),
            }
        }
    }
    let how = if steps.has_needs() { "graph" } else { "sequential" };
    steps.finish(crew, how);
}
