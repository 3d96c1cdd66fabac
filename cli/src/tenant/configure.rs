//! `aikit tenant configure`.

use std::process::ExitCode;

use serde_json::{Map, Value, json};

use crate::Format;
use crate::admin::{AdminArguments, Doing};
use crate::failure::{Failure, Outcome};
use crate::output::table;
use crate::settings;

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit tenant configure acme acme.toml\n  aikit tenant configure acme --set quotas.max_documents=500 --unset quotas.max_specs\n  aikit tenant configure acme --set 'prices.\"openai/gpt-4o-mini\".input_usd_per_million=0.15'\n  aikit tenant configure acme --set providers.openai.api_key=env:ACME_OPENAI_KEY"
)]
pub(crate) struct Arguments {
    /// The tenant
    id: String,
    /// The whole configuration: TOML, or JSON in a file whose name ends in .json; `-` reads TOML
    /// from standard input. Without it, the configuration that is there is changed
    #[arg(value_name = "FILE", required_unless_present_any = ["set", "unset"])]
    file: Option<String>,
    /// Set one value; JSON, and what is no JSON is a text. A key with dots in it stands in quotes;
    /// an api_key and the value of a header are env:NAME or file:/PATH
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Take one value out, or all below the key
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
    /// How the tenant is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    admin: AdminArguments,
}

pub(crate) fn configure(arguments: &Arguments) -> Outcome {
    let whole = arguments.file.as_deref().map(settings::tenant_config).transpose()?;
    let set = arguments.set.iter().map(|text| assignment(text)).collect::<Result<Vec<_>, _>>()?;
    let unset = arguments.unset.iter().map(|text| path(text)).collect::<Result<Vec<_>, _>>()?;
    let (before, record) = arguments.admin.with(Doing::Changing, async |admin| {
        let before = admin.tenant_record(&arguments.id).await?;
        let mut config = whole.unwrap_or_else(|| before.config.clone());
        for path in &unset {
            remove(&mut config, path);
        }
        for (path, value) in set {
            put(&mut config, &path, value)?;
        }
        let config = settings::checked(&config)?;
        if config == before.config {
            return Ok((config, before));
        }
        Ok((before.config, admin.configure_tenant(&arguments.id, &config).await?))
    })?;
    if arguments.format == Format::Json {
        crate::output::json(&json!(record));
        return Ok(ExitCode::SUCCESS);
    }
    let changes = changes(&before, &record.config);
    match changes.is_empty() {
        true => say!("nothing to change: {} is configured like this\n", arguments.id),
        false => say!("configured {}:\n{}", arguments.id, table(&changes)),
    }
    Ok(ExitCode::SUCCESS)
}

/// What is different, by key.
fn changes(before: &Value, after: &Value) -> Vec<[String; 4]> {
    let (mut old, mut new) = (Map::new(), Map::new());
    flatten(before, "", &mut old);
    flatten(after, "", &mut new);
    let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    let shown = |value: Option<&Value>| value.map_or_else(|| "none".to_owned(), Value::to_string);
    keys.into_iter()
        .filter(|key| old.get(*key) != new.get(*key))
        .map(|key| [format!("  {key}"), shown(old.get(key)), "->".into(), shown(new.get(key))])
        .collect()
}

fn flatten(value: &Value, key: &str, out: &mut Map<String, Value>) {
    let Value::Object(entries) = value else {
        out.insert(key.to_owned(), value.clone());
        return;
    };
    for (name, value) in entries {
        let bare = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        let name = match name.chars().all(bare) {
            true => name.clone(),
            false => format!("{name:?}"),
        };
        let key = if key.is_empty() { name } else { format!("{key}.{name}") };
        flatten(value, &key, out);
    }
}

/// A key and its new value.
fn assignment(text: &str) -> Result<(Vec<String>, Value), Failure> {
    // What stands behind the sign is not shown: it could be a secret in a wrong place.
    let Some((key, value)) = text.split_once('=') else {
        return Err(Failure::usage(
            "what is to be set has no `=`",
            "write it as KEY=VALUE, for instance --set quotas.max_documents=500",
        ));
    };
    let path = path(key)?;
    let reference = || match (value.strip_prefix("env:"), value.strip_prefix("file:")) {
        (Some(env), _) => Some(json!({"env": env})),
        (_, Some(file)) => Some(json!({"file": file})),
        _ => None,
    };
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    let secret = matches!(parts.as_slice(), [.., "api_key"] | ["providers", _, "headers", _]);
    let value = secret
        .then(reference)
        .flatten()
        .or_else(|| serde_json::from_str(value).ok())
        .unwrap_or_else(|| value.into());
    Ok((path, value))
}

/// The parts of a key as in TOML: between dots, or in quotes.
fn path(text: &str) -> Result<Vec<String>, Failure> {
    let wrong = || {
        Failure::usage(
            format!("{text:?} is not a key"),
            "parts stand between dots, and those with dots in quotes: \
             'prices.\"openai/gpt-4.1\".input_usd_per_million'",
        )
    };
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let (part, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or_else(wrong)?,
            None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
        };
        if part.is_empty() || part.contains('"') {
            return Err(wrong());
        }
        parts.push(part.to_owned());
        match behind.strip_prefix('.') {
            Some(behind) => rest = behind,
            None if behind.is_empty() => return Ok(parts),
            None => return Err(wrong()),
        }
    }
}

fn put(config: &mut Value, path: &[String], value: Value) -> Result<(), Failure> {
    let mut at = config;
    for part in path {
        if at.is_null() {
            *at = json!({});
        }
        let Value::Object(entries) = at else {
            let key = path.join(".");
            return Err(Failure::usage(
                format!("{key:?} stands below a value that is no table"),
                "see what is there: aikit tenant show ID --format json",
            ));
        };
        at = entries.entry(part.clone()).or_insert(Value::Null);
    }
    *at = value;
    Ok(())
}

fn remove(config: &mut Value, path: &[String]) {
    let Some((last, tables)) = path.split_last() else { return };
    let mut at = config;
    for part in tables {
        match at.get_mut(part) {
            Some(inner) => at = inner,
            None => return,
        }
    }
    if let Value::Object(entries) = at {
        entries.remove(last);
    }
}
