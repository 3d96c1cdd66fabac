//! `aikit tenant usage`.

use std::process::ExitCode;

use aikit::store::DayUsage;
use serde_json::json;

use crate::Format;
use crate::admin::{AdminArguments, Doing};
use crate::failure::Outcome;
use crate::output::{size, table};

#[derive(clap::Args)]
#[command(after_help = "Example:\n  aikit tenant usage acme --days 30")]
pub(crate) struct Arguments {
    /// The tenant
    id: String,
    /// Of how many days; those without anything are left out
    #[arg(long, value_name = "N", default_value_t = 7)]
    days: u32,
    /// How it is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    admin: AdminArguments,
}

pub(crate) fn usage(arguments: &Arguments) -> Outcome {
    let usage = arguments.admin.with(Doing::Reading, async |admin| {
        Ok(admin.usage_of(&arguments.id, arguments.days).await?)
    })?;
    if arguments.format == Format::Json {
        crate::output::json(&json!(usage));
        return Ok(ExitCode::SUCCESS);
    }
    let totals = &usage.totals;
    let rows = [
        ["specs".to_owned(), totals.specs.to_string()],
        ["documents".into(), totals.documents.to_string()],
        ["vectors".into(), totals.vectors.to_string()],
        ["size".into(), size(totals.bytes)],
    ];
    say!("{}", table(&rows));
    if usage.days.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let head = ["DAY", "RUNS", "TOKENS IN", "TOKENS OUT", "COST"].map(str::to_owned);
    let row = |day: &DayUsage| {
        [
            day.day.clone(),
            day.runs.to_string(),
            day.input_tokens.to_string(),
            day.output_tokens.to_string(),
            format!("${}.{:06}", day.cost_micros / 1_000_000, day.cost_micros % 1_000_000),
        ]
    };
    let rows: Vec<_> = std::iter::once(head).chain(usage.days.iter().map(row)).collect();
    say!("\n{}", table(&rows));
    Ok(ExitCode::SUCCESS)
}
