//! A version as it comes in, as it is kept, and as it is given out.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{SpecRef, SpecStatus, VersionId, find};
use crate::error::{Code, Error, Result};
use crate::spec::{Spec, hash_of};
use crate::store::TenantStore;

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
pub(super) fn short(row: &Row<'_>) -> rusqlite::Result<SpecRecord> {
    let tags = row.get_ref(6)?.as_str()?;
    let tags = serde_json::from_str(tags).map_err(|e| {
        rusqlite::Error::FromSqlConversionFailure(6, rusqlite::types::Type::Text, Box::new(e))
    })?;
    Ok(SpecRecord {
        agent_id: row.get(0)?,
        version: row.get(1)?,
        status: row.get(2)?,
        hash: row.get(3)?,
        name: row.get(4)?,
        description: row.get(5)?,
        tags,
        model: row.get(7)?,
        created_at: row.get(8)?,
        created_by: row.get(9)?,
        updated_at: row.get(10)?,
        sunset: row.get(11)?,
        successor: row.get(12)?,
        document: None,
        text: None,
    })
}

fn long(row: &Row<'_>) -> rusqlite::Result<Raw> {
    let record = SpecRecord { text: row.get(14)?, ..short(row)? };
    Ok(Raw { record, document: row.get(13)? })
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
pub(super) fn get(
    connection: &Connection,
    tenant: &str,
    id: &VersionId,
) -> rusqlite::Result<Option<Raw>> {
    connection
        .prepare_cached(&get_sql())?
        .query_row(params![tenant, id.agent_id(), id.order()], long)
        .optional()
}

/// The active version of an agent, whole.
fn get_active(
    connection: &Connection,
    tenant: &str,
    agent_id: &str,
) -> rusqlite::Result<Option<Raw>> {
    connection
        .prepare_cached(&get_active_sql())?
        .query_row(params![tenant, agent_id], long)
        .optional()
}

/// All versions of one agent, or of all, whole.
pub(super) fn all(
    connection: &Connection,
    tenant: &str,
    agent_id: Option<&str>,
) -> rusqlite::Result<Vec<Raw>> {
    let only = if agent_id.is_some() { "AND agent_id = ?2" } else { "AND ?2 IS NULL" };
    connection
        .prepare_cached(&format!(
            "SELECT {LONG} FROM spec_versions WHERE tenant_id = ?1 {only}
             ORDER BY agent_id, ordering"
        ))?
        .query_map(params![tenant, agent_id], long)?
        .collect()
}

/// State and hash of one version.
pub(super) fn state(
    connection: &Connection,
    tenant: &str,
    id: &VersionId,
) -> rusqlite::Result<Option<(SpecStatus, String)>> {
    connection
        .prepare_cached(
            "SELECT status, hash FROM spec_versions
             WHERE tenant_id = ?1 AND agent_id = ?2 AND ordering = ?3",
        )?
        .query_row(params![tenant, id.agent_id(), id.order()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// Version and hash of the active version of an agent.
pub(super) fn active(
    connection: &Connection,
    tenant: &str,
    agent_id: &str,
) -> rusqlite::Result<Option<(String, String)>> {
    connection
        .prepare_cached(
            "SELECT version, hash FROM spec_versions
             WHERE tenant_id = ?1 AND agent_id = ?2 AND status = 'active'",
        )?
        .query_row(params![tenant, agent_id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// Version and state of the newest version of an agent.
fn newest(
    connection: &Connection,
    tenant: &str,
    agent_id: &str,
) -> rusqlite::Result<Option<(String, SpecStatus)>> {
    connection
        .prepare_cached(
            "SELECT version, status FROM spec_versions WHERE tenant_id = ?1 AND agent_id = ?2
             ORDER BY ordering DESC LIMIT 1",
        )?
        .query_row(params![tenant, agent_id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// Inserts a version with these times, and what it is found by.
pub(super) fn insert(
    connection: &Connection,
    tenant: &str,
    new: &NewSpec,
    kept: &Kept<'_>,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO spec_versions (tenant_id, agent_id, ordering, version, status, hash,
                 created_at, created_by, updated_at, sunset, successor,
                 model, tags, name, description, document, text)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        )?
        .execute(params![
            tenant,
            new.id.agent_id(),
            new.id.order(),
            new.id.version(),
            kept.status,
            new.hash,
            kept.created_at,
            kept.created_by,
            kept.updated_at,
            kept.sunset,
            kept.successor,
            new.model,
            json(&new.tags),
            new.name,
            new.description,
            new.document.to_string(),
            new.text
        ])?;
    find::add_terms(connection, tenant, &new.id, &find::terms_of_new(new))
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
pub(super) fn remove(
    connection: &Connection,
    tenant: &str,
    id: &VersionId,
) -> rusqlite::Result<SpecRecord> {
    let record = connection
        .prepare_cached(&format!(
            "DELETE FROM spec_versions WHERE tenant_id = ?1 AND agent_id = ?2 AND ordering = ?3
             RETURNING {SHORT}"
        ))?
        .query_row(params![tenant, id.agent_id(), id.order()], short)?;
    find::remove_terms(connection, tenant, id, &find::terms_of(&record))?;
    Ok(record)
}

fn json(tags: &[String]) -> String {
    Value::from(tags.to_vec()).to_string()
}

/// That a version is not there, with what is.
pub(super) fn not_found(
    connection: &Connection,
    tenant: &str,
    id: &VersionId,
) -> rusqlite::Result<Error> {
    let agent = id.agent_id();
    Ok(match newest(connection, tenant, agent)? {
        None => no_agent(agent),
        Some((version, _)) => Error::new(
            Code::SpecNotFound,
            format!("agent {agent:?} has no version {}", id.version()),
        )
        .hint(format!("the newest one is {agent}@{version}")),
    })
}

fn no_active(connection: &Connection, tenant: &str, agent: &str) -> rusqlite::Result<Error> {
    Ok(match newest(connection, tenant, agent)? {
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
        let tenant = self.tenant.clone();
        let found = self
            .database()?
            .read(move |connection| {
                let raw = match &reference {
                    SpecRef::Version(id) => get(connection, &tenant, id)?,
                    SpecRef::Active(agent) => get_active(connection, &tenant, agent)?,
                };
                Ok(match (raw, reference) {
                    (Some(raw), _) => Ok(raw),
                    (None, SpecRef::Version(id)) => Err(not_found(connection, &tenant, &id)?),
                    (None, SpecRef::Active(agent)) => Err(no_active(connection, &tenant, &agent)?),
                })
            })
            .await?;
        found?.record()
    }
}
