//! What users hold: a kernel opens a store for one tenant, knows tools and providers, and makes
//! agents from specs.
//!
//! The asynchronous functions want a tokio runtime around them, of any flavour, with time enabled;
//! runs themselves, and all connections, live on aikit's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::agent::{Agent, Parts, Toolbox};
use crate::error::{Code, Error, Result};
use crate::io;
use crate::model::Providers;
use crate::retrieval::Collection;
use crate::spec::Spec;
use crate::store::{Store, TenantStore};
use crate::tool::{Context, HostCalls, Registry, Tool};

/// How long closing waits for cancelled runs to record their end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How a kernel is opened.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OpenOptions {
    /// Path of an SQLite file, made if need be; `None`: in memory.
    pub location: Option<PathBuf>,
    /// A slug; default `default`.
    pub tenant: String,
    /// Where models are. Without it, `OPENAI_BASE_URL` and `OPENAI_API_KEY` are read when an
    /// `openai/` model is first used.
    pub providers: Providers,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { location: None, tenant: "default".into(), providers: Providers::default() }
    }
}

impl OpenOptions {
    /// The defaults with this SQLite file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { location: Some(path.into()), ..Self::default() }
    }
}

/// How an agent is made.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentOptions {
    /// `provider/model`, instead of the spec's.
    pub model: Option<String>,
}

/// What an agent is made from.
#[derive(Clone, Debug)]
pub enum AgentRef {
    /// A spec that was read.
    Spec(Spec),
    /// The path of a spec file.
    Text(String),
}

impl From<Spec> for AgentRef {
    fn from(spec: Spec) -> Self {
        Self::Spec(spec)
    }
}

impl From<&str> for AgentRef {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&Path> for AgentRef {
    fn from(path: &Path) -> Self {
        Self::Text(path.display().to_string())
    }
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
    closing: CancellationToken,
    running: TaskTracker,
}

impl Kernel {
    /// Opens a kernel.
    ///
    /// # Errors
    /// [`Code::TenantInvalid`] and the store's codes.
    pub async fn open(options: OpenOptions) -> Result<Self> {
        let store = Store::open(options.location.as_deref()).await?;
        let tenant = store.tenant(&options.tenant)?;
        Ok(Self(Arc::new(Inner {
            store,
            tenant,
            tools: Arc::new(Registry::with_builtins()),
            providers: Arc::new(options.providers),
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

    /// Makes an agent from a spec or a spec file.
    ///
    /// # Errors
    /// The spec's codes; [`Code::TenantMismatch`]; [`Code::ToolUnknown`] and [`Code::ToolDenied`]
    /// with the place in the spec; [`Code::ModelUnknown`].
    pub async fn agent(&self, reference: impl Into<AgentRef>) -> Result<Agent> {
        self.agent_with(reference.into(), AgentOptions::default()).await
    }

    /// [`Kernel::agent`] with options.
    pub async fn agent_with(&self, reference: AgentRef, options: AgentOptions) -> Result<Agent> {
        self.check_open()?;
        let spec = match reference {
            AgentRef::Spec(spec) => spec,
            AgentRef::Text(path) => io::runtime()?
                .spawn_blocking(move || Spec::read(path))
                .await
                .map_err(|e| Error::new(Code::Panic, "reading the spec failed").caused_by(e))??,
        };
        let document = spec.document();
        if let Some(tenant) = &document.identity.tenant_id
            && tenant != self.tenant()
        {
            let error = Error::new(
                Code::TenantMismatch,
                format!("the spec is of tenant {tenant:?}, the kernel of {:?}", self.tenant()),
            )
            .hint("open the kernel for that tenant, or leave `identity.tenant_id` out");
            return Err(spec.locate(error, "/identity/tenant_id"));
        }
        let tools = Toolbox::new(&spec, self.0.tools.clone())?;
        let model_name = options.model.clone().unwrap_or_else(|| spec.model().to_owned());
        let model =
            self.0.providers.chat(&model_name, &document.intelligence.script).map_err(|e| {
                match options.model {
                    Some(_) => e,
                    None => spec.locate(e, "/intelligence/model"),
                }
            })?;
        let knowledge = document
            .context_policy
            .knowledge
            .iter()
            .map(|k| Ok((k.clone(), self.collection(&k.collection)?)))
            .collect::<Result<_>>()?;
        Ok(Agent::new(Parts {
            model_name,
            model,
            tools,
            knowledge,
            store: self.0.tenant.clone(),
            closing: self.0.closing.clone(),
            running: self.0.running.clone(),
            spec,
        }))
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
