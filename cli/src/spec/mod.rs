//! `aikit spec`.

mod check;
mod compare;
mod explain;
mod export;
mod import;
mod life;
mod list;
mod new;
mod report;
mod save;
mod set;
mod show;

use aikit::kernel::Kernel;
use aikit::spec::Spec;
use clap::Subcommand;

use crate::failure::{Failure, Outcome};
use crate::source;
use crate::store::{Access, StoreArguments};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Write a spec to start from
    New(new::Arguments),
    /// Check specs; exit status 1 if one has errors
    Check(check::Arguments),
    /// Show the full document that a spec stands for
    Expand(compare::ExpandArguments),
    /// Show what differs between two specs, field by field; exit status 1 if something does
    Diff(compare::DiffArguments),
    /// Set one value in a spec file; comments and layout stay
    Set(set::Arguments),
    /// Keep a spec in the repository, as a draft
    Save(save::Arguments),
    /// List the versions in the repository
    List(list::Arguments),
    /// Show one version
    Show(show::Arguments),
    /// Show every change of an agent's versions: who, when, why
    History(list::HistoryArguments),
    /// Make a version the active one of its agent; the one before is deprecated
    Promote(life::ChangeArguments),
    /// Say that the active version is not to be used much longer
    Deprecate(life::DeprecateArguments),
    /// End a deprecated version: it makes no agents any more
    Retire(life::ChangeArguments),
    /// Remove a draft
    Delete(life::ChangeArguments),
    /// Take in a bundle, or convert a document of another framework
    Import(import::Arguments),
    /// Write versions out: as a bundle, as a document, in another framework's format
    Export(export::Arguments),
    /// Print the JSON Schema of specs
    #[command(after_help = "Example:\n  aikit spec schema > spec.schema.json")]
    Schema,
    /// Explain the code of a finding, with a wrong example and the same corrected
    Explain(explain::Arguments),
}

pub(crate) fn dispatch(command: Command) -> Outcome {
    match command {
        Command::New(arguments) => new::new(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::Expand(arguments) => compare::expand(&arguments),
        Command::Diff(arguments) => compare::diff(&arguments),
        Command::Set(arguments) => set::set(&arguments),
        Command::Save(arguments) => save::save(&arguments),
        Command::List(arguments) => list::list(&arguments),
        Command::Show(arguments) => show::show(&arguments),
        Command::History(arguments) => list::history(&arguments),
        Command::Promote(arguments) => life::promote(&arguments),
        Command::Deprecate(arguments) => life::deprecate(&arguments),
        Command::Retire(arguments) => life::retire(&arguments),
        Command::Delete(arguments) => life::delete(&arguments),
        Command::Import(arguments) => import::import(&arguments),
        Command::Export(arguments) => export::export(&arguments),
        Command::Schema => explain::schema(),
        Command::Explain(arguments) => explain::explain(&arguments),
    }
}

/// Finds the specs that arguments mean, each a file or a version; the store is opened when the
/// first version is asked for.
struct Sources<'a> {
    store: &'a StoreArguments,
    kernel: Option<Kernel>,
}

impl<'a> Sources<'a> {
    fn new(store: &'a StoreArguments) -> Self {
        Self { store, kernel: None }
    }

    async fn spec(&mut self, text: &str) -> Result<Spec, Failure> {
        if source::is_file(text) {
            return source::read_spec(text);
        }
        let kernel = match self.kernel.take() {
            Some(kernel) => kernel,
            None => self.store.open(Access::Existing).await?,
        };
        let record = self.kernel.insert(kernel).specs().get(text).await?;
        // Not `load`: a retired version can still be looked at.
        Ok(Spec::parse(&record.text.unwrap_or_default())?)
    }

    async fn close(self) -> Result<(), Failure> {
        if let Some(kernel) = self.kernel {
            kernel.close().await?;
        }
        Ok(())
    }
}
