//! A spec as a component of Oracle Open Agent Spec: an agent, or a flow if it has a workflow.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::Export;
use super::oracle_flow_export::flow;
use super::source::{Source, View};
use crate::error::Result;

/// The version that is written: the oldest that has all that is used here.
const VERSION: &str = "26.1.0";
const RUNTIME: &str = "settings of aikit's runtime have no place there";

/// A spec, as its full JSON document, as a component of Oracle Open Agent Spec.
///
/// # Errors
/// [`Code::SpecTooLarge`](crate::error::Code::SpecTooLarge) for a document beyond the limits of a
/// spec.
pub fn export_oracle(document: &Json) -> Result<Export> {
    let source = Source::new(document.clone())?;
    let root = source.root();
    let steps = root.get("behavior").and_then(|b| b.get("workflow")).map(|w| w.list("steps"));
    let mut document = match steps.filter(|steps| !steps.is_empty()) {
        Some(steps) => flow(root, &steps),
        None => agent(root),
    };
    document.insert("agentspec_version".into(), VERSION.into());
    if let Some(view) = root.get("spec_version") {
        view.done("the version of the format");
    }
    root.lost(RUNTIME);
    Ok(Export { document: document.into(), report: source.report(&[String::new()]) })
}

/// What every component has.
pub(super) fn component(
    kind: &str,
    id: &str,
    name: &str,
    description: Option<&str>,
) -> Map<String, Json> {
    let mut map = Map::new();
    map.insert("component_type".into(), kind.into());
    map.insert("id".into(), id.into());
    map.insert("name".into(), name.into());
    map.insert("description".into(), description.map_or(Json::Null, Json::from));
    map.insert("metadata".into(), json!({}));
    map
}

pub(super) fn id_of(root: View<'_>) -> &str {
    let identity = root.get("identity");
    identity.and_then(|i| i.get("agent_id")).and_then(View::str).unwrap_or("agent")
}

/// Id, name, description, inputs and outputs of the whole; of its inputs, those of these names.
pub(super) fn whole(
    root: View<'_>,
    kind: &str,
    named: Option<&BTreeSet<String>>,
) -> Map<String, Json> {
    let identity = root.get("identity").unwrap_or(root);
    let text = |key, to: &str| {
        let (view, text) = identity.text(key)?;
        view.kept(0, to);
        Some(text)
    };
    let id = text("agent_id", "/id").unwrap_or("agent");
    let name = text("name", "/name").unwrap_or(id);
    let mut map = component(kind, id, name, text("description", "/description"));
    let mut metadata = Map::new();
    for key in ["version", "author", "license", "tags", "tenant_id", "created_at", "updated_at"] {
        if let Some(view) = identity.get(key) {
            metadata.insert(key.into(), view.value.clone());
            view.kept(0, &format!("/metadata/{key}"));
        }
    }
    map.insert("metadata".into(), metadata.into());
    let interface = root.get("interface");
    for (from, to) in [("input_schema", "inputs"), ("output_schema", "outputs")] {
        let view = interface.and_then(|i| i.get(from));
        let named = named.filter(|_| to == "inputs");
        map.insert(to.into(), properties(view, to, named).into());
    }
    map
}

/// Properties of a JSON Schema as a list of schemas with titles.
pub(super) fn properties(
    schema: Option<View<'_>>,
    to: &str,
    named: Option<&BTreeSet<String>>,
) -> Vec<Json> {
    let Some(schema) = schema else { return Vec::new() };
    let Some(all) = schema.get("properties") else {
        if named.is_some() {
            return Vec::new();
        }
        schema.changed(Some((0, &format!("/{to}/0"))), "one property for the whole");
        return vec![titled("value", schema.value)];
    };
    let mut list = Vec::new();
    for (name, view) in all.entries() {
        if named.is_some_and(|named| !named.contains(name)) {
            view.lost("an agent there has the inputs that its prompt names as {{NAME}}, no others");
            continue;
        }
        view.changed(Some((0, &format!("/{to}/{}", list.len()))), "a property with a title");
        list.push(titled(name, view.value));
    }
    schema.lost("a list of properties says nothing about the object");
    list
}

fn titled(name: &str, schema: &Json) -> Json {
    let mut map = schema.as_object().cloned().unwrap_or_default();
    if !["type", "anyOf", "oneOf", "allOf", "$ref"].iter().any(|key| map.contains_key(*key)) {
        map.insert("type".into(), "string".into());
    }
    map.insert("title".into(), name.into());
    map.into()
}

fn agent(root: View<'_>) -> Map<String, Json> {
    let system = root.get("intelligence").and_then(|i| i.text("system_prompt"));
    let mut names = BTreeSet::new();
    let text = system.map_or(String::new(), |(view, text)| {
        let (prompt, exact) = prompt(text, root, &mut names);
        match (prompt == text, exact) {
            (true, _) => view.kept(0, "/system_prompt"),
            (false, true) => {
                view.changed(Some((0, "/system_prompt")), "its inputs are written as {{NAME}}")
            }
            (false, false) => view.changed(
                Some((0, "/system_prompt")),
                "only names are filled in there; conditions stand as texts",
            ),
        }
        prompt
    });
    let used = placeholders(&text);
    let mut map = whole(root, "Agent", Some(&used));
    map.insert("llm_config".into(), llm(root, "/llm_config"));
    map.insert("system_prompt".into(), text.into());
    declare(&mut map, &used, &names);
    let integration = root.get("integration");
    let tools: Vec<Json> = integration
        .map(|i| i.list("tools"))
        .unwrap_or_default()
        .into_iter()
        .enumerate()
        .filter_map(|(i, tool)| self::tool(tool, id_of(root), &format!("/tools/{i}")))
        .collect();
    map.insert("tools".into(), tools.into());
    let boxes: Vec<Json> = integration
        .map(|i| i.list("mcp_servers"))
        .unwrap_or_default()
        .into_iter()
        .enumerate()
        .map(|(i, server)| toolbox(server, id_of(root), &format!("/toolboxes/{i}")))
        .collect();
    map.insert("toolboxes".into(), boxes.into());
    map.insert("human_in_the_loop".into(), true.into());
    map
}

/// Everything that is written `{{NAME}}` must be an input there.
pub(super) fn declare(
    map: &mut Map<String, Json>,
    used: &BTreeSet<String>,
    names: &BTreeSet<String>,
) {
    let Some(Json::Array(inputs)) = map.get_mut("inputs") else { return };
    for name in used {
        if !inputs.iter().any(|input| input["title"] == name.as_str()) {
            inputs.push(input(name, names));
        }
    }
}

/// An input that nobody declares. Braces that mean themselves stay so by what they default to.
pub(super) fn input(name: &str, names: &BTreeSet<String>) -> Json {
    let mut input = json!({"title": name, "type": "string"});
    if !names.contains(name) {
        input["default"] = format!("{{{{ {name} }}}}").into();
    }
    input
}

/// What their runtime takes for a placeholder: `{{ name }}`.
pub(super) fn placeholders(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        let inside = rest[at + 2..].trim_start();
        let end = inside.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(inside.len());
        let (name, tail) = inside.split_at(end);
        if !name.is_empty() && tail.trim_start().starts_with("}}") {
            found.insert(name.to_owned());
        }
        rest = &rest[at + 1..];
    }
    found
}

pub(super) fn llm(root: View<'_>, to: &str) -> Json {
    let id = format!("{}.model", id_of(root));
    let from = root.get("intelligence");
    let Some((view, text)) = from.and_then(|i| i.text("model")).filter(|(_, m)| !m.is_empty())
    else {
        // To be given when the text is loaded.
        return json!({"$component_ref": id});
    };
    let (provider, model) = text.split_once('/').unwrap_or(("", text));
    let (kind, url) = match provider {
        "openai" => ("OpenAiConfig", None),
        "ollama" => ("OllamaConfig", Some("http://localhost:11434")),
        "vllm" => ("VllmConfig", Some("http://localhost:8000")),
        _ => ("OpenAiCompatibleConfig", Some("")),
    };
    let note = match url {
        Some("") => "the address of the provider is to be filled in",
        _ => "the provider is told by the component's type",
    };
    view.changed(Some((0, &format!("{to}/model_id"))), note);
    let mut map = component(kind, &id, text, None);
    let mut parameters = Map::new();
    for key in ["temperature", "top_p", "max_tokens", "stop", "seed"] {
        if let Some(view) = from.and_then(|i| i.get(key)) {
            parameters.insert(key.into(), view.value.clone());
            view.kept(0, &format!("{to}/default_generation_parameters/{key}"));
        }
    }
    let parameters = if parameters.is_empty() { Json::Null } else { parameters.into() };
    map.insert("default_generation_parameters".into(), parameters);
    if let Some(url) = url {
        map.insert("url".into(), url.into());
    }
    map.insert("model_id".into(), model.into());
    map.into()
}

pub(super) fn tool(from: View<'_>, owner: &str, to: &str) -> Option<Json> {
    let name = if from.str().is_some() { from } else { from.get("name")? };
    name.kept(0, &format!("{to}/name"));
    let text = name.str()?;
    let description = from.get("description").filter(|view| view.str().is_some());
    if let Some(view) = description {
        view.kept(0, &format!("{to}/description"));
    }
    let mut map =
        component("ServerTool", &format!("{owner}.{text}"), text, description.and_then(View::str));
    map.insert(
        "inputs".into(),
        properties(from.get("parameters"), &format!("{}/inputs", &to[1..]), None).into(),
    );
    map.insert("outputs".into(), json!([{"title": "result", "type": "string"}]));
    Some(map.into())
}

fn toolbox(from: View<'_>, owner: &str, to: &str) -> Json {
    let name = from.text("name").map_or("server", |(view, text)| {
        view.kept(0, &format!("{to}/name"));
        text
    });
    let id = format!("{owner}.{name}");
    let http = from.get("transport").and_then(View::str) == Some("http");
    let at = format!("{to}/client_transport");
    if let Some(view) = from.get("transport") {
        view.changed(Some((0, &format!("{at}/component_type"))), "told by the component's type");
    }
    let kind = if http { "StreamableHTTPTransport" } else { "StdioTransport" };
    let mut transport = component(kind, &format!("{id}.transport"), name, None);
    for key in ["command", "args", "url"] {
        if let Some(view) = from.get(key) {
            transport.insert(key.into(), view.value.clone());
            view.kept(0, &format!("{at}/{key}"));
        }
    }
    for key in ["env", "headers"] {
        let mut plain = Map::new();
        for (name, view) in from.get(key).map(View::entries).unwrap_or_default() {
            if view.str().is_some() {
                plain.insert(name.to_owned(), view.value.clone());
                view.kept(0, &format!("{at}/{key}/{name}"));
            } else {
                view.lost("a secret is given to their runtime when the text is loaded");
            }
        }
        if !plain.is_empty() {
            transport.insert(key.into(), plain.into());
        }
    }
    let mut map = component("MCPToolBox", &id, name, None);
    map.insert("client_transport".into(), transport.into());
    if let Some(view) = from.get("tools") {
        map.insert("tool_filter".into(), view.value.clone());
        view.kept(0, &format!("{to}/tool_filter"));
    }
    map.into()
}

/// A template with its names as `{{name}}`; and whether nothing else is in it.
pub(super) fn prompt(text: &str, root: View<'_>, names: &mut BTreeSet<String>) -> (String, bool) {
    let mut out = String::new();
    let mut exact = true;
    let mut rest = text;
    while let Some(at) =
        rest.find("{{").into_iter().chain(rest.find("{%")).chain(rest.find("{#")).min()
    {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(end) = rest.strip_prefix("{#").and_then(|r| r.find("#}")) {
            rest = &rest[end + 4..];
        } else if let Some(end) = rest.strip_prefix("{{").and_then(|r| r.find("}}")) {
            let name = rest[2..end + 2].trim();
            let known = match name.split_once('.') {
                Some(("inputs", name)) => Some((format!("{{{{{name}}}}}"), Some(name))),
                Some(("prompts", part)) => {
                    let part = root.get("intelligence").and_then(|i| i.get("prompts")?.get(part));
                    part.and_then(View::str).map(|part| (self::part(part, names), None))
                }
                None if name == "tenant_id" => {
                    Some(("{{tenant_id}}".to_owned(), Some("tenant_id")))
                }
                None if name == "agent_id" => Some((id_of(root).to_owned(), None)),
                None if name == "input" => Some(("{{input}}".to_owned(), Some("input"))),
                _ => None,
            };
            match known {
                Some((text, input)) => {
                    names.extend(input.map(str::to_owned));
                    out.push_str(&text);
                }
                None => {
                    exact = false;
                    out.push_str(&rest[..end + 4]);
                }
            }
            rest = &rest[end + 4..];
        } else if let Some((inside, tail)) = raw(rest) {
            out.push_str(inside);
            rest = tail;
        } else {
            exact = false;
            out.push_str(&rest[..2]);
            rest = &rest[2..];
        }
    }
    out.push_str(rest);
    (out, exact)
}

/// A named prompt within another one: it names inputs, and no prompts.
fn part(text: &str, names: &mut BTreeSet<String>) -> String {
    let nothing = Json::Null;
    let Ok(source) = Source::new(nothing) else { return text.to_owned() };
    prompt(text, source.root(), names).0
}

/// What stands between `{% raw %}` and `{% endraw %}`, and what comes after.
fn raw(text: &str) -> Option<(&str, &str)> {
    let body = text
        .strip_prefix("{%")?
        .trim_start()
        .strip_prefix("raw")?
        .trim_start()
        .strip_prefix("%}")?;
    let mut from = 0;
    while let Some(at) = body[from..].find("{%") {
        let tail = body[from + at + 2..].trim_start();
        if let Some(tail) = tail.strip_prefix("endraw") {
            return Some((&body[..from + at], tail.trim_start().strip_prefix("%}")?));
        }
        from += at + 2;
    }
    None
}
