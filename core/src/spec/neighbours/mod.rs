//! The formats of neighbours: read into specs with a report that speaks of every leaf of the
//! source, and two of them written.
//!
//! An importer reads the source through views that know what became of each leaf, so that what it
//! does not understand comes out as lost. What the checks of a spec would refuse is taken out again
//! and reported: every spec that is given parses.

mod adl;
mod agent_framework;
mod card;
mod crewai;
mod docker_agent;
mod docker_tools;
mod draft;
mod google_adk;
mod model;
mod open_agent_spec;
mod oracle;
mod oracle_export;
mod oracle_flow;
mod oracle_flow_export;
mod oracle_model;
mod prompt;
mod recognise;
mod server;
mod source;
mod steps;

pub use card::export_a2a;
pub use oracle_export::export_oracle;

use super::SIZE_LIMIT;
use super::decode::Decoder;
use super::node;
use crate::error::{Code, Error, Result, Severity};
use draft::Specs;
use source::Source;

/// The format of a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Oracle Open Agent Spec, 25.4 to 26.
    Oracle,
    /// Open Agent Spec (OA), 1.0 to 1.6.
    OpenAgentSpec,
    /// docker-agent (cagent), every version of its file.
    DockerAgent,
    /// Agent Definition Language.
    Adl,
    /// Agent config of Google's Agent Development Kit.
    GoogleAdk,
    /// Declarative agents of Microsoft's Agent Framework.
    AgentFramework,
    /// agents.yaml and tasks.yaml of CrewAI.
    #[serde(rename = "crewai")]
    CrewAi,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 7] = [
        Self::Oracle,
        Self::OpenAgentSpec,
        Self::DockerAgent,
        Self::Adl,
        Self::GoogleAdk,
        Self::AgentFramework,
        Self::CrewAi,
    ];

    /// The word for it, for instance `docker-agent`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oracle => "oracle",
            Self::OpenAgentSpec => "open-agent-spec",
            Self::DockerAgent => "docker-agent",
            Self::Adl => "adl",
            Self::GoogleAdk => "google-adk",
            Self::AgentFramework => "agent-framework",
            Self::CrewAi => "crewai",
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Format {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word).ok_or_else(|| {
            let shown: String = word.chars().take(64).collect();
            Error::invalid_argument(format!("{shown:?} is no format that can be read"))
                .hint(format!("one of: {}", words()))
        })
    }
}

fn words() -> String {
    Format::ALL.map(Format::as_str).join(", ")
}

/// What became of a leaf of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It stands in a spec as it was, or it said nothing about the agent.
    Kept,
    /// It stands in a spec in another form.
    Changed,
    /// No spec holds it.
    Lost,
}

/// One leaf of the source: a text, a number, a truth value, nothing, an empty list or mapping.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Entry {
    /// What became of it.
    pub kind: Kind,
    /// Its JSON pointer in the source (in an export: in the spec).
    pub path: String,
    /// Where it stands now; with the name of the spec before it (`writer:/identity/name`) if there
    /// are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// How it was changed, or why it was lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A spec made from a neighbour's text.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Imported {
    /// Its agent id.
    pub name: String,
    /// YAML that parses without errors.
    pub text: String,
}

/// What an import gives.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Import {
    /// The format that was read.
    pub format: Format,
    /// One spec for each agent and each flow, the one to begin with first.
    pub specs: Vec<Imported>,
    /// Every leaf of the source, exactly once.
    pub report: Vec<Entry>,
}

/// What an export gives.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Export {
    /// The document in the neighbour's format.
    pub document: serde_json::Value,
    /// Every leaf of the spec, exactly once.
    pub report: Vec<Entry>,
}

/// Reads a neighbour's text into specs. Without `from` the format is recognised; `file` is the name
/// of the file, for agents that have no name of their own.
///
/// # Errors
/// [`Code::SpecInvalid`] with the diagnostics of a text that is not YAML or JSON;
/// [`Code::SpecTooLarge`] beyond the limits of a spec; [`Code::InvalidArgument`] when the text is of
/// no known format, is a spec of aikit's own, or holds no agent.
pub fn import(text: &str, from: Option<Format>, file: Option<&str>) -> Result<Import> {
    if text.len() > SIZE_LIMIT {
        return Err(Error::new(
            Code::SpecTooLarge,
            format!("the text is larger than {} MiB", SIZE_LIMIT / 1024 / 1024),
        ));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut decoder = Decoder::default();
    let root = node::read(text, &mut decoder);
    let (mut found, ..) = decoder.finish();
    // Some tools join the files of several agents to one stream.
    for finding in found.iter_mut().filter(|f| f.message.contains("second document")) {
        finding.hint = Some("an import reads one document: import each one by itself".to_owned());
    }
    let Some(root) = root.filter(|_| !found.iter().any(|d| d.severity == Severity::Error)) else {
        let too_large = found.iter().any(|d| d.code == "AK1008");
        let error = Error::from_diagnostics(file, found);
        return Err(if too_large { error.with_code(Code::SpecTooLarge) } else { error });
    };
    let source = Source::new(root.to_json())?;
    drop(root);
    let root = source.root();
    let format = recognise::format(root, from)?;
    let mut specs = Specs::new(&source);
    match format {
        Format::Oracle => oracle::import(root, &mut specs, file),
        Format::OpenAgentSpec => open_agent_spec::import(root, &mut specs, file),
        Format::DockerAgent => docker_agent::import(root, &mut specs, file),
        Format::Adl => adl::import(root, &mut specs, file),
        Format::GoogleAdk => google_adk::import(root, &mut specs, file),
        Format::AgentFramework => agent_framework::import(root, &mut specs, file),
        Format::CrewAi => crewai::import(root, &mut specs, file),
    }?;
    let specs = specs.texts()?;
    if specs.is_empty() {
        return Err(Error::invalid_argument(format!(
            "the text holds no agent of the format {format}"
        ))
        .hint(format!("give a text with an agent in it, or another format: {}", words())));
    }
    let names: Vec<String> = specs.iter().map(|spec| spec.name.clone()).collect();
    Ok(Import { format, report: source.report(&names), specs })
}

/// A name for what has none: that of the file without its folder and ending.
fn stem(file: Option<&str>) -> Option<&str> {
    let name = file?.rsplit(['/', '\\']).next()?;
    Some(name.split_once('.').map_or(name, |(stem, _)| stem)).filter(|stem| !stem.is_empty())
}
