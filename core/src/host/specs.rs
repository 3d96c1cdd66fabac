//! The spec repository in the form that bindings hold: JSON text in, a [`Task`] out.

use super::session::{HostKernel, json_text, object, options};
use super::task::Task;
use crate::error::{Code, Error, Result};
use crate::io;
use crate::kernel::{
    Bundle, ChangeOptions, DeprecateOptions, ExportOptions, ImportOptions, ListOptions,
    SaveOptions, Specs,
};
use crate::spec::Spec;

/// The spec repository of a kernel's tenant. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HostSpecs(Specs);

impl HostKernel {
    /// The spec repository.
    pub fn specs(&self) -> HostSpecs {
        HostSpecs(self.kernel().specs())
    }
}

/// Starts `work` with options that were read, or ends at once.
fn start<O, T, F>(options: Result<O>, work: impl FnOnce(O) -> F) -> Task<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    match options {
        Ok(options) => {
            let work = work(options);
            Task::spawn(|_, _| work)
        }
        Err(error) => Task::ready(Err(error)),
    }
}

impl HostSpecs {
    /// Keeps a draft: `options` is JSON of [`SaveOptions`]. Gives the record as JSON.
    pub fn save(&self, spec: &Spec, save_options: &str) -> Task<String> {
        let (specs, spec) = (self.0.clone(), spec.clone());
        start(options::<SaveOptions>("save", save_options), |options| async move {
            json_text(&specs.save(&spec, options).await?)
        })
    }

    /// The record of `id@version`, or of the active version of `id`, as JSON.
    pub fn get(&self, reference: &str) -> Task<String> {
        let (specs, reference) = (self.0.clone(), reference.to_owned());
        Task::spawn(|_, _| async move { json_text(&specs.get(&reference).await?) })
    }

    /// The spec of `id@version`, or of the active version of `id`.
    pub fn load(&self, reference: &str) -> Task<Spec> {
        let (specs, reference) = (self.0.clone(), reference.to_owned());
        Task::spawn(|_, _| async move { specs.load(&reference).await })
    }

    /// A page of records: `options` is JSON of [`ListOptions`]. Gives `{specs, next}` as JSON.
    pub fn list(&self, list_options: &str) -> Task<String> {
        let specs = self.0.clone();
        start(options::<ListOptions>("list", list_options), |options| async move {
            json_text(&specs.list(options).await?)
        })
    }

    /// Every change of an agent, as a JSON array, oldest first.
    pub fn history(&self, agent_id: &str) -> Task<String> {
        let (specs, agent_id) = (self.0.clone(), agent_id.to_owned());
        Task::spawn(|_, _| async move { json_text(&specs.history(&agent_id).await?) })
    }

    /// What differs between two versions, as a JSON array.
    pub fn diff(&self, a: &str, b: &str) -> Task<String> {
        let (specs, a, b) = (self.0.clone(), a.to_owned(), b.to_owned());
        Task::spawn(|_, _| async move { json_text(&specs.diff(&a, &b).await?) })
    }

    /// Makes `id@version` active: `options` is JSON of [`ChangeOptions`]. Gives the record as JSON.
    pub fn promote(&self, reference: &str, change_options: &str) -> Task<String> {
        let (specs, reference) = (self.0.clone(), reference.to_owned());
        start(options::<ChangeOptions>("promote", change_options), |options| async move {
            json_text(&specs.promote(&reference, options).await?)
        })
    }

    /// Deprecates `id@version`: `options` is JSON of [`DeprecateOptions`]. Gives the record as JSON.
    pub fn deprecate(&self, reference: &str, deprecate_options: &str) -> Task<String> {
        let (specs, reference) = (self.0.clone(), reference.to_owned());
        start(options::<DeprecateOptions>("deprecate", deprecate_options), |options| async move {
            json_text(&specs.deprecate(&reference, options).await?)
        })
    }

    /// Retires `id@version`: `options` is JSON of [`ChangeOptions`]. Gives the record as JSON.
    pub fn retire(&self, reference: &str, change_options: &str) -> Task<String> {
        let (specs, reference) = (self.0.clone(), reference.to_owned());
        start(options::<ChangeOptions>("retire", change_options), |options| async move {
            json_text(&specs.retire(&reference, options).await?)
        })
    }

    /// Removes the draft `id@version`: `options` is JSON of [`ChangeOptions`].
    pub fn delete(&self, reference: &str, change_options: &str) -> Task<()> {
        let (specs, reference) = (self.0.clone(), reference.to_owned());
        start(options::<ChangeOptions>("delete", change_options), |options| async move {
            specs.delete(&reference, options).await
        })
    }

    /// A bundle, as JSON: `options` is JSON of [`ExportOptions`].
    pub fn export(&self, export_options: &str) -> Task<String> {
        let specs = self.0.clone();
        start(options::<ExportOptions>("export", export_options), |options| async move {
            json_text(&specs.export(options).await?)
        })
    }

    /// Takes a bundle in: `options` is JSON of [`ImportOptions`]. Gives `{imported, skipped}` as
    /// JSON.
    pub fn import(&self, bundle: &str, import_options: &str) -> Task<String> {
        let (specs, bundle) = (self.0.clone(), bundle.to_owned());
        start(options::<ImportOptions>("import", import_options), |options| async move {
            // A bundle can be large: it is read away from the I/O threads.
            let bundle = io::runtime()?
                .spawn_blocking(move || object::<Bundle>("bundle", &bundle))
                .await
                .map_err(|e| Error::new(Code::Panic, "reading the bundle failed").caused_by(e))??;
            json_text(&specs.import(bundle, options).await?)
        })
    }
}
