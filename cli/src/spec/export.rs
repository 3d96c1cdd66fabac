//! `aikit spec export`.

use std::path::PathBuf;
use std::process::ExitCode;

use aikit::kernel::ExportOptions;
use aikit::spec::neighbours::{Kind, export_a2a, export_oracle};
use aikit::spec::{Format, Spec};
use clap::ValueEnum;
use serde_json::json;

use super::{Sources, report};
use crate::failure::{Failure, Outcome};
use crate::output::{quoted, write_new};
use crate::source;
use crate::store::{Access, StoreArguments};

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit spec export --out all.json                     every version, with its history\n  aikit spec export handbook --to a2a --out card.json  the agent card of the active version\n  aikit spec export handbook.yaml --to oracle          a file, without a store"
)]
pub(crate) struct Arguments {
    /// An agent, a version (`id@version`) or, for all but bundles, a spec file; without it, the
    /// bundle has every version of every agent
    #[arg(value_name = "AGENT|REF|FILE")]
    what: Option<String>,
    /// `bundle`: versions with their states and history, to be imported elsewhere; `yaml`, `json`:
    /// the full document; `oracle`: Oracle Open Agent Spec; `a2a`: an agent card. Without it: a
    /// bundle, or the YAML of one version or file
    #[arg(long, value_enum, value_name = "FORMAT")]
    to: Option<Target>,
    /// Write to this file, which is not there yet, instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArguments,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    Bundle,
    Yaml,
    Json,
    Oracle,
    A2a,
}

pub(crate) fn export(arguments: &Arguments) -> Outcome {
    let one = arguments.what.as_deref().filter(|what| source::is_file(what) || what.contains('@'));
    let target = arguments.to.unwrap_or(if one.is_some() { Target::Yaml } else { Target::Bundle });
    let (text, what) = match (target, arguments.what.as_deref()) {
        (Target::Bundle, what) => bundle(arguments, what, one.is_some())?,
        (_, None) => {
            let hint = "name an agent, a version or a file: aikit spec export handbook --to yaml";
            return Err(Failure::usage("only a bundle can hold every agent", hint));
        }
        (_, Some(what)) => document(arguments, what, target)?,
    };
    match &arguments.out {
        None => say!("{text}"),
        Some(path) => {
            write_new(path, &text)?;
            let path = path.display().to_string();
            let next = match target {
                Target::Bundle => format!(
                    "; take it in elsewhere: aikit spec import {} --store FILE",
                    quoted(&path)
                ),
                Target::Yaml | Target::Json => {
                    format!("; check it: aikit spec check {}", quoted(&path))
                }
                Target::Oracle | Target::A2a => String::new(),
            };
            say!("wrote {what} to {path}{next}\n");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The bundle, and what it holds.
fn bundle(
    arguments: &Arguments,
    what: Option<&str>,
    one: bool,
) -> Result<(String, String), Failure> {
    if let (Some(what), true) = (what, one) {
        let hint = "name the agent alone; or write the one version with --to yaml";
        let message =
            format!("{what:?} is not an agent's id, and a bundle has all versions of an agent");
        return Err(Failure::usage(message, hint));
    }
    let agent_id = what.map(str::to_owned);
    let bundle = arguments.store.with_specs(Access::Existing, async |specs| {
        if let Some(agent) = what {
            // An id that never was is a mistake, not an empty bundle.
            specs.history(agent).await?;
        }
        Ok(specs.export(ExportOptions { agent_id }).await?)
    })?;
    let held = crate::output::count(bundle.specs.len(), "version");
    Ok((format!("{:#}\n", json!(bundle)), held))
}

/// A spec in another form, and which one it is.
fn document(
    arguments: &Arguments,
    what: &str,
    target: Target,
) -> Result<(String, String), Failure> {
    let spec = crate::block_on(async {
        let mut sources = Sources::new(&arguments.store);
        let spec = sources.spec(what).await?;
        sources.close().await?;
        Ok(spec)
    })?;
    let name = format!("{}@{}", spec.agent_id(), spec.version());
    let text = match target {
        Target::Json => spec.render(Format::Json)?,
        Target::Oracle | Target::A2a => foreign(&spec, target, &name)?,
        Target::Yaml | Target::Bundle => spec.render(Format::Yaml)?,
    };
    Ok((text, name))
}

/// A foreign document. What it cannot hold is told.
fn foreign(spec: &Spec, target: Target, name: &str) -> Result<String, Failure> {
    let exported = match target {
        Target::A2a => export_a2a(&spec.to_json())?,
        _ => export_oracle(&spec.to_json())?,
    };
    report::show(name, &exported.report, &[Kind::Changed, Kind::Lost]);
    Ok(format!("{:#}\n", exported.document))
}
