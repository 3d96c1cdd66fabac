//! Bundles of the spec repository: what is exported, and what is checked before it is imported.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::specs::{check_stamp, sunset};
use crate::error::{Error, Result};
use crate::spec::{Spec, time};
use crate::store::{
    HistoryEntry, IncomingSpec, NewSpec, SpecChange, SpecRecord, SpecStatus, VersionId,
};

/// Names what a bundle is.
const FORMAT: &str = "aikit-specs/1";
/// The greatest number of a line of history that comes in. An agent goes on from it, and every number
/// must be one that all languages hold.
const SEQ_LIMIT: u64 = 1 << 52;

/// Versions with their states and history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    format: String,
    /// Whole records, in the order of agent and version.
    pub specs: Vec<SpecRecord>,
    /// Every change, in the order of agent and number.
    pub history: Vec<HistoryEntry>,
}

impl Bundle {
    pub(super) fn new(specs: Vec<SpecRecord>, history: Vec<HistoryEntry>) -> Self {
        Self { format: FORMAT.into(), specs, history }
    }
}

fn refuse<T>(message: String) -> Result<T> {
    Err(Error::invalid_argument(format!("the bundle contradicts itself: {message}"))
        .hint("import a bundle as it was exported; nothing of it was taken in"))
}

/// Reads every text and holds the records and the history against what the texts say.
pub(super) fn check(
    bundle: Bundle,
    allowed: impl Fn(&Spec) -> Result<()>,
) -> Result<(Vec<IncomingSpec>, Vec<HistoryEntry>)> {
    if bundle.format != FORMAT {
        return Err(Error::invalid_argument(format!("{:?} is not a known format", bundle.format))
            .hint(format!("this aikit reads {FORMAT}")));
    }
    let mut seen = HashSet::new();
    let mut active = HashSet::new();
    let mut specs = Vec::with_capacity(bundle.specs.len());
    for record in bundle.specs {
        let incoming = check_record(record, &allowed)?;
        let id = incoming.id();
        if !seen.insert(id.clone()) {
            return refuse(format!("{id} stands in it twice"));
        }
        if incoming.record.status == SpecStatus::Active && !active.insert(id.agent_id().to_owned())
        {
            return refuse(format!("agent {:?} has two active versions", id.agent_id()));
        }
        specs.push(incoming);
    }
    let mut last = HashMap::new();
    let mut ends = HashMap::new();
    for entry in &bundle.history {
        check_entry(entry)?;
        let before = last.insert(&entry.agent_id, entry.seq).unwrap_or(0);
        if entry.seq <= before || entry.seq > SEQ_LIMIT {
            return refuse(format!("the history of {:?} is not in order", entry.agent_id));
        }
        ends.insert((entry.agent_id.as_str(), entry.version.as_str()), (entry.to, &entry.hash));
    }
    for incoming in &specs {
        let (id, record) = (incoming.id(), &incoming.record);
        let end = ends.get(&(id.agent_id(), id.version()));
        if end.is_some_and(|end| *end != (Some(record.status), &record.hash)) {
            return refuse(format!("the history of {id} ends otherwise than its record says"));
        }
    }
    Ok((specs, bundle.history))
}

fn check_record(record: SpecRecord, allowed: impl Fn(&Spec) -> Result<()>) -> Result<IncomingSpec> {
    let shown = record.reference();
    let Some(text) = &record.text else { return refuse(format!("{shown} has no text")) };
    let spec = match Spec::parse(text) {
        Ok(spec) => spec,
        Err(error) => {
            return Err(Error::invalid_argument(format!("the text of {shown} is not a spec"))
                .hint("nothing of the bundle was taken in")
                .caused_by(error));
        }
    };
    allowed(&spec)?;
    let new = NewSpec::new(&spec)?;
    if !new.agrees_with(&record) {
        return refuse(format!("the record of {shown} is not that of its text"));
    }
    check_stamp(record.created_by.as_deref(), None)?;
    for at in [&record.created_at, &record.updated_at] {
        if time(at).is_none() {
            return refuse(format!("a time of {shown} is not in the form of RFC 3339"));
        }
    }
    if record.sunset.as_ref().is_some_and(|text| sunset(text).ok().as_ref() != Some(text)) {
        return refuse(format!("`sunset` of {shown} is not a time in UTC or a date"));
    }
    let successor = record.successor.as_deref();
    if successor.is_some_and(|text| version_id(text).is_none()) {
        return refuse(format!("`successor` of {shown} is not of the form id@version"));
    }
    Ok(IncomingSpec { new, record })
}

fn version_id(text: &str) -> Option<VersionId> {
    let (agent, version) = text.split_once('@')?;
    VersionId::new(agent, version)
}

fn check_entry(entry: &HistoryEntry) -> Result<()> {
    let shown = format!("{}@{}", entry.agent_id, entry.version);
    if VersionId::new(&entry.agent_id, &entry.version).is_none() {
        return refuse(format!("its history speaks of {shown:?}, which is no version"));
    }
    if !is_step(entry) {
        return refuse(format!("the history of {shown} has a step that there is not"));
    }
    check_stamp(entry.by.as_deref(), entry.why.as_deref())?;
    if time(&entry.at).is_none() {
        return refuse(format!("a time in the history of {shown} is not in the form of RFC 3339"));
    }
    let digits = entry.hash.strip_prefix("sha256:").unwrap_or_default();
    if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return refuse(format!("a hash in the history of {shown} is not one"));
    }
    Ok(())
}

/// Whether a change leads from and to the states that it does here. Lines that say that something was
/// imported are of the store that took it in, and no bundle has them.
fn is_step(entry: &HistoryEntry) -> bool {
    use SpecStatus::{Active, Deprecated, Draft, Retired};
    match entry.change {
        SpecChange::Saved => (entry.from, entry.to) == (None, Some(Draft)),
        SpecChange::Replaced => (entry.from, entry.to) == (Some(Draft), Some(Draft)),
        SpecChange::Promoted => {
            matches!(entry.from, Some(Draft | Deprecated)) && entry.to == Some(Active)
        }
        SpecChange::Deprecated => (entry.from, entry.to) == (Some(Active), Some(Deprecated)),
        SpecChange::Retired => (entry.from, entry.to) == (Some(Deprecated), Some(Retired)),
        SpecChange::Deleted => (entry.from, entry.to) == (Some(Draft), None),
        SpecChange::Imported => false,
    }
}
