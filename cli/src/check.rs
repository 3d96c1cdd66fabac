//! `aikit spec check`.

use std::path::PathBuf;
use std::process::ExitCode;

use aikit::Error;
use aikit::error::{Diagnostic, Severity};
use aikit::spec::Spec;
use serde_json::json;

use crate::Format;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Spec files, YAML or JSON
    #[arg(required = true)]
    specs: Vec<PathBuf>,
    /// How findings are written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

struct Report {
    file: String,
    /// Why the file could not be read at all.
    fault: Option<Error>,
    findings: Vec<Diagnostic>,
    text: String,
}

pub(crate) fn check(arguments: &Arguments) -> ExitCode {
    let reports: Vec<Report> = arguments.specs.iter().map(report).collect();
    let is_error = |d: &&Diagnostic| d.severity == Severity::Error;
    let errors: usize = reports
        .iter()
        .map(|r| usize::from(r.fault.is_some()) + r.findings.iter().filter(is_error).count())
        .sum();
    match arguments.format {
        Format::Json => say!("{}\n", as_json(&reports, errors)),
        Format::Text => as_text(&reports, errors),
    }
    if errors == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn report(path: &PathBuf) -> Report {
    let file = path.display().to_string();
    match Spec::read(path) {
        Ok(spec) => Report { file, fault: None, findings: spec.check(), text: text_of(path) },
        Err(error) if error.diagnostics().is_empty() => {
            Report { file, fault: Some(error), findings: Vec::new(), text: String::new() }
        }
        Err(error) => {
            let findings = error.diagnostics().to_vec();
            Report { file, fault: None, findings, text: text_of(path) }
        }
    }
}

/// The text for excerpts; it was read a moment ago, and an empty one only means no excerpt.
fn text_of(path: &PathBuf) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn as_json(reports: &[Report], errors: usize) -> serde_json::Value {
    let files: Vec<serde_json::Value> = reports
        .iter()
        .map(|r| {
            json!({
                "file": r.file,
                "error": r.fault.as_ref().map(Error::to_json),
                "diagnostics": r.findings,
            })
        })
        .collect();
    json!({"ok": errors == 0, "errors": errors, "files": files})
}

fn as_text(reports: &[Report], errors: usize) {
    for report in reports {
        if let Some(fault) = &report.fault {
            crate::complain(fault);
        }
        for finding in &report.findings {
            show(report, finding);
        }
        if report.fault.is_none() && report.findings.is_empty() {
            say!("{}: ok\n", report.file);
        }
    }
    if errors > 0 {
        say!("{errors} error{}\n", if errors == 1 { "" } else { "s" });
    }
}

/// A finding with the line it is about and a caret under the place.
fn show(report: &Report, finding: &Diagnostic) {
    let Diagnostic { code, message, line, column, .. } = finding;
    let word = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    say!("{}:{line}:{column}: {word}[{code}]: {message}\n", report.file);
    let number = line.to_string();
    let excerpt = report.text.lines().nth(line.saturating_sub(1) as usize);
    if let Some(excerpt) = excerpt.filter(|text| text.chars().count() <= 200) {
        let before: String = excerpt
            .trim_start_matches('\u{feff}')
            .chars()
            .take(column.saturating_sub(1) as usize)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        say!(" {number} | {excerpt}\n");
        say!(" {} | {before}^\n", " ".repeat(number.len()));
    }
    if !finding.path.is_empty() {
        say!("   at {}\n", finding.path);
    }
    if let Some(hint) = &finding.hint {
        say!("   hint: {hint}\n");
    }
}
