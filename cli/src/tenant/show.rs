//! `aikit tenant show`.

use std::process::ExitCode;

use aikit::store::{TenantRecord, TenantStatus, Usage};
use serde_json::{Value, json};

use crate::Format;
use crate::admin::{AdminArguments, Doing};
use crate::failure::Outcome;
use crate::output::{clean, seconds, size, table};

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit tenant show acme\n  aikit tenant show acme --format json"
)]
pub(crate) struct Arguments {
    /// The tenant
    id: String,
    /// How it is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    admin: AdminArguments,
}

pub(crate) fn show(arguments: &Arguments) -> Outcome {
    let (record, usage) = arguments.admin.with(Doing::Reading, async |admin| {
        let record = admin.tenant_record(&arguments.id).await?;
        let usage = admin.usage_of(&arguments.id, 1).await?;
        Ok((record, usage))
    })?;
    match arguments.format {
        Format::Json => crate::output::json(&json!({"tenant": record, "usage": usage})),
        Format::Text => {
            say!("{}", table(&rows(&record, &usage, &arguments.admin.again())));
            let quotas = quotas(&record.config["quotas"], &usage);
            if quotas.len() > 1 {
                say!("\n{}", table(&quotas));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn rows(record: &TenantRecord, usage: &Usage, again: &str) -> Vec<[String; 2]> {
    let id = &record.tenant_id;
    let status = match record.status {
        TenantStatus::Active => "active".to_owned(),
        TenantStatus::Suspended => {
            format!("suspended; let it be used again: aikit tenant resume {id}{again}")
        }
    };
    let config = record.config.as_object().filter(|config| !config.is_empty());
    let given = [
        ("tenant", Some(id.clone())),
        ("name", record.name.clone()),
        ("status", Some(status)),
        ("kind", record.kind.map(|kind| kind.as_str().to_owned())),
        ("parent", record.parent.clone()),
        ("created", Some(seconds(&record.created_at))),
        ("updated", Some(seconds(&record.updated_at))),
        ("specs", Some(usage.totals.specs.to_string())),
        ("documents", Some(usage.totals.documents.to_string())),
        ("vectors", Some(usage.totals.vectors.to_string())),
        ("size", Some(size(usage.totals.bytes))),
        ("config", config.map(|config| clean(&json!(config).to_string()))),
    ];
    given.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?])).collect()
}

/// The quotas of the tenant's configuration, with how much of each is used, where that is counted.
fn quotas(quotas: &Value, usage: &Usage) -> Vec<[String; 4]> {
    let today = usage.days.first().filter(|day| day.day == crate::output::today());
    let tokens = today.map_or(0, |day| day.input_tokens.saturating_add(day.output_tokens));
    let cost = today.map_or(0, |day| day.cost_micros);
    let totals = &usage.totals;
    let mut rows = vec![["QUOTA", "USED", "ALLOWED", ""].map(str::to_owned)];
    for (name, allowed) in quotas.as_object().into_iter().flatten() {
        let whole = |used: u64| (used.to_string(), share(used as f64, allowed.as_f64()));
        let (used, share) = match name.as_str() {
            "max_specs" => whole(totals.specs),
            "max_documents" => whole(totals.documents),
            "max_vectors" => whole(totals.vectors),
            "max_storage_mb" => {
                let used = totals.bytes as f64 / f64::from(1 << 20);
                (format!("{used:.1}"), share(used, allowed.as_f64()))
            }
            "llm_tokens_per_day" => whole(tokens),
            "cost_limit_usd_per_day" => {
                let used = cost as f64 / 1e6;
                (format!("{used:.2}"), share(used, allowed.as_f64()))
            }
            _ => ("-".into(), String::new()),
        };
        rows.push([name.clone(), used, allowed.to_string(), share]);
    }
    rows
}

fn share(used: f64, allowed: Option<f64>) -> String {
    match allowed {
        Some(allowed) if allowed > 0.0 => format!("{:.0} %", used / allowed * 100.0),
        _ => String::new(),
    }
}
