//! What types alone do not say: required values, ranges, names, settings without effect.

use super::decode::Decoder;
use super::document::Document;
use super::node::Node;
use crate::error::Severity;

/// The longest slug.
pub(crate) const SLUG_LIMIT: usize = 64;

/// Whether a text can name a tenant, an agent, a run or a collection: letters, digits, `-`, `_`
/// and `.`, at most 64, beginning with a letter or digit.
pub(crate) fn is_slug(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.len() <= SLUG_LIMIT
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(letter)
}

/// Fills what follows from other values, and reports what is missing or out of range.
pub(super) fn complete(document: &mut Document, root: &Node, decoder: &mut Decoder) {
    let mut check = Check { root, decoder };
    identity(document, &mut check);
    intelligence(document, &mut check);
    knowledge(document, &mut check);
    if document.behavior.max_turns == 0 {
        check.error("/behavior/max_turns", "AK1005", "a run needs at least one turn", None);
    }
}

struct Check<'a> {
    root: &'a Node,
    decoder: &'a mut Decoder,
}

impl Check<'_> {
    fn report(
        &mut self,
        severity: Severity,
        pointer: &str,
        code: &'static str,
        message: &str,
        hint: Option<&str>,
    ) {
        let place = self.root.position(pointer);
        self.decoder.push(
            code,
            severity,
            message.to_owned(),
            pointer.to_owned(),
            place,
            hint.map(str::to_owned),
        );
    }

    fn error(&mut self, pointer: &str, code: &'static str, message: &str, hint: Option<&str>) {
        self.report(Severity::Error, pointer, code, message, hint);
    }

    fn warn(&mut self, pointer: &str, message: &str, hint: &str) {
        self.report(Severity::Warning, pointer, "AK2001", message, Some(hint));
    }

    fn range(&mut self, pointer: &str, value: Option<f64>, low: f64, high: f64) {
        if let Some(value) = value
            && !(low..=high).contains(&value)
        {
            let message = format!("{value} is outside of {low} to {high}");
            self.error(pointer, "AK1005", &message, None);
        }
    }
}

fn identity(document: &mut Document, check: &mut Check<'_>) {
    let identity = &mut document.identity;
    if identity.agent_id.is_empty() {
        identity.agent_id = slug_of(&identity.name);
        if identity.agent_id.is_empty() {
            check.error(
                "/identity",
                "AK1004",
                "`identity.agent_id` is missing, and cannot be made from the name",
                Some("add `agent_id: my-agent` under `identity`"),
            );
        }
    } else if !is_slug(&identity.agent_id) {
        check.error(
            "/identity/agent_id",
            "AK1005",
            &format!("{:?} is not a slug", identity.agent_id),
            Some("letters, digits, `-`, `_` and `.`, at most 64, beginning with a letter or digit"),
        );
    }
    if identity.name.is_empty() {
        identity.name.clone_from(&identity.agent_id);
    }
    if let Some(tenant) = &identity.tenant_id
        && !is_slug(tenant)
    {
        let message = format!("{tenant:?} is not a slug");
        check.error("/identity/tenant_id", "AK1005", &message, None);
    }
}

fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        if slug.len() >= SLUG_LIMIT {
            break;
        }
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

fn intelligence(document: &Document, check: &mut Check<'_>) {
    let intelligence = &document.intelligence;
    let model = intelligence.model.as_str();
    if model.is_empty() {
        check.error(
            "/intelligence",
            "AK1004",
            "`intelligence.model` is missing",
            Some("add for instance `model: openai/gpt-4o-mini` under `intelligence`"),
        );
    } else if !is_model_name(model) {
        check.error(
            "/intelligence/model",
            "AK1005",
            &format!("{model:?} is not of the form provider/model"),
            Some("for instance openai/gpt-4o-mini"),
        );
    }
    check.range("/intelligence/temperature", intelligence.temperature, 0.0, 2.0);
    check.range("/intelligence/top_p", intelligence.top_p, 0.0, 1.0);
    let scripted = model.starts_with("scripted/");
    if !intelligence.script.is_empty() && !scripted && !model.is_empty() {
        check.warn(
            "/intelligence/script",
            "the script has no effect, because the model is not a scripted one",
            "use a model named scripted/..., or remove the script",
        );
    }
    if intelligence.script.is_empty() && scripted {
        check.warn(
            "/intelligence/model",
            "a scripted model without a script fails at its first call",
            "add `script:` under `intelligence`",
        );
    }
    for (i, turn) in intelligence.script.iter().enumerate() {
        let pointer = format!("/intelligence/script/{i}");
        if turn.text.is_some() && !turn.deltas.is_empty() {
            check.error(&pointer, "AK1005", "a turn has `text` or `deltas`, not both", None);
        }
        for (k, call) in turn.tool_calls.iter().enumerate() {
            if call.name.is_empty() {
                let pointer = format!("{pointer}/tool_calls/{k}");
                check.error(&pointer, "AK1004", "`name` is missing", None);
            }
        }
    }
}

/// Whether a text names a model: a provider, a slash, and something after it.
pub(crate) fn is_model_name(text: &str) -> bool {
    text.split_once('/')
        .is_some_and(|(provider, model)| is_slug(provider) && !model.trim().is_empty())
}

fn knowledge(document: &Document, check: &mut Check<'_>) {
    for (i, knowledge) in document.context_policy.knowledge.iter().enumerate() {
        let pointer = format!("/context_policy/knowledge/{i}");
        if knowledge.collection.is_empty() {
            check.error(&pointer, "AK1004", "`collection` is missing", None);
        } else if !is_slug(&knowledge.collection) {
            let message = format!("{:?} is not a slug", knowledge.collection);
            check.error(&format!("{pointer}/collection"), "AK1005", &message, None);
        }
        if !(1..=100).contains(&knowledge.top_k) {
            let message = format!("{} is outside of 1 to 100", knowledge.top_k);
            check.error(&format!("{pointer}/top_k"), "AK1005", &message, None);
        }
        if let Some(model) = &knowledge.embedding_model
            && !is_model_name(model)
        {
            let message = format!("{model:?} is not of the form provider/model");
            check.error(&format!("{pointer}/embedding_model"), "AK1005", &message, None);
        }
    }
}
