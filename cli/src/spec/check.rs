//! `aikit spec check`.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use aikit::Error;
use aikit::error::{Diagnostic, Severity};
use aikit::spec;
use clap::ValueEnum;
use serde_json::{Value, json};

use crate::failure::{Failure, Outcome, complain};
use crate::output::count;
use crate::source;
use crate::store::{Access, StoreArguments};

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit spec check agents/*.yaml\n  aikit spec check --store aikit.db helper.yaml    also: tools, secrets, collections, quotas"
)]
pub(crate) struct Arguments {
    /// Spec files, YAML or JSON; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    specs: Vec<String>,
    /// `text`: with the line and a caret; `json`; `lsp`: as editors take them
    #[arg(long, value_enum, default_value = "text")]
    format: FindingFormat,
    /// Also check whether the agent can run with this store: tenant, tools, secrets, collections,
    /// quotas
    #[arg(long, value_name = "STORE")]
    store: Option<PathBuf>,
    /// Tenant of the store (else AIKIT_TENANT, else the profile's, else `default`)
    #[arg(long, value_name = "TENANT", requires = "store")]
    tenant: Option<String>,
    /// TOML file with settings for this machine (else AIKIT_PROFILE)
    #[arg(long, value_name = "FILE", requires = "store")]
    profile: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FindingFormat {
    Text,
    Json,
    Lsp,
}

struct Report {
    file: String,
    /// Why the file could not be read at all.
    fault: Option<Error>,
    findings: Vec<Diagnostic>,
    text: String,
}

/// How many findings there are of each severity. A file that cannot be read is an error.
struct Counts {
    errors: usize,
    warnings: usize,
    infos: usize,
}

pub(crate) fn check(arguments: &Arguments) -> Outcome {
    // Only a store that is named here: what a check says must not depend on the environment.
    let reports = match &arguments.store {
        Some(_) => crate::block_on(check_in_store(arguments))?,
        None => arguments.specs.iter().map(|path| check_text(path).1).collect(),
    };
    let counts = Counts::of(&reports);
    match arguments.format {
        FindingFormat::Text => as_text(&reports, &counts),
        FindingFormat::Json => crate::output::json(&as_json(&reports, &counts)),
        FindingFormat::Lsp => crate::output::json(&as_lsp(&reports)),
    }
    Ok(if counts.errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Counts {
    fn of(reports: &[Report]) -> Self {
        let of = |severity| {
            let findings = reports.iter().flat_map(|report| &report.findings);
            findings.filter(|finding| finding.severity == severity).count()
        };
        let faults = reports.iter().filter(|report| report.fault.is_some()).count();
        Self {
            errors: of(Severity::Error) + faults,
            warnings: of(Severity::Warning),
            infos: of(Severity::Info),
        }
    }
}

async fn check_in_store(arguments: &Arguments) -> Result<Vec<Report>, Failure> {
    let store = StoreArguments {
        store: arguments.store.clone(),
        tenant: arguments.tenant.clone(),
        profile: arguments.profile.clone(),
    };
    let kernel = store.open(Access::Existing).await?;
    let mut reports = Vec::new();
    for path in &arguments.specs {
        let (spec, mut report) = check_text(path);
        if let Some(spec) = spec {
            report.findings = kernel.check(&spec).await?;
        }
        reports.push(report);
    }
    kernel.close().await?;
    Ok(reports)
}

fn check_text(path: &str) -> (Option<spec::Spec>, Report) {
    let file = source::name_of(path).to_owned();
    let (spec, text) = source::read_with_text(path);
    match spec {
        Ok(spec) => {
            let findings = spec.check();
            (Some(spec), Report { file, fault: None, findings, text })
        }
        Err(error) if error.diagnostics().is_empty() => {
            (None, Report { file, fault: Some(error), findings: Vec::new(), text })
        }
        Err(error) => {
            let findings = error.diagnostics().to_vec();
            (None, Report { file, fault: None, findings, text })
        }
    }
}

fn as_json(reports: &[Report], counts: &Counts) -> Value {
    let files: Vec<Value> = reports
        .iter()
        .map(|r| {
            json!({
                "file": r.file,
                "error": r.fault.as_ref().map(Error::to_json),
                "diagnostics": r.findings,
            })
        })
        .collect();
    json!({
        "ok": counts.errors == 0,
        "errors": counts.errors,
        "warnings": counts.warnings,
        "infos": counts.infos,
        "files": files,
    })
}

fn as_lsp(reports: &[Report]) -> Value {
    let of = |report: &Report| {
        if let Some(fault) = &report.fault {
            complain(fault);
        }
        json!({"file": report.file, "diagnostics": spec::lsp(&report.text, &report.findings)})
    };
    reports.iter().map(of).collect()
}

fn as_text(reports: &[Report], counts: &Counts) {
    let colours = has_colours();
    for report in reports {
        if let Some(fault) = &report.fault {
            complain(fault);
        }
        for finding in &report.findings {
            let shown = spec::terminal(&report.file, &report.text, std::slice::from_ref(finding));
            say!("{}", if colours { coloured(&shown, finding) } else { shown });
        }
        if report.fault.is_none() && report.findings.is_empty() {
            say!("{}: ok\n", report.file);
        }
    }
    let found: Vec<String> =
        [(counts.errors, "error"), (counts.warnings, "warning"), (counts.infos, "info")]
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| count(number, what))
            .collect();
    if !found.is_empty() {
        say!("{}\n", found.join(", "));
    }
}

/// Colours are for people in front of a terminal who did not say no (<https://no-color.org>).
fn has_colours() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal()
        && !set("NO_COLOR")
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// The word and code of a finding, and the caret under its place, in the colour of its severity.
fn coloured(shown: &str, finding: &Diagnostic) -> String {
    let colour = match finding.severity {
        Severity::Error => "\x1b[1;31m",
        Severity::Warning => "\x1b[1;33m",
        Severity::Info => "\x1b[1;34m",
    };
    const OFF: &str = "\x1b[0m";
    let mut out = String::new();
    for (number, line) in shown.split_inclusive('\n').enumerate() {
        let text = line.trim_end_matches('\n');
        let code = format!("[{}]", finding.code);
        let part = match number {
            0 => text.find(&code).map(|at| {
                let start = text[..at].rfind(' ').map_or(0, |space| space + 1);
                start..at + code.len()
            }),
            2 => text.find("| ").zip(text.find('^')).map(|(_, start)| start..text.len()),
            _ => None,
        };
        match part {
            Some(part) => {
                out += &format!(
                    "{}{colour}{}{OFF}{}\n",
                    &text[..part.start],
                    &text[part.clone()],
                    &text[part.end..]
                );
            }
            None => out += line,
        }
    }
    out
}
