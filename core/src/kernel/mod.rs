//! What users hold: a kernel opens a store for one tenant, knows tools and providers, keeps specs,
//! and makes agents from them.
//!
//! The asynchronous functions want a tokio runtime around them, of any flavour, with time enabled;
//! runs themselves, and all connections, live on aikit's own.

mod bundle;
mod context;
mod parsed;
mod reference;
mod setup;
mod specs;

pub use crate::config::{Explanation, Policy, Quotas};
pub use bundle::Bundle;
pub use reference::AgentRef;
pub use specs::{
    ChangeOptions, DeprecateOptions, ExportOptions, ImportOptions, ListOptions, OnConflict,
    SaveOptions, SpecPage, Specs,
};

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::agent::{Agent, AnswerSchema, Parts, Toolbox, names};
use crate::error::{Code, Error, Result};
use crate::model::{ChatModel, Fallback, HostModel, Link, Models, Prices, Providers};
use crate::retrieval::Collection;
use crate::spec::{OutputParsing, RateLimits, ScriptTurn, Spec, fill};
use crate::store::{CountedAgent, Location, Store, StoreOptions, TenantStore, Usage};
use crate::tool::{Context, HostCalls, Registry, Tool};
use parsed::Parsed;
use setup::Setup;

/// How long closing waits for cancelled runs to record their end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How a kernel is opened.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OpenOptions {
    /// Path of an SQLite file, made if need be; the URL of a PostgreSQL database; default: in memory.
    pub location: Option<Location>,
    /// A slug; default: the profile's, else `default`.
    pub tenant: Option<String>,
    /// The parent that reads the tenant's data, to whom that was granted: then the kernel only
    /// reads.
    pub reader: Option<String>,
    /// Path of a TOML file with settings that hold for everybody on this machine.
    pub profile: Option<PathBuf>,
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
            location: None,
            tenant: None,
            reader: None,
            profile: None,
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
        Self { location: Some(path.into().into()), ..Self::default() }
    }
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
    /// What tells this store from others: tenants of two stores may have one name.
    realm: String,
    tenant: TenantStore,
    tools: Arc<Registry>,
    models: Models,
    providers: Arc<Providers>,
    prices: Arc<Prices>,
    setup: Setup,
    parsed: Parsed,
    closing: CancellationToken,
    running: TaskTracker,
}

/// A name of the store that says nothing of where it is. One in memory is like no other.
fn realm(location: &Location) -> String {
    let place = match location {
        Location::Memory => return uuid::Uuid::now_v7().to_string(),
        Location::File(path) => {
            let path = path.canonicalize().unwrap_or_else(|_| path.clone());
            path.as_os_str().as_encoded_bytes().to_vec()
        }
        Location::Postgres(url) => url.expose_secret().as_bytes().to_vec(),
    };
    blake3::hash(&place).to_hex().to_string()
}

impl Kernel {
    /// Opens a kernel.
    ///
    /// # Errors
    /// [`Code::TenantInvalid`], [`Code::InvalidArgument`], [`Code::ConfigInvalid`] and the store's
    /// codes.
    pub async fn open(options: OpenOptions) -> Result<Self> {
        let mut setup = Setup::read(&options)?;
        let location = setup.location()?;
        let store = Store::open(&location, StoreOptions { rls: options.rls }).await?;
        match setup.enter(&store, &options).await {
            Ok(tenant) => Ok(Self(Arc::new(Inner {
                realm: realm(&location),
                store,
                tenant,
                tools: Arc::new(Registry::with_builtins()),
                models: Models::default(),
                providers: Arc::new(setup.providers(options.providers)),
                prices: Arc::new(setup.prices()),
                setup,
                parsed: Parsed::default(),
                closing: CancellationToken::new(),
                running: TaskTracker::new(),
            }))),
            Err(error) => {
                // What was opened for nobody is closed before the error is told.
                let _ = store.close().await;
                Err(error)
            }
        }
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

    /// Registers a model of the program's own; specs name it `host/NAME`.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a name that is no slug, or taken.
    pub fn register_model(&self, name: &str, model: Arc<dyn ChatModel>) -> Result<()> {
        self.check_open()?;
        self.0.models.register(name, model)
    }

    /// Registers a model whose answers the environment makes that starts a run.
    ///
    /// # Errors
    /// As [`Kernel::register_model`].
    pub fn register_host_model(&self, model: HostModel) -> Result<()> {
        self.check_open()?;
        self.0.models.register_host(model)
    }

    /// The model of this name: a registered one, or a provider's.
    pub(super) fn link(&self, name: &str, script: &[ScriptTurn]) -> Result<Link> {
        match self.0.models.named(name)? {
            Some(model) => Ok(Link::of(name, model)),
            None => self.0.providers.link(self.tenant(), &self.0.realm, name, script),
        }
    }

    /// The collection of this name; it exists as soon as something is put in.
    ///
    /// # Errors
    /// [`Code::CollectionInvalid`].
    pub fn collection(&self, name: &str) -> Result<Collection> {
        self.check_open()?;
        let Inner { tenant, providers, prices, .. } = &*self.0;
        Collection::new(name, tenant.clone(), providers.clone(), prices.clone())
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
        let model = self.models(&spec, &model_name)?;
        let answer = self.answer(&spec, model.as_ref(), &tools)?;
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
        let names = std::iter::once(&model_name).chain(&document.intelligence.fallback_models);
        let prices =
            names.filter_map(|name| Some((name.clone(), self.0.prices.of(name)?))).collect();
        Ok(Agent::new(Parts {
            prices,
            name,
            model_name,
            cache_key: cache_key(self.tenant(), &spec),
            provider_options: Arc::new(
                document.intelligence.provider_options.clone().into_iter().collect(),
            ),
            model,
            tools,
            answer,
            knowledge,
            store: self.store_of(&spec),
            limits: self.0.setup.run_limits(&spec),
            closing: self.0.closing.clone(),
            running: self.0.running.clone(),
            spec,
        }))
    }

    /// What the answers of an agent have to be: where the spec has an output schema, and does not
    /// say that they are read as text all the same.
    fn answer(
        &self,
        spec: &Spec,
        model: &dyn ChatModel,
        tools: &Toolbox,
    ) -> Result<Option<AnswerSchema>> {
        let document = spec.document();
        let cognition = &document.intelligence.cognition;
        let as_text =
            spec.says("/intelligence/cognition/output") && cognition.output == OutputParsing::Text;
        let Some(schema) = document.interface.output_schema.as_ref().filter(|_| !as_text) else {
            return Ok(None);
        };
        let way = model.structured_output();
        AnswerSchema::new(schema, way, cognition.output_repairs, tools.specs())
            .map(Some)
            .map_err(|e| spec.locate(e, "/interface/output_schema"))
    }

    /// The store for an agent's runs; what they use is counted by itself if the spec bounds it.
    fn store_of(&self, spec: &Spec) -> TenantStore {
        let rates = &spec.document().governance.rate_limits;
        if *rates == RateLimits::default() {
            return self.0.tenant.clone();
        }
        self.0.tenant.clone().counting(CountedAgent {
            agent_id: spec.agent_id().into(),
            runs_per_minute: rates.requests_per_minute.map(u64::from),
        })
    }

    /// The model of this name, and the spec's further ones for when it fails.
    fn models(&self, spec: &Spec, name: &str) -> Result<Arc<dyn ChatModel>> {
        let intelligence = &spec.document().intelligence;
        let link = |name: &str| self.link(name, &intelligence.script);
        let first = link(name).map_err(|e| {
            if name == spec.model() { spec.locate(e, "/intelligence/model") } else { e }
        })?;
        let others = intelligence.fallback_models.iter().enumerate().map(|(i, name)| {
            link(name).map_err(|e| spec.locate(e, &format!("/intelligence/fallback_models/{i}")))
        });
        Ok(Fallback::of(first, others.collect::<Result<_>>()?))
    }

    /// The model that an agent uses: what the caller says, else the spec, else the kernel.
    fn model_name(&self, spec: &Spec, options: &AgentOptions) -> Result<String> {
        let own = Some(spec.model()).filter(|model| !model.is_empty());
        let model = options.model.as_deref().or(own).or(self.0.setup.default_model());
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
        self.0.setup.policy().check_tool(name)?;
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

    /// What the tenant has, and what it did on the last `days` days on which it did something.
    ///
    /// # Errors
    /// The store's codes.
    pub async fn usage(&self, days: u32) -> Result<Usage> {
        self.0.tenant.usage(days).await
    }

    /// Copies the store, with all of its tenants, into the new file `path` while it is in use: one
    /// state of it, checked, complete. Also of a store in memory; not of PostgreSQL.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] when `path` is taken, and for PostgreSQL, which has tools of its own; the
    /// store's codes.
    pub async fn backup(&self, path: impl AsRef<std::path::Path>) -> Result<()> {
        self.check_open()?;
        self.0.store.backup(path.as_ref()).await
    }

    /// Every setting that holds here, where it comes from and what it overruled; with a spec, for
    /// its agents. Secrets are shown as what they were given by.
    pub fn explain(&self, spec: Option<&Spec>) -> Explanation {
        self.0.setup.explain(spec)
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

/// Requests of one version of one tenant's agent begin alike. Providers see a hash, and no name.
fn cache_key(tenant: &str, spec: &Spec) -> String {
    let mut hash = blake3::Hasher::new();
    for part in [tenant, spec.agent_id(), spec.version()] {
        hash.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    hash.finalize().to_hex()[..32].to_owned()
}
