//! `aikit tenant export` and `import`.

use std::path::PathBuf;
use std::process::ExitCode;

use aikit::store::ImportOptions;
use serde_json::json;

use super::{Place, tables};
use crate::Format;
use crate::admin::{AdminArguments, Doing};
use crate::failure::Outcome;
use crate::output::{clean, size};
use crate::progress;

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  aikit tenant export acme acme.jsonl\n\nThe file has the tenant's data as it is, and only its owner may read it. It can be taken in on either\nback end. A tenant that is suspended can be exported too."
)]
pub(crate) struct ExportArguments {
    /// The tenant
    id: String,
    /// The new file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How the report is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    admin: AdminArguments,
}

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit tenant import acme.jsonl\n  aikit tenant import acme.jsonl --as acme-test --top\n\nAll of it or nothing; the tenant must not be there yet."
)]
pub(crate) struct ImportArguments {
    /// A file that `aikit tenant export` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Another id than it has in the file
    #[arg(long = "as", value_name = "ID")]
    as_id: Option<String>,
    #[command(flatten)]
    place: Place,
    /// Keep the providers of its configuration: their keys may come from variables and files of this
    /// machine, and go to the addresses beside them
    #[arg(long)]
    with_providers: bool,
    /// How the report is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    admin: AdminArguments,
}

pub(crate) fn export(arguments: &ExportArguments) -> Outcome {
    let ExportArguments { id, file, .. } = arguments;
    let report = arguments.admin.with(Doing::Changing, async |admin| {
        let work = admin.export_tenant(id, file);
        Ok(progress::shown(&format!("exporting {id}"), work).await?)
    })?;
    if arguments.format == Format::Json {
        crate::output::json(&json!(report));
        return Ok(ExitCode::SUCCESS);
    }
    say!("{}", tables::one_side(&report.tables));
    let total = tables::total(&report.tables);
    let file = clean(&file.display().to_string());
    say!("exported {id} to {file}: {total}, {}\n", size(report.bytes));
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn import(arguments: &ImportArguments) -> Outcome {
    let options = ImportOptions {
        as_id: arguments.as_id.clone(),
        parent: arguments.place.parent(),
        providers: arguments.with_providers,
    };
    let report = arguments.admin.with(Doing::Making, async |admin| {
        let work = admin.import_tenant(&arguments.file, options);
        Ok(progress::shown(&format!("importing {}", arguments.file.display()), work).await?)
    })?;
    if arguments.format == Format::Json {
        crate::output::json(&json!(report));
        return Ok(ExitCode::SUCCESS);
    }
    say!("{}", tables::one_side(&report.tables));
    let (id, total) = (&report.tenant, tables::total(&report.tables));
    say!("imported {id} and read it back: {total}\n");
    for line in tables::left_out(&report.left_out) {
        tell!("note: {line}\n");
    }
    Ok(ExitCode::SUCCESS)
}
