//! What the agent may do and use.

use crate::spec::decode::{block, choice};

block! {
    /// What the agent may do and use.
    pub struct Governance {
        /// Isolation, tools, resources.
        pub security: Security,
        /// Retention and audit.
        pub compliance: Compliance,
        /// Limits over time.
        pub rate_limits: RateLimits,
        /// What one run may use.
        pub budget: Budget,
    }
}

choice! {
    /// How tenants are kept apart.
    pub enum TenantIsolation {
        /// No call reaches another tenant.
        #[default]
        Strict = "strict",
        /// Shared collections are readable.
        Relaxed = "relaxed",
    }
}

block! {
    /// Isolation, tools, resources.
    pub struct Security {
        /// Default strict.
        pub tenant_isolation: TenantIsolation,
        /// If given, only these tools, of those in `integration.tools`.
        pub allowed_tools: Option<Vec<String>>,
        /// Never these tools; wins over everything else.
        pub denied_tools: Vec<String>,
        /// Environment variables that templates may name as `env.NAME`; none by default.
        pub allowed_env: Vec<String>,
        /// Bounds for one agent.
        pub resource_limits: ResourceLimits,
    }
}

block! {
    /// Bounds for one agent.
    pub struct ResourceLimits {
        /// Runs at once.
        pub max_concurrent_executions: Option<u32>,
        /// Memory in MiB.
        pub max_memory_mb: Option<u64>,
        /// Percent of one core.
        pub max_cpu_percent: Option<u32>,
        /// Store in MiB.
        pub max_storage_mb: Option<u64>,
    }
}

choice! {
    /// How much the audit log says.
    pub enum AuditLevel {
        /// Nothing.
        None = "none",
        /// Changes.
        #[default]
        Basic = "basic",
        /// Every call.
        Detailed = "detailed",
    }
}

block! {
    /// Retention and audit.
    pub struct Compliance {
        /// Days that runs are kept.
        pub data_retention_days: Option<u32>,
        /// Whether data-protection rules apply.
        pub gdpr_compliant: bool,
        /// Default basic.
        pub audit_level: AuditLevel,
    }
}

block! {
    /// What one run may use. Checked before each call of a model against an estimate, settled after
    /// it.
    pub struct Budget {
        /// Tokens of one run, in and out.
        pub tokens_per_run: Option<u64>,
        /// US dollars of one run.
        pub cost_usd_per_run: Option<f64>,
    }
}

block! {
    /// Limits over time.
    pub struct RateLimits {
        /// Runs per minute.
        pub requests_per_minute: Option<u32>,
        /// Tokens per day.
        pub llm_tokens_per_day: Option<u64>,
        /// US dollars per day.
        pub cost_limit_usd_per_day: Option<f64>,
    }
}
