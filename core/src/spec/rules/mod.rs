//! The table of diagnostics: what each code means, with a spec that gets it and the same spec
//! corrected. The reference page and the tests are made from it. A code's meaning never changes,
//! and its number is never used again.

mod context;
mod schema;
mod semantic;

use crate::error::Severity;

/// When a finding can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// From the text alone: shape, types, keys. Codes AK1xxx.
    Schema,
    /// From the document: what it says of itself. Codes AK2xxx.
    Semantic,
    /// From the kernel that it shall run in: tenant, tools, secrets. Codes AK3xxx.
    Context,
}

/// One code.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Stable, for instance `AK1002`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// Why it matters, and what to do.
    pub about: &'static str,
    /// A spec that gets this code.
    pub wrong: &'static str,
    /// The same spec, corrected.
    pub right: &'static str,
    /// Files beside the spec: name and text.
    pub files: &'static [(&'static str, &'static str)],
    /// For the level of context: the options of the kernel, as JSON.
    pub kernel: &'static str,
}

/// Options of a kernel that has a key: the examples are about other things.
const KEY: &str = r#"{"providers": {"openai": {"api_key": "example"}}}"#;

impl Rule {
    /// The level that the code's number says.
    pub fn level(&self) -> Level {
        match self.code.as_bytes().get(2) {
            Some(b'1') => Level::Schema,
            Some(b'2') => Level::Semantic,
            _ => Level::Context,
        }
    }

    /// An error with these examples; the rest as in most rows.
    const fn error(
        code: &'static str,
        title: &'static str,
        about: &'static str,
        wrong: &'static str,
        right: &'static str,
    ) -> Self {
        let severity = Severity::Error;
        Self { code, severity, title, about, wrong, right, files: &[], kernel: KEY }
    }

    const fn warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    const fn info(self) -> Self {
        Self { severity: Severity::Info, ..self }
    }

    const fn beside(self, files: &'static [(&'static str, &'static str)]) -> Self {
        Self { files, ..self }
    }

    const fn kernel(self, kernel: &'static str) -> Self {
        Self { kernel, ..self }
    }
}

/// Every code, in the order of its number.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    schema::RULES.iter().chain(semantic::RULES).chain(context::RULES)
}
