//! Flows of Oracle Open Agent Spec as workflows: nodes that do something become steps, the others
//! become what the steps wait for.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value as Json, json};

use super::draft::{Draft, mapping};
use super::oracle::{Reader, kind};
use super::oracle_model::{component, llm};
use super::prompt::{Prompt, Style, input_name};
use super::server;
use super::source::View;
use super::steps::{Steps, path_of, result_of};

const TOLD: &str = "told by what the steps wait for";
const MAPPED: &str = "its rounds over a list are lost: the step runs once";

/// A flow while it is read.
struct Flow<'s> {
    nodes: Vec<View<'s>>,
    /// By a node's address: its number.
    numbers: HashMap<*const Json, usize>,
    /// The steps that a node became; none for nodes that only lead on.
    steps_of: Vec<Vec<usize>>,
    /// By node: the edges that lead to it.
    edges_to: Vec<Vec<Edge<'s>>>,
    steps: Steps<'s>,
    /// By node and input: the node that gives it, and its output.
    given: HashMap<(usize, &'s str), (usize, &'s str)>,
}

#[derive(Clone, Copy)]
struct Edge<'s> {
    from: usize,
    branch: Option<View<'s>>,
    view: View<'s>,
}

pub(super) fn import<'s>(view: View<'s>, reader: &mut Reader<'s, '_>, draft: &mut Draft<'s>) {
    let mut flow = Flow {
        nodes: Vec::new(),
        numbers: HashMap::new(),
        steps_of: Vec::new(),
        edges_to: Vec::new(),
        steps: Steps::default(),
        given: HashMap::new(),
    };
    for node in view.list("nodes") {
        if let Some(node) = reader.resolve(node) {
            flow.take(node);
        }
    }
    let start = view.get("start_node").and_then(|start| reader.resolve(start));
    if let Some(start) = start {
        flow.take(start);
    }
    for number in 0..flow.nodes.len() {
        let made = step(flow.nodes[number], reader, draft, &mut flow.steps);
        flow.steps_of.push(made);
    }
    flow.edges_to = vec![Vec::new(); flow.nodes.len()];
    for edge in view.list("control_flow_connections") {
        let Some(edge) = reader.resolve(edge) else { continue };
        let end = |key| flow.numbers.get(&reader.find(edge.get(key)?)?.address()).copied();
        match (end("from_node"), end("to_node")) {
            (Some(from), Some(to)) => {
                flow.edges_to[to].push(Edge { from, branch: edge.get("from_branch"), view: edge });
            }
            _ => edge.lost("leads to no node of the flow"),
        }
    }
    flow.sources(view, reader);
    flow.control();
    for edge in view.list("data_flow_connections") {
        if let Some(edge) = reader.resolve(edge) {
            flow.data(edge, reader, draft);
        }
    }
    let how = if flow.steps.has_needs() { "graph" } else { "sequential" };
    flow.steps.finish(draft, how);
}

impl<'s> Flow<'s> {
    fn take(&mut self, node: View<'s>) {
        let number = self.nodes.len();
        if let std::collections::hash_map::Entry::Vacant(place) = self.numbers.entry(node.address())
        {
            place.insert(number);
            self.nodes.push(node);
        }
    }

    /// Where inputs come from: what conditions ask is what another node gives.
    fn sources(&mut self, flow: View<'s>, reader: &Reader<'s, '_>) {
        for edge in flow.list("data_flow_connections") {
            let Some(edge) = reader.find(edge) else { continue };
            let end = |key| self.numbers.get(&reader.find(edge.get(key)?)?.address()).copied();
            let name = |key| edge.get(key).and_then(View::str);
            if let (Some(from), Some(to), Some(output), Some(input)) = (
                end("source_node"),
                end("destination_node"),
                name("source_output"),
                name("destination_input"),
            ) {
                self.given.insert((to, input), (from, output));
            }
        }
    }

    /// How an input of a node is written in a condition.
    fn asked(&self, node: usize, input: &'s str) -> String {
        match self.given.get(&(node, input)) {
            Some((from, output)) => match self.steps_of[*from].first() {
                Some(step) => path_of(self.steps.output(*step), Some(output)),
                None => format!("inputs.{}", input_name(output)),
            },
            None => path_of(input, None),
        }
    }

    /// Each step waits for the steps before it, also through nodes that only lead on; what a branch
    /// asks on the way becomes the step's condition.
    fn control(&mut self) {
        for node in 0..self.nodes.len() {
            let Some(first) = self.steps_of[node].first().copied() else {
                for edge in &self.edges_to[node] {
                    edge.view.changed(None, TOLD);
                }
                continue;
            };
            for entry in self.edges_to[node].clone() {
                let mut seen = HashSet::new();
                let mut from_steps = false;
                let mut way = vec![(entry, None::<String>)];
                while let Some((edge, condition)) = way.pop() {
                    let condition = self.condition(edge).or(condition);
                    for before in self.steps_of[edge.from].clone() {
                        from_steps = true;
                        self.steps.need_when(first, before, Some(entry.view), condition.clone());
                    }
                    if self.steps_of[edge.from].is_empty() && seen.insert(edge.from) {
                        way.extend(
                            self.edges_to[edge.from].iter().map(|e| (*e, condition.clone())),
                        );
                    }
                }
                if !from_steps {
                    self.steps.enter(first);
                    entry.view.changed(None, TOLD);
                }
            }
            // The other steps of a node that runs several flows begin with the first one.
            let others: Vec<usize> = self.steps_of[node].iter().skip(1).copied().collect();
            for step in others {
                self.steps.needs_like(step, first);
            }
        }
    }

    /// `state.topic == "network"`, for a branch of a node that branches.
    fn condition(&self, edge: Edge<'s>) -> Option<String> {
        let node = self.nodes[edge.from];
        let branch = edge.branch.and_then(View::str).filter(|_| !node.source.exhausted())?;
        if kind(node) != "BranchingNode" {
            return (branch != "next").then(|| format!("{} == {:?}", name_of(node), branch));
        }
        let asked =
            node.list("inputs").into_iter().find_map(|i| i.get("title").and_then(View::str));
        let asked = self.asked(edge.from, asked.unwrap_or("branching_mapping_key"));
        let values: Vec<&str> = node
            .get("mapping")
            .map(View::entries)
            .unwrap_or_default()
            .into_iter()
            .filter(|(_, to)| branch == "default" || to.str() == Some(branch))
            .map(|(value, _)| value)
            .collect();
        let sign = if branch == "default" { "!=" } else { "==" };
        let join = if branch == "default" { " and " } else { " or " };
        let all: Vec<String> =
            values.iter().map(|v| format!("{asked} {sign} {}", Json::from(*v))).collect();
        let text = all.join(join);
        (node.source.spend(text.len()) && !text.is_empty()).then_some(text)
    }

    /// What one node gives goes into another.
    fn data(&mut self, edge: View<'s>, reader: &Reader<'s, '_>, draft: &Draft<'_>) {
        let end = |key| self.numbers.get(&reader.find(edge.get(key)?)?.address()).copied();
        let name = |key| edge.get(key).and_then(View::str);
        let (Some(from), Some(to), Some(output), Some(input)) = (
            end("source_node"),
            end("destination_node"),
            name("source_output"),
            name("destination_input"),
        ) else {
            return edge.lost("leads to no node of the flow");
        };
        let Some(step) = self.steps_of[to].first().copied() else {
            return edge.changed(None, TOLD);
        };
        let value = match self.steps_of[from].first().copied() {
            // Nodes without a step pass on what they got: the start gets the run's inputs.
            None => json!(format!("{{{{ inputs.{} }}}}", input_name(output))),
            Some(before) => result_of(self.steps.output(before), Some(output)),
        };
        // A step runs once, where rounds over a list took each of its items.
        let rounds = matches!(kind(self.nodes[to]), "MapNode" | "ParallelMapNode");
        let once = input.strip_prefix("iterated_").filter(|_| rounds);
        let key = input_name(once.unwrap_or(input));
        let inputs = self.steps.settings(step).entry("input").or_insert_with(|| json!({}));
        if inputs.get(&key).is_some() {
            return edge.lost("a step takes an input from one place");
        }
        inputs[&key] = value;
        let at = format!("{}/input/{key}", Steps::place(step));
        draft.changed(edge, &at, "where an input of the step comes from");
    }
}

fn name_of(node: View<'_>) -> String {
    let name = node.get("name").and_then(View::str).unwrap_or("branch");
    format!("state.{}", input_name(name))
}

/// The steps that a node becomes.
fn step<'s>(
    node: View<'s>,
    reader: &mut Reader<'s, '_>,
    draft: &mut Draft<'s>,
    steps: &mut Steps<'s>,
) -> Vec<usize> {
    component(node);
    let name = node.get("name").and_then(View::str).unwrap_or("step");
    if let Some(view) = node.get("branches") {
        view.changed(None, TOLD);
    }
    let kind = kind(node);
    let mut agents: Vec<Option<View<'s>>> = Vec::new();
    let mut settings = Map::new();
    match kind {
        "LlmNode" | "LLMNode" => {
            let text = node.text("prompt_template");
            let prompt = Prompt::read(text.map_or("", |(_, text)| text), Style::Double);
            draft.declare(&prompt);
            if let Some((view, _)) = text {
                let to = format!("{}/prompt", Steps::place(steps.len()));
                match prompt.note() {
                    Some(note) => draft.changed(view, &to, note),
                    None => draft.kept(view, &to),
                }
            }
            settings.insert("prompt".into(), prompt.text.into());
            match reader.resolved(node, &["llm_config", "llm"]) {
                Some(config) if draft.get("/intelligence/model").is_none() => llm(config, draft),
                Some(config) => config.lost("the steps of a spec have one model"),
                None => {}
            }
        }
        "ToolNode" => {
            let tool = reader.resolved(node, &["tool"]);
            match tool.and_then(|tool| reader.tool(tool, draft)) {
                Some(tool) => {
                    settings.insert("tool".into(), tool.into());
                }
                None => return lost(node),
            }
        }
        "ApiNode" | "APINode" => match reader.tool(node, draft) {
            Some(tool) => {
                settings.insert("tool".into(), tool.into());
            }
            None => return lost(node),
        },
        "AgentNode" => agents.push(node.get("agent")),
        "FlowNode" | "CatchExceptionNode" => agents.push(node.get("subflow")),
        "MapNode" | "ParallelMapNode" => {
            agents.push(node.get("subflow"));
            node.lost_keys(&["reducers", "parallel"], MAPPED);
        }
        "ParallelFlowNode" => agents.extend(node.list("subflows").into_iter().map(Some)),
        "StartNode" | "EndNode" => {
            if kind == "StartNode" && draft.get("/interface/input_schema").is_none() {
                reader.interface(node, draft);
            }
            for key in ["inputs", "outputs", "branch_name", "name", "description"] {
                if let Some(view) = node.get(key) {
                    view.changed(None, "the flow begins and ends with its steps");
                }
            }
            return Vec::new();
        }
        "BranchingNode" => {
            for key in ["mapping", "inputs"] {
                if let Some(view) = node.get(key) {
                    view.changed(None, "the conditions (`when`) of the steps that follow");
                }
            }
            return lost(node);
        }
        _ => return lost(node),
    }
    let parallel = agents.len() > 1;
    let mut made = Vec::new();
    let mut todo: Vec<Map<String, Json>> = Vec::new();
    if agents.is_empty() {
        todo.push(settings);
    }
    for agent in agents {
        match reader.named(agent).filter(|id| *id != draft.id) {
            Some(id) => {
                draft.allow(&id);
                todo.push(mapping([("agent", Some(id.into()))]));
            }
            None => {
                if let Some(view) = agent.filter(|view| !reader.is_root(*view)) {
                    view.lost("no agent or flow that the step could ask");
                }
            }
        }
    }
    for mut settings in todo {
        let label = settings
            .get("agent")
            .and_then(Json::as_str)
            .filter(|_| parallel)
            .unwrap_or(name)
            .to_owned();
        settings.insert("id".into(), steps.id(&label).into());
        let place = Steps::place(steps.len());
        if made.is_empty() {
            if let Some(view) = node.get("name") {
                draft.changed(view, &format!("{place}/id"), "the id of the step");
            }
            if let Some((view, text)) = node.text("description") {
                settings.insert("description".into(), text.into());
                draft.kept(view, &format!("{place}/description"));
            }
            // Only prompts name their inputs; tools and agents declare their own.
            describe(node, kind.eq_ignore_ascii_case("LlmNode"), draft, &mut settings, &place);
        }
        made.push(steps.add(settings));
    }
    if made.is_empty() { lost(node) } else { made }
}

/// What goes in and comes out of a step.
fn describe(
    node: View<'_>,
    asks: bool,
    draft: &mut Draft<'_>,
    settings: &mut Map<String, Json>,
    place: &str,
) {
    for input in node.list("inputs") {
        let Some(title) = input.get("title").and_then(View::str) else { continue };
        if !asks {
            input.changed(None, "what the step asks declares it, and edges of data tell its value");
            continue;
        }
        let name = input_name(title);
        let mut schema = input.value.clone();
        if let Json::Object(map) = &mut schema {
            map.shift_remove("title");
        }
        match draft.input(&name, schema) {
            Some(at) => draft.changed(input, &at, "an input that a template can name"),
            None => {
                let at = format!("/interface/input_schema/properties/{name}");
                draft.changed(input, &at, "declared by another step already");
            }
        }
    }
    if node.list("outputs").is_empty() {
        return;
    }
    if let Some(outputs) = node.get("outputs") {
        settings.insert("output_schema".into(), server::object_schema(outputs, &["title"]));
        draft.changed(outputs, &format!("{place}/output_schema"), "properties of a JSON Schema");
    }
}

fn lost(node: View<'_>) -> Vec<usize> {
    node.lost("a node that is no step of a workflow");
    Vec::new()
}
