//! Oracle Open Agent Spec, 25.4 to 26: components that name each other by reference. Every agent,
//! team and flow becomes a spec.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use super::draft::{Draft, Specs, slug, tool_name};
use super::oracle_flow;
use super::oracle_model::{SECRET, component, llm};
use super::prompt::{Prompt, Style, input_name};
use super::server;
use super::source::View;
use crate::error::Result;

const SYSTEM: &str = "/intelligence/system_prompt";
const LINK: &str = "links components within the text";
const ELSEWHERE: &str = "an agent of another text: import it under this id";
/// Agents and flows within one another.
const DEPTH: usize = 24;
const TITLES: &[&str] = &["title"];

/// The components of a text, and the specs that some of them have become.
pub(super) struct Reader<'s, 'a> {
    root: View<'s>,
    components: HashMap<&'s str, View<'s>>,
    ids: HashMap<*const Json, String>,
    depth: usize,
    pub(super) specs: &'a mut Specs<'s>,
}

pub(super) fn import<'s>(root: View<'s>, specs: &mut Specs<'s>, file: Option<&str>) -> Result<()> {
    let mut reader =
        Reader { root, components: HashMap::new(), ids: HashMap::new(), depth: 0, specs };
    reader.index(root);
    for (view, note) in [
        (root.get("agentspec_version"), "the version of the format"),
        (root.get("$schema"), "the schema of the format"),
    ] {
        if let Some(view) = view {
            view.done(note);
        }
    }
    if reader.agent(root, super::stem(file)).is_none() {
        // A text of nothing but shared components: those that are agents.
        for (_, view) in root.get("$referenced_components").map(View::entries).unwrap_or_default() {
            reader.agent(view, None);
        }
    }
    Ok(())
}

pub(super) fn kind(view: View<'_>) -> &str {
    view.get("component_type").or(view.get("type")).and_then(View::str).unwrap_or_default()
}

impl<'s> Reader<'s, '_> {
    /// Components by their key among the shared ones, or by their own id.
    fn index(&mut self, view: View<'s>) {
        for (name, shared) in
            view.get("$referenced_components").map(View::entries).unwrap_or_default()
        {
            self.components.entry(name).or_insert(shared);
        }
        if view.has("component_type")
            && let Some(id) = view.get("id").and_then(View::str)
        {
            self.components.entry(id).or_insert(view);
        }
        for (_, child) in view.entries() {
            self.index(child);
        }
        for child in view.items() {
            self.index(child);
        }
    }

    /// The component itself, or the one that it refers to; old texts name it by a text alone.
    pub(super) fn find(&self, view: View<'s>) -> Option<View<'s>> {
        let mut view = view;
        for _ in 0..16 {
            match view.any(&["$component_ref", "$ref"]).or(view.str().map(|_| view)) {
                Some(link) => view = *self.components.get(link.str()?)?,
                None => return Some(view),
            }
        }
        None
    }

    /// The same, and tells what became of the reference.
    pub(super) fn resolve(&self, view: View<'s>) -> Option<View<'s>> {
        let found = self.find(view);
        if let Some(link) = view.any(&["$component_ref", "$ref"]).or(view.str().map(|_| view)) {
            match found {
                Some(_) => link.changed(None, LINK),
                None => link.lost("the text holds no such component"),
            }
        }
        found
    }

    pub(super) fn resolved(&self, from: View<'s>, keys: &[&str]) -> Option<View<'s>> {
        let view = from.any(keys)?;
        let view = if view.value.is_array() { view.items().next()? } else { view };
        self.resolve(view)
    }

    /// The id of the spec that an agent, a team or a flow becomes; nothing for other components.
    pub(super) fn agent(&mut self, view: View<'s>, fallback: Option<&str>) -> Option<String> {
        let view = self.resolve(view)?;
        if let Some(id) = self.ids.get(&view.address()) {
            return Some(id.clone());
        }
        let kind = kind(view);
        let known = [
            "Agent",
            "Flow",
            "Swarm",
            "ManagerWorkers",
            "SpecializedAgent",
            "A2AAgent",
            "OciAgent",
            "RemoteAgent",
        ];
        let unknown_agent = kind.ends_with("Agent") && view.has("name");
        if !known.contains(&kind) && !unknown_agent {
            return None;
        }
        if self.depth == DEPTH {
            view.lost("agents and flows within one another, deeper than can be taken in");
            return None;
        }
        self.depth += 1;
        let name = view.get("name").and_then(View::str).or(fallback).unwrap_or("agent");
        let mut draft = self.specs.begin(name);
        let id = draft.id.clone();
        // Before its parts are read: they may lead back to it.
        self.ids.insert(view.address(), id.clone());
        component(view);
        if let Some(name) = view.get("name") {
            draft.name(name);
        }
        draft.keep_text(view, "description", "/identity/description");
        self.interface(view, &mut draft);
        match kind {
            "Flow" => oracle_flow::import(view, self, &mut draft),
            "Swarm" => self.swarm(view, &mut draft),
            "ManagerWorkers" => self.manager(view, &mut draft),
            "SpecializedAgent" => self.specialised(view, &mut draft),
            _ => self.single(view, &mut draft),
        }
        self.specs.finish(draft);
        self.depth -= 1;
        Some(id)
    }

    pub(super) fn interface(&self, view: View<'s>, draft: &mut Draft<'_>) {
        for input in view.list("inputs") {
            let Some(title) = input.get("title").and_then(View::str) else {
                input.lost("an input without a title");
                continue;
            };
            let (name, mut schema) = (input_name(title), input.value.clone());
            if let Json::Object(map) = &mut schema {
                map.shift_remove("title");
            }
            match draft.input(&name, schema) {
                Some(at) => {
                    if input.value.get("default").is_none() {
                        draft.push("/interface/input_schema/required", name.into());
                    }
                    draft.changed(input, &at, "a property of a JSON Schema");
                }
                None => input.lost("an input of that name is declared already"),
            }
        }
        if view.list("outputs").is_empty() {
            return;
        }
        if let Some(outputs) = view.get("outputs") {
            let schema = server::object_schema(outputs, TITLES);
            draft.change(
                outputs,
                "/interface/output_schema",
                schema,
                "properties of a JSON Schema",
            );
        }
    }

    fn single(&mut self, view: View<'s>, draft: &mut Draft<'_>) {
        if let Some((prompt, text)) = view.text("system_prompt").or(view.text("prompt_template")) {
            draft.prompt(prompt, SYSTEM, &Prompt::read(text, Style::Double));
        }
        if let Some(config) = self.resolved(view, &["llm_config", "llm"]) {
            llm(config, draft);
        }
        self.tools(view, draft);
        for transform in view.list("transforms") {
            let Some(transform) = self.resolve(transform) else { continue };
            if kind(transform).ends_with("SummarizationTransform") {
                const TO: &str = "/context_policy/compression/strategy";
                if let Some(kind) = transform.get("component_type") {
                    draft.change(kind, TO, "summarize".into(), "how a long talk is shortened");
                }
            }
            if let Some(config) = self.resolved(transform, &["llm"]) {
                config.lost("an agent has one model");
            }
            component(transform);
            transform.lost("aikit shortens by rules of its own");
        }
        if kind(view) != "Agent" {
            view.lost("an agent that answers elsewhere: a spec tells of agents that run here");
        }
        view.lost_keys(
            &["human_in_the_loop", "requires_confirmation"],
            "aikit has no approvals of calls yet",
        );
    }

    fn tools(&mut self, view: View<'s>, draft: &mut Draft<'_>) {
        for item in view.list("tools") {
            if let Some(tool) = self.resolve(item) {
                self.tool(tool, draft);
            }
        }
        for item in view.list("toolboxes") {
            let Some(toolbox) = self.resolve(item) else { continue };
            let transport = self.resolved(toolbox, &["client_transport"]);
            component(toolbox);
            match transport {
                Some(transport) => {
                    let place = self.server(toolbox, transport, draft);
                    for filter in toolbox.list("tool_filter") {
                        let name = if filter.str().is_some() {
                            Some(filter)
                        } else {
                            self.resolve(filter).and_then(|f| f.get("name"))
                        };
                        match name.and_then(View::str) {
                            Some(text) => {
                                let at = draft.push(&format!("{place}/tools"), text.into());
                                if let Some(name) = name {
                                    draft.changed(name, &at, "only this tool of the server");
                                }
                            }
                            None => filter.lost("no name of a tool"),
                        }
                        filter.lost("a server describes its tools itself");
                    }
                    toolbox.lost_keys(
                        &["requires_confirmation"],
                        "aikit has no approvals of calls yet",
                    );
                }
                None => toolbox.lost("no server that is known: register its tools with the host"),
            }
        }
    }

    /// Names a tool; an MCP tool brings its server.
    pub(super) fn tool(&mut self, tool: View<'s>, draft: &mut Draft<'_>) -> Option<String> {
        component(tool);
        let (view, text) = tool.text("name")?;
        if let Some(transport) = self.resolved(tool, &["client_transport"]) {
            let place = self.server(transport, transport, draft);
            let at = draft.push(&format!("{place}/tools"), text.into());
            draft.changed(view, &at, "a tool of this server");
            tool.lost("a server describes its tools itself");
            return Some(text.to_owned());
        }
        let Some(named) = tool_name(text) else {
            tool.lost("no name that a tool can have");
            return None;
        };
        let at = draft.tool(&named);
        if draft.get(&format!("{at}/parameters")).is_some() {
            return Some(named);
        }
        if named == text {
            draft.kept(view, &format!("{at}/name"));
        } else {
            draft.changed(view, &format!("{at}/name"), "written as a name of a tool");
        }
        draft.keep_text(tool, "description", &format!("{at}/description"));
        if let Some(inputs) = tool.get("inputs").filter(|_| !tool.list("inputs").is_empty()) {
            let mut schema = server::object_schema(inputs, TITLES);
            let needed = tool
                .list("inputs")
                .into_iter()
                .filter(|input| input.value.get("default").is_none());
            let needed: Vec<Json> =
                needed.filter_map(|input| input.get("title")?.str().map(Json::from)).collect();
            if !needed.is_empty() {
                schema["required"] = needed.into();
            }
            draft.change(
                inputs,
                &format!("{at}/parameters"),
                schema,
                "properties of a JSON Schema",
            );
        }
        tool.lost_keys(&["outputs"], "a tool tells the model what it gives");
        tool.lost_keys(&["requires_confirmation"], "aikit has no approvals of calls yet");
        tool.lost("what a tool asks, and where, is the host's: register a tool of this name");
        Some(named)
    }

    fn server(&mut self, named: View<'s>, transport: View<'s>, draft: &mut Draft<'_>) -> String {
        let name = named.get("name").and_then(View::str).unwrap_or("mcp");
        // The same server for several tools of an agent.
        let known = slug(name).and_then(|name| {
            let servers = draft.get("/integration/mcp_servers")?.as_array()?;
            let same = transport.get("url").or(transport.get("command")).map(|v| v.value);
            servers.iter().position(|s| {
                s["name"] == name.as_str() && (s.get("url").or(s.get("command")) == same)
            })
        });
        if let Some(at) = known {
            return format!("/integration/mcp_servers/{at}");
        }
        let place = draft.server(name);
        if let Some(view) = named.get("name") {
            draft.changed(view, &format!("{place}/name"), "the name of the server");
        }
        for view in [transport.get("component_type"), transport.get("type")].into_iter().flatten() {
            draft.changed(view, &format!("{place}/transport"), "how the server is reached");
        }
        component(transport);
        if transport.has("url") {
            server::http(draft, &place, transport, "url");
        } else {
            server::stdio(draft, &place, transport);
        }
        transport
            .lost_keys(&["sensitive_headers", "auth", "key_file", "cert_file", "ca_file"], SECRET);
        transport.lost_keys(&["name", "description"], "a server has one name");
        if !std::ptr::eq(named.value, transport.value) {
            named.lost_keys(&["description"], "a server describes itself");
        }
        transport.lost("aikit starts and asks servers by rules of its own");
        place
    }

    fn swarm(&mut self, view: View<'s>, draft: &mut Draft<'s>) {
        let mut ids = Vec::new();
        for pair in view.list("relationships") {
            let ends: Vec<(View<'s>, Option<String>)> =
                pair.items().take(2).map(|end| (end, self.agent(end, None))).collect();
            if let [(_, Some(from)), (end, Some(to))] = ends.as_slice() {
                ids.push((from.clone(), to.clone(), *end));
            } else {
                pair.lost("two agents are expected here");
            }
        }
        let first = view.get("first_agent").and_then(|first| self.agent(first, None));
        // Specs are written one by one: who may hand over to whom is told by the swarm's own spec.
        let mut known = Vec::new();
        for id in first.iter().chain(ids.iter().flat_map(|(from, to, _)| [from, to])) {
            if !known.contains(id) {
                known.push(id.clone());
                draft.allow(id);
            }
        }
        if let Some(first) = &first {
            draft.push("/behavior/workflow/steps", json!({"id": first, "agent": first}));
            draft.set("/behavior/orchestration", "sequential".into());
            draft.set("/behavior/workflow/entry", first.clone().into());
        }
        for (from, to, _) in &ids {
            self.specs.allow(from, to);
        }
        view.lost_keys(
            &["handoff"],
            "agents of aikit hand over, or ask and go on, as the model chooses",
        );
    }

    fn manager(&mut self, view: View<'s>, draft: &mut Draft<'s>) {
        let manager = view.get("group_manager").and_then(|manager| self.agent(manager, None));
        let workers: Vec<String> = view
            .list("workers")
            .into_iter()
            .filter_map(|worker| self.agent(worker, None))
            .collect();
        match manager {
            Some(manager) => {
                draft.allow(&manager);
                draft.push("/behavior/workflow/steps", json!({"id": manager, "agent": manager}));
                draft.set("/behavior/orchestration", "sequential".into());
                for worker in &workers {
                    self.specs.allow(&manager, worker);
                }
            }
            None => {
                // Old texts give the manager's model only.
                if let Some(config) = self.resolved(view, &["group_manager"]) {
                    llm(config, draft);
                }
                for worker in &workers {
                    draft.allow(worker);
                }
            }
        }
    }

    fn specialised(&mut self, view: View<'s>, draft: &mut Draft<'s>) {
        let base = self.resolved(view, &["agent"]);
        let more = self.resolved(view, &["agent_specialization_parameters"]);
        let mut system = Prompt::default();
        let mut texts = Vec::new();
        for text in [
            base.and_then(|base| base.text("system_prompt")),
            more.and_then(|more| more.text("additional_instructions")),
        ] {
            let Some((view, text)) = text else { continue };
            system = system.then(Prompt::read(text, Style::Double));
            texts.push(view);
        }
        if let Some(base) = base {
            component(base);
            self.interface(base, draft);
            self.single(base, draft);
            if draft.get("/identity/description").is_none() {
                draft.keep_text(base, "description", "/identity/description");
            }
            base.lost_keys(&["name", "description"], "the specialised agent has its own");
        }
        if let Some(more) = more {
            component(more);
            self.interface(more, draft);
            for item in more.list("additional_tools") {
                if let Some(tool) = self.resolve(item) {
                    self.tool(tool, draft);
                }
            }
            more.lost_keys(&["name", "description"], "the specialised agent has its own");
        }
        for view in texts {
            draft.prompt(view, SYSTEM, &system);
        }
    }

    /// An agent that a node of a flow names.
    pub(super) fn named(&mut self, view: Option<View<'s>>) -> Option<String> {
        let view = view?;
        if let Some(id) = self.agent(view, None) {
            return Some(id);
        }
        let link = view.any(&["$component_ref", "$ref"])?;
        let id = slug(link.str()?)?;
        link.changed(None, ELSEWHERE);
        Some(id)
    }

    pub(super) fn is_root(&self, view: View<'_>) -> bool {
        std::ptr::eq(self.root.value, view.value)
    }
}
