//! `aikit tenant delete`.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal};
use std::process::ExitCode;

use aikit::store::{Admin, Deletion, DeletionOptions};
use serde_json::json;

use super::tree;
use crate::Format;
use crate::admin::{AdminArguments, Doing};
use crate::failure::{Failure, Outcome};
use crate::output::{clean, count, table};
use crate::progress;

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit tenant delete acme                what would go; on a terminal it asks\n  aikit tenant delete acme --yes --erase\n\nA deletion is final. The audit log of the administrators keeps the id, how many rows there were, and\nwhere the tenant's own audit log ended."
)]
pub(crate) struct Arguments {
    /// The tenant
    id: String,
    /// With all tenants below it
    #[arg(long)]
    children: bool,
    /// So that its bytes are not in the files of the store either; takes time and space like a copy
    /// of the store
    #[arg(long)]
    erase: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// How the report is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    admin: AdminArguments,
}

pub(crate) fn delete(arguments: &Arguments) -> Outcome {
    let id = &arguments.id;
    let deletion = arguments.admin.with(Doing::Changing, async |admin| {
        if !arguments.yes {
            confirm(admin, arguments).await?;
        }
        let options = DeletionOptions { children: arguments.children, erase: arguments.erase };
        let work = admin.delete_tenant(id, options);
        Ok(progress::shown(&format!("deleting {id}"), work).await?)
    })?;
    match arguments.format {
        Format::Json => crate::output::json(&json!(deletion)),
        Format::Text => as_text(&deletion),
    }
    Ok(ExitCode::SUCCESS)
}

fn as_text(deletion: &Deletion) {
    say!("{}", by_table(&deletion.rows));
    let total = deletion.rows.values().sum::<u64>();
    let tenants = count(deletion.tenants.len(), "tenant");
    say!("deleted {}: {tenants}, {total} rows\n", deletion.tenants.join(", "));
    for remains in &deletion.files {
        say!("still there: {}: {}\n", clean(&remains.place), clean(&remains.advice));
    }
}

fn by_table(rows: &BTreeMap<String, u64>) -> String {
    let head = ["TABLE", "ROWS"].map(str::to_owned);
    let some = rows.iter().filter(|(_, rows)| **rows > 0);
    let lines = some.map(|(table, rows)| [table.clone(), rows.to_string()]);
    table(&std::iter::once(head).chain(lines).collect::<Vec<_>>())
}

/// Shows what would go, and asks if there is somebody to ask.
async fn confirm(admin: &Admin, arguments: &Arguments) -> Result<(), Failure> {
    let id = &arguments.id;
    let tenants = tree(admin, id).await?;
    if tenants.len() > 1 && !arguments.children {
        let below = tenants.get(1..).unwrap_or_default().join(", ");
        return Err(Failure::usage(
            format!("{id} has tenants below it: {below}"),
            "delete them with it: --children; or put them elsewhere: aikit tenant move-under",
        ));
    }
    let mut rows = BTreeMap::new();
    for tenant in &tenants {
        for (name, digest) in admin.digest_tenant(tenant).await? {
            *rows.entry(name).or_default() += digest.rows;
        }
    }
    tell!("{}", by_table(&rows));
    tell!("this would go for good, of {}\n", tenants.join(", "));
    let hint = format!("do it: aikit tenant delete {id}{} --yes", words(arguments));
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Failure::usage(format!("{id} was not deleted: nobody said yes"), hint));
    }
    tell!("delete it? write its id to say yes: ");
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    match read.is_ok() && answer.trim() == id {
        true => Ok(()),
        false => Err(Failure::usage(format!("{id} was not deleted"), hint)),
    }
}

fn words(arguments: &Arguments) -> String {
    let children = if arguments.children { " --children" } else { "" };
    let erase = if arguments.erase { " --erase" } else { "" };
    format!("{children}{erase}{}", arguments.admin.again())
}
