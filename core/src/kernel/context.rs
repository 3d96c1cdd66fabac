//! The third level of checking: whether this kernel can make an agent of a spec.

use std::collections::HashSet;

use super::Kernel;
use crate::agent::names;
use crate::error::{Code, Diagnostic, Error, Result, Severity};
use crate::spec::{
    MemoryBackend, Secret, Spec, Workflow, fill, is_slug, is_template, provider, refusals,
};

/// Findings of one check that are kept: nobody reads more.
const FINDING_LIMIT: usize = 200;

/// Collects findings about a spec.
struct Context<'a> {
    kernel: &'a Kernel,
    spec: &'a Spec,
    /// The model that agents will ask; empty if there is none.
    model: &'a str,
    found: Vec<Diagnostic>,
}

impl Kernel {
    /// Everything that can be said of a spec here: what [`Spec::check`] says, and whether this
    /// kernel has what the spec needs: its tenant, tools, models, secrets, collections, quotas.
    ///
    /// # Errors
    /// [`Code::Closed`], [`Code::Forked`] and the store's codes. Findings are no errors.
    pub async fn check(&self, spec: &Spec) -> Result<Vec<Diagnostic>> {
        self.check_open()?;
        let mut found = spec.check();
        // Whether the missing model matters is known here.
        found.retain(|d| d.code != "AK2002");
        found.extend(self.errors_in_context(spec, None));
        found.extend(self.warnings_in_context(spec).await?);
        found.sort_by_key(|d| (d.file.is_some(), d.line, d.column));
        Ok(found)
    }

    /// Fails with everything that keeps this kernel from making an agent of the spec.
    pub(super) fn require_context(&self, spec: &Spec, model: Option<&str>) -> Result<()> {
        let found = self.errors_in_context(spec, model);
        let Some(first) = found.first() else { return Ok(()) };
        let code = match first.code {
            "AK3001" => Code::TenantMismatch,
            "AK3002" => Code::ToolUnknown,
            "AK3003" => Code::ToolDenied,
            "AK3007" => Code::ModelUnknown,
            _ => Code::SpecInvalid,
        };
        Err(Error::from_diagnostics(spec.source(), found).with_code(code))
    }

    /// Looks nothing up but the environment: agents are made often.
    fn errors_in_context(&self, spec: &Spec, model: Option<&str>) -> Vec<Diagnostic> {
        let own = Some(spec.model()).filter(|model| !model.is_empty());
        let model = model.or(own).or(self.0.setup.default_model()).unwrap_or_default();
        let mut context = Context { kernel: self, spec, model, found: Vec::new() };
        context.tenant();
        context.tools();
        context.models();
        context.quotas();
        context.secrets();
        context.collections();
        context.abilities();
        context.found
    }

    async fn warnings_in_context(&self, spec: &Spec) -> Result<Vec<Diagnostic>> {
        let mut context = Context { kernel: self, spec, model: "", found: Vec::new() };
        let document = spec.document();
        let values = names(spec, self.tenant());
        for (i, knowledge) in document.context_policy.knowledge.iter().enumerate() {
            let Ok(name) = fill("collection", &knowledge.collection, &values) else { continue };
            if is_slug(&name) && !self.0.tenant.has_collection(&name).await? {
                context.report(
                    Severity::Warning,
                    "AK3006",
                    &format!("/context_policy/knowledge/{i}"),
                    format!("there is no collection {name:?}: the agent will find nothing there"),
                    "put documents in: `kernel.collection(name).ingest(path)`",
                );
            }
        }
        let delegation = &document.network.delegation.allowed_agents;
        let agents = delegation
            .iter()
            .enumerate()
            .map(|(i, agent)| (format!("/network/delegation/allowed_agents/{i}"), agent));
        let steps = document.behavior.workflow.steps.iter().enumerate().filter_map(|(i, step)| {
            Some((format!("/behavior/workflow/steps/{i}/agent"), step.agent.as_ref()?))
        });
        for (pointer, agent) in agents.chain(steps) {
            let missing = match self.specs().get(agent).await {
                Ok(_) => false,
                Err(error) if error.code() == Code::SpecNotFound => true,
                Err(error) => return Err(error),
            };
            if missing && is_slug(agent) {
                context.report(
                    Severity::Warning,
                    "AK3011",
                    &pointer,
                    format!("the repository has no active version of an agent {agent:?}"),
                    "save and promote it first",
                );
            }
        }
        let own = Some(spec.model()).filter(|model| !model.is_empty());
        let model = own.or(self.0.setup.default_model()).unwrap_or_default();
        let fallbacks = document.intelligence.fallback_models.iter().enumerate();
        let models = fallbacks
            .map(|(i, name)| (format!("/intelligence/fallback_models/{i}"), name.as_str()));
        let models = std::iter::once(("/intelligence/model".to_owned(), model)).chain(models);
        for (pointer, model) in models.filter(|(_, model)| !model.is_empty()) {
            if let Some(hint) = self.0.providers.lacks_key(model) {
                context.report(
                    Severity::Warning,
                    "AK3013",
                    &pointer,
                    "no key is known for this model's provider: calls will be refused".into(),
                    &hint,
                );
            }
            if let Some(budget) = self.0.setup.money_budget(spec)
                && self.0.prices.of(model).is_none()
            {
                context.report(
                    Severity::Warning,
                    "AK3014",
                    &pointer,
                    format!("no price is known of {model:?}: `{budget}` does not bound its calls"),
                    "give it a price under `prices` of the profile or the tenant's configuration, \
                     or bound tokens",
                );
            }
        }
        Ok(context.found)
    }
}

impl Context<'_> {
    fn report(
        &mut self,
        severity: Severity,
        code: &'static str,
        pointer: &str,
        message: String,
        hint: &str,
    ) {
        if self.found.len() < FINDING_LIMIT {
            self.found.push(self.spec.finding(severity, code, pointer, message, Some(hint.into())));
        }
    }

    fn error(&mut self, code: &'static str, pointer: &str, message: String, hint: &str) {
        self.report(Severity::Error, code, pointer, message, hint);
    }

    fn tenant(&mut self) {
        if let Err(error) = self.kernel.check_tenant(self.spec) {
            let hint = error.hint_text().unwrap_or_default().to_owned();
            self.error("AK3001", "/identity/tenant_id", error.message().to_owned(), &hint);
        }
    }

    fn tools(&mut self) {
        let document = self.spec.document();
        let security = &document.governance.security;
        let provider = provider(self.model);
        let denied: HashSet<&String> = security.denied_tools.iter().collect();
        let allowed: Option<HashSet<&String>> =
            security.allowed_tools.as_ref().map(|allowed| allowed.iter().collect());
        for (i, tool) in document.integration.tools.iter().enumerate() {
            let pointer = format!("/integration/tools/{i}");
            let rule = if denied.contains(&tool.name) {
                Some("governance.security.denied_tools names it")
            } else if allowed.as_ref().is_some_and(|a| !a.contains(&tool.name)) {
                Some("governance.security.allowed_tools does not name it")
            } else {
                self.kernel.0.setup.policy().forbids(&tool.name)
            };
            if let Some(rule) = rule {
                let message = format!("the tool {:?} is denied: {rule}", tool.name);
                let hint = "take the tool out of `integration.tools`, or change the rule";
                self.error("AK3003", &pointer, message, hint);
                continue;
            }
            let definition = match self.kernel.0.tools.definition(&tool.name) {
                Ok(definition) => definition,
                Err(error) => {
                    let hint = format!(
                        "register the tool with the kernel before making the agent; {}",
                        error.hint_text().unwrap_or_default()
                    );
                    self.error("AK3002", &pointer, error.message().to_owned(), &hint);
                    continue;
                }
            };
            // Parameters that the spec gives were checked with it.
            if tool.parameters.is_none() {
                for refusal in refusals(provider, &definition.parameters) {
                    let message = format!(
                        "{provider} cannot be told the schema of the tool {:?}: {}",
                        tool.name, refusal.why
                    );
                    self.error("AK3012", &pointer, message, refusal.hint);
                }
            }
        }
    }

    fn models(&mut self) {
        if self.model.is_empty() {
            self.error(
                "AK3008",
                "/intelligence/model",
                "the spec names no model, and there is no default".into(),
                "set `intelligence.model` in the spec, or open the kernel with `default_model`",
            );
            return;
        }
        let document = self.spec.document();
        let providers = &self.kernel.0.providers;
        let unknown = |error: &Error| error.code() == Code::ModelUnknown;
        if let Err(error) = self.kernel.link(self.model, &[])
            && unknown(&error)
        {
            let hint = error.hint_text().unwrap_or_default().to_owned();
            self.error("AK3007", "/intelligence/model", error.message().to_owned(), &hint);
        }
        for (i, model) in document.intelligence.fallback_models.iter().enumerate() {
            if let Err(error) = self.kernel.link(model, &[])
                && unknown(&error)
            {
                let pointer = format!("/intelligence/fallback_models/{i}");
                let hint = error.hint_text().unwrap_or_default().to_owned();
                self.error("AK3007", &pointer, error.message().to_owned(), &hint);
            }
        }
        for (i, knowledge) in document.context_policy.knowledge.iter().enumerate() {
            let Some(model) = &knowledge.embedding_model else { continue };
            if let Err(error) = providers.embedding(model)
                && unknown(&error)
            {
                let pointer = format!("/context_policy/knowledge/{i}/embedding_model");
                let hint = error.hint_text().unwrap_or_default().to_owned();
                self.error("AK3007", &pointer, error.message().to_owned(), &hint);
            }
        }
    }

    fn quotas(&mut self) {
        let governance = &self.spec.document().governance;
        let (limits, rates) = (&governance.security.resource_limits, &governance.rate_limits);
        let quotas = self.kernel.0.setup.policy().quotas;
        let number = |value: Option<u32>| value.map(f64::from);
        #[expect(clippy::cast_precision_loss, reason = "compared and shown, not counted with")]
        let large = |value: Option<u64>| value.map(|value| value as f64);
        let resource = "/governance/security/resource_limits";
        let rate = "/governance/rate_limits";
        let asked = [
            (
                resource,
                "max_concurrent_executions",
                number(limits.max_concurrent_executions),
                number(quotas.max_concurrent_executions),
            ),
            (resource, "max_memory_mb", large(limits.max_memory_mb), large(quotas.max_memory_mb)),
            (
                resource,
                "max_cpu_percent",
                number(limits.max_cpu_percent),
                number(quotas.max_cpu_percent),
            ),
            (
                resource,
                "max_storage_mb",
                large(limits.max_storage_mb),
                large(quotas.max_storage_mb),
            ),
            (
                rate,
                "requests_per_minute",
                number(rates.requests_per_minute),
                number(quotas.requests_per_minute),
            ),
            (
                rate,
                "llm_tokens_per_day",
                large(rates.llm_tokens_per_day),
                large(quotas.llm_tokens_per_day),
            ),
            (
                rate,
                "cost_limit_usd_per_day",
                rates.cost_limit_usd_per_day,
                quotas.cost_limit_usd_per_day,
            ),
        ];
        for (block, name, asked, quota) in asked {
            if let (Some(asked), Some(quota)) = (asked, quota)
                && asked > quota
            {
                let pointer = format!("{block}/{name}");
                let message = format!("`{name}` is {asked}, and the tenant's quota is {quota}");
                self.error("AK3004", &pointer, message, "lower it, or have the quota raised");
            }
        }
    }

    fn secrets(&mut self) {
        let document = self.spec.document();
        for (i, name) in document.governance.security.allowed_env.iter().enumerate() {
            // Allowed and not used is no fault.
            let used = format!("env.{name}");
            if std::env::var_os(name).is_none() && self.spec.text().contains(&used) {
                let pointer = format!("/governance/security/allowed_env/{i}");
                self.absent(&pointer, &format!("the environment variable {name:?} is not set"));
            }
        }
        for (i, server) in document.integration.mcp_servers.iter().enumerate() {
            for (block, values) in [("env", &server.env), ("headers", &server.headers)] {
                for (key, secret) in values {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    let pointer = format!("/integration/mcp_servers/{i}/{block}/{key}");
                    match secret {
                        Secret::Env(name) if std::env::var_os(name).is_none() => {
                            let what = format!("the environment variable {name:?} is not set");
                            self.absent(&pointer, &what);
                        }
                        Secret::File(path) if !std::path::Path::new(path).is_file() => {
                            self.absent(&pointer, &format!("there is no file {path:?}"));
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    fn absent(&mut self, pointer: &str, what: &str) {
        self.error("AK3005", pointer, what.to_owned(), "set it before the kernel is opened");
    }

    /// Names of collections that templates make.
    fn collections(&mut self) {
        let document = self.spec.document();
        for (i, knowledge) in document.context_policy.knowledge.iter().enumerate() {
            if !is_template(&knowledge.collection) {
                continue;
            }
            let values = names(self.spec, self.kernel.tenant());
            let pointer = format!("/context_policy/knowledge/{i}/collection");
            match fill("collection", &knowledge.collection, &values) {
                Ok(name) if is_slug(&name) => {}
                Ok(name) => {
                    let message = format!("the template gives {name:?}, which is not a slug");
                    let hint = "letters, digits, `-`, `_` and `.`, at most 64";
                    self.error("AK3005", &pointer, message, hint);
                }
                Err(error) => {
                    self.error("AK3005", &pointer, error.message().to_owned(), "set its names");
                }
            }
        }
    }

    /// What the agent would not do its work without.
    fn abilities(&mut self) {
        let document = self.spec.document();
        let cannot = "this version of aikit keeps and checks it, and cannot run it yet";
        if document.behavior.workflow != Workflow::default() {
            let message = "the agent is a workflow".to_owned();
            self.error("AK3009", "/behavior/workflow", message, cannot);
        }
        if !document.integration.mcp_servers.is_empty() {
            let message = "the agent needs MCP servers".to_owned();
            self.error("AK3009", "/integration/mcp_servers", message, cannot);
        }
        if document.memory.enabled && document.memory.backend == MemoryBackend::Postgresql {
            let message = "memory is to be in PostgreSQL, and this kernel's store is SQLite".into();
            let hint = "leave `memory.backend` out, or open the kernel with postgres://...";
            self.error("AK3010", "/memory/backend", message, hint);
        }
    }
}
