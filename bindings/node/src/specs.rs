//! The spec repository: text in, a task out.

use aikit::host::HostSpecs;
use napi::bindgen_prelude::Utf16String;
use napi_derive::napi;

use crate::failure::{Failure, text};
use crate::spec::NativeSpec;
use crate::task::NativeTask;

/// The spec repository of a kernel.
#[napi]
pub struct NativeSpecs(pub(crate) HostSpecs);

/// What names a version.
fn version(reference: &Utf16String) -> Result<String, Failure> {
    text("the reference", reference)
}

#[napi]
impl NativeSpecs {
    /// Keeps a draft; the task gives its record.
    #[napi]
    pub fn save(&self, spec: &NativeSpec, options: String) -> NativeTask {
        NativeTask::new(self.0.save(&spec.0, &options))
    }

    /// The task gives the record of a version.
    #[napi]
    pub fn get(&self, reference: Utf16String) -> Result<NativeTask, Failure> {
        Ok(NativeTask::new(self.0.get(&version(&reference)?)))
    }

    /// The task gives a version as a [`NativeSpec`].
    #[napi]
    pub fn load(&self, reference: Utf16String) -> Result<NativeTask, Failure> {
        Ok(NativeTask::new(self.0.load(&version(&reference)?)))
    }

    /// The task gives a page of records.
    #[napi]
    pub fn list(&self, options: String) -> NativeTask {
        NativeTask::new(self.0.list(&options))
    }

    /// The task gives the changes of an agent.
    #[napi]
    pub fn history(&self, agent_id: Utf16String) -> Result<NativeTask, Failure> {
        let agent_id = text("the id of the agent", &agent_id)?;
        Ok(NativeTask::new(self.0.history(&agent_id)))
    }

    /// The task gives what differs between two versions.
    #[napi]
    pub fn diff(&self, a: Utf16String, b: Utf16String) -> Result<NativeTask, Failure> {
        Ok(NativeTask::new(self.0.diff(&version(&a)?, &version(&b)?)))
    }

    /// Makes a version active; the task gives its record.
    #[napi]
    pub fn promote(&self, reference: Utf16String, options: String) -> Result<NativeTask, Failure> {
        Ok(NativeTask::new(self.0.promote(&version(&reference)?, &options)))
    }

    /// Deprecates a version; the task gives its record.
    #[napi]
    pub fn deprecate(
        &self,
        reference: Utf16String,
        options: String,
    ) -> Result<NativeTask, Failure> {
        Ok(NativeTask::new(self.0.deprecate(&version(&reference)?, &options)))
    }

    /// Retires a version; the task gives its record.
    #[napi]
    pub fn retire(&self, reference: Utf16String, options: String) -> Result<NativeTask, Failure> {
        Ok(NativeTask::new(self.0.retire(&version(&reference)?, &options)))
    }

    /// Removes a draft; the task gives nothing.
    #[napi]
    pub fn delete(&self, reference: Utf16String, options: String) -> Result<NativeTask, Failure> {
        Ok(NativeTask::new(self.0.delete(&version(&reference)?, &options)))
    }

    /// The task gives a bundle.
    #[napi]
    pub fn export(&self, options: String) -> NativeTask {
        NativeTask::new(self.0.export(&options))
    }

    /// Takes a bundle in; the task gives a report.
    #[napi]
    pub fn import(&self, bundle: String, options: String) -> NativeTask {
        NativeTask::new(self.0.import(&bundle, &options))
    }
}
