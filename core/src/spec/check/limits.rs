//! Limits that contradict each other, and back ends that are elsewhere than they say.

use super::Check;
use crate::spec::document::{
    Document, EpisodicProvider, MemoryBackend, ProceduralProvider, SemanticProvider, has_password,
};

pub(super) fn check(document: &Document, check: &mut Check<'_>) {
    if document.behavior.max_turns == 0 {
        check.error("/behavior/max_turns", "AK1005", "a run needs at least one turn", None);
    }
    if document.behavior.workflow.max_iterations == Some(0) {
        let pointer = "/behavior/workflow/max_iterations";
        check.error(pointer, "AK1005", "a loop needs at least one round", None);
    }
    check.range(
        "/governance/security/resource_limits/max_cpu_percent",
        document.governance.security.resource_limits.max_cpu_percent.map(f64::from),
        1.0,
        100_000.0,
    );
    check.range(
        "/context_policy/compression/threshold",
        document.context_policy.compression.threshold,
        0.0,
        1.0,
    );
    let governance = &document.governance;
    for (pointer, cost) in [
        (
            "/governance/rate_limits/cost_limit_usd_per_day",
            governance.rate_limits.cost_limit_usd_per_day,
        ),
        ("/governance/budget/cost_usd_per_run", governance.budget.cost_usd_per_run),
    ] {
        if cost.is_some_and(|cost| cost < 0.0) {
            check.error(pointer, "AK1005", "a cost cannot be negative", None);
        }
    }
    contradictions(document, check);
    backends(document, check);
    let skills = &document.network.a2a.skills;
    for (i, _) in skills.iter().enumerate().filter(|(_, skill)| skill.id.is_empty()) {
        let pointer = format!("/network/a2a/skills/{i}");
        check.error(&pointer, "AK1004", "`id` is missing", Some("for instance `id: answer`"));
    }
    check.once("/network/a2a/skills", "id", skills.iter().map(|s| s.id.as_str()).enumerate());
    let delegation = &document.network.delegation;
    for (i, agent) in delegation.allowed_agents.iter().enumerate() {
        let pointer = format!("/network/delegation/allowed_agents/{i}");
        check.slug(&pointer, agent);
        if *agent == document.identity.agent_id {
            let hint = "take it out, or name another agent";
            check.error(&pointer, "AK2011", "an agent cannot hand over to itself", Some(hint));
        }
    }
    if !delegation.enabled && !delegation.allowed_agents.is_empty() {
        let hint = "add `enabled: true`, or remove the list";
        check.warn("/network/delegation/allowed_agents", "AK2001", "delegation is off", hint);
    }
}

/// (where, what is bounded, its value, what bounds it, the bound)
type Bound = (&'static str, &'static str, Option<u64>, &'static str, Option<u64>);

fn contradictions(document: &Document, check: &mut Check<'_>) {
    let context = &document.context_policy;
    let intelligence = &document.intelligence;
    let compliance = &document.governance.compliance;
    let hnsw = &document.memory.episodic.hnsw_config;
    let wide = |value: Option<u32>| value.map(u64::from);
    let bounds: [Bound; 7] = [
        (
            "/context_policy/rag/chunk_overlap",
            "chunk_overlap",
            wide(context.rag.chunk_overlap).map(|overlap| overlap + 1),
            "context_policy.rag.chunk_size",
            wide(context.rag.chunk_size),
        ),
        (
            "/intelligence/max_tokens",
            "max_tokens",
            wide(intelligence.max_tokens),
            "context_policy.max_context_tokens",
            wide(context.max_context_tokens),
        ),
        (
            "/intelligence/cognition/max_steps",
            "max_steps",
            wide(intelligence.cognition.max_steps),
            "behavior.max_turns",
            Some(u64::from(document.behavior.max_turns)),
        ),
        (
            "/memory/episodic/retention_days",
            "retention_days",
            wide(document.memory.episodic.retention_days),
            "governance.compliance.data_retention_days",
            wide(compliance.data_retention_days),
        ),
        (
            "/storage/artifacts/retention_days",
            "retention_days",
            wide(document.storage.artifacts.retention_days),
            "governance.compliance.data_retention_days",
            wide(compliance.data_retention_days),
        ),
        (
            "/memory/episodic/hnsw_config/m",
            "m",
            Some(u64::from(hnsw.m)),
            "memory.episodic.hnsw_config.ef_construction",
            Some(u64::from(hnsw.ef_construction)),
        ),
        (
            "/governance/rate_limits/llm_tokens_per_day",
            "intelligence.max_tokens",
            wide(intelligence.max_tokens),
            "governance.rate_limits.llm_tokens_per_day",
            document.governance.rate_limits.llm_tokens_per_day,
        ),
    ];
    for (pointer, what, value, by, bound) in bounds {
        if let (Some(value), Some(bound)) = (value, bound)
            && value > bound
        {
            check.error(
                pointer,
                "AK2011",
                format!("`{what}` does not fit within `{by}`, which is {bound}"),
                Some("lower the one or raise the other"),
            );
        }
    }
}

fn name(backend: MemoryBackend) -> &'static str {
    match backend {
        MemoryBackend::InMemory => "inmemory",
        MemoryBackend::Sqlite => "sqlite",
        MemoryBackend::Postgresql => "postgresql",
    }
}

fn backends(document: &Document, check: &mut Check<'_>) {
    let memory = &document.memory;
    if let Some(location) = &memory.location {
        let postgres = location.starts_with("postgres://") || location.starts_with("postgresql://");
        let agree = match memory.backend {
            MemoryBackend::Postgresql => postgres,
            MemoryBackend::Sqlite => !location.contains("://") || location.starts_with("sqlite:"),
            MemoryBackend::InMemory => location == ":memory:",
        };
        if !agree {
            check.error(
                "/memory/location",
                "AK2008",
                format!("this is no place for the back end {}", name(memory.backend)),
                Some("sqlite: a path; postgresql: postgres://...; inmemory: no location"),
            );
        }
        if has_password(location) {
            check.error(
                "/memory/location",
                "AK2015",
                "a password stands here, and a spec is stored and shared",
                Some("leave it out: the kernel is opened with the database's address"),
            );
        }
    }
    let backend = memory.backend;
    let needs_postgres = [
        ("/memory/episodic/provider", memory.episodic.provider == EpisodicProvider::Postgresql),
        (
            "/memory/semantic/provider",
            memory.semantic.provider == SemanticProvider::PostgresqlGraph,
        ),
        ("/memory/semantic/rls_enabled", memory.semantic.rls_enabled),
        (
            "/memory/procedural/provider",
            memory.procedural.provider == ProceduralProvider::Postgresql,
        ),
    ];
    for (pointer, needs) in needs_postgres {
        if needs && backend != MemoryBackend::Postgresql {
            check.error(
                pointer,
                "AK2008",
                format!("this needs PostgreSQL, and `memory.backend` is {}", name(backend)),
                Some("write `memory.backend: postgresql`, or choose another provider"),
            );
        }
    }
}
