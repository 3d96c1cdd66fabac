//! A workflow as a flow of Oracle Open Agent Spec: one node a step, in one line.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value as Json, json};

use super::draft::slug;
use super::oracle_export::{
    component, declare, id_of, input, llm, placeholders, prompt, properties, tool, whole,
};
use super::source::View;

pub(super) fn flow(root: View<'_>, steps: &[View<'_>]) -> Map<String, Json> {
    let mut map = whole(root, "Flow", None);
    let owner = id_of(root);
    let start = format!("{owner}.start");
    let end = format!("{owner}.end");
    let reference = |id: &str| json!({"$component_ref": id});
    let mut components: BTreeMap<String, Json> = BTreeMap::new();
    let mut order = vec![start.clone()];
    let (mut used, mut names) = (BTreeSet::new(), BTreeSet::new());
    for step in in_line(steps) {
        let id = step.get("id").and_then(View::str).unwrap_or("step");
        let key = format!("{owner}.{id}");
        let at = format!("/$referenced_components/{key}");
        components.insert(key.clone(), node(step, root, &key, &at, (&mut used, &mut names)));
        for need in step.list("depends_on") {
            let note = "the nodes are in one line, each after those that it waits for";
            need.changed(Some((0, "/control_flow_connections")), note);
        }
        order.push(key);
    }
    declare(&mut map, &used, &names);
    for (id, kind, side) in [(&start, "StartNode", "inputs"), (&end, "EndNode", "outputs")] {
        let mut node = component(kind, id, if kind == "StartNode" { "start" } else { "end" }, None);
        let list = map.get(side).cloned().unwrap_or_else(|| json!([]));
        node.insert("inputs".into(), list.clone());
        node.insert("outputs".into(), list);
        node.insert(
            "branches".into(),
            if kind == "StartNode" { json!(["next"]) } else { json!([]) },
        );
        components.insert(id.clone(), node.into());
    }
    // An input of a node is what the flow declares under its name.
    let declared = map.get("inputs").cloned().unwrap_or_default();
    for node in components.values_mut() {
        if let Some(Json::Array(inputs)) = node.get_mut("inputs") {
            for input in inputs {
                let all = declared.as_array().into_iter().flatten();
                if let Some(known) = all.into_iter().find(|i| i["title"] == input["title"]) {
                    *input = known.clone();
                }
            }
        }
    }
    order.push(end);
    let nodes: Vec<Json> = order.iter().map(|id| reference(id)).collect();
    let edges = order.windows(2).enumerate().map(|(i, ends)| {
        let mut edge =
            component("ControlFlowEdge", &format!("{owner}.edge.{i}"), &format!("edge-{i}"), None);
        edge.insert("from_node".into(), reference(&ends[0]));
        edge.insert("from_branch".into(), Json::Null);
        edge.insert("to_node".into(), reference(&ends[1]));
        Json::Object(edge)
    });
    map.insert("start_node".into(), reference(&start));
    map.insert("nodes".into(), nodes.into());
    map.insert("control_flow_connections".into(), edges.collect());
    // Without edges, what has the same name goes from node to node.
    map.insert("data_flow_connections".into(), Json::Null);
    map.insert(
        "$referenced_components".into(),
        components.into_iter().collect::<Map<_, _>>().into(),
    );
    map
}

/// The steps so that none stands before one that it waits for. Only one way leads on from a node
/// there, unless it branches.
fn in_line<'s>(steps: &[View<'s>]) -> Vec<View<'s>> {
    let id = |step: &View<'s>| step.get("id").and_then(View::str);
    let numbers: HashMap<&str, usize> =
        steps.iter().enumerate().filter_map(|(i, step)| Some((id(step)?, i))).collect();
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    let mut waits: Vec<usize> = vec![0; steps.len()];
    for (number, step) in steps.iter().enumerate() {
        let needs = step.list("depends_on");
        for needed in needs.iter().filter_map(|need| numbers.get(need.str()?)) {
            followers[*needed].push(number);
            waits[number] += 1;
        }
    }
    let mut ready: BTreeSet<usize> = (0..steps.len()).filter(|step| waits[*step] == 0).collect();
    let mut line = Vec::with_capacity(steps.len());
    while let Some(step) = ready.pop_first() {
        line.push(steps[step]);
        for follower in &followers[step] {
            waits[*follower] -= 1;
            if waits[*follower] == 0 {
                ready.insert(*follower);
            }
        }
    }
    line
}

fn node(
    step: View<'_>,
    root: View<'_>,
    key: &str,
    at: &str,
    (used, names): (&mut BTreeSet<String>, &mut BTreeSet<String>),
) -> Json {
    let text = |field: &str, to: &str| {
        let (view, text) = step.text(field)?;
        view.kept(0, &format!("{at}/{to}"));
        Some(text)
    };
    let id = text("id", "name").unwrap_or("step");
    let description = text("description", "description");
    let about = |kind| component(kind, key, id, description);
    let mut map = if let Some((view, text)) = step.text("prompt") {
        let mut map = about("LlmNode");
        let (prompt, _) = prompt(text, root, names);
        let own = placeholders(&prompt);
        view.changed(
            Some((0, &format!("{at}/prompt_template"))),
            "its inputs are written as {{NAME}}",
        );
        map.insert("llm_config".into(), llm(root, &format!("{at}/llm_config")));
        map.insert("prompt_template".into(), prompt.into());
        let inputs: Vec<Json> = own.iter().map(|name| input(name, names)).collect();
        map.insert("inputs".into(), inputs.into());
        used.extend(own);
        map
    } else if let Some((view, name)) = step.text("tool") {
        let mut map = about("ToolNode");
        view.changed(Some((0, &format!("{at}/tool"))), "the tool itself");
        let declared = root.get("integration").map(|i| i.list("tools")).unwrap_or_default();
        let found = declared
            .into_iter()
            .find(|t| t.str() == Some(name) || t.get("name").and_then(View::str) == Some(name));
        // A tool of its own, since its results are those of the step.
        let tool = found.and_then(|t| self::tool(t, key, &format!("{at}/tool")));
        let mut tool = tool.unwrap_or_else(|| json!({"$component_ref": name}));
        if let (Some(schema), true) = (step.get("output_schema"), tool.get("outputs").is_some()) {
            let to = format!("{}/tool/outputs", &at[1..]);
            tool["outputs"] = properties(Some(schema), &to, None).into();
        }
        map.insert("tool".into(), tool);
        map
    } else {
        let mut map = about("AgentNode");
        let agent = step.text("agent").map(|(view, agent)| {
            view.changed(
                Some((0, &format!("{at}/agent"))),
                "a component that is given when the text is loaded",
            );
            agent
        });
        map.insert(
            "agent".into(),
            json!({"$component_ref": agent.and_then(slug).unwrap_or_default()}),
        );
        map
    };
    let asks = map.contains_key("prompt_template");
    if let Some(schema) = step.get("output_schema").filter(|_| asks) {
        map.insert(
            "outputs".into(),
            properties(Some(schema), &format!("{}/outputs", &at[1..]), None).into(),
        );
    }
    step.lost_keys(&["output_schema"], "tools and agents declare their results themselves");
    step.lost_keys(&["when"], "branches there are nodes that compare a value");
    step.lost_keys(&["input", "output"], "edges of data are between named outputs and inputs");
    map.insert("branches".into(), json!(["next"]));
    map.into()
}
