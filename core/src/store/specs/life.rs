//! The steps of a version's life, each one transaction with its lines of history.

use super::history::{self, SpecChange, Stamp, Step};
use super::rows::{self, Kept, NewSpec, SpecRecord};
use super::{SpecStatus, VersionId};
use crate::error::{Code, Error, Result};
use crate::store::tx::{Tx, Work, values};
use crate::store::{Limits, Lock, TenantStore, usage};

/// What a record says to those who still use a version.
enum Advice<'a> {
    Kept,
    New { sunset: Option<&'a str>, successor: Option<&'a str> },
}

/// One change under way.
struct Change<'a, 'c> {
    tx: &'a mut Tx<'c>,
    stamp: &'a Stamp,
    limits: Limits,
    now: String,
}

impl Change<'_, '_> {
    /// State and hash of a version that must be there.
    async fn state(&mut self, id: &VersionId) -> Result<(SpecStatus, String)> {
        match rows::state(self.tx, id).await? {
            Some(state) => Ok(state),
            None => Err(rows::not_found(self.tx, id).await?),
        }
    }

    async fn record(&mut self, step: &Step<'_>) -> Result<()> {
        history::append(self.tx, step, self.stamp, &self.now).await
    }

    /// Gives a version its new state, with a line of history.
    async fn go(&mut self, step: &Step<'_>, advice: Advice<'_>) -> Result<()> {
        let (keep, sunset, successor) = match advice {
            Advice::Kept => (true, None, None),
            Advice::New { sunset, successor } => (false, sunset, successor),
        };
        self.tx
            .execute(
                "UPDATE spec_versions SET status = ?4, updated_at = ?5,
                     sunset = CASE WHEN ?6 THEN sunset ELSE ?7 END,
                     successor = CASE WHEN ?6 THEN successor ELSE ?8 END
                 WHERE tenant_id = ?1 AND agent_id = ?2 AND ordering = ?3",
                values![
                    step.id.agent_id(),
                    step.id.order(),
                    step.to,
                    &self.now,
                    keep,
                    sunset,
                    successor
                ],
            )
            .await?;
        self.record(step).await
    }

    async fn insert(
        &mut self,
        new: &NewSpec,
        created_at: &str,
        created_by: Option<&str>,
    ) -> Result<()> {
        let kept = Kept {
            status: SpecStatus::Draft,
            created_at,
            created_by,
            updated_at: &self.now,
            sunset: None,
            successor: None,
        };
        rows::insert(self.tx, new, &kept).await?;
        usage::count(self.tx, rows::size(new), self.limits).await
    }

    /// The nearest number that is free.
    async fn free_number(&mut self, id: &VersionId) -> Result<String> {
        for free in id.free_numbers() {
            if rows::state(self.tx, &free).await?.is_none() {
                return Ok(free.version().to_owned());
            }
        }
        Ok("a greater minor number".into())
    }

    async fn save(&mut self, new: &NewSpec, replaces: Option<&str>) -> Result<()> {
        let id = &new.id;
        let conflict = |message: String| Error::new(Code::SpecConflict, message);
        let step =
            |change, from| Step { id, change, from, to: Some(SpecStatus::Draft), hash: &new.hash };
        match (rows::state(self.tx, id).await?, replaces) {
            (None, None) => {
                let now = self.now.clone();
                self.insert(new, &now, self.stamp.by.as_deref()).await?;
                self.record(&step(SpecChange::Saved, None)).await
            }
            (None, Some(_)) => Err(conflict(format!("{id} is not there any more"))
                .hint("leave `replaces` out to save it anew")),
            (Some((SpecStatus::Draft, hash)), Some(replaces)) if hash == replaces => {
                let old = rows::remove(self.tx, id).await?;
                self.insert(new, &old.created_at, old.created_by.as_deref()).await?;
                self.record(&step(SpecChange::Replaced, Some(SpecStatus::Draft))).await
            }
            (Some((SpecStatus::Draft, _)), Some(_)) => {
                Err(conflict(format!("{id} was changed since it was read"))
                    .hint("get it again, and give the hash of what is there as `replaces`"))
            }
            (Some((SpecStatus::Draft, _)), None) => {
                let free = self.free_number(id).await?;
                let hint = format!(
                    "save as {free}, or give the hash of the draft that is there as `replaces`"
                );
                Err(conflict(format!("{id} is there already")).hint(hint))
            }
            (Some((status, _)), _) => {
                let free = self.free_number(id).await?;
                let message = format!("{id} is {} and never changes", status.as_str());
                Err(Error::new(Code::SpecImmutable, message).hint(format!("save as {free}")))
            }
        }
    }

    async fn promote(&mut self, id: &VersionId) -> Result<()> {
        let (from, hash) = self.state(id).await?;
        match from {
            SpecStatus::Draft | SpecStatus::Deprecated => {}
            SpecStatus::Active => {
                return Err(wrong_state(id, from, "nothing is to be done"));
            }
            SpecStatus::Retired => {
                let hint = "a retired version does not come back: save its text under a new number";
                return Err(wrong_state(id, from, hint));
            }
        }
        if let Some((version, hash)) = rows::active(self.tx, id.agent_id()).await? {
            let old = VersionId::new(id.agent_id(), &version)
                .ok_or_else(|| Error::new(Code::StoreCorrupt, format!("a version {version:?}")))?;
            let step = Step {
                id: &old,
                change: SpecChange::Deprecated,
                from: Some(SpecStatus::Active),
                to: Some(SpecStatus::Deprecated),
                hash: &hash,
            };
            self.go(&step, Advice::New { sunset: None, successor: Some(&id.to_string()) }).await?;
        }
        let step = Step {
            id,
            change: SpecChange::Promoted,
            from: Some(from),
            to: Some(SpecStatus::Active),
            hash: &hash,
        };
        self.go(&step, Advice::New { sunset: None, successor: None }).await
    }

    async fn deprecate(
        &mut self,
        id: &VersionId,
        sunset: Option<&str>,
        successor: Option<&VersionId>,
    ) -> Result<()> {
        let (from, hash) = self.state(id).await?;
        if from != SpecStatus::Active {
            return Err(wrong_state(id, from, "only an active version can be deprecated"));
        }
        if let Some(successor) = successor {
            self.state(successor).await?;
        }
        let step = Step {
            id,
            change: SpecChange::Deprecated,
            from: Some(from),
            to: Some(SpecStatus::Deprecated),
            hash: &hash,
        };
        let successor = successor.map(ToString::to_string);
        self.go(&step, Advice::New { sunset, successor: successor.as_deref() }).await
    }

    async fn retire(&mut self, id: &VersionId) -> Result<()> {
        let (from, hash) = self.state(id).await?;
        if from != SpecStatus::Deprecated {
            let hint = match from {
                SpecStatus::Draft => "a draft can be deleted",
                SpecStatus::Active => "deprecate it first, or promote another version",
                _ => "nothing is to be done",
            };
            return Err(wrong_state(id, from, hint));
        }
        let step = Step {
            id,
            change: SpecChange::Retired,
            from: Some(from),
            to: Some(SpecStatus::Retired),
            hash: &hash,
        };
        // What was said when it was deprecated still holds.
        self.go(&step, Advice::Kept).await
    }

    async fn delete(&mut self, id: &VersionId) -> Result<()> {
        let (from, hash) = self.state(id).await?;
        if from != SpecStatus::Draft {
            let message = format!("{id} is {} and stays", from.as_str());
            let hint = "only drafts can be deleted; deprecate and retire what is not to be used";
            return Err(Error::new(Code::SpecImmutable, message).hint(hint));
        }
        rows::remove(self.tx, id).await?;
        self.record(&Step {
            id,
            change: SpecChange::Deleted,
            from: Some(from),
            to: None,
            hash: &hash,
        })
        .await
    }
}

fn wrong_state(id: &VersionId, status: SpecStatus, hint: &str) -> Error {
    Error::new(Code::SpecState, format!("{id} is {}", status.as_str())).hint(hint)
}

impl TenantStore {
    /// Makes a change and gives the record as it is then.
    async fn change_spec<F>(&self, id: VersionId, stamp: Stamp, work: F) -> Result<SpecRecord>
    where
        F: for<'w> FnOnce(&'w mut Change<'_, '_>) -> Work<'w, ()> + Send + 'static,
    {
        let limits = self.limits;
        let raw = self
            .write(Lock::Tenant, move |tx| {
                Box::pin(async move {
                    let now = tx.now().await?;
                    let mut change = Change { tx, stamp: &stamp, limits, now };
                    work(&mut change).await?;
                    match rows::get(change.tx, &id).await? {
                        Some(raw) => Ok(raw),
                        None => Err(rows::not_found(change.tx, &id).await?),
                    }
                })
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
        self.change_spec(id, stamp, move |change| {
            Box::pin(async move { change.save(&new, replaces.as_deref()).await })
        })
        .await
    }

    /// Makes a draft or deprecated version the active one. The one before is deprecated, with the
    /// new one as its successor.
    ///
    /// # Errors
    /// [`Code::SpecNotFound`], [`Code::SpecState`].
    pub async fn promote_spec(&self, id: VersionId, stamp: Stamp) -> Result<SpecRecord> {
        self.change_spec(id.clone(), stamp, move |change| {
            Box::pin(async move { change.promote(&id).await })
        })
        .await
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
            Box::pin(
                async move { change.deprecate(&id, sunset.as_deref(), successor.as_ref()).await },
            )
        })
        .await
    }

    /// Retires a deprecated version.
    ///
    /// # Errors
    /// [`Code::SpecNotFound`], [`Code::SpecState`].
    pub async fn retire_spec(&self, id: VersionId, stamp: Stamp) -> Result<SpecRecord> {
        self.change_spec(id.clone(), stamp, move |change| {
            Box::pin(async move { change.retire(&id).await })
        })
        .await
    }

    /// Removes a draft; its history stays.
    ///
    /// # Errors
    /// [`Code::SpecNotFound`], [`Code::SpecImmutable`].
    pub async fn delete_spec(&self, id: VersionId, stamp: Stamp) -> Result<()> {
        self.write(Lock::Tenant, move |tx| {
            Box::pin(async move {
                let now = tx.now().await?;
                Change { tx, stamp: &stamp, limits: Limits::default(), now }.delete(&id).await
            })
        })
        .await
    }
}
