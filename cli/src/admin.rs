//! The administrators' door of a store, and who goes through it.

use std::path::PathBuf;

use aikit::store::{Admin, Location};

use crate::failure::Failure;
use crate::store::{StoreArguments, again, is_missing};

/// Which store, and who works on it.
#[derive(clap::Args)]
pub(crate) struct AdminArguments {
    #[command(flatten)]
    target: Target,
    /// Who does it, for the audit log (else AIKIT_ACTOR, else the profile's actor, else USER)
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
}

/// Which store, for work that no actor is noted for.
#[derive(clap::Args)]
pub(crate) struct Target {
    /// SQLite file or PostgreSQL URL (else AIKIT_STORE, else the profile's, else ./aikit.db);
    /// env:NAME or file:PATH for a URL that is kept there, because it holds a password
    #[arg(long, value_name = "STORE")]
    store: Option<PathBuf>,
    /// TOML file with settings for this machine (else AIKIT_PROFILE)
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
}

impl Target {
    fn arguments(&self) -> StoreArguments {
        StoreArguments { store: self.store.clone(), tenant: None, profile: self.profile.clone() }
    }

    /// The store, whether it is there or not.
    pub(crate) fn location(&self) -> Result<Location, Failure> {
        self.arguments().location()
    }

    /// The store, which must be there if it is a file.
    pub(crate) fn existing(&self) -> Result<Location, Failure> {
        self.arguments().existing()
    }

    /// The same store for a command that is recommended.
    pub(crate) fn again(&self) -> String {
        again(self.store.as_deref(), self.profile.as_deref())
    }
}

/// Who reads when nobody said so: reading leaves no trace.
const READER: &str = "aikit";

/// What is done behind the door.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Nothing is changed; nobody has to say who it is.
    Reading,
    /// Something is changed, in the name of somebody.
    Changing,
    /// The same, and a file that is not there is made.
    Making,
}

impl AdminArguments {
    /// The store, whether it is there or not.
    pub(crate) fn location(&self) -> Result<Location, Failure> {
        self.target.location()
    }

    /// The store, which must be there if it is a file.
    pub(crate) fn existing(&self) -> Result<Location, Failure> {
        self.target.existing()
    }

    /// The same store for a command that is recommended.
    pub(crate) fn again(&self) -> String {
        self.target.again()
    }

    pub(crate) fn actor(&self, doing: Doing) -> Result<String, Failure> {
        let actor = match &self.by {
            Some(by) => Some(by.clone()),
            None => self.target.arguments().actor()?,
        };
        match (actor, doing) {
            (Some(actor), _) => Ok(actor),
            (None, Doing::Reading) => Ok(READER.into()),
            (None, _) => Err(Failure::usage(
                "nobody is known as the one who does this, and the audit log has to say who",
                "give --by WHO, or set AIKIT_ACTOR",
            )),
        }
    }

    /// Opens the door.
    pub(crate) async fn open(&self, doing: Doing) -> Result<Admin, Failure> {
        let location = match doing {
            Doing::Making => self.location()?,
            Doing::Reading | Doing::Changing => self.existing()?,
        };
        let missing = is_missing(&location);
        let admin = Admin::open(&location, &self.actor(doing)?).await?;
        if missing {
            tell!("made the store {location}\n");
        }
        Ok(admin)
    }

    /// Works behind the door, and closes it.
    pub(crate) fn with<T>(
        &self,
        doing: Doing,
        work: impl AsyncFnOnce(&Admin) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        crate::block_on(async {
            let admin = self.open(doing).await?;
            let outcome = work(&admin).await;
            let closed = admin.close().await;
            let value = outcome?;
            closed?;
            Ok(value)
        })
    }
}
