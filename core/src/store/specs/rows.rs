//! A version as it comes in, as it is kept, and as it is given out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{SpecRef, SpecStatus, VersionId, find};
use crate::error::{Code, Error, Result};
use crate::spec::{Spec, hash_of};
use crate::store::TenantStore;
use crate::store::tx::{Row, Tx, values};
use crate::store::usage::{self, Delta, Limits};

/// A version as it is given out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpecRecord {
    /// The agent.
    pub agent_id: String,
    /// The version.
    pub version: String,
    /// Where it stands in its life.
    pub status: SpecStatus,
    /// Of the canonical form.
    pub hash: String,
    /// The agent's name.
    pub name: String,
    /// What the agent does.
    pub description: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// `provider/model`, if the spec names one.
    pub model: Option<String>,
    /// When it was first saved, RFC 3339 UTC.
    pub created_at: String,
    /// Who saved it first.
    pub created_by: Option<String>,
    /// When its content or state last changed, RFC 3339 UTC.
    pub updated_at: String,
    /// When a deprecated version is to be retired: an RFC 3339 time or a date.
    pub sunset: Option<String>,
    /// The version to use instead of a deprecated one: `id@version`.
    pub successor: Option<String>,
    /// The whole document; not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Value>,
    /// The text as it was saved; not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl SpecRecord {
    /// The version as `id@version`.
    pub fn reference(&self) -> String {
        format!("{}@{}", self.agent_id, self.version)
    }
}

/// What of a spec is kept.
#[derive(Clone, Debug)]
pub struct NewSpec {
    pub(super) id: VersionId,
    pub(super) hash: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) model: Option<String>,
    pub(super) document: Value,
    pub(super) text: String,
}

impl NewSpec {
    /// Takes from a spec what is kept of it.
    ///
    /// # Errors
    /// [`Code::SpecInvalid`] when its version cannot be ordered.
    pub fn new(spec: &Spec) -> Result<Self> {
        let id = VersionId::new(spec.agent_id(), spec.version()).ok_or_else(|| {
            let error = Error::new(
                Code::SpecInvalid,
                format!("{:?} is not a semantic version", spec.version()),
            )
            .hint("three numbers, such as 1.2.0, at most 100 characters");
            spec.locate(error, "/identity/version")
        })?;
        let identity = &spec.document().identity;
        Ok(Self {
            id,
            hash: spec.hash().to_owned(),
            name: spec.name().to_owned(),
            description: identity.description.clone(),
            tags: identity.tags.clone(),
            model: Some(spec.model().to_owned()).filter(|model| !model.is_empty()),
            document: spec.to_json(),
            text: spec.text().to_owned(),
        })
    }

    /// Which version it is.
    pub fn id(&self) -> &VersionId {
        &self.id
    }

    /// Whether a record says of it what its text says.
    pub fn agrees_with(&self, record: &SpecRecord) -> bool {
        record.agent_id == self.id.agent_id()
            && record.version == self.id.version()
            && record.hash == self.hash
            && record.name == self.name
            && record.description == self.description
            && record.tags == self.tags
            && record.model == self.model
            && record.document.as_ref().is_none_or(|document| hash_of(document) == self.hash)
    }
}

/// A record whose document was not read as JSON yet: that is done outside of the store's threads.
pub(super) struct Raw {
    record: SpecRecord,
    document: String,
}

impl Raw {
    pub(super) fn record(self) -> Result<SpecRecord> {
        let document = serde_json::from_str(&self.document).map_err(|e| {
            let message = format!("the document of {} is not JSON", self.record.reference());
            Error::new(Code::StoreCorrupt, message).caused_by(e)
        })?;
        Ok(SpecRecord { document: Some(document), ..self.record })
    }
}

/// The columns that [`short`] reads.
pub(super) const SHORT: &str = "agent_id, version, status, hash, name, description, tags, model, \
     created_at, created_by, updated_at, sunset, successor";
const LONG: &str = "agent_id, version, status, hash, name, description, tags, model, \
     created_at, created_by, updated_at, sunset, successor, document, text";

/// The record of a row of [`SHORT`].
pub(super) fn short(row: &mut Row) -> Result<SpecRecord> {
    let tags: String = row.take(6)?;
    let tags = serde_json::from_str(&tags).map_err(|e| {
        Error::new(Code::StoreCorrupt, "the tags of a spec are no list").caused_by(e)
    })?;
    Ok(SpecRecord {
        agent_id: row.take(0)?,
        version: row.take(1)?,
        status: row.take(2)?,
        hash: row.take(3)?,
        name: row.take(4)?,
        description: row.take(5)?,
        tags,
        model: row.take(7)?,
        created_at: row.take(8)?,
        created_by: row.take(9)?,
        updated_at: row.take(10)?,
        sunset: row.take(11)?,
        successor: row.take(12)?,
        document: None,
        text: None,
    })
}

fn long(mut row: Row) -> Result<Raw> {
    let record = SpecRecord { text: row.take(14)?, ..short(&mut row)? };
    Ok(Raw { record, document: row.take(13)? })
}

pub(super) fn get_sql() -> String {
    format!(
        "SELECT {LONG} FROM spec_versions
         WHERE tenant_id = ?1 AND agent_id = ?2 AND ordering = ?3"
    )
}

pub(super) fn get_active_sql() -> String {
    format!(
        "SELECT {LONG} FROM spec_versions
         WHERE tenant_id = ?1 AND agent_id = ?2 AND status = 'active'"
    )
}

/// One version, whole.
pub(super) async fn get(tx: &mut Tx<'_>, id: &VersionId) -> Result<Option<Raw>> {
    tx.row(&get_sql(), values![id.agent_id(), id.order()]).await?.map(long).transpose()
}

/// The active version of an agent, whole.
async fn get_active(tx: &mut Tx<'_>, agent_id: &str) -> Result<Option<Raw>> {
    tx.row(&get_active_sql(), values![agent_id]).await?.map(long).transpose()
}

/// All versions of one agent, or of all, whole.
pub(super) async fn all(tx: &mut Tx<'_>, agent_id: Option<&str>) -> Result<Vec<Raw>> {
    let only =
        if agent_id.is_some() { "AND agent_id = ?2" } else { "AND CAST(?2 AS TEXT) IS NULL" };
    let sql = format!(
        "SELECT {LONG} FROM spec_versions WHERE tenant_id = ?1 {only} ORDER BY agent_id, ordering"
    );
    tx.rows(&sql, values![agent_id]).await?.into_iter().map(long).collect()
}

/// State and hash of one version.
pub(super) async fn state(tx: &mut Tx<'_>, id: &VersionId) -> Result<Option<(SpecStatus, String)>> {
    let sql = "SELECT status, hash FROM spec_versions
         WHERE tenant_id = ?1 AND agent_id = ?2 AND ordering = ?3";
    let found = tx.row(sql, values![id.agent_id(), id.order()]).await?;
    found.map(|mut row| Ok((row.take(0)?, row.take(1)?))).transpose()
}

/// Version and hash of the active version of an agent.
pub(super) async fn active(tx: &mut Tx<'_>, agent_id: &str) -> Result<Option<(String, String)>> {
    let sql = "SELECT version, hash FROM spec_versions
         WHERE tenant_id = ?1 AND agent_id = ?2 AND status = 'active'";
    let found = tx.row(sql, values![agent_id]).await?;
    found.map(|mut row| Ok((row.take(0)?, row.take(1)?))).transpose()
}

/// Version and state of the newest version of an agent.
async fn newest(tx: &mut Tx<'_>, agent_id: &str) -> Result<Option<(String, SpecStatus)>> {
    let sql = "SELECT version, status FROM spec_versions WHERE tenant_id = ?1 AND agent_id = ?2
         ORDER BY ordering DESC LIMIT 1";
    let found = tx.row(sql, values![agent_id]).await?;
    found.map(|mut row| Ok((row.take(0)?, row.take(1)?))).transpose()
}

/// Inserts a version with these times, and what it is found by. Its caller counts it: [`size`].
pub(super) async fn insert(tx: &mut Tx<'_>, new: &NewSpec, kept: &Kept<'_>) -> Result<()> {
    tx.execute(
        "INSERT INTO spec_versions (tenant_id, agent_id, ordering, version, status, hash,
             created_at, created_by, updated_at, sunset, successor,
             model, tags, name, description, document, text)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        values![
            new.id.agent_id(),
            new.id.order(),
            new.id.version(),
            kept.status,
            &new.hash,
            kept.created_at,
            kept.created_by,
            kept.updated_at,
            kept.sunset,
            kept.successor,
            new.model.as_deref(),
            &json(&new.tags),
            &new.name,
            new.description.as_deref(),
            &new.document.to_string(),
            &new.text
        ],
    )
    .await?;
    find::add_terms(tx, &new.id, &find::terms_of_new(new)).await
}

/// What a version is more.
pub(super) fn size(new: &NewSpec) -> Delta {
    Delta { specs: 1, bytes: usage::signed(new.text.len()), ..Delta::default() }
}

/// What of a version does not come from its text.
pub(super) struct Kept<'a> {
    pub(super) status: SpecStatus,
    pub(super) created_at: &'a str,
    pub(super) created_by: Option<&'a str>,
    pub(super) updated_at: &'a str,
    pub(super) sunset: Option<&'a str>,
    pub(super) successor: Option<&'a str>,
}

/// Removes a version and what it is found by, and gives what it was. The version must be there.
pub(super) async fn remove(tx: &mut Tx<'_>, id: &VersionId) -> Result<SpecRecord> {
    let sql = format!(
        "DELETE FROM spec_versions WHERE tenant_id = ?1 AND agent_id = ?2 AND ordering = ?3
         RETURNING {SHORT}, octet_length(text)"
    );
    let mut row = tx.one(&sql, values![id.agent_id(), id.order()]).await?;
    let record = short(&mut row)?;
    let bytes: i64 = row.take(13)?;
    find::remove_terms(tx, id, &find::terms_of(&record)).await?;
    let removed = Delta { specs: -1, bytes: -bytes, ..Delta::default() };
    usage::count(tx, removed, Limits::default()).await?;
    Ok(record)
}

fn json(tags: &[String]) -> String {
    Value::from(tags.to_vec()).to_string()
}

/// That a version is not there, with what is.
pub(super) async fn not_found(tx: &mut Tx<'_>, id: &VersionId) -> Result<Error> {
    let agent = id.agent_id();
    Ok(match newest(tx, agent).await? {
        None => no_agent(agent),
        Some((version, _)) => Error::new(
            Code::SpecNotFound,
            format!("agent {agent:?} has no version {}", id.version()),
        )
        .hint(format!("the newest one is {agent}@{version}")),
    })
}

async fn no_active(tx: &mut Tx<'_>, agent: &str) -> Result<Error> {
    Ok(match newest(tx, agent).await? {
        None => no_agent(agent),
        Some((version, status)) => {
            Error::new(Code::SpecNotFound, format!("agent {agent:?} has no active version")).hint(
                format!(
                    "promote one, or name the version: the newest one is {agent}@{version}, {}",
                    status.as_str()
                ),
            )
        }
    })
}

/// That an agent is not there.
fn no_agent(agent: &str) -> Error {
    Error::new(Code::SpecNotFound, format!("there is no agent {agent:?} in the repository")).hint(
        format!(
            "save its spec first; for a file write its path, such as ./{agent} or {agent}.yaml"
        ),
    )
}

impl TenantStore {
    /// The version that is meant.
    ///
    /// # Errors
    /// [`Code::SpecNotFound`], saying what is there.
    pub async fn spec(&self, reference: SpecRef) -> Result<SpecRecord> {
        let raw = self
            .read(move |tx| {
                Box::pin(async move {
                    let found = match &reference {
                        SpecRef::Version(id) => get(tx, id).await?,
                        SpecRef::Active(agent) => get_active(tx, agent).await?,
                    };
                    match (found, reference) {
                        (Some(raw), _) => Ok(raw),
                        (None, SpecRef::Version(id)) => Err(not_found(tx, &id).await?),
                        (None, SpecRef::Active(agent)) => Err(no_active(tx, &agent).await?),
                    }
                })
            })
            .await?;
        raw.record()
    }
}
