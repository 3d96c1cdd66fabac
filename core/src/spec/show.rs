//! Findings in the forms in which they are shown: for a terminal, and for an editor.

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::{Value as Json, json};

use crate::error::{Diagnostic, Severity};

/// Lines longer than this are not shown: no terminal has room for them.
const EXCERPT_LIMIT: usize = 200;

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

/// The findings as compilers show them: place, code, message, the line with a caret, the path and
/// what to do. `name` is what the text is called.
pub fn terminal(name: &str, text: &str, findings: &[Diagnostic]) -> String {
    let mut out = String::new();
    for finding in findings {
        // Writing to a string cannot fail.
        let _ = one(&mut out, name, text, finding);
    }
    out
}

/// A text of a spec could hold signs that make a terminal do something: they are shown escaped.
fn harmless(text: &str) -> Cow<'_, str> {
    let commands = |c: char| c.is_control() && c != '\n';
    if !text.contains(commands) {
        return text.into();
    }
    let shown = |c: char| match commands(c) {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(shown).collect()
}

fn one(out: &mut String, name: &str, text: &str, finding: &Diagnostic) -> std::fmt::Result {
    let Diagnostic { code, message, line, column, severity, .. } = finding;
    let file = finding.file.as_deref().unwrap_or(name);
    let (file, message) = (harmless(file), harmless(message));
    writeln!(out, "{file}:{line}:{column}: {}[{code}]: {message}", word(*severity))?;
    // The line of another file is not at hand.
    let excerpt = match finding.file {
        Some(_) => None,
        None => text
            .strip_prefix('\u{feff}')
            .unwrap_or(text)
            .lines()
            .nth(line.saturating_sub(1) as usize),
    };
    if let Some(excerpt) = excerpt.filter(|text| text.chars().count() <= EXCERPT_LIMIT) {
        let number = line.to_string();
        let before: String = excerpt
            .chars()
            .take(column.saturating_sub(1) as usize)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let width = match finding.end_line {
            end if end == *line => finding.end_column.saturating_sub(*column).max(1) as usize,
            _ => 1,
        };
        let room = excerpt.chars().count().saturating_sub(before.chars().count()).max(1);
        let shown: String = excerpt.chars().filter(|c| *c == '\t' || !c.is_control()).collect();
        writeln!(out, " {number} | {shown}")?;
        writeln!(out, " {} | {before}{}", " ".repeat(number.len()), "^".repeat(width.min(room)))?;
    }
    if !finding.path.is_empty() {
        writeln!(out, "   at {}", harmless(&finding.path))?;
    }
    if let Some(hint) = &finding.hint {
        writeln!(out, "   hint: {}", harmless(hint))?;
    }
    Ok(())
}

/// The findings as the Language Server Protocol has them (3.17, `Diagnostic`): lines from 0,
/// columns in UTF-16 units from 0. Findings in other files stand at the top, and say where they are.
pub fn lsp(text: &str, findings: &[Diagnostic]) -> Json {
    let lines: Vec<&str> = text.strip_prefix('\u{feff}').unwrap_or(text).lines().collect();
    let position = |line: u32, column: u32| {
        let line = (line.saturating_sub(1) as usize).min(lines.len());
        let column = column.saturating_sub(1) as usize;
        let units =
            lines.get(line).map_or(0, |l| l.chars().take(column).map(char::len_utf16).sum());
        json!({"line": line, "character": units})
    };
    findings
        .iter()
        .map(|finding| {
            let (start, end, message) = match &finding.file {
                None => (
                    position(finding.line, finding.column),
                    position(finding.end_line, finding.end_column),
                    finding.message.clone(),
                ),
                Some(file) => (
                    position(1, 1),
                    position(1, 1),
                    format!("{file}:{}:{}: {}", finding.line, finding.column, finding.message),
                ),
            };
            let severity = match finding.severity {
                Severity::Error => 1,
                Severity::Warning => 2,
                Severity::Info => 3,
            };
            json!({
                "range": {"start": start, "end": end},
                "severity": severity,
                "code": finding.code,
                "source": "aikit",
                "message": message,
                "data": {"path": finding.path, "hint": finding.hint},
            })
        })
        .collect()
}
