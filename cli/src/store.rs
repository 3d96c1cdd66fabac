//! The store that a command works on, and who works on it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use aikit::config::{SecretRef, Settings};
use aikit::kernel::{Kernel, OpenOptions, Specs};
use aikit::store::Location;
use aikit::{Code, Error};
use secrecy::ExposeSecret;

use crate::failure::Failure;
use crate::output::quoted;

const STORE: &str = "AIKIT_STORE";
const TENANT: &str = "AIKIT_TENANT";
const ACTOR: &str = "AIKIT_ACTOR";
const PROFILE: &str = "AIKIT_PROFILE";
const DEFAULT_STORE: &str = "./aikit.db";

/// Where things are kept, for whom, and with which settings.
#[derive(clap::Args, Default)]
pub(crate) struct StoreArguments {
    /// SQLite file or PostgreSQL URL (else AIKIT_STORE, else the profile's, else ./aikit.db);
    /// env:NAME or file:PATH for a URL that is kept there, because it holds a password
    #[arg(long, value_name = "STORE")]
    pub(crate) store: Option<PathBuf>,
    /// Tenant to work for (else AIKIT_TENANT, else the profile's, else `default`)
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: Option<String>,
    /// TOML file with settings for this machine (else AIKIT_PROFILE)
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,
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

/// The store that a text means: a path, a URL, or a reference to where one of them is kept. A
/// password does not belong on a command line, which every user of the machine can read.
pub(crate) fn location(text: &Path) -> Result<Location, Failure> {
    let reference = match text.to_str() {
        Some(word) => match (word.strip_prefix("env:"), word.strip_prefix("file:")) {
            (Some(name), _) => Some(SecretRef::Env(name.to_owned())),
            (_, Some(path)) => Some(SecretRef::File(path.to_owned())),
            (None, None) => None,
        },
        None => None,
    };
    let Some(reference) = reference else { return Ok(text.into()) };
    let wrong = match &reference {
        SecretRef::Env(name) => name.is_empty() || name.contains(['=', '\0']),
        SecretRef::File(path) => path.is_empty(),
    };
    if wrong {
        let message = format!("{:?} names no place that an address is kept in", word_of(text));
        return Err(Failure::usage(message, "write env:NAME or file:PATH"));
    }
    Ok(Location::new(reference.read()?.expose_secret()))
}

fn word_of(path: &Path) -> String {
    path.display().to_string()
}

/// How a store is called in a command that is recommended: as it was given, without a password.
pub(crate) fn shown(text: &Path) -> String {
    match Location::from(text) {
        Location::Postgres(url) => quoted(&Location::Postgres(url).to_string()),
        _ => quoted(&word_of(text)),
    }
}

/// An SQLite file that is not there.
pub(crate) fn is_missing(location: &Location) -> bool {
    location.path().is_some_and(|path| !path.exists())
}

impl StoreArguments {
    /// The profile that the arguments or the environment name.
    pub(crate) fn profile(&self) -> Option<PathBuf> {
        self.profile.clone().or_else(|| variable(PROFILE).map(PathBuf::from))
    }

    /// What the profile says; nothing without one.
    pub(crate) fn settings(&self) -> Result<Settings, Failure> {
        match self.profile() {
            Some(path) => read_profile(&path),
            None => Ok(Settings::default()),
        }
    }

    /// The store that the arguments, the environment or the profile name.
    pub(crate) fn named(&self) -> Result<Option<Location>, Failure> {
        match self.store.clone().or_else(|| variable(STORE).map(PathBuf::from)) {
            Some(text) => location(&text).map(Some),
            None => match self.settings()?.store {
                Some(address) => Ok(Some(Location::new(address.read()?.expose_secret()))),
                None => Ok(None),
            },
        }
    }

    /// That store, or the file that is meant without one.
    pub(crate) fn location(&self) -> Result<Location, Failure> {
        Ok(self.named()?.unwrap_or_else(|| DEFAULT_STORE.into()))
    }

    /// Who acts: the environment's actor, else the profile's, else the user of the system.
    pub(crate) fn actor(&self) -> Result<Option<String>, Failure> {
        match text_variable(ACTOR)? {
            Some(actor) => Ok(Some(actor)),
            None => match self.settings()?.actor {
                Some(actor) => Ok(Some(actor)),
                None => text_variable("USER"),
            },
        }
    }

    /// The options of a kernel on this store.
    pub(crate) fn options(&self, location: Location) -> Result<OpenOptions, Failure> {
        Ok(OpenOptions {
            location: Some(location),
            tenant: match &self.tenant {
                Some(tenant) => Some(tenant.clone()),
                None => text_variable(TENANT)?,
            },
            // The profile's actor is its own layer, and has to stay one.
            actor: match text_variable(ACTOR)? {
                None if self.settings()?.actor.is_some() => None,
                None => text_variable("USER")?,
                actor => actor,
            },
            profile: self.profile(),
            ..OpenOptions::default()
        })
    }

    /// Refuses an SQLite file that is not there.
    pub(crate) fn existing(&self) -> Result<Location, Failure> {
        let location = self.location()?;
        if is_missing(&location) {
            let message = format!("there is no store {location}");
            let hint = "name it with --store or AIKIT_STORE, or make it by saving a first \
                        spec: aikit spec save FILE";
            return Err(Error::new(Code::FileNotFound, message).hint(hint).into());
        }
        Ok(location)
    }

    /// Opens the store.
    pub(crate) async fn open(&self, access: Access) -> Result<Kernel, Failure> {
        let location = match access {
            Access::Existing => self.existing()?,
            Access::Create => self.location()?,
        };
        let (missing, shown) = (is_missing(&location), location.to_string());
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
        let tenant = self.tenant.as_ref().map(|tenant| format!(" --tenant {}", quoted(tenant)));
        again(self.store.as_deref(), self.profile.as_deref()) + &tenant.unwrap_or_default()
    }
}

/// The words that name a store and a profile again.
pub(crate) fn again(store: Option<&Path>, profile: Option<&Path>) -> String {
    let store = store.map(|text| format!(" --store {}", shown(text)));
    let profile = profile.map(|path| format!(" --profile {}", quoted(&word_of(path))));
    store.unwrap_or_default() + &profile.unwrap_or_default()
}

/// Reads a profile; what is wrong in it is told with its place.
pub(crate) fn read_profile(path: &Path) -> Result<Settings, Failure> {
    Settings::read(path).map_err(Failure::from)
}
