//! `aikit spec list` and `aikit spec history`.

use std::process::ExitCode;

use aikit::kernel::{ListOptions, SpecPage};
use aikit::store::{HistoryEntry, SpecRecord, SpecStatus};
use clap::ValueEnum;
use serde_json::json;

use crate::Format;
use crate::failure::Outcome;
use crate::output::{json, quoted, seconds, table};
use crate::store::{Access, StoreArguments};

#[derive(clap::Args)]
#[command(after_help = "Example:\n  aikit spec list --status active --text handbook")]
pub(crate) struct Arguments {
    /// Versions in this state
    #[arg(long, value_enum)]
    status: Option<Status>,
    /// Versions with this tag
    #[arg(long)]
    tag: Option<String>,
    /// Versions with all of these words in their id, name, description or tags
    #[arg(long)]
    text: Option<String>,
    /// Versions of this agent
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// Versions on a page: 1 to 500
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// Go on behind the page before, which tells this text
    #[arg(long, value_name = "PLACE")]
    after: Option<String>,
    /// How the page is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    store: StoreArguments,
}

/// The state of a version.
#[derive(Clone, Copy, ValueEnum)]
enum Status {
    Draft,
    Active,
    Deprecated,
    Retired,
}

#[derive(clap::Args)]
#[command(after_help = "Example:\n  aikit spec history handbook")]
pub(crate) struct HistoryArguments {
    /// The agent's id
    #[arg(value_name = "AGENT")]
    agent: String,
    /// How the changes are written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    store: StoreArguments,
}

impl From<Status> for SpecStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Draft => Self::Draft,
            Status::Active => Self::Active,
            Status::Deprecated => Self::Deprecated,
            Status::Retired => Self::Retired,
        }
    }
}

impl Arguments {
    fn options(&self) -> ListOptions {
        ListOptions {
            status: self.status.map(Into::into),
            tag: self.tag.clone(),
            text: self.text.clone(),
            agent_id: self.agent.clone(),
            limit: self.limit,
            after: self.after.clone(),
        }
    }

    /// The command that shows the next page.
    fn next(&self, after: &str) -> String {
        let options = [
            ("status", self.status.map(|status| SpecStatus::from(status).as_str().to_owned())),
            ("tag", self.tag.clone()),
            ("text", self.text.clone()),
            ("agent", self.agent.clone()),
            ("limit", self.limit.map(|limit| limit.to_string())),
            ("after", Some(after.to_owned())),
        ];
        let given = options.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let words = given.map(|(name, value)| format!(" --{name} {}", quoted(&value)));
        format!("aikit spec list{}{}", words.collect::<String>(), self.store.again())
    }
}

pub(crate) fn list(arguments: &Arguments) -> Outcome {
    let page = arguments
        .store
        .with_specs(Access::Existing, async |specs| Ok(specs.list(arguments.options()).await?))?;
    match arguments.format {
        Format::Json => json(&json!(page)),
        Format::Text => as_text(&page, arguments),
    }
    Ok(ExitCode::SUCCESS)
}

/// The table goes to standard output alone; what to do next is for people.
fn as_text(page: &SpecPage, arguments: &Arguments) {
    if page.specs.is_empty() {
        tell!("no version is like that\n");
        return;
    }
    let head = ["VERSION", "STATUS", "MODEL", "UPDATED", "NAME"].map(str::to_owned);
    let row = |record: &SpecRecord| {
        [
            record.reference(),
            record.status.as_str().to_owned(),
            record.model.clone().unwrap_or_else(|| "-".into()),
            seconds(&record.updated_at),
            record.name.clone(),
        ]
    };
    let rows: Vec<_> = std::iter::once(head).chain(page.specs.iter().map(row)).collect();
    say!("{}", table(&rows));
    if let Some(next) = &page.next {
        tell!("there are more: {}\n", arguments.next(next));
    }
}

pub(crate) fn history(arguments: &HistoryArguments) -> Outcome {
    let entries = arguments
        .store
        .with_specs(Access::Existing, async |specs| Ok(specs.history(&arguments.agent).await?))?;
    if arguments.format == Format::Json {
        json(&json!(entries));
        return Ok(ExitCode::SUCCESS);
    }
    let head = ["WHEN", "VERSION", "CHANGE", "STATUS", "BY", "WHY"].map(str::to_owned);
    let row = |entry: &HistoryEntry| {
        let state = |status: Option<SpecStatus>| status.map_or("none", SpecStatus::as_str);
        [
            seconds(&entry.at),
            entry.version.clone(),
            entry.change.as_str().to_owned(),
            format!("{} -> {}", state(entry.from), state(entry.to)),
            entry.by.clone().unwrap_or_else(|| "-".into()),
            entry.why.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = std::iter::once(head).chain(entries.iter().map(row)).collect();
    say!("{}", table(&rows));
    Ok(ExitCode::SUCCESS)
}
