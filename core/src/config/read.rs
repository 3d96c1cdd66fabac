//! Reading settings: a profile from TOML, a tenant's from JSON.

use std::path::Path;

use serde_json::Value as Json;

use super::file;
use super::policy::Quotas;
use super::reader::{Reader, located};
use super::settings::{Price, ProviderSettings, Settings};
use super::tree::{self, Node, Value};
use crate::error::{Code, Error, Result};
use crate::model::{
    CONCURRENT_LIMIT, HEADERS_LIMIT, KEY_TWICE, RETRIES_LIMIT, header_name, stands_for_key,
};
use crate::spec::{is_model_name, is_slug};

/// The most bytes of a configuration.
const SIZE_LIMIT: usize = 256 * 1024;
/// Levels of JSON; no setting is as deep.
const DEPTH_LIMIT: usize = 16;

/// The largest number that both databases keep.
const LARGEST: u64 = i64::MAX as u64;
/// As many MiB as there are bytes in [`LARGEST`].
const LARGEST_MB: u64 = LARGEST >> 20;
const SMALL: u64 = u32::MAX as u64;
/// A hundred years.
const DAYS: u64 = 36_500;
const DOLLARS: u32 = 1_000_000_000;
/// Characters of an actor's name, as in the history of specs.
const ACTOR_LIMIT: usize = 200;

/// Keys that say which kernel is opened: a tenant's configuration is read when that is known.
const OPENING: &[&str] = &["store", "tenant", "actor"];
const COMMON: &[&str] =
    &["default_model", "providers", "policy", "quotas", "retention", "prices", "run"];

/// Which layer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Profile,
    Tenant,
}

impl Settings {
    /// Reads a profile from TOML. `file` is what errors call it.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] with line and column: no TOML, unknown keys, wrong types and values,
    /// secrets that are no references, and more than 256 KiB.
    pub fn from_toml(text: &str, file: &str) -> Result<Self> {
        if text.len() > SIZE_LIMIT {
            return Err(too_large(file));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let root = tree::from_toml(text).map_err(|fault| {
            located(file, text, fault.at, &format!("this is not TOML: {}", fault.why))
                .at(file)
                .hint("texts stand in quotes, and each key once")
        })?;
        let mut reader = Reader::default();
        let settings = read(&mut reader, &root, Kind::Profile);
        reader.finish(Some((file, text)))?;
        Ok(settings)
    }

    /// Reads a profile from a TOML file.
    ///
    /// # Errors
    /// As [`Settings::from_toml`]; [`Code::FileNotFound`], [`Code::FileUnreadable`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let shown = path.display().to_string();
        let bytes = file::read(path, SIZE_LIMIT)?;
        if bytes.len() > SIZE_LIMIT {
            return Err(too_large(&shown));
        }
        let text = String::from_utf8(bytes).map_err(|_| {
            let message = format!("{shown} is not a text file in UTF-8");
            Error::new(Code::FileUnreadable, message).at(shown.clone())
        })?;
        Self::from_toml(&text, &shown)
    }

    /// Reads a tenant's configuration. A null says nothing.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] with the path, for what [`Settings::from_toml`] refuses, and for keys
    /// that only a profile has.
    pub fn from_json(value: &Json) -> Result<Self> {
        Self::from_json_of(value, Kind::Tenant)
    }

    pub(super) fn from_json_of(value: &Json, kind: Kind) -> Result<Self> {
        let root = tree::from_json(value, SIZE_LIMIT, DEPTH_LIMIT).ok_or_else(|| {
            let message = format!(
                "the configuration has more than {} KiB, or is nested deeper than {DEPTH_LIMIT} levels",
                SIZE_LIMIT / 1024
            );
            Error::new(Code::ConfigInvalid, message).hint("keep only settings in it")
        })?;
        let mut reader = Reader::default();
        let settings = read(&mut reader, &root, kind);
        if matches!(root.value, Value::Null) {
            reader.refuse(&root, "is missing", Some("one that says nothing is {}"));
        }
        reader.finish(None)?;
        Ok(settings)
    }
}

fn too_large(file: &str) -> Error {
    let message = format!("{file} has more than {} KiB", SIZE_LIMIT / 1024);
    Error::new(Code::ConfigInvalid, message).at(file).hint("keep only settings in it")
}

fn read(reader: &mut Reader, root: &Node<'_>, kind: Kind) -> Settings {
    let mut s = Settings::default();
    let known: Vec<&str> = match kind {
        Kind::Profile => OPENING.iter().chain(COMMON).copied().collect(),
        Kind::Tenant => COMMON.to_vec(),
    };
    reader.table(root, &known, |r, key, node| {
        match key {
            key if kind == Kind::Tenant && OPENING.contains(&key) => {
                let hint = "write it in the profile: a tenant's configuration is read afterwards";
                r.refuse(node, "belongs in a profile", Some(hint));
            }
            "store" => s.store = r.address(node),
            "tenant" => s.tenant = r.slug(node),
            "actor" => s.actor = r.text(node, ACTOR_LIMIT),
            "default_model" => s.default_model = r.model(node),
            "providers" => r.names(node, "a table of providers by name", |r, name, node| {
                if let Some(provider) = provider(r, name, node, kind) {
                    s.providers.insert(name.to_owned(), provider);
                }
            }),
            "policy" => policy(r, node, &mut s),
            "quotas" => quotas(r, node, &mut s.policy.quotas),
            "retention" => r.table(node, &["runs_days"], |r, key, node| match key {
                "runs_days" => {
                    s.retention.runs_days = r.whole(node, 1, DAYS);
                    true
                }
                _ => false,
            }),
            "prices" => r.names(node, "a table of prices by provider/model", |r, name, node| {
                if let Some(price) = price(r, name, node) {
                    s.prices.insert(name.to_owned(), price);
                }
            }),
            "run" => run(r, node, &mut s),
            _ => return false,
        }
        true
    });
    s
}

const PROVIDER: &[&str] = &[
    "base_url",
    "api_key",
    "headers",
    "wire",
    "api_version",
    "first_byte_ms",
    "between_chunks_ms",
    "total_ms",
    "max_retries",
    "requests_per_minute",
    "tokens_per_minute",
    "concurrent_requests",
    "cassette",
];

/// What the models of the process take; nothing else is said of them, and nothing of it of others.
const LOCAL: &[&str] =
    &["folder", "threads", "context_tokens", "cache_mb", "idle_s", "concurrent_requests"];

fn local(r: &mut Reader, node: &Node<'_>) -> ProviderSettings {
    let mut local = ProviderSettings::default();
    r.table(node, LOCAL, |r, key, node| {
        match key {
            "folder" => local.folder = r.absolute(node).map(Into::into),
            "threads" => local.threads = r.whole(node, 1, 256),
            "context_tokens" => local.context_tokens = r.whole(node, 64, SMALL),
            "cache_mb" => local.cache_mb = r.whole(node, 1, LARGEST_MB.min(SMALL)),
            "idle_s" => local.idle_s = r.whole(node, 1, SMALL),
            "concurrent_requests" => local.concurrent_requests = r.whole(node, 1, 1_000),
            _ => return false,
        }
        true
    });
    local
}

fn provider(r: &mut Reader, name: &str, node: &Node<'_>, kind: Kind) -> Option<ProviderSettings> {
    if !is_slug(name) {
        let hint = "letters, digits, `-`, `_` and `.`, at most 64, as before the slash of a model";
        r.refuse(node, "is not the name of a provider", Some(hint));
        return None;
    }
    if name == "local" {
        if kind == Kind::Tenant {
            let hint = "models in the process take memory and files of whoever runs the program";
            r.refuse(node, "belongs in a profile", Some(hint));
            return None;
        }
        return Some(local(r, node));
    }
    let mut provider = ProviderSettings::default();
    let mut said = false;
    r.table(node, PROVIDER, |r, key, node| {
        said = true;
        match key {
            "base_url" => provider.base_url = r.base_url(node),
            "api_key" => provider.api_key = r.secret(node),
            "headers" => headers(r, node, &mut provider),
            "wire" => provider.wire = r.slug(node),
            "api_version" => provider.api_version = r.slug(node),
            "first_byte_ms" => provider.first_byte_ms = r.whole(node, 1, LARGEST),
            "between_chunks_ms" => provider.between_chunks_ms = r.whole(node, 1, LARGEST),
            "total_ms" => provider.total_ms = r.whole(node, 1, LARGEST),
            "max_retries" => provider.max_retries = r.whole(node, 0, u64::from(RETRIES_LIMIT)),
            "requests_per_minute" => provider.requests_per_minute = r.whole(node, 1, SMALL),
            "tokens_per_minute" => provider.tokens_per_minute = r.whole(node, 1, SMALL),
            "concurrent_requests" => {
                provider.concurrent_requests = r.whole(node, 1, u64::from(CONCURRENT_LIMIT));
            }
            "cassette" if kind == Kind::Tenant => {
                let hint = "a cassette is a file of whoever runs the program, and not of a tenant";
                r.refuse(node, "belongs in a profile", Some(hint));
            }
            "cassette" => provider.cassette = r.absolute(node).map(Into::into),
            _ => return false,
        }
        true
    });
    if provider.api_key.is_some() && provider.headers.keys().any(|name| stands_for_key(name)) {
        r.refuse(node, "says who asks twice, in `api_key` and in `headers`", Some(KEY_TWICE));
    }
    if !said && matches!(node.value, Value::Table(_)) {
        r.refuse(
            node,
            "says nothing",
            Some("give `base_url`, `api_key` or another setting, or leave it out"),
        );
    }
    Some(provider)
}

fn headers(r: &mut Reader, node: &Node<'_>, provider: &mut ProviderSettings) {
    if let Value::Table(entries) = &node.value
        && entries.len() > HEADERS_LIMIT
    {
        return r.refuse(node, &format!("has more than {HEADERS_LIMIT} headers"), None);
    }
    r.names(node, "a table of headers by name", |r, name, node| {
        let name = match header_name(name) {
            Ok(name) => name.as_str().to_owned(),
            Err(fault) => return r.refuse(node, fault.what, Some(fault.hint)),
        };
        let Some(value) = r.secret(node) else { return };
        if provider.headers.insert(name, value).is_some() {
            let hint = "write it once: names of headers are kept in small letters";
            r.refuse(node, "stands there twice, in another case", Some(hint));
        }
    });
}

fn policy(r: &mut Reader, node: &Node<'_>, s: &mut Settings) {
    let policy = &mut s.policy;
    r.table(node, &["allowed_tools", "denied_tools"], |r, key, node| {
        match key {
            "allowed_tools" => policy.allowed_tools = r.tools(node),
            "denied_tools" => policy.denied_tools = r.tools(node).unwrap_or_default(),
            "quotas" => {
                r.refuse(node, "is a table of its own", Some("write `quotas` at the top"));
            }
            _ => return false,
        }
        true
    });
}

const QUOTAS: &[&str] = &[
    "max_specs",
    "max_documents",
    "max_vectors",
    "max_storage_mb",
    "max_concurrent_executions",
    "max_memory_mb",
    "max_cpu_percent",
    "requests_per_minute",
    "llm_tokens_per_day",
    "cost_limit_usd_per_day",
];

fn quotas(r: &mut Reader, node: &Node<'_>, quotas: &mut Quotas) {
    r.table(node, QUOTAS, |r, key, node| {
        match key {
            "max_specs" => quotas.max_specs = r.whole(node, 0, LARGEST),
            "max_documents" => quotas.max_documents = r.whole(node, 0, LARGEST),
            "max_vectors" => quotas.max_vectors = r.whole(node, 0, LARGEST),
            "max_storage_mb" => quotas.max_storage_mb = r.whole(node, 0, LARGEST_MB),
            "max_concurrent_executions" => {
                quotas.max_concurrent_executions = r.whole(node, 0, SMALL);
            }
            "max_memory_mb" => quotas.max_memory_mb = r.whole(node, 0, LARGEST_MB),
            "max_cpu_percent" => quotas.max_cpu_percent = r.whole(node, 1, 100_000),
            "requests_per_minute" => quotas.requests_per_minute = r.whole(node, 0, SMALL),
            "llm_tokens_per_day" => quotas.llm_tokens_per_day = r.whole(node, 0, LARGEST),
            "cost_limit_usd_per_day" => quotas.cost_limit_usd_per_day = r.money(node, DOLLARS),
            _ => return false,
        }
        true
    });
}

fn price(r: &mut Reader, name: &str, node: &Node<'_>) -> Option<Price> {
    if !is_model_name(name) {
        let hint = "for instance [prices.\"openai/gpt-4o-mini\"]";
        r.refuse(node, "is not of the form provider/model", Some(hint));
        return None;
    }
    let (mut input, mut output) = (None, None);
    let mut said = Vec::new();
    let (mut cached, mut written) = (None, None);
    let known = [
        "input_usd_per_million",
        "output_usd_per_million",
        "cached_input_usd_per_million",
        "cache_write_usd_per_million",
    ];
    r.table(node, &known, |r, key, node| {
        match key {
            "input_usd_per_million" => input = r.money(node, DOLLARS),
            "output_usd_per_million" => output = r.money(node, DOLLARS),
            "cached_input_usd_per_million" => cached = r.money(node, DOLLARS),
            "cache_write_usd_per_million" => written = r.money(node, DOLLARS),
            _ => return false,
        }
        said.push(key.to_owned());
        true
    });
    for key in &known[..2] {
        if matches!(node.value, Value::Table(_)) && !said.iter().any(|said| said == key) {
            let what = format!("has no `{key}`");
            r.refuse(node, &what, Some("give both; what costs nothing is 0"));
        }
    }
    Some(Price {
        input_usd_per_million: input?,
        output_usd_per_million: output?,
        cached_input_usd_per_million: cached,
        cache_write_usd_per_million: written,
    })
}

fn run(r: &mut Reader, node: &Node<'_>, s: &mut Settings) {
    let run = &mut s.run;
    let known = ["max_turns", "timeout_ms", "tokens_per_run", "cost_usd_per_run"];
    r.table(node, &known, |r, key, node| {
        match key {
            "max_turns" => run.max_turns = r.whole(node, 1, SMALL),
            "timeout_ms" => run.timeout_ms = r.whole(node, 1, LARGEST),
            "tokens_per_run" => run.tokens_per_run = r.whole(node, 1, LARGEST),
            "cost_usd_per_run" => run.cost_usd_per_run = r.money(node, DOLLARS),
            _ => return false,
        }
        true
    });
}
