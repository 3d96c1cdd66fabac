//! The store that a command works on, and who works on it.

use std::ffi::OsString;
use std::path::PathBuf;

use aikit::kernel::{Kernel, OpenOptions, Specs};
use aikit::store::Location;
use aikit::{Code, Error};

use crate::failure::Failure;
use crate::output::quoted;

const STORE: &str = "AIKIT_STORE";
const TENANT: &str = "AIKIT_TENANT";
const ACTOR: &str = "AIKIT_ACTOR";
const DEFAULT_STORE: &str = "./aikit.db";
const DEFAULT_TENANT: &str = "default";

/// Where specs are kept.
#[derive(clap::Args)]
pub(crate) struct StoreArguments {
    /// SQLite file that the specs are kept in (else AIKIT_STORE, else ./aikit.db)
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Tenant to work for (else AIKIT_TENANT, else `default`)
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: Option<String>,
}

/// Who makes a change, and what for: kept in the history.
#[derive(clap::Args)]
pub(crate) struct ByWhy {
    /// Who makes the change (else AIKIT_ACTOR, else USER)
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
    /// What for
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: Option<String>,
}

/// What is done with a store that is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// It is an error: a wrong path would look like an empty store.
    Existing,
    /// It is made.
    Create,
}

/// The value of an environment variable; an empty one counts as none.
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn text_variable(name: &str) -> Result<Option<String>, Failure> {
    variable(name)
        .map(|value| {
            value.into_string().map_err(|_| {
                Failure::usage(
                    format!("{name} is not a text in UTF-8"),
                    "set it to one, or unset it",
                )
            })
        })
        .transpose()
}

impl StoreArguments {
    /// The store that the arguments or the environment name.
    pub(crate) fn named(&self) -> Option<PathBuf> {
        self.store.clone().or_else(|| variable(STORE).map(PathBuf::from))
    }

    /// That store; in memory without one.
    pub(crate) fn location(&self) -> Location {
        self.named().map(Location::from).unwrap_or_default()
    }

    pub(crate) fn tenant(&self) -> Result<String, Failure> {
        match &self.tenant {
            Some(tenant) => Ok(tenant.clone()),
            None => Ok(text_variable(TENANT)?.unwrap_or_else(|| DEFAULT_TENANT.to_owned())),
        }
    }

    /// The options of a kernel on this store; in memory without one.
    pub(crate) fn options(&self, location: Location) -> Result<OpenOptions, Failure> {
        let actor = match text_variable(ACTOR)? {
            Some(actor) => Some(actor),
            None => text_variable("USER")?,
        };
        Ok(OpenOptions {
            location: Some(location),
            tenant: Some(self.tenant()?),
            actor,
            ..OpenOptions::default()
        })
    }

    /// Opens the store.
    pub(crate) async fn open(&self, access: Access) -> Result<Kernel, Failure> {
        let path = self.named().unwrap_or_else(|| DEFAULT_STORE.into());
        let location = Location::from(path.as_path());
        let missing = location.path().is_some_and(|path| !path.exists());
        if missing && access == Access::Existing {
            let message = format!("there is no store {}", path.display());
            let hint = "name it with --store FILE or AIKIT_STORE, or make it by saving a first \
                        spec: aikit spec save FILE";
            return Err(Error::new(Code::FileNotFound, message).hint(hint).into());
        }
        let shown = location.to_string();
        let kernel = Kernel::open(self.options(location)?).await?;
        if missing {
            tell!("made the store {shown}\n");
        }
        Ok(kernel)
    }

    /// Works on the repository of the store, and closes it.
    pub(crate) fn with_specs<T>(
        &self,
        access: Access,
        work: impl AsyncFnOnce(Specs) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        crate::block_on(async {
            let kernel = self.open(access).await?;
            let outcome = work(kernel.specs()).await;
            let closed = kernel.close().await;
            let value = outcome?;
            closed?;
            Ok(value)
        })
    }

    /// The same store and tenant for a command that is recommended; empty if both are the defaults.
    pub(crate) fn again(&self) -> String {
        let store = self
            .store
            .as_ref()
            .map(|path| format!(" --store {}", quoted(&path.display().to_string())));
        let tenant = self.tenant.as_ref().map(|tenant| format!(" --tenant {}", quoted(tenant)));
        store.unwrap_or_default() + &tenant.unwrap_or_default()
    }
}
