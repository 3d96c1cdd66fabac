//! `aikit audit`.

use std::process::ExitCode;

use aikit::store::{AuditCheck, AuditEntry, AuditHead, ChainReport};
use clap::Subcommand;
use serde_json::json;

use crate::Format;
use crate::admin::{AdminArguments, Doing};
use crate::failure::{Failure, Outcome};
use crate::output::{clean, quoted, seconds, table};

/// The chain of what administrators did.
const STORE_CHAIN: &str = "@store";
/// Entries on a page, if nothing else is said.
const PAGE: u32 = 100;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List who did what, oldest first
    List(ListArguments),
    /// Verify that nothing was changed, taken out or put in; exit status 1 if something was
    Verify(VerifyArguments),
}

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit audit list\n  aikit audit list --tenant acme --limit 20"
)]
pub(crate) struct ListArguments {
    /// What was done in this tenant (else what administrators did to tenants)
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// Entries on a page
    #[arg(long, value_name = "N", default_value_t = PAGE, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Go on behind the entry with this number
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    after: u64,
    /// How the entries are written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    admin: AdminArguments,
}

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit audit verify\n  aikit audit verify --expect acme:42:9f86d081...\n\nThe chain itself shows what was changed, taken out or put in. That its end was cut off is seen only by\nthose who noted a head elsewhere: note those that are printed here, and give them later as --expect."
)]
pub(crate) struct VerifyArguments {
    /// The chain of this tenant, or @store for that of the administrators (else all)
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// A head that was noted
    #[arg(long, value_name = "TENANT:SEQ:HASH")]
    expect: Vec<String>,
    /// How the report is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    admin: AdminArguments,
}

pub(crate) fn dispatch(command: Command) -> Outcome {
    match command {
        Command::List(arguments) => list(&arguments),
        Command::Verify(arguments) => verify(&arguments),
    }
}

fn list(arguments: &ListArguments) -> Outcome {
    let chain = arguments.tenant.as_deref().unwrap_or(STORE_CHAIN);
    let mut entries = arguments.admin.with(Doing::Reading, async |admin| {
        // One more than asked for says whether there are more.
        let entries = admin.audit_log(chain, arguments.after, arguments.limit + 1).await?;
        if entries.is_empty() && chain != STORE_CHAIN {
            admin.tenant_record(chain).await?;
        }
        Ok(entries)
    })?;
    let more = entries.len() > arguments.limit as usize;
    entries.truncate(arguments.limit as usize);
    let last = entries.last().filter(|_| more).map(|entry| entry.seq);
    if arguments.format == Format::Json {
        crate::output::json(&json!({"entries": entries, "next": last}));
        return Ok(ExitCode::SUCCESS);
    }
    if entries.is_empty() {
        tell!("there are no entries\n");
        return Ok(ExitCode::SUCCESS);
    }
    let head = ["SEQ", "WHEN", "WHO", "ACTION", "OBJECT", "DETAIL"].map(str::to_owned);
    let row = |entry: &AuditEntry| {
        let detail = match entry.detail.as_object().is_some_and(serde_json::Map::is_empty) {
            true => String::new(),
            false => entry.detail.to_string(),
        };
        [
            entry.seq.to_string(),
            seconds(&entry.at),
            entry.actor.clone().unwrap_or_else(|| "-".into()),
            entry.action.clone(),
            entry.object.clone(),
            detail,
        ]
    };
    let rows: Vec<_> = std::iter::once(head).chain(entries.iter().map(row)).collect();
    say!("{}", table(&rows));
    if let Some(last) = last {
        let tenant = arguments.tenant.as_deref().map(|id| format!(" --tenant {}", quoted(id)));
        let (tenant, again) = (tenant.unwrap_or_default(), arguments.admin.again());
        let limit = arguments.limit;
        tell!("there are more: aikit audit list{tenant} --limit {limit} --after {last}{again}\n");
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(arguments: &VerifyArguments) -> Outcome {
    let expect = arguments.expect.iter().map(|text| head(text)).collect::<Result<_, _>>()?;
    let check = AuditCheck { tenant: arguments.tenant.clone(), expect };
    let report = arguments
        .admin
        .with(Doing::Reading, async |admin| Ok(admin.verify_audit(check).await?))?;
    match arguments.format {
        Format::Json => crate::output::json(&json!(report)),
        Format::Text => {
            let names = ["CHAIN", "ENTRIES", "STATE", "HEAD"].map(str::to_owned);
            let row = |chain: &ChainReport| {
                let head = chain.head.as_ref();
                [
                    chain.tenant_id.clone(),
                    chain.entries.to_string(),
                    if chain.sound { "sound" } else { "BROKEN" }.to_owned(),
                    head.map_or_else(
                        || "-".into(),
                        |h| format!("{}:{}:{}", h.tenant_id, h.seq, h.hash),
                    ),
                ]
            };
            let rows: Vec<_> =
                std::iter::once(names).chain(report.chains.iter().map(row)).collect();
            say!("{}", table(&rows));
            if let Some(broken) = &report.broken {
                let what = clean(&broken.what);
                say!("the chain {} breaks at entry {}: {what}\n", broken.tenant_id, broken.seq);
            }
        }
    }
    Ok(if report.broken.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A head as it is printed.
fn head(text: &str) -> Result<AuditHead, Failure> {
    let wrong = || {
        Failure::usage(
            format!("{text:?} is not a head of a chain"),
            "write it as `aikit audit verify` prints it: TENANT:SEQ:HASH",
        )
    };
    let mut parts = text.rsplitn(3, ':');
    let (Some(hash), Some(seq), Some(tenant)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(wrong());
    };
    let seq = seq.parse().map_err(|_| wrong())?;
    if hash.len() != 64 || !hash.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    Ok(AuditHead { tenant_id: tenant.to_owned(), seq, hash: hash.to_ascii_lowercase() })
}
