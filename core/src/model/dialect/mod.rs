//! The compiler of schemas: what a tool or an output asks for, in the words that a provider takes,
//! and what the model answers back in the words of the tool.
//!
//! Any JSON Schema goes in. What comes out is taken by the provider; a constraint that it has no
//! word for is left out and said in the description, and holds all the same, because the tool's own
//! schema is checked at the call. Equal schemas give equal bytes.
//!
//! - `names`: names that a provider takes, one for each that it does not.
//! - `references`: `$ref` followed, and schemas that hold at once made one.
//! - `root`: an object at the top, whatever stands there.
//! - `full`: for providers that take JSON Schema with exceptions.
//! - `subset`: for those that take a part of it: Gemini, and every one that holds answers to it.
//! - `keywords`: what single keywords mean.
//! - `plan`: the way back.
//! - `adapted`: all of it around a wire that knows nothing of it.

mod adapted;
mod full;
mod keywords;
mod names;
mod plan;
mod references;
mod root;
mod subset;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value, json};

use super::{OutputSchema, ToolSpec};
use crate::io::Mutex;
use crate::spec::{ANTHROPIC, Facts, GEMINI, NameRule, OPENAI};
pub(in crate::model) use adapted::Adapted;
use plan::Plan;

/// A kind of API with its own idea of JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum Flavour {
    /// OpenAI's functions and strict outputs.
    OpenAi,
    /// Anthropic's tools and output formats.
    Anthropic,
    /// Gemini's function declarations and response schemas.
    Gemini,
}

impl Flavour {
    fn facts(self) -> &'static Facts {
        match self {
            Self::OpenAi => &OPENAI,
            Self::Anthropic => &ANTHROPIC,
            Self::Gemini => &GEMINI,
        }
    }
}

/// A tool as the provider takes it.
#[derive(Debug)]
pub(in crate::model) struct CompiledTool {
    /// Its name on the wire.
    pub(in crate::model) name: String,
    /// What it does.
    pub(in crate::model) description: String,
    /// The schema of its arguments on the wire.
    pub(in crate::model) parameters: Value,
    own_name: String,
    plan: Plan,
}

impl CompiledTool {
    /// Its name in aikit.
    pub(in crate::model) fn own_name(&self) -> &str {
        &self.own_name
    }

    /// Whether arguments are the same on both sides, so that they may be passed on as they come.
    pub(in crate::model) fn streams(&self) -> bool {
        self.plan.is_identity()
    }

    /// Whether it takes any arguments.
    pub(in crate::model) fn has_parameters(&self) -> bool {
        let empty = |key: &str| match self.parameters.get(key) {
            Some(Value::Object(map)) => map.is_empty(),
            _ => true,
        };
        !empty("properties") || self.parameters.get("anyOf").is_some()
    }

    /// Arguments that the model wrote, as the tool's own schema asks for them. What is no JSON
    /// stays as it is.
    pub(in crate::model) fn restore(&self, arguments: &str) -> String {
        restore(&self.plan, arguments)
    }
}

fn restore(plan: &Plan, text: &str) -> String {
    if plan.is_identity() {
        return text.to_owned();
    }
    match serde_json::from_str::<Value>(text) {
        Ok(mut value) => {
            plan.restore(&mut value);
            value.to_string()
        }
        Err(_) => text.to_owned(),
    }
}

/// The tools of an agent as the provider takes them, in their order.
#[derive(Debug)]
pub(in crate::model) struct Tools {
    tools: Vec<CompiledTool>,
    by_name: HashMap<String, usize>,
    by_own_name: HashMap<String, usize>,
    rule: NameRule,
    size: usize,
    as_they_stand: OnceLock<bool>,
}

impl Tools {
    /// Compiles tools.
    pub(in crate::model) fn compile(flavour: Flavour, specs: &[ToolSpec]) -> Self {
        let rule = flavour.facts().tool_name;
        let fine = specs.iter().map(|spec| spec.name.clone()).filter(|name| rule.takes(name));
        let mut taken: HashSet<String> = fine.collect();
        let tools: Vec<CompiledTool> = specs
            .iter()
            .map(|spec| {
                let (parameters, plan) = compile_parameters(flavour, &spec.parameters);
                CompiledTool {
                    name: names::fit(&rule, &spec.name, &mut taken),
                    description: spec.description.clone(),
                    parameters,
                    own_name: spec.name.clone(),
                    plan,
                }
            })
            .collect();
        let index = |name: fn(&CompiledTool) -> &String| -> HashMap<String, usize> {
            tools.iter().enumerate().map(|(i, tool)| (name(tool).clone(), i)).collect()
        };
        let length = |tool: &CompiledTool| {
            tool.name.len() + tool.description.len() + tool.parameters.to_string().len()
        };
        Self {
            by_name: index(|tool| &tool.name),
            by_own_name: index(|tool| &tool.own_name),
            size: tools.iter().map(length).sum(),
            rule,
            tools,
            as_they_stand: OnceLock::new(),
        }
    }

    /// In the order of the spec.
    pub(in crate::model) fn list(&self) -> &[CompiledTool] {
        &self.tools
    }

    /// Bytes of them all, roughly.
    pub(in crate::model) fn size(&self) -> usize {
        self.size
    }

    /// The tool that the provider calls by this name.
    pub(in crate::model) fn called(&self, wire_name: &str) -> Option<&CompiledTool> {
        self.by_name.get(wire_name).map(|i| &self.tools[*i])
    }

    /// The tool of this name in aikit.
    pub(in crate::model) fn called_own(&self, name: &str) -> Option<&CompiledTool> {
        self.by_own_name.get(name).map(|i| &self.tools[*i])
    }

    /// The name on the wire, also of a tool that is there no more or never was.
    pub(in crate::model) fn wire_name<'a>(&'a self, name: &'a str) -> Cow<'a, str> {
        match self.called_own(name) {
            Some(tool) => Cow::Borrowed(&tool.name),
            None if self.rule.takes(name) => Cow::Borrowed(name),
            None => Cow::Owned(names::fit(&self.rule, name, &mut HashSet::new())),
        }
    }

    /// Arguments of an earlier call as the model wrote them: always an object, because providers
    /// take nothing else.
    pub(in crate::model) fn sent_arguments(&self, name: &str, arguments: &str) -> Value {
        if arguments.trim().is_empty() {
            return json!({});
        }
        let Ok(mut value) = serde_json::from_str::<Value>(arguments) else {
            return json!({"invalid_arguments": arguments});
        };
        if let Some(tool) = self.called_own(name) {
            tool.plan.send(&mut value);
        }
        if value.is_object() { value } else { json!({"invalid_arguments": arguments}) }
    }
}

/// The shape of an answer as the provider takes it.
#[derive(Debug)]
pub(in crate::model) struct Output {
    schema: Value,
    plan: Plan,
}

impl Output {
    /// Compiles the schema of an answer for a provider that holds its models to it.
    pub(in crate::model) fn compile(flavour: Flavour, schema: &Value) -> Self {
        let facts = flavour.facts();
        let (schema, plan) = match flavour {
            Flavour::OpenAi => subset::strict(schema, &subset::OPENAI_STRICT),
            Flavour::Anthropic => subset::strict(schema, &subset::ANTHROPIC_STRICT),
            Flavour::Gemini => subset::loose(schema, facts),
        };
        Self { schema, plan }
    }

    /// On the wire.
    pub(in crate::model) fn schema(&self) -> &Value {
        &self.schema
    }

    /// Whether answers are the same on both sides, so that they may be passed on as they come.
    pub(in crate::model) fn streams(&self) -> bool {
        self.plan.is_identity()
    }

    /// An answer as the own schema asks for it. What is no JSON stays as it is.
    pub(in crate::model) fn restore(&self, text: &str) -> String {
        restore(&self.plan, text)
    }
}

/// The schema of a tool's arguments on the wire, and the way back.
fn compile_parameters(flavour: Flavour, schema: &Value) -> (Value, Plan) {
    let facts = flavour.facts();
    let shape = root::shape(schema, facts);
    let emit = |own: &Map<String, Value>| match facts.keywords {
        Some(_) => subset::tool(schema, own, facts),
        None => full::emit(schema, own, facts, shape.inlined),
    };
    let (inner, plan) = emit(&shape.own);
    if shape.wrapped { wrap(inner, plan) } else { (root::as_object(inner), plan) }
}

/// An object that holds what may not stand at the top.
fn wrap(inner: Value, plan: Plan) -> (Value, Plan) {
    let schema = json!({
        "type": "object",
        "properties": {plan::WRAPPER: inner},
        "required": [plan::WRAPPER],
    });
    (schema, plan.wrapped())
}

/// How many sets of tools one model keeps: that of its agent, and that with the tool that takes the
/// answer.
const KEPT: usize = 4;

/// What was made of what.
type Kept<K, V> = Mutex<Vec<(Arc<K>, Arc<V>)>>;

/// What was compiled so far, so that a turn costs nothing.
#[derive(Debug)]
pub(in crate::model) struct Compiled {
    flavour: Flavour,
    tools: Kept<[ToolSpec], Tools>,
    outputs: Kept<OutputSchema, Output>,
}

impl Compiled {
    /// Nothing yet.
    pub(in crate::model) fn new(flavour: Flavour) -> Self {
        Self { flavour, tools: Mutex::new(Vec::new()), outputs: Mutex::new(Vec::new()) }
    }

    /// These tools; compiled when they are asked for the first time.
    pub(in crate::model) fn tools(&self, specs: &Arc<[ToolSpec]>) -> Arc<Tools> {
        let compile = || Tools::compile(self.flavour, specs);
        kept(&self.tools, specs, compile)
    }

    /// This shape of an answer; compiled when it is asked for the first time.
    pub(in crate::model) fn output(&self, schema: &Arc<OutputSchema>) -> Arc<Output> {
        kept(&self.outputs, schema, || Output::compile(self.flavour, &schema.schema))
    }
}

/// Looked up by where it lies, and then by what it is.
fn kept<K: ?Sized + PartialEq, V>(
    entries: &Kept<K, V>,
    key: &Arc<K>,
    make: impl FnOnce() -> V,
) -> Arc<V> {
    let mut entries = entries.lock();
    let same = |known: &&(Arc<K>, Arc<V>)| Arc::ptr_eq(&known.0, key);
    let equal = |known: &&(Arc<K>, Arc<V>)| known.0 == *key;
    if let Some((_, made)) = entries.iter().find(same).or_else(|| entries.iter().find(equal)) {
        return made.clone();
    }
    let made = Arc::new(make());
    if entries.len() >= KEPT {
        entries.remove(0);
    }
    entries.push((key.clone(), made.clone()));
    made
}
