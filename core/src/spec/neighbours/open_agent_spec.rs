//! Open Agent Spec (OA), 1.0 to 1.6: an agent with named tasks, the steps of a workflow.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value as Json, json};

use super::draft::{Draft, Specs, mapping, slug, tool_name};
use super::prompt::{Prompt, Style, input_name};
use super::source::View;
use super::steps::{Steps, result_of};
use super::{model, server, stem};
use crate::error::Result;
use crate::spec::node::escape;

const SYSTEM: &str = "/intelligence/system_prompt";

pub(super) fn import<'s>(root: View<'s>, specs: &mut Specs<'s>, file: Option<&str>) -> Result<()> {
    let agent = root.get("agent").unwrap_or(root);
    let name = agent.get("name").and_then(View::str).or(stem(file)).unwrap_or("agent");
    let mut draft = specs.begin(name);
    if let Some(view) = root.get("open_agent_spec") {
        view.done("the version of the format");
    }
    if let Some(view) = agent.get("name") {
        draft.name(view);
    }
    draft.keep_text(agent, "description", "/identity/description");
    if let Some((view, role)) = agent.text("role") {
        let at = draft.push("/identity/tags", role.into());
        draft.kept(view, &at);
    }
    intelligence(root, &mut draft);
    tools(root, &mut draft);
    if let Some(logging) = root.get("logging") {
        if let Some((view, text)) = logging.text("level") {
            let word = match text.to_ascii_lowercase().as_str() {
                "critical" => "error".to_owned(),
                word => word.to_owned(),
            };
            draft.change(view, "/observability/log_level", word.into(), "in small letters");
        }
        logging.lost("the host decides where its log goes and what it looks like");
    }
    root.lost_keys(&["behavioural_contract"], "a spec has no contracts of behaviour");
    root.lost_keys(&["interface"], "a spec is reached through the host");
    Tasks::read(root).write(root, &mut draft);
    specs.finish(draft);
    Ok(())
}

fn intelligence(root: View<'_>, draft: &mut Draft<'_>) {
    let Some(from) = root.get("intelligence") else { return };
    if let Some(name) = from.get("model") {
        let engine = from.get("engine");
        match engine.and_then(View::str) {
            Some("custom" | "local" | "codex") if !name.str().is_some_and(|n| n.contains('/')) => {
                name.lost(
                    "no provider is known for it: give `intelligence.model` as provider/model",
                );
            }
            Some("custom" | "local" | "codex") => model::put(draft, None, name),
            _ => model::put(draft, engine, name),
        }
        if let Some(engine) = engine {
            engine.lost("no provider of models that is known");
        }
    }
    match from.get("type") {
        Some(view) if view.str() == Some("llm") => view.done("a model"),
        Some(view) => view.lost("agents of aikit think with a model"),
        None => {}
    }
    from.lost_keys(&["endpoint"], "addresses are told to the kernel: `providers.NAME.base_url`");
    from.lost_keys(&["module"], "a program of its own: write it as a tool of the host");
    let Some(config) = from.get("config") else { return };
    draft.keep_number(config, "temperature", "/intelligence/temperature");
    draft.keep_number(config, "top_p", "/intelligence/top_p");
    draft.keep_whole(config, "max_tokens", "/intelligence/max_tokens");
    config.lost_keys(
        &["openai_api_key", "claude_api_key", "api_key"],
        "a secret is not taken over: give it to the kernel, or write {env: NAME}",
    );
}

fn tools(root: View<'_>, draft: &mut Draft<'_>) {
    for (name, tool) in root.get("tools").map(View::entries).unwrap_or_default() {
        let kind = tool.get("type");
        if kind.and_then(View::str) == Some("mcp") || (tool.has("endpoint") && !tool.has("native"))
        {
            let place = draft.server(name);
            if let Some(view) = kind {
                draft.changed(view, &format!("{place}/transport"), "a server of tools");
            }
            server::http(draft, &place, tool, "endpoint");
            draft.seconds(tool, "timeout", &format!("{place}/timeout_ms"));
            tool.lost_keys(&["description"], "a server describes itself");
            continue;
        }
        let Some(named) = tool_name(name) else {
            tool.lost("no name that a tool can have");
            continue;
        };
        let at = draft.tool(&named);
        draft.keep_text(tool, "description", &format!("{at}/description"));
        if let Some(view) = tool.get("parameters") {
            draft.keep(view, &format!("{at}/parameters"));
        }
        for view in ["type", "native"].iter().filter_map(|key| tool.get(key)) {
            draft.changed(view, &format!("{at}/name"), "register a tool of this name");
        }
        tool.lost_keys(&["module"], "refers to code: register it with the host");
    }
    if let Some(sandbox) = root.get("sandbox") {
        if let Some(tools) = sandbox.get("tools") {
            permitted(root, tools, "allow", "/governance/security/allowed_tools", draft);
            permitted(root, tools, "deny", "/governance/security/denied_tools", draft);
        }
        sandbox.lost("aikit's host and its tools decide about it");
    }
}

/// The tools that a sandbox names: by their own name, or by what they do (`file.read`).
fn permitted(root: View<'_>, from: View<'_>, key: &str, pointer: &str, draft: &mut Draft<'_>) {
    let tools = root.get("tools").map(View::entries).unwrap_or_default();
    for view in from.list(key) {
        let Some(text) = view.str() else {
            view.lost("a text is expected here");
            continue;
        };
        let native = |tool: &View<'_>| tool.get("native").and_then(View::str) == Some(text);
        let mut doing = tools.iter().filter(|(_, tool)| native(tool)).peekable();
        if doing.peek().is_none() {
            let at = draft.push(pointer, text.into());
            draft.kept(view, &at);
        }
        for name in doing.filter_map(|(name, _)| tool_name(name)) {
            let at = draft.push(pointer, name.into());
            draft.changed(view, &at, "the tools of the text that do this");
        }
    }
}

/// The tasks of a text and what can be named in their prompts.
struct Tasks<'s> {
    tasks: Vec<(&'s str, View<'s>)>,
    variables: BTreeSet<String>,
}

impl<'s> Tasks<'s> {
    fn read(root: View<'s>) -> Self {
        let tasks = root.get("tasks").map(View::entries).unwrap_or_default();
        let mut variables = BTreeSet::new();
        for (_, task) in &tasks {
            for side in ["input", "output"] {
                for (name, _) in task.get(side).map(properties).unwrap_or_default() {
                    variables.insert(name.to_owned());
                }
            }
        }
        Self { tasks, variables }
    }

    fn prompt(&self, text: &str) -> Prompt {
        Prompt::read(text, Style::Declared(&self.variables))
    }

    fn write(self, root: View<'s>, draft: &mut Draft<'_>) {
        let alone = self.tasks.len() == 1;
        let shared = root.get("prompts");
        if let Some((view, text)) = shared.and_then(|p| p.text("system")) {
            let own = |(name, task): &(&str, View<'s>)| own_prompt(root, name, *task, "system");
            if self.tasks.iter().all(|task| own(task).is_some()) && !self.tasks.is_empty() {
                view.lost("every task has a prompt of its own");
            } else {
                draft.prompt(view, SYSTEM, &self.prompt(text));
            }
        }
        let mut steps = Steps::default();
        let numbers: HashMap<&str, usize> =
            self.tasks.iter().enumerate().map(|(i, (name, _))| (*name, i)).collect();
        for (number, (name, task)) in self.tasks.iter().enumerate() {
            let id = steps.id(name);
            self.step(number, (name, id), *task, root, draft, &mut steps, alone);
        }
        for (number, (_, task)) in self.tasks.iter().enumerate() {
            for view in task.list("depends_on") {
                match view.str().and_then(|name| numbers.get(name)) {
                    Some(needed) => {
                        steps.need(number, *needed, Some(view));
                        self.flow(number, *needed, &mut steps);
                    }
                    None => view.lost("there is no such task"),
                }
            }
        }
        if let Some(user) = shared.and_then(|p| p.get("user")) {
            user.lost("every task has a prompt of its own");
        }
        // Tasks that wait for nothing are each run by its name there.
        let how = if steps.has_needs() {
            "graph"
        } else if alone {
            "sequential"
        } else {
            "parallel"
        };
        steps.finish(draft, how);
    }

    /// What a task gives goes into the task that depends on it.
    fn flow(&self, step: usize, needed: usize, steps: &mut Steps<'s>) {
        let given = self.tasks[needed].1.get("output").map(properties).unwrap_or_default();
        let output = steps.output(needed).to_owned();
        let input = steps.settings(step).entry("input").or_insert_with(|| json!({}));
        for (name, _) in given {
            input[input_name(name)] = result_of(&output, Some(name));
        }
        if input.as_object().is_some_and(Map::is_empty) {
            steps.settings(step).shift_remove("input");
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one step of the loop above, for its length")]
    fn step(
        &self,
        number: usize,
        (name, id): (&str, String),
        task: View<'s>,
        root: View<'s>,
        draft: &mut Draft<'_>,
        steps: &mut Steps<'s>,
        alone: bool,
    ) {
        let place = Steps::place(number);
        let mut settings = mapping([("id", Some(id.into()))]);
        if let Some((view, text)) = task.text("description") {
            settings.insert("description".into(), text.into());
            draft.kept(view, &format!("{place}/description"));
        }
        inputs(task, draft);
        if let Some((view, path)) = task.text("spec")
            && let Some(agent) = referred(path).filter(|agent| *agent != draft.id)
        {
            draft.allow(&agent);
            draft.changed(
                view,
                &format!("{place}/agent"),
                "the spec of another text: import it under this id",
            );
            settings.insert("agent".into(), agent.into());
            if let Some((view, text)) = task.text("task") {
                settings.insert("input".into(), json!({"task": text}));
                draft.changed(view, &format!("{place}/input/task"), "what the agent is to do");
            }
        } else {
            let prompt = self.ask((name, task), root, draft, alone, &place);
            draft.declare(&prompt);
            settings.insert("prompt".into(), prompt.text.into());
        }
        self::output(task, draft, &mut settings, alone, &place);
        if alone {
            draft.seconds(task, "timeout", "/behavior/timeout_ms");
        } else {
            task.lost_keys(&["timeout"], "a spec bounds the whole run: `behavior.timeout_ms`");
        }
        for view in task.list("tools") {
            let name = view.str().and_then(tool_name);
            let server = view.str().and_then(slug);
            let known = |list: &str, name: &Option<String>| {
                let items = draft.get(list).and_then(Json::as_array);
                name.as_ref().is_some_and(|n| {
                    items.is_some_and(|l| l.iter().any(|t| t["name"] == n.as_str()))
                })
            };
            if known("/integration/tools", &name) || known("/integration/mcp_servers", &server) {
                draft.changed(view, "/integration", "all steps may use the tools of the spec");
            } else {
                view.lost("the text declares no such tool");
            }
        }
        task.lost_keys(&["sandbox"], "a spec permits and denies tools for all of its steps");
        task.lost_keys(&["behavioural_contract"], "a spec has no contracts of behaviour");
        task.lost_keys(
            &["multi_step", "steps"],
            "older than `depends_on`: write the steps as tasks",
        );
        steps.add(settings);
    }

    /// What a task asks: its system prompt, unless it is the spec's, and its question.
    fn ask(
        &self,
        (name, task): (&str, View<'s>),
        root: View<'s>,
        draft: &mut Draft<'_>,
        alone: bool,
        place: &str,
    ) -> Prompt {
        let at = format!("{place}/prompt");
        let part = |key| own_prompt(root, name, task, key);
        let mut prompt = Prompt::default();
        if let Some((view, text)) = part("system") {
            let system = self.prompt(text);
            if alone {
                draft.prompt(view, SYSTEM, &system);
            } else {
                draft.changed(view, &at, "at the beginning of what the step asks");
                prompt = system;
            }
        }
        let shared = root.get("prompts").and_then(|p| p.text("user"));
        let question = match part("user").or(shared) {
            Some((view, text)) => {
                let question = self.prompt(text);
                match question.note() {
                    Some(note) => draft.changed(view, &at, note),
                    None if prompt.text.is_empty() => draft.kept(view, &at),
                    None => draft.changed(view, &at, "at the end of what the step asks"),
                }
                question
            }
            None => {
                Prompt::literal(task.get("description").and_then(View::str).unwrap_or_default())
            }
        };
        let mut prompt = prompt.then(question);
        if prompt.text.trim().is_empty() {
            prompt.text = "{{ input }}".into();
        }
        prompt
    }
}

/// A prompt of one task: with the task, or, in older texts, under its name beside those for all.
fn own_prompt<'s>(
    root: View<'s>,
    name: &str,
    task: View<'s>,
    key: &str,
) -> Option<(View<'s>, &'s str)> {
    let own = task.get("prompts").and_then(|p| p.text(key));
    own.or_else(|| root.get("prompts")?.get(name).filter(|p| p.value.is_object())?.text(key))
}

fn properties(schema: View<'_>) -> Vec<(&str, View<'_>)> {
    schema.get("properties").unwrap_or(schema).entries()
}

fn inputs(task: View<'_>, draft: &mut Draft<'_>) {
    let Some(input) = task.get("input") else { return };
    let listed = input.get("properties").is_some();
    for (name, view) in properties(input) {
        if !view.value.is_object() && !listed {
            continue;
        }
        let named = input_name(name);
        match draft.input(&named, view.value.clone()) {
            Some(at) if named == name => draft.kept(view, &at),
            Some(at) => draft.changed(view, &at, "under a name that a template can write"),
            None => {
                let at = format!("/interface/input_schema/properties/{}", escape(&named));
                let same = draft.get(&at) == Some(view.value);
                if same {
                    draft.kept(view, &at)
                } else {
                    view.lost("another task has declared this input")
                }
            }
        }
    }
    if listed {
        for view in ["type", "additionalProperties"].iter().filter_map(|key| input.get(key)) {
            draft.changed(view, "/interface/input_schema", "the inputs of all tasks in one schema");
        }
        // What an earlier step gives need not be given to the run.
        let first = task.list("depends_on").is_empty();
        for view in input.list("required") {
            match view.str().filter(|_| first) {
                Some(name) => {
                    let known =
                        draft.get("/interface/input_schema/required").and_then(Json::as_array);
                    let named = Json::from(input_name(name));
                    let at = match known.and_then(|known| known.iter().position(|k| *k == named)) {
                        Some(at) => format!("/interface/input_schema/required/{at}"),
                        None => draft.push("/interface/input_schema/required", named),
                    };
                    draft.kept(view, &at);
                }
                None => view.lost("an earlier step may give it, so that the run need not"),
            }
        }
    }
}

fn output(
    task: View<'_>,
    draft: &mut Draft<'_>,
    settings: &mut Map<String, Json>,
    alone: bool,
    place: &str,
) {
    if let Some(view) = task.get("output").filter(|view| view.value.is_object()) {
        if alone {
            draft.keep(view, "/interface/output_schema");
        } else {
            settings.insert("output_schema".into(), view.value.clone());
            draft.kept(view, &format!("{place}/output_schema"));
        }
    }
    let Some((view, text)) = task.text("response_format") else { return };
    match text {
        "json" | "text" if alone => draft.keep(view, "/intelligence/cognition/output"),
        "json" if task.has("output") => {
            draft.changed(
                view,
                &format!("{place}/output_schema"),
                "a result with a schema is JSON",
            );
        }
        _ => view.lost("a result without a schema is a text"),
    }
}

/// The id of the agent that a path or an address of a registry means.
fn referred(path: &str) -> Option<String> {
    let bare = path.strip_prefix("oa://").unwrap_or(path);
    let bare = bare.split_once('@').map_or(bare, |(bare, _)| bare);
    let mut parts = bare.rsplit('/').map(|part| {
        ["yaml", "yml", "json"]
            .iter()
            .fold(part, |p, end| p.strip_suffix(end).and_then(|p| p.strip_suffix('.')).unwrap_or(p))
    });
    let general = |part: &&str| !matches!(*part, "spec" | "agent" | "agent.spec" | "." | ".." | "");
    parts.find(general).and_then(slug)
}
