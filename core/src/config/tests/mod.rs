//! What layers say, what holds, and what is never shown.

mod read;
mod resolve;
mod secret;

use serde_json::{Value as Json, json};

use super::read::Kind;
use super::settings::Settings;

/// Every setting there is, with its value.
fn everything() -> Json {
    json!({
        "store": {"env": "DATABASE_URL"},
        "tenant": "acme",
        "actor": "Ada Lovelace",
        "default_model": "openai/gpt-4o-mini",
        "providers": {
            "env": {"base_url": "http://127.0.0.1:8080/v1"},
            "openai": {"base_url": "https://api.openai.com/v1", "api_key": {"env": "OPENAI_API_KEY"},
                "first_byte_ms": 30000, "between_chunks_ms": 15000, "total_ms": 120_000, "max_retries": 3,
                "requests_per_minute": 500, "tokens_per_minute": 200_000, "concurrent_requests": 8,
                "headers": {"helicone-auth": {"env": "HELICONE_KEY"}, "env": {"file": "/run/secrets/env"}}},
            "azure": {"wire": "openai_chat", "api_version": "2024-10-21", "cassette": "/tmp/azure.json"},
            "own.host": {"api_key": {"file": "/run/secrets/own"}},
        },
        "policy": {"allowed_tools": ["calculator", "datetime"], "denied_tools": ["shell"]},
        "quotas": {
            "max_specs": 10,
            "max_documents": 1000,
            "max_vectors": i64::MAX,
            "max_storage_mb": 512,
            "max_concurrent_executions": 4,
            "max_memory_mb": 256,
            "max_cpu_percent": 150,
            "requests_per_minute": 60,
            "llm_tokens_per_day": 1_000_000,
            "cost_limit_usd_per_day": 2.5,
        },
        "retention": {"runs_days": 30},
        "prices": {
            "openai/gpt-4o-mini": {"input_usd_per_million": 0.15, "output_usd_per_million": 0.6,
                "cached_input_usd_per_million": 0.075, "cache_write_usd_per_million": 0.15},
            "scripted/x": {"input_usd_per_million": 0.0, "output_usd_per_million": 0.0},
        },
        "run": {"max_turns": 5, "timeout_ms": 30000, "tokens_per_run": 50_000, "cost_usd_per_run": 0.25},
    })
}

fn profile(value: &Json) -> Settings {
    Settings::from_json_of(value, Kind::Profile).expect("a profile")
}

fn tenant(value: &Json) -> Settings {
    Settings::from_json(value).expect("a tenant's configuration")
}

/// Everything that a tenant's configuration can say.
fn everything_of_a_tenant() -> Json {
    let mut value = everything();
    for key in ["store", "tenant", "actor"] {
        value.as_object_mut().expect("an object").remove(key);
    }
    value["providers"]["azure"].as_object_mut().expect("an object").remove("cassette");
    value
}
