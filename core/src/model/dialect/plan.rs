//! The way back from what the model wrote to what the own schema asks for, and the way there for
//! what was written before.

use serde_json::{Map, Value, json};

/// The property that holds what may not stand at the top.
pub(super) const WRAPPER: &str = "value";
/// The properties of an entry of a mapping that is written as a list.
pub(super) const KEY: &str = "key";
pub(super) const VALUE: &str = "value";

/// What differs between the two sides, and where. The default: nothing does.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The value stands in an object, under [`WRAPPER`].
    wrapped: bool,
    /// The value is JSON in a text.
    pub(super) text: bool,
    /// The value is a mapping that is written as a list of keys and values; how the values differ.
    pub(super) pairs: Option<Box<Plan>>,
    /// Names of properties: on the wire, and own.
    pub(super) renamed: Vec<(String, String)>,
    /// Own names of properties that are null on the wire when they are absent.
    pub(super) absent: Vec<String>,
    /// How the values of properties differ, by own name.
    pub(super) properties: Vec<(String, Plan)>,
    /// How the values of properties without a schema of their own differ.
    pub(super) rest: Option<Box<Plan>>,
    /// How the items of a list differ.
    pub(super) items: Option<Box<Plan>>,
    /// Texts on the wire, and what they stand for.
    pub(super) words: Vec<(String, Value)>,
    /// Schemas that hold at once.
    pub(super) all: Vec<Plan>,
    /// Schemas of which one holds.
    pub(super) branches: Vec<Branch>,
}

/// One of several schemas on the wire.
#[derive(Debug)]
pub(super) struct Branch {
    /// Tells whether it is this one.
    pub(super) schema: Option<jsonschema::Validator>,
    pub(super) plan: Plan,
}

impl Plan {
    pub(super) fn wrapped(self) -> Self {
        Self { wrapped: true, all: vec![self], ..Self::default() }
    }

    pub(super) fn is_identity(&self) -> bool {
        !self.wrapped
            && !self.text
            && self.pairs.is_none()
            && self.renamed.is_empty()
            && self.absent.is_empty()
            && self.properties.iter().all(|(_, plan)| plan.is_identity())
            && self.rest.as_ref().is_none_or(|plan| plan.is_identity())
            && self.items.as_ref().is_none_or(|plan| plan.is_identity())
            && self.words.is_empty()
            && self.all.iter().all(Self::is_identity)
            && self.branches.iter().all(|branch| branch.plan.is_identity())
    }

    /// Adds how a property differs, if it does.
    pub(super) fn property(&mut self, name: &str, plan: Plan) {
        if !plan.is_identity() {
            self.properties.push((name.to_owned(), plan));
        }
    }

    /// A choice between compiled schemas.
    pub(super) fn choice(schemas: &[Value], plans: Vec<Plan>) -> Self {
        if plans.iter().all(Self::is_identity) {
            return Self::default();
        }
        let branch =
            |(schema, plan)| Branch { schema: jsonschema::validator_for(schema).ok(), plan };
        Self { branches: schemas.iter().zip(plans).map(branch).collect(), ..Self::default() }
    }

    fn property_plan(&self, name: &str) -> Option<&Self> {
        let own = self.properties.iter().find(|(own, _)| own == name).map(|(_, plan)| plan);
        own.or(self.rest.as_deref())
    }

    /// From the wire. What does not look as it was asked for stays as it is.
    pub(super) fn restore(&self, value: &mut Value) {
        if self.wrapped
            && let Value::Object(map) = value
            && map.len() == 1
            && let Some(inner) = map.get_mut(WRAPPER)
        {
            *value = inner.take();
        }
        if self.text
            && let Value::String(text) = value
            && let Ok(parsed) = serde_json::from_str(text)
        {
            *value = parsed;
        }
        if let Some(plan) = &self.pairs
            && let Some(map) = mapping(value)
        {
            *value = map.into();
            if let Value::Object(map) = value {
                map.values_mut().for_each(|value| plan.restore(value));
            }
        }
        for branch in &self.branches {
            if branch.schema.as_ref().is_none_or(|schema| schema.is_valid(value)) {
                branch.plan.restore(value);
                break;
            }
        }
        match value {
            Value::Object(map) => {
                if !self.renamed.is_empty() {
                    rename(map, |name| own_name(&self.renamed, name));
                }
                map.retain(|name, value| !(value.is_null() && self.absent.contains(name)));
                for (name, value) in map.iter_mut() {
                    if let Some(plan) = self.property_plan(name) {
                        plan.restore(value);
                    }
                }
            }
            Value::Array(items) => {
                if let Some(plan) = &self.items {
                    items.iter_mut().for_each(|item| plan.restore(item));
                }
            }
            Value::String(text) => {
                if let Some((_, own)) = self.words.iter().find(|(word, _)| word == text) {
                    *value = own.clone();
                }
            }
            _ => {}
        }
        self.all.iter().for_each(|plan| plan.restore(value));
    }

    /// To the wire: the reverse of [`Plan::restore`] for what went that way.
    pub(super) fn send(&self, value: &mut Value) {
        self.all.iter().for_each(|plan| plan.send(value));
        match value {
            Value::Object(map) => {
                for (name, value) in map.iter_mut() {
                    if let Some(plan) = self.property_plan(name) {
                        plan.send(value);
                    }
                }
                if !self.renamed.is_empty() {
                    rename(map, |name| wire_name(&self.renamed, name));
                }
            }
            Value::Array(items) => {
                if let Some(plan) = &self.items {
                    items.iter_mut().for_each(|item| plan.send(item));
                }
            }
            _ => {}
        }
        if let Some((word, _)) = self.words.iter().find(|(_, own)| own == value) {
            *value = word.clone().into();
        }
        for branch in &self.branches {
            let mut sent = value.clone();
            branch.plan.send(&mut sent);
            if branch.schema.as_ref().is_none_or(|schema| schema.is_valid(&sent)) {
                *value = sent;
                break;
            }
        }
        if let Some(plan) = &self.pairs
            && let Value::Object(map) = value
        {
            let pair = |(name, mut value): (String, Value)| {
                plan.send(&mut value);
                json!({KEY: name, VALUE: value})
            };
            *value = std::mem::take(map).into_iter().map(pair).collect();
        }
        if self.text {
            *value = value.to_string().into();
        }
        if self.wrapped {
            *value = json!({WRAPPER: value.take()});
        }
    }
}

/// The mapping that a list of keys and values stands for.
fn mapping(value: &mut Value) -> Option<Map<String, Value>> {
    let is_pair =
        |pair: &Value| pair.get(KEY).is_some_and(Value::is_string) && pair.get(VALUE).is_some();
    let Value::Array(pairs) = value else { return None };
    if !pairs.iter().all(is_pair) {
        return None;
    }
    let pair = |pair: &mut Value| {
        let name = pair[KEY].as_str().unwrap_or_default().to_owned();
        (name, pair[VALUE].take())
    };
    Some(pairs.iter_mut().map(pair).collect())
}

fn own_name(renamed: &[(String, String)], name: &str) -> Option<String> {
    renamed.iter().find(|(wire, _)| wire == name).map(|(_, own)| own.clone())
}

fn wire_name(renamed: &[(String, String)], name: &str) -> Option<String> {
    renamed.iter().find(|(_, own)| own == name).map(|(wire, _)| wire.clone())
}

/// New names in the old order.
fn rename(map: &mut Map<String, Value>, name: impl Fn(&str) -> Option<String>) {
    let renamed = |(old, value): (String, Value)| (name(&old).unwrap_or(old), value);
    *map = std::mem::take(map).into_iter().map(renamed).collect();
}
