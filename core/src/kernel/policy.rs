//! What a kernel's tenant may do, given when the kernel is opened.

use serde::Deserialize;

use crate::error::{Code, Error, Result};

/// What a tenant may do. Without one, everything that its specs ask for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// If given, only these tools.
    pub allowed_tools: Option<Vec<String>>,
    /// Never these tools; wins over everything else.
    pub denied_tools: Vec<String>,
    /// What a spec may ask for at most.
    #[serde(deserialize_with = "mapping")]
    pub quotas: Quotas,
}

/// Bounds on what a spec may ask for, named as in the spec. Absent: no bound.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quotas {
    /// Runs at once.
    pub max_concurrent_executions: Option<u32>,
    /// Memory in MiB.
    pub max_memory_mb: Option<u64>,
    /// Percent of one core.
    pub max_cpu_percent: Option<u32>,
    /// Store in MiB.
    pub max_storage_mb: Option<u64>,
    /// Runs per minute.
    pub requests_per_minute: Option<u32>,
    /// Tokens per day.
    pub llm_tokens_per_day: Option<u64>,
    /// US dollars per day.
    pub cost_limit_usd_per_day: Option<f64>,
}

/// A mapping of named values. `serde` would take a list for one as well.
pub(super) fn mapping<'de, D, T>(deserializer: D) -> std::result::Result<T, D::Error>
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
    /// The rule that forbids a tool, if one does.
    pub(super) fn forbids(&self, tool: &str) -> Option<&'static str> {
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
    pub(super) fn check_tool(&self, tool: &str) -> Result<()> {
        match self.forbids(tool) {
            None => Ok(()),
            Some(rule) => {
                Err(Error::new(Code::ToolDenied, format!("the tool {tool:?} is denied: {rule}"))
                    .hint("open the kernel with another `policy`, or call another tool"))
            }
        }
    }
}
