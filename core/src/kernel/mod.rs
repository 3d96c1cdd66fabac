//! What users hold: a kernel opens a store for one tenant, knows tools and providers, keeps specs,
//! and makes agents from them.
//!
//! The asynchronous functions want a tokio runtime around them, of any flavour, with time enabled;
//! runs themselves, and all connections, live on aikit's own.

mod bundle;
mod context;
mod parsed;
mod reference;
mod specs;

pub use crate::config::{Policy, Quotas};
pub use bundle::Bundle;
pub use reference::AgentRef;
pub use specs::{
    ChangeOptions, DeprecateOptions, ExportOptions, ImportOptions, ListOptions, OnConflict,
    SaveOptions, SpecPage, Specs,
};

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::agent::{Agent, Parts, Toolbox, names};
use crate::error::{Code, Error, Result};
use crate::model::Providers;
use crate::retrieval::Collection;
use crate::spec::{Spec, fill, is_model_name};
use crate::store::{Limits, Location, Store, StoreOptions, TenantStore};
use crate::tool::{Context, HostCalls, Registry, Tool};
use parsed::Parsed;

/// How long closing waits for cancelled runs to record their end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How a kernel is opened.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OpenOptions {
    /// Path of an SQLite file, made if need be; the URL of a PostgreSQL database; default: in memory.
    pub location: Location,
    /// A slug; default `default`.
    pub tenant: String,
    /// Where models are. Without it, `OPENAI_BASE_URL` and `OPENAI_API_KEY` are read when an
    /// `openai/` model is first used.
    pub providers: Providers,
    /// Who acts, for the history of specs; at most 200 characters.
    pub actor: Option<String>,
    /// `provider/model` for specs that name none.
    pub default_model: Option<String>,
    /// What the tenant may do.
    #[serde(deserialize_with = "crate::config::mapping")]
    pub policy: Policy,
    /// Whether PostgreSQL has to isolate the tenants; default: true.
    pub rls: bool,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            location: Location::Memory,
            tenant: "default".into(),
            providers: Providers::default(),
            actor: None,
            default_model: None,
            policy: Policy::default(),
            rls: true,
        }
    }
}

impl OpenOptions {
    /// The defaults with this SQLite file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { location: Location::File(path.into()), ..Self::default() }
    }
}

/// The quotas that the store and the runs count.
fn limits(quotas: &Quotas) -> Limits {
    Limits::of_config(&serde_json::json!({ "quotas": quotas }))
}

/// How an agent is made.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentOptions {
    /// `provider/model`, instead of the spec's.
    pub model: Option<String>,
}

/// An open kernel. Cheap to clone (all clones are the same kernel), `Send`, `Sync`.
#[derive(Clone, Debug)]
pub struct Kernel(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    tenant: TenantStore,
    tools: Arc<Registry>,
    providers: Arc<Providers>,
    actor: Option<String>,
    default_model: Option<String>,
    policy: Policy,
    parsed: Parsed,
    closing: CancellationToken,
    running: TaskTracker,
}

impl Kernel {
    /// Opens a kernel.
    ///
    /// # Errors
    /// [`Code::TenantInvalid`], [`Code::InvalidArgument`] and the store's codes.
    pub async fn open(options: OpenOptions) -> Result<Self> {
        if let Some(actor) = &options.actor {
            specs::bounded("actor", actor, specs::BY_LIMIT)?;
        }
        if let Some(model) = options.default_model.as_deref()
            && !is_model_name(model)
        {
            let message = format!("the default model {model:?} is not of the form provider/model");
            return Err(Error::invalid_argument(message).hint("for instance openai/gpt-4o-mini"));
        }
        let store = Store::open(&options.location, StoreOptions { rls: options.rls }).await?;
        let actor = options.actor.as_deref().filter(|actor| !actor.is_empty());
        let limits = limits(&options.policy.quotas);
        let tenant = store.tenant(&options.tenant)?.with(actor, limits);
        tenant.settle().await?;
        Ok(Self(Arc::new(Inner {
            store,
            tenant,
            tools: Arc::new(Registry::with_builtins()),
            providers: Arc::new(options.providers),
            actor: options.actor.filter(|actor| !actor.is_empty()),
            default_model: options.default_model,
            policy: options.policy,
            parsed: Parsed::default(),
            closing: CancellationToken::new(),
            running: TaskTracker::new(),
        })))
    }

    /// The tenant that it was opened for.
    pub fn tenant(&self) -> &str {
        self.0.tenant.id()
    }

    /// Registers a tool; agents may use it when their spec names it.
    ///
    /// # Errors
    /// [`Code::ToolExists`]; [`Code::InvalidArgument`] for a bad name or schema.
    pub fn register(&self, tool: Arc<dyn Tool>) -> Result<()> {
        self.check_open()?;
        self.0.tools.register(tool)
    }

    /// The collection of this name; it exists as soon as something is put in.
    ///
    /// # Errors
    /// [`Code::CollectionInvalid`].
    pub fn collection(&self, name: &str) -> Result<Collection> {
        self.check_open()?;
        Collection::new(name, self.0.tenant.clone(), self.0.providers.clone())
    }

    /// Makes an agent from a spec, a spec file, or a version in the repository. It keeps the version
    /// that it was made from, whatever is promoted later.
    ///
    /// # Errors
    /// The spec's codes; [`Code::SpecNotFound`] and [`Code::SpecRetired`] for versions;
    /// [`Code::TenantMismatch`]; [`Code::ToolUnknown`] and [`Code::ToolDenied`] with the place in
    /// the spec; [`Code::ModelUnknown`].
    pub async fn agent(&self, reference: impl Into<AgentRef>) -> Result<Agent> {
        self.agent_with(reference.into(), AgentOptions::default()).await
    }

    /// [`Kernel::agent`] with options.
    pub async fn agent_with(&self, reference: AgentRef, options: AgentOptions) -> Result<Agent> {
        self.check_open()?;
        let spec = self.resolve(reference).await?;
        self.require_context(&spec, options.model.as_deref())?;
        let document = spec.document();
        let tools = Toolbox::new(&spec, self.0.tools.clone())?;
        let model_name = self.model_name(&spec, &options)?;
        let model =
            self.0.providers.chat(&model_name, &document.intelligence.script).map_err(|e| {
                if model_name == spec.model() { spec.locate(e, "/intelligence/model") } else { e }
            })?;
        let values = names(&spec, self.tenant());
        let name = fill("name", spec.name(), &values)?;
        let knowledge = document
            .context_policy
            .knowledge
            .iter()
            .map(|k| {
                Ok((k.clone(), self.collection(&fill("collection", &k.collection, &values)?)?))
            })
            .collect::<Result<_>>()?;
        Ok(Agent::new(Parts {
            name,
            model_name,
            model,
            tools,
            knowledge,
            store: self.0.tenant.clone(),
            price: None,
            closing: self.0.closing.clone(),
            running: self.0.running.clone(),
            spec,
        }))
    }

    /// The model that an agent uses: what the caller says, else the spec, else the kernel.
    fn model_name(&self, spec: &Spec, options: &AgentOptions) -> Result<String> {
        let own = Some(spec.model()).filter(|model| !model.is_empty());
        let model = options.model.as_deref().or(own).or(self.0.default_model.as_deref());
        model.map(str::to_owned).ok_or_else(|| {
            let error = Error::new(
                Code::SpecInvalid,
                "the spec names no model, and there is no default",
            )
            .hint("set `intelligence.model` in the spec, or open the kernel with `default_model`");
            spec.locate(error, "/intelligence/model")
        })
    }

    /// Calls a registered tool directly.
    ///
    /// # Errors
    /// [`Code::ToolUnknown`], [`Code::ToolInvalidArguments`], [`Code::ToolFailed`],
    /// [`Code::ToolTimeout`].
    pub async fn call_tool(&self, name: &str, arguments: Value) -> Result<Value> {
        self.call_tool_with(name, arguments, None, CancellationToken::new()).await
    }

    /// [`Kernel::call_tool`] with the environment that serves host tools, and a token that cancels.
    pub async fn call_tool_with(
        &self,
        name: &str,
        arguments: Value,
        host: Option<Arc<dyn HostCalls>>,
        cancel: CancellationToken,
    ) -> Result<Value> {
        self.check_open()?;
        self.0.policy.check_tool(name)?;
        let context = Context {
            tenant: self.tenant().to_owned(),
            run_id: None,
            call_id: Uuid::now_v7().to_string(),
            cancel: cancel.clone(),
            host,
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Error::new(Code::Cancelled, "the call was cancelled")),
            result = self.0.tools.call(name, arguments, context) => result,
        }
    }

    /// The recorded events of a run, in order.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] when there is no such run; the store's codes.
    pub async fn run_events(&self, run_id: &str) -> Result<Vec<Value>> {
        let texts = self.0.tenant.run_events(run_id).await?;
        texts
            .iter()
            .map(|text| {
                serde_json::from_str(text).map_err(|e| {
                    Error::new(Code::StoreCorrupt, "a recorded event is not JSON").caused_by(e)
                })
            })
            .collect()
    }

    /// Cancels the runs under way and closes the store. Later calls answer [`Code::Closed`].
    /// Idempotent.
    pub async fn close(&self) -> Result<()> {
        self.0.store.check_process()?;
        self.0.closing.cancel();
        self.0.running.close();
        // A run records its end first; one that its host no longer reads may not hold us back.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.0.running.wait()).await;
        self.0.store.close().await
    }

    fn check_open(&self) -> Result<()> {
        self.0.store.check_process()?;
        if self.0.closing.is_cancelled() {
            return Err(Error::new(Code::Closed, "the kernel was closed").hint("open a new one"));
        }
        Ok(())
    }
}
