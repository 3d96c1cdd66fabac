//! The model, its settings, and scripts.

use super::Check;
use crate::spec::document::{CognitionStrategy, Document, OutputParsing, ToolChoice};
use crate::spec::node::Value;
use crate::spec::options::reserved;

pub(super) fn check(document: &Document, check: &mut Check<'_>) {
    let intelligence = &document.intelligence;
    let model = intelligence.model.as_str();
    if model.is_empty() {
        match check.root.node_at("/intelligence/model").map(|node| &node.value) {
            Some(Value::Text(_)) => check.model_name("/intelligence/model", model),
            // A model that could not be read has been reported.
            Some(_) => {}
            None => unnamed(check),
        }
    } else {
        check.model_name("/intelligence/model", model);
    }
    rest(document, check);
}

fn unnamed(check: &mut Check<'_>) {
    check.warn(
        "/intelligence",
        "AK2002",
        "no model is named: the agent runs only where the kernel has a default model",
        "add for instance `model: openai/gpt-4o-mini`",
    );
}

fn rest(document: &Document, check: &mut Check<'_>) {
    let intelligence = &document.intelligence;
    for (i, name) in intelligence.fallback_models.iter().enumerate() {
        check.model_name(&format!("/intelligence/fallback_models/{i}"), name);
    }
    check.range("/intelligence/temperature", intelligence.temperature, 0.0, 2.0);
    check.range("/intelligence/top_p", intelligence.top_p, 0.0, 1.0);
    if intelligence.max_tokens == Some(0) {
        check.error(
            "/intelligence/max_tokens",
            "AK1005",
            "an answer needs at least one token",
            None,
        );
    }
    for reserved in reserved(&intelligence.provider_options) {
        check.error(
            &format!("/intelligence/provider_options{}", reserved.pointer),
            "AK1005",
            format!("`{}` is not the provider's own: {}", reserved.field, reserved.instead),
            Some("remove it from `provider_options`"),
        );
    }
    let cognition = &intelligence.cognition;
    if cognition.output == OutputParsing::Json && document.interface.output_schema.is_none() {
        check.warn(
            "/intelligence/cognition/output",
            "AK2001",
            "answers are read as JSON, and no `interface.output_schema` says of which shape",
            "add `interface.output_schema`",
        );
    }
    if cognition.strategy == CognitionStrategy::Direct && cognition.max_steps.is_some() {
        check.warn(
            "/intelligence/cognition/max_steps",
            "AK2001",
            "`max_steps` has no effect with the strategy direct",
            "choose `strategy: react` or `plan`, or remove it",
        );
    }
    script(document, check);
    if document.behavior.tool_choice == ToolChoice::Required
        && document.integration.tools.is_empty()
        && document.integration.mcp_servers.is_empty()
    {
        check.error(
            "/behavior/tool_choice",
            "AK2011",
            "the model must call a tool, and the spec names none",
            Some("name one in `integration.tools`, or remove `tool_choice`"),
        );
    }
}

fn script(document: &Document, check: &mut Check<'_>) {
    let intelligence = &document.intelligence;
    let is_scripted = |model: &str| model.starts_with("scripted/");
    let scripted = is_scripted(&intelligence.model);
    let falls_back = intelligence.fallback_models.iter().any(|model| is_scripted(model));
    if !intelligence.script.is_empty() && !scripted && !falls_back && !intelligence.model.is_empty()
    {
        check.warn(
            "/intelligence/script",
            "AK2001",
            "the script has no effect, because the model is not a scripted one",
            "use a model named scripted/..., or remove the script",
        );
    }
    if intelligence.script.is_empty() && scripted {
        check.warn(
            "/intelligence/model",
            "AK2001",
            "a scripted model without a script fails at its first call",
            "add `script:` under `intelligence`",
        );
    }
    for (i, turn) in intelligence.script.iter().enumerate() {
        let pointer = format!("/intelligence/script/{i}");
        if turn.text.is_some() && !turn.deltas.is_empty() {
            check.error(&pointer, "AK1005", "a turn has `text` or `deltas`, not both", None);
        }
        if let Some(pattern) = &turn.when.input_matches
            && regex::Regex::new(pattern).is_err()
        {
            let pointer = format!("{pointer}/when/input_matches");
            let message = "this is not a regular expression that is understood";
            check.error(
                &pointer,
                "AK1005",
                message,
                Some("look-around and back references are not"),
            );
        }
        if turn.when.turn == Some(0) {
            let pointer = format!("{pointer}/when/turn");
            check.error(&pointer, "AK1005", "calls are counted from 1", None);
        }
        for (k, call) in turn.tool_calls.iter().enumerate() {
            if call.name.is_empty() {
                let pointer = format!("{pointer}/tool_calls/{k}");
                check.error(&pointer, "AK1004", "`name` is missing", None);
            }
        }
    }
}
