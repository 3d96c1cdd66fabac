//! From options, profile and the tenant's configuration to what holds in a kernel.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::{OpenOptions, specs};
use crate::agent::{BudgetLimits, RunLimits};
use crate::config::{
    Explanation, Layer, Policy, ProviderSettings, Resolved, Settings, Source, resolve,
};
use crate::error::{Error, Result};
use crate::model::{Cassette, Headers, Price, Prices, ProviderConfig, Providers};
use crate::spec::{Spec, is_model_name};
use crate::store::{Limits, Location, Store, TenantStore, micros};

/// What a caller says of a provider, without its key and headers.
fn shown(config: &ProviderConfig) -> ProviderSettings {
    ProviderSettings {
        base_url: config.base_url.clone(),
        api_key: None,
        headers: BTreeMap::new(),
        wire: config.wire.clone(),
        api_version: config.api_version.clone(),
        first_byte_ms: config.first_byte_ms,
        between_chunks_ms: config.between_chunks_ms,
        total_ms: config.total_ms,
        max_retries: config.max_retries,
        requests_per_minute: config.requests_per_minute,
        tokens_per_minute: config.tokens_per_minute,
        concurrent_requests: config.concurrent_requests,
        cassette: config.cassette.as_ref().map(|cassette| cassette.path().to_owned()),
        folder: config.folder.clone(),
        threads: config.threads,
        context_tokens: config.context_tokens,
        cache_mb: config.cache_mb,
        idle_s: config.idle_s,
    }
}

/// What holds in a kernel, and why.
#[derive(Debug)]
pub(super) struct Setup {
    location: Option<Location>,
    layers: Vec<Layer>,
    resolved: Resolved,
}

impl Setup {
    /// Reads options and profile; opens nothing.
    pub(super) fn read(options: &OpenOptions) -> Result<Self> {
        if let Some(actor) = &options.actor {
            specs::bounded("actor", actor, specs::BY_LIMIT)?;
        }
        if let Some(model) = options.default_model.as_deref()
            && !is_model_name(model)
        {
            let message = format!("the default model {model:?} is not of the form provider/model");
            return Err(Error::invalid_argument(message).hint("for instance openai/gpt-4o-mini"));
        }
        let mut layers = vec![Layer::defaults()];
        if let Some(path) = &options.profile {
            let settings = Settings::read(path)?;
            layers.push(Layer { source: Source::Profile(path.display().to_string()), settings });
        }
        options.providers.check_headers()?;
        // Keys and headers that were given to `open` are no references, and are shown nowhere.
        let providers: BTreeMap<_, _> = options
            .providers
            .0
            .iter()
            .map(|(name, config)| (name.clone(), shown(config)))
            .filter(|(_, settings)| *settings != ProviderSettings::default())
            .collect();
        let settings = Settings {
            tenant: options.tenant.clone(),
            actor: options.actor.clone().filter(|actor| !actor.is_empty()),
            default_model: options.default_model.clone(),
            policy: options.policy.clone(),
            providers,
            ..Settings::default()
        };
        layers.push(Layer { source: Source::Open, settings });
        let resolved = resolve(&layers);
        Ok(Self { location: options.location.clone(), layers, resolved })
    }

    /// Where the store is: the caller's, else the profile's, else in memory.
    pub(super) fn location(&self) -> Result<Location> {
        match (&self.location, &self.resolved.settings.store) {
            (Some(location), _) => Ok(location.clone()),
            (None, Some(address)) => Ok(Location::new(address.read()?.expose_secret())),
            (None, None) => Ok(Location::Memory),
        }
    }

    /// Enters the tenant, and lays its configuration between the profile and what the caller says.
    pub(super) async fn enter(
        &mut self,
        store: &Store,
        options: &OpenOptions,
    ) -> Result<TenantStore> {
        let id = self.resolved.settings.tenant.clone().unwrap_or_default();
        let tenant = match &options.reader {
            Some(reader) => store.reader(&id, reader)?,
            None => store.tenant(&id)?,
        };
        tenant.settle().await?;
        let settings = Settings::from_json(&tenant.configuration().await?)?;
        // Without the tenant's: the store reads those anew with each change, so that an administrator
        // raises and lowers them for kernels that are open.
        let quotas = serde_json::json!({ "quotas": self.resolved.settings.policy.quotas });
        let caller = self.layers.len() - 1;
        self.layers.insert(caller, Layer { source: Source::Tenant(id), settings });
        self.resolved = resolve(&self.layers);
        let actor = self.resolved.settings.actor.as_deref();
        Ok(tenant.with(actor, Limits::of_config(&quotas)))
    }

    /// The providers of all layers. Address, key and headers of one that the caller brought are the
    /// caller's alone: a key must not go to an address that somebody else wrote.
    pub(super) fn providers(&self, callers: Providers) -> Providers {
        let mut all = BTreeMap::new();
        for (name, settings) in &self.resolved.settings.providers {
            let read = settings.api_key.as_ref().map(|key| key.read()).transpose();
            let (api_key, mut key_error) = match read {
                Ok(key) => (key, None),
                Err(error) => (None, Some(error)),
            };
            let mut headers = Headers::default();
            for (name, value) in &settings.headers {
                match value.read() {
                    Ok(value) => headers.set(name.as_str(), value),
                    Err(error) => drop(key_error.get_or_insert(error)),
                }
            }
            let config = ProviderConfig {
                base_url: settings.base_url.clone(),
                api_key,
                headers,
                wire: settings.wire.clone(),
                api_version: settings.api_version.clone(),
                first_byte_ms: settings.first_byte_ms,
                between_chunks_ms: settings.between_chunks_ms,
                total_ms: settings.total_ms,
                max_retries: settings.max_retries,
                requests_per_minute: settings.requests_per_minute,
                tokens_per_minute: settings.tokens_per_minute,
                concurrent_requests: settings.concurrent_requests,
                cassette: settings.cassette.clone().map(Cassette::new),
                folder: settings.folder.clone(),
                threads: settings.threads,
                context_tokens: settings.context_tokens,
                cache_mb: settings.cache_mb,
                idle_s: settings.idle_s,
                key_error,
            };
            all.insert(name.clone(), config);
        }
        for (name, theirs) in callers.0 {
            // What the caller says besides is in the layers already.
            let config = all.entry(name).or_default();
            let brings = theirs.base_url.is_some() || theirs.api_key.is_some();
            if brings || !theirs.headers.is_empty() {
                let ProviderConfig { base_url, api_key, headers, wire, api_version, .. } = theirs;
                *config = ProviderConfig {
                    base_url,
                    api_key,
                    headers,
                    wire,
                    api_version,
                    key_error: None,
                    ..std::mem::take(config)
                };
            }
        }
        Providers(all).with_shared_cassettes()
    }

    pub(super) fn actor(&self) -> Option<&str> {
        self.resolved.settings.actor.as_deref()
    }

    pub(super) fn default_model(&self) -> Option<&str> {
        self.resolved.settings.default_model.as_deref()
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.resolved.settings.policy
    }

    /// What models cost: the configuration's prices, else list prices.
    pub(super) fn prices(&self) -> Prices {
        let own = self.resolved.settings.prices.iter();
        Prices(
            own.map(|(model, price)| {
                let price = Price {
                    input: price.input_usd_per_million,
                    output: price.output_usd_per_million,
                    cached_input: price.cached_input_usd_per_million,
                    cache_write: price.cache_write_usd_per_million,
                    long: None,
                };
                (model.clone(), price)
            })
            .collect(),
        )
    }

    /// The first bound on money that holds for a spec's runs.
    pub(super) fn money_budget(&self, spec: &Spec) -> Option<&'static str> {
        let limits = self.run_limits(spec).budget;
        let run = limits.cost_micros_per_run.map(|_| "cost_usd_per_run");
        let day = limits.agent_cost_micros_per_day.map(|_| "cost_limit_usd_per_day");
        run.or(day).or_else(|| {
            let quota = self.policy().quotas.cost_limit_usd_per_day;
            quota.map(|_| "quotas.cost_limit_usd_per_day")
        })
    }

    /// The limits of a spec's runs: its own, else those of the layers.
    pub(super) fn run_limits(&self, spec: &Spec) -> RunLimits {
        let layers = &self.resolved.settings.run;
        let behavior = &spec.document().behavior;
        let governance = &spec.document().governance;
        let (budget, rates) = (&governance.budget, &governance.rate_limits);
        let money = |dollars: Option<f64>| dollars.map(micros);
        let own = spec.says("/behavior/max_turns").then_some(behavior.max_turns);
        RunLimits {
            max_turns: own.or(layers.max_turns).unwrap_or(behavior.max_turns),
            timeout_ms: behavior.timeout_ms.or(layers.timeout_ms),
            budget: BudgetLimits {
                tokens_per_run: budget.tokens_per_run.or(layers.tokens_per_run),
                cost_micros_per_run: money(budget.cost_usd_per_run.or(layers.cost_usd_per_run)),
                agent_tokens_per_day: rates.llm_tokens_per_day,
                agent_cost_micros_per_day: money(rates.cost_limit_usd_per_day),
            },
        }
    }

    pub(super) fn explain(&self, spec: Option<&Spec>) -> Explanation {
        match spec {
            None => self.resolved.explain(),
            Some(spec) => {
                let mut layers = self.layers.clone();
                layers.push(Layer::spec(spec));
                resolve(&layers).explain()
            }
        }
    }
}
