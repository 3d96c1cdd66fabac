//! The spec repository: versions of specs, promoted and retired like releases, with the history of
//! every change.

use serde::{Deserialize, Serialize};

use super::Kernel;
use super::bundle::{self, Bundle};
use crate::error::{Code, Error, Result};
use crate::io;
use crate::spec::{self, Change, Spec, time};
use crate::store::{
    HistoryEntry, ImportReport, NewSpec, Position, SpecFilter, SpecRecord, SpecRef, SpecStatus,
    Stamp, VersionId,
};

/// The most characters of `by` and `actor`.
pub(super) const BY_LIMIT: usize = 200;
/// The most characters of `why`.
const WHY_LIMIT: usize = 2_000;
/// The most characters of a text that is searched for.
const SEARCH_LIMIT: usize = 1_000;
/// Versions on a page, if the caller does not say, and at most.
const PAGE: (u32, u32) = (50, 500);
/// Texts above this many bytes are read away from the I/O threads.
const LARGE: usize = 64 * 1024;

/// How a spec is saved.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SaveOptions {
    /// Who saves it; else the kernel's `actor`.
    pub by: Option<String>,
    /// What for.
    pub why: Option<String>,
    /// Hash of the draft that it replaces.
    pub replaces: Option<String>,
}

/// Who makes a change, and what for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChangeOptions {
    /// Who; else the kernel's `actor`.
    pub by: Option<String>,
    /// What for.
    pub why: Option<String>,
}

/// How a version is deprecated.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeprecateOptions {
    /// Who; else the kernel's `actor`.
    pub by: Option<String>,
    /// What for.
    pub why: Option<String>,
    /// When it is to be retired: an RFC 3339 time or a date.
    pub sunset: Option<String>,
    /// What to use instead: a version of the agent, or `id@version` of another.
    pub successor: Option<String>,
}

/// What is listed. All that is given must hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListOptions {
    /// Versions in this state.
    pub status: Option<SpecStatus>,
    /// Versions with this tag.
    pub tag: Option<String>,
    /// Versions with all words of this text in their id, name, description or tags.
    pub text: Option<String>,
    /// Versions of this agent.
    pub agent_id: Option<String>,
    /// Versions on the page: 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub after: Option<String>,
}

/// A page of a list, in the order of id and version.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpecPage {
    /// Records without `document` and `text`.
    pub specs: Vec<SpecRecord>,
    /// To be given as `after` for the next page; none on the last one.
    pub next: Option<String>,
}

/// What is exported.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExportOptions {
    /// This agent alone; else all of the tenant.
    pub agent_id: Option<String>,
}

/// What is done when a version of a bundle is in the repository already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnConflict {
    /// Nothing of the bundle is taken in.
    #[default]
    Fail,
    /// It is passed over.
    Skip,
}

/// How a bundle is imported.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImportOptions {
    /// Who; else the kernel's `actor`.
    pub by: Option<String>,
    /// What for.
    pub why: Option<String>,
    /// What is done with versions that are there already.
    pub on_conflict: OnConflict,
}

/// The spec repository of the kernel's tenant. Cheap to clone, `Send`, `Sync`.
///
/// States go draft → active → deprecated → retired; a deprecated version can be promoted again. An
/// agent has at most one active version. References are `id@version`, or `id` for the active one.
#[derive(Clone, Debug)]
pub struct Specs(Kernel);

impl Kernel {
    /// The spec repository.
    pub fn specs(&self) -> Specs {
        Specs(self.clone())
    }
}

impl Specs {
    /// Keeps a new draft, or, with `replaces`, another content for the draft that is there.
    ///
    /// # Errors
    /// [`Code::SpecConflict`] when the version is there, or is not what `replaces` says;
    /// [`Code::SpecImmutable`] when it is no draft any more, with the next free number in the hint;
    /// [`Code::TenantMismatch`].
    pub async fn save(&self, spec: &Spec, options: SaveOptions) -> Result<SpecRecord> {
        self.0.check_open()?;
        self.0.check_tenant(spec)?;
        let stamp = self.stamp(options.by, options.why)?;
        self.0.0.tenant.save_spec(NewSpec::new(spec)?, options.replaces, stamp).await
    }

    /// The record of a version.
    ///
    /// # Errors
    /// [`Code::SpecNotFound`].
    pub async fn get(&self, reference: &str) -> Result<SpecRecord> {
        self.0.check_open()?;
        self.0.0.tenant.spec(SpecRef::parse(reference)?).await
    }

    /// The spec of a version.
    ///
    /// # Errors
    /// [`Code::SpecNotFound`], [`Code::SpecRetired`].
    pub async fn load(&self, reference: &str) -> Result<Spec> {
        let record = self.get(reference).await?;
        if record.status == SpecStatus::Retired {
            let hint = match &record.successor {
                Some(successor) => format!("use its successor {successor}"),
                None => format!("use the active version of {}", record.agent_id),
            };
            let message = format!("{} is retired", record.reference());
            return Err(Error::new(Code::SpecRetired, message).hint(hint));
        }
        let text = record.text.as_deref().unwrap_or_default();
        if let Some(spec) = self.0.0.parsed.get(text) {
            return Ok(spec);
        }
        let spec = read(record).await?;
        self.0.0.parsed.put(&spec);
        Ok(spec)
    }

    /// A page of versions.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a `limit` or an `after` that cannot be.
    pub async fn list(&self, options: ListOptions) -> Result<SpecPage> {
        self.0.check_open()?;
        let limit = options.limit.unwrap_or(PAGE.0);
        if !(1..=PAGE.1).contains(&limit) {
            return Err(Error::invalid_argument(format!("a limit of {limit}"))
                .hint(format!("1 to {}; go on with `after`", PAGE.1)));
        }
        let after = match &options.after {
            None => None,
            Some(text) => Some(Position::from_text(text).ok_or_else(|| {
                Error::invalid_argument("`after` is not the `next` of a page")
                    .hint("give `next` back as it was, or leave `after` out to begin anew")
            })?),
        };
        if let Some(text) = &options.text {
            bounded("text", text, SEARCH_LIMIT)?;
        }
        let filter = SpecFilter {
            status: options.status,
            tag: options.tag,
            text: options.text,
            agent_id: options.agent_id,
        };
        let (specs, next) = self.0.0.tenant.list_specs(filter, limit as usize, after).await?;
        Ok(SpecPage { specs, next: next.map(|place| place.to_text()) })
    }

    /// Every change of an agent's versions, oldest first; also of an agent of which only drafts
    /// were there that are deleted.
    ///
    /// # Errors
    /// [`Code::SpecNotFound`].
    pub async fn history(&self, agent_id: &str) -> Result<Vec<HistoryEntry>> {
        self.0.check_open()?;
        let entries = self.0.0.tenant.spec_history(agent_id).await?;
        if entries.is_empty() {
            let shown: String = agent_id.chars().take(BY_LIMIT).collect();
            let message = format!("there was never an agent {shown:?} in the repository");
            return Err(Error::new(Code::SpecNotFound, message)
                .hint("history takes the agent's id alone; list what is there"));
        }
        Ok(entries)
    }

    /// What differs between two versions.
    ///
    /// # Errors
    /// [`Code::SpecNotFound`].
    pub async fn diff(&self, a: &str, b: &str) -> Result<Vec<Change>> {
        let (a, b) = (self.get(a).await?, self.get(b).await?);
        Ok(spec::diff(&read(a).await?, &read(b).await?))
    }

    /// Makes a draft or deprecated version the active one; the one before is deprecated, with this
    /// one as its successor. Agents that were made before keep the version that they were made from.
    ///
    /// # Errors
    /// [`Code::SpecNotFound`]; [`Code::SpecState`] when it is active or retired.
    pub async fn promote(&self, reference: &str, options: ChangeOptions) -> Result<SpecRecord> {
        let (id, stamp) = self.step(reference, options.by, options.why)?;
        self.0.0.tenant.promote_spec(id, stamp).await
    }

    /// Deprecates the active version, with or without a successor.
    ///
    /// # Errors
    /// [`Code::SpecNotFound`], also for the successor; [`Code::SpecState`] when it is not active;
    /// [`Code::InvalidArgument`] for what is not a date or a version.
    pub async fn deprecate(
        &self,
        reference: &str,
        options: DeprecateOptions,
    ) -> Result<SpecRecord> {
        let (id, stamp) = self.step(reference, options.by, options.why)?;
        let sunset = options.sunset.as_deref().map(sunset).transpose()?;
        let successor = options.successor.map(|text| successor(&id, &text)).transpose()?;
        self.0.0.tenant.deprecate_spec(id, sunset, successor, stamp).await
    }

    /// Retires a deprecated version: it makes no agents any more.
    ///
    /// # Errors
    /// [`Code::SpecNotFound`]; [`Code::SpecState`] when it is not deprecated.
    pub async fn retire(&self, reference: &str, options: ChangeOptions) -> Result<SpecRecord> {
        let (id, stamp) = self.step(reference, options.by, options.why)?;
        self.0.0.tenant.retire_spec(id, stamp).await
    }

    /// Removes a draft; its history stays.
    ///
    /// # Errors
    /// [`Code::SpecNotFound`]; [`Code::SpecImmutable`] when it is no draft.
    pub async fn delete(&self, reference: &str, options: ChangeOptions) -> Result<()> {
        let (id, stamp) = self.step(reference, options.by, options.why)?;
        self.0.0.tenant.delete_spec(id, stamp).await
    }

    /// All versions with their history, of one agent or of the tenant.
    pub async fn export(&self, options: ExportOptions) -> Result<Bundle> {
        self.0.check_open()?;
        let (specs, history) = self.0.0.tenant.export_specs(options.agent_id).await?;
        Ok(Bundle::new(specs, history))
    }

    /// Takes a bundle in, all or nothing. States, times and history come along.
    ///
    /// # Errors
    /// [`Code::SpecConflict`] when a version is there already and `on_conflict` is not `skip`;
    /// [`Code::InvalidArgument`] for a bundle that contradicts itself; [`Code::TenantMismatch`].
    pub async fn import(&self, bundle: Bundle, options: ImportOptions) -> Result<ImportReport> {
        self.0.check_open()?;
        let stamp = self.stamp(options.by, options.why)?;
        let kernel = self.0.clone();
        let (specs, history) =
            aside(move || bundle::check(bundle, |spec| kernel.check_tenant(spec))).await?;
        let skip = options.on_conflict == OnConflict::Skip;
        self.0.0.tenant.import_specs(specs, history, skip, stamp).await
    }

    /// The version that a change is for, and who makes it.
    fn step(
        &self,
        reference: &str,
        by: Option<String>,
        why: Option<String>,
    ) -> Result<(VersionId, Stamp)> {
        self.0.check_open()?;
        let id = match SpecRef::parse(reference)? {
            SpecRef::Version(id) => id,
            SpecRef::Active(agent) => {
                return Err(Error::invalid_argument(format!("{agent:?} names no version"))
                    .hint(format!("write which one is meant, such as {agent}@1.0.0")));
            }
        };
        Ok((id, self.stamp(by, why)?))
    }

    fn stamp(&self, by: Option<String>, why: Option<String>) -> Result<Stamp> {
        let stamp = Stamp {
            by: by
                .filter(|by| !by.is_empty())
                .or_else(|| self.0.0.setup.actor().map(str::to_owned)),
            why: why.filter(|why| !why.is_empty()),
        };
        check_stamp(stamp.by.as_deref(), stamp.why.as_deref())?;
        Ok(stamp)
    }
}

/// Holds the bounds of who and why.
pub(super) fn check_stamp(by: Option<&str>, why: Option<&str>) -> Result<()> {
    by.map_or(Ok(()), |by| bounded("by", by, BY_LIMIT))?;
    why.map_or(Ok(()), |why| bounded("why", why, WHY_LIMIT))
}

/// Refuses a text that is too long, or has a NUL in it, which not every language can hold.
pub(super) fn bounded(what: &str, text: &str, limit: usize) -> Result<()> {
    if text.contains('\0') {
        return Err(Error::invalid_argument(format!("`{what}` has a NUL character in it")));
    }
    if text.chars().nth(limit).is_some() {
        return Err(Error::invalid_argument(format!("`{what}` is too long"))
            .hint(format!("at most {limit} characters")));
    }
    Ok(())
}

/// A time in UTC, or a date, in the form in which it is kept.
pub(super) fn sunset(text: &str) -> Result<String> {
    let date = (text.len() == 10).then(|| text.parse::<jiff::civil::Date>().ok()).flatten();
    date.map(|date| date.to_string()).or_else(|| time(text).map(|t| t.to_string())).ok_or_else(
        || {
            Error::invalid_argument("`sunset` is neither an RFC 3339 time nor a date")
                .hint("for instance 2027-01-31, or 2027-01-31T12:00:00Z")
        },
    )
}

/// The successor of a version: another version of its agent, or of another agent.
fn successor(id: &VersionId, text: &str) -> Result<VersionId> {
    let found = match text.split_once('@') {
        Some((agent, version)) => VersionId::new(agent, version),
        None => VersionId::new(id.agent_id(), text),
    };
    let found = found.ok_or_else(|| {
        Error::invalid_argument("`successor` is not a version")
            .hint("a version of the agent, such as 2.0.0, or `id@version` of another")
    })?;
    if found == *id {
        return Err(Error::invalid_argument(format!("{id} cannot be its own successor")));
    }
    Ok(found)
}

/// The spec of a record.
async fn read(record: SpecRecord) -> Result<Spec> {
    let text = record.text.unwrap_or_default();
    if text.len() > LARGE { aside(move || Spec::parse(&text)).await } else { Spec::parse(&text) }
}

/// Runs work that takes long away from the I/O threads.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    io::runtime()?
        .spawn_blocking(work)
        .await
        .map_err(|e| Error::new(Code::Panic, "reading the spec failed").caused_by(e))?
}
