//! The steps of a version's life, each one transaction with its lines of history.

use rusqlite::{Transaction, params};

use super::history::{self, SpecChange, Stamp, Step};
use super::rows::{self, Kept, NewSpec, SpecRecord};
use super::{SpecStatus, VersionId};
use crate::error::{Code, Error, Result};
use crate::store::TenantStore;
use crate::store::sqlite::Fault;

/// The database's clock. Asked once for each change, so that all its rows agree.
pub(super) fn now(transaction: &Transaction<'_>) -> rusqlite::Result<String> {
    transaction
        .prepare_cached("SELECT strftime('%Y-%m-%dT%H:%M:%fZ')")?
        .query_row([], |row| row.get(0))
}

/// What a record says to those who still use a version.
enum Advice<'a> {
    Kept,
    New { sunset: Option<&'a str>, successor: Option<&'a str> },
}

/// One change under way.
struct Change<'a> {
    transaction: &'a Transaction<'a>,
    tenant: &'a str,
    stamp: &'a Stamp,
    now: String,
}

impl Change<'_> {
    /// State and hash of a version that must be there.
    fn state(&self, id: &VersionId) -> Result<(SpecStatus, String), Fault> {
        match rows::state(self.transaction, self.tenant, id)? {
            Some(state) => Ok(state),
            None => Err(rows::not_found(self.transaction, self.tenant, id)?.into()),
        }
    }

    fn record(&self, step: &Step<'_>) -> rusqlite::Result<()> {
        history::append(self.transaction, self.tenant, step, self.stamp, &self.now)
    }

    /// Gives a version its new state, with a line of history.
    fn go(&self, step: &Step<'_>, advice: Advice<'_>) -> rusqlite::Result<()> {
        let (keep, sunset, successor) = match advice {
            Advice::Kept => (true, None, None),
            Advice::New { sunset, successor } => (false, sunset, successor),
        };
        self.transaction
            .prepare_cached(
                "UPDATE spec_versions SET status = ?4, updated_at = ?5,
                     sunset = CASE WHEN ?6 THEN sunset ELSE ?7 END,
                     successor = CASE WHEN ?6 THEN successor ELSE ?8 END
                 WHERE tenant_id = ?1 AND agent_id = ?2 AND ordering = ?3",
            )?
            .execute(params![
                self.tenant,
                step.id.agent_id(),
                step.id.order(),
                step.to,
                self.now,
                keep,
                sunset,
                successor
            ])?;
        self.record(step)
    }

    fn insert(
        &self,
        new: &NewSpec,
        created_at: &str,
        created_by: Option<&str>,
    ) -> rusqlite::Result<()> {
        let kept = Kept {
            status: SpecStatus::Draft,
            created_at,
            created_by,
            updated_at: &self.now,
            sunset: None,
            successor: None,
        };
        rows::insert(self.transaction, self.tenant, new, &kept)
    }

    /// The nearest number that is free.
    fn free_number(&self, id: &VersionId) -> rusqlite::Result<String> {
        for free in id.free_numbers() {
            if rows::state(self.transaction, self.tenant, &free)?.is_none() {
                return Ok(free.version().to_owned());
            }
        }
        Ok("a greater minor number".into())
    }

    fn save(&self, new: &NewSpec, replaces: Option<&str>) -> Result<(), Fault> {
        let id = &new.id;
        let conflict = |message: String| Error::new(Code::SpecConflict, message);
        let step =
            |change, from| Step { id, change, from, to: Some(SpecStatus::Draft), hash: &new.hash };
        match (rows::state(self.transaction, self.tenant, id)?, replaces) {
            (None, None) => {
                self.insert(new, &self.now, self.stamp.by.as_deref())?;
                self.record(&step(SpecChange::Saved, None))?;
                Ok(())
            }
            (None, Some(_)) => Err(conflict(format!("{id} is not there any more"))
                .hint("leave `replaces` out to save it anew")
                .into()),
            (Some((SpecStatus::Draft, hash)), Some(replaces)) if hash == replaces => {
                let old = rows::remove(self.transaction, self.tenant, id)?;
                self.insert(new, &old.created_at, old.created_by.as_deref())?;
                self.record(&step(SpecChange::Replaced, Some(SpecStatus::Draft)))?;
                Ok(())
            }
            (Some((SpecStatus::Draft, _)), Some(_)) => {
                Err(conflict(format!("{id} was changed since it was read"))
                    .hint("get it again, and give the hash of what is there as `replaces`")
                    .into())
            }
            (Some((SpecStatus::Draft, _)), None) => {
                let free = self.free_number(id)?;
                let hint = format!(
                    "save as {free}, or give the hash of the draft that is there as `replaces`"
                );
                Err(conflict(format!("{id} is there already")).hint(hint).into())
            }
            (Some((status, _)), _) => {
                let free = self.free_number(id)?;
                let message = format!("{id} is {} and never changes", status.as_str());
                Err(Error::new(Code::SpecImmutable, message).hint(format!("save as {free}")).into())
            }
        }
    }

    fn promote(&self, id: &VersionId) -> Result<(), Fault> {
        let (from, hash) = self.state(id)?;
        match from {
            SpecStatus::Draft | SpecStatus::Deprecated => {}
            SpecStatus::Active => {
                return Err(wrong_state(id, from, "nothing is to be done").into());
            }
            SpecStatus::Retired => {
                let hint = "a retired version does not come back: save its text under a new number";
                return Err(wrong_state(id, from, hint).into());
            }
        }
        if let Some((version, hash)) = rows::active(self.transaction, self.tenant, id.agent_id())? {
            let old = VersionId::new(id.agent_id(), &version)
                .ok_or_else(|| Error::new(Code::StoreCorrupt, format!("a version {version:?}")))?;
            let step = Step {
                id: &old,
                change: SpecChange::Deprecated,
                from: Some(SpecStatus::Active),
                to: Some(SpecStatus::Deprecated),
                hash: &hash,
            };
            self.go(&step, Advice::New { sunset: None, successor: Some(&id.to_string()) })?;
        }
        let step = Step {
            id,
            change: SpecChange::Promoted,
            from: Some(from),
            to: Some(SpecStatus::Active),
            hash: &hash,
        };
        self.go(&step, Advice::New { sunset: None, successor: None })?;
        Ok(())
    }

    fn deprecate(
        &self,
        id: &VersionId,
        sunset: Option<&str>,
        successor: Option<&VersionId>,
    ) -> Result<(), Fault> {
        let (from, hash) = self.state(id)?;
        if from != SpecStatus::Active {
            return Err(wrong_state(id, from, "only an active version can be deprecated").into());
        }
        if let Some(successor) = successor {
            self.state(successor)?;
        }
        let step = Step {
            id,
            change: SpecChange::Deprecated,
            from: Some(from),
            to: Some(SpecStatus::Deprecated),
            hash: &hash,
        };
        let successor = successor.map(ToString::to_string);
        self.go(&step, Advice::New { sunset, successor: successor.as_deref() })?;
        Ok(())
    }

    fn retire(&self, id: &VersionId) -> Result<(), Fault> {
        let (from, hash) = self.state(id)?;
        if from != SpecStatus::Deprecated {
            let hint = match from {
                SpecStatus::Draft => "a draft can be deleted",
                SpecStatus::Active => "deprecate it first, or promote another version",
                _ => "nothing is to be done",
            };
            return Err(wrong_state(id, from, hint).into());
        }
        let step = Step {
            id,
            change: SpecChange::Retired,
            from: Some(from),
            to: Some(SpecStatus::Retired),
            hash: &hash,
        };
        // What was said when it was deprecated still holds.
        self.go(&step, Advice::Kept)?;
        Ok(())
    }

    fn delete(&self, id: &VersionId) -> Result<(), Fault> {
        let (from, hash) = self.state(id)?;
        if from != SpecStatus::Draft {
            let message = format!("{id} is {} and stays", from.as_str());
            let hint = "only drafts can be deleted; deprecate and retire what is not to be used";
            return Err(Error::new(Code::SpecImmutable, message).hint(hint).into());
        }
        rows::remove(self.transaction, self.tenant, id)?;
        self.record(&Step {
            id,
            change: SpecChange::Deleted,
            from: Some(from),
            to: None,
            hash: &hash,
        })?;
        Ok(())
    }
}

fn wrong_state(id: &VersionId, status: SpecStatus, hint: &str) -> Error {
    Error::new(Code::SpecState, format!("{id} is {}", status.as_str())).hint(hint)
}

impl TenantStore {
    /// Makes a change and gives the record as it is then.
    async fn change_spec(
        &self,
        id: VersionId,
        stamp: Stamp,
        work: impl FnOnce(&Change<'_>) -> Result<(), Fault> + Send + 'static,
    ) -> Result<SpecRecord> {
        let tenant = self.tenant.clone();
        let raw = self
            .database()?
            .change(move |transaction| {
                let now = now(transaction)?;
                let change = Change { transaction, tenant: &tenant, stamp: &stamp, now };
                work(&change)?;
                match rows::get(transaction, &tenant, &id)? {
                    Some(raw) => Ok(raw),
                    None => Err(rows::not_found(transaction, &tenant, &id)?.into()),
                }
            })
            .await?;
        raw.record()
    }

    /// Keeps a new draft, or replaces the draft of this hash.
    ///
    /// # Errors
    /// [`Code::SpecConflict`], [`Code::SpecImmutable`].
    pub async fn save_spec(
        &self,
        new: NewSpec,
        replaces: Option<String>,
        stamp: Stamp,
    ) -> Result<SpecRecord> {
        let id = new.id.clone();
        self.change_spec(id, stamp, move |change| change.save(&new, replaces.as_deref())).await
    }

    /// Makes a draft or deprecated version the active one. The one before is deprecated, with the
    /// new one as its successor.
    ///
    /// # Errors
    /// [`Code::SpecNotFound`], [`Code::SpecState`].
    pub async fn promote_spec(&self, id: VersionId, stamp: Stamp) -> Result<SpecRecord> {
        self.change_spec(id.clone(), stamp, move |change| change.promote(&id)).await
    }

    /// Deprecates the active version.
    ///
    /// # Errors
    /// [`Code::SpecNotFound`], also for the successor; [`Code::SpecState`].
    pub async fn deprecate_spec(
        &self,
        id: VersionId,
        sunset: Option<String>,
        successor: Option<VersionId>,
        stamp: Stamp,
    ) -> Result<SpecRecord> {
        self.change_spec(id.clone(), stamp, move |change| {
            change.deprecate(&id, sunset.as_deref(), successor.as_ref())
        })
        .await
    }

    /// Retires a deprecated version.
    ///
    /// # Errors
    /// [`Code::SpecNotFound`], [`Code::SpecState`].
    pub async fn retire_spec(&self, id: VersionId, stamp: Stamp) -> Result<SpecRecord> {
        self.change_spec(id.clone(), stamp, move |change| change.retire(&id)).await
    }

    /// Removes a draft; its history stays.
    ///
    /// # Errors
    /// [`Code::SpecNotFound`], [`Code::SpecImmutable`].
    pub async fn delete_spec(&self, id: VersionId, stamp: Stamp) -> Result<()> {
        let tenant = self.tenant.clone();
        self.database()?
            .change(move |transaction| {
                let now = now(transaction)?;
                Change { transaction, tenant: &tenant, stamp: &stamp, now }.delete(&id)
            })
            .await
    }
}
