//! What a tenant may do.

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};

/// What a tenant may do. Without one, everything that its specs ask for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// If given, only these tools.
    pub allowed_tools: Option<Vec<String>>,
    /// Never these tools; wins over everything else.
    pub denied_tools: Vec<String>,
    /// What it may use at most.
    #[serde(deserialize_with = "mapping")]
    pub quotas: Quotas,
}

/// Bounds on what a tenant may use; those that a spec has as well are named as there. Absent: no
/// bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quotas {
    /// Versions of specs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_specs: Option<u64>,
    /// Documents in all collections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_documents: Option<u64>,
    /// Vectors in all collections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_vectors: Option<u64>,
    /// Store in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_storage_mb: Option<u64>,
    /// Runs at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrent_executions: Option<u32>,
    /// Memory in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_memory_mb: Option<u64>,
    /// Percent of one core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cpu_percent: Option<u32>,
    /// Runs per minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// Tokens per day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub llm_tokens_per_day: Option<u64>,
    /// US dollars per day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_limit_usd_per_day: Option<f64>,
}

/// A mapping of named values. `serde` would take a list for one as well.
pub(crate) fn mapping<'de, D, T>(deserializer: D) -> std::result::Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    use serde::de::Error as _;
    match serde_json::Value::deserialize(deserializer)? {
        value @ serde_json::Value::Object(_) => T::deserialize(value).map_err(D::Error::custom),
        other => Err(D::Error::custom(format!("{other} is not an object of named values"))),
    }
}

impl Policy {
    /// Makes this policy as narrow as both are: denied tools add up, allowed tools intersect, the
    /// smallest quota wins.
    pub fn narrow(&mut self, other: &Self) {
        for tool in &other.denied_tools {
            if !self.denied_tools.contains(tool) {
                self.denied_tools.push(tool.clone());
            }
        }
        if let Some(theirs) = &other.allowed_tools {
            match &mut self.allowed_tools {
                Some(ours) => ours.retain(|tool| theirs.contains(tool)),
                None => self.allowed_tools = Some(theirs.clone()),
            }
        }
        self.quotas.narrow(&other.quotas);
    }

    /// The rule that forbids a tool, if one does.
    pub(crate) fn forbids(&self, tool: &str) -> Option<&'static str> {
        if self.denied_tools.iter().any(|name| name == tool) {
            return Some("the tenant's policy denies it");
        }
        match &self.allowed_tools {
            Some(allowed) if !allowed.iter().any(|name| name == tool) => {
                Some("the tenant's policy does not allow it")
            }
            _ => None,
        }
    }

    /// Refuses a tool that is called directly.
    pub(crate) fn check_tool(&self, tool: &str) -> Result<()> {
        match self.forbids(tool) {
            None => Ok(()),
            Some(rule) => {
                Err(Error::new(Code::ToolDenied, format!("the tool {tool:?} is denied: {rule}"))
                    .hint("open the kernel with another `policy`, or call another tool"))
            }
        }
    }
}

impl Quotas {
    /// Takes over every quota of the other that is smaller, or that is not here.
    pub fn narrow(&mut self, other: &Self) {
        least(&mut self.max_specs, other.max_specs);
        least(&mut self.max_documents, other.max_documents);
        least(&mut self.max_vectors, other.max_vectors);
        least(&mut self.max_storage_mb, other.max_storage_mb);
        least(&mut self.max_concurrent_executions, other.max_concurrent_executions);
        least(&mut self.max_memory_mb, other.max_memory_mb);
        least(&mut self.max_cpu_percent, other.max_cpu_percent);
        least(&mut self.requests_per_minute, other.requests_per_minute);
        least(&mut self.llm_tokens_per_day, other.llm_tokens_per_day);
        least(&mut self.cost_limit_usd_per_day, other.cost_limit_usd_per_day);
    }
}

fn least<T: PartialOrd + Copy>(ours: &mut Option<T>, theirs: Option<T>) {
    if let Some(theirs) = theirs
        && ours.is_none_or(|ours| theirs < ours)
    {
        *ours = Some(theirs);
    }
}
