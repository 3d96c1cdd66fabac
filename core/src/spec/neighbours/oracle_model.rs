//! Models of Oracle Open Agent Spec, and what all of its components have.

use super::draft::Draft;
use super::model;
use super::oracle::kind;
use super::source::View;

pub(super) const SECRET: &str =
    "a secret is not taken over: give it to the kernel, or write {env: NAME}";

/// What every component says of itself.
pub(super) fn component(view: View<'_>) {
    for key in ["component_type", "type"] {
        if let Some(view) = view.get(key) {
            view.changed(None, "told by where it stands");
        }
    }
    for key in ["id", "metadata", "component_plugin_name", "component_plugin_version"] {
        view.lost_keys(
            &[key],
            "belongs to the component, which has no identity of its own in a spec",
        );
    }
}

/// The model that a config of any kind names.
pub(super) fn llm(config: View<'_>, draft: &mut Draft<'_>) {
    const TO: &str = "/intelligence/model";
    let provider = match kind(config) {
        "OpenAiConfig" => Some("openai"),
        "OllamaConfig" => Some("ollama"),
        "VllmConfig" => Some("vllm"),
        "GeminiConfig" => Some("gemini"),
        "AnthropicConfig" => Some("anthropic"),
        "OciGenAiConfig" | "OciGenAiLLM" => Some("oci"),
        "OpenAiCompatibleConfig" => Some("openai-compatible"),
        _ => None,
    };
    if let Some((view, text)) = config.text("model_id").or(config.text("model")) {
        match model::name(provider, text.trim_start_matches('/')) {
            Some(name) => {
                draft.change(view, TO, name.into(), "written as provider/model");
                for kind in [config.get("component_type"), config.get("type")].into_iter().flatten()
                {
                    draft.changed(kind, TO, "the provider of the model");
                }
            }
            None => view
                .lost("no model can be told from it: give `intelligence.model` as provider/model"),
        }
    }
    component(config);
    if let Some(parameters) = config.get("default_generation_parameters") {
        draft.keep_number(parameters, "temperature", "/intelligence/temperature");
        draft.keep_number(parameters, "top_p", "/intelligence/top_p");
        draft.keep_whole(parameters, "max_tokens", "/intelligence/max_tokens");
        draft.keep_texts(parameters, "stop", "/intelligence/stop");
        draft.keep_whole(parameters, "seed", "/intelligence/seed");
    }
    config.lost_keys(&["api_key", "client_config", "auth", "key_file", "cert_file"], SECRET);
    config.lost_keys(&["url"], "addresses are told to the kernel: `providers.NAME.base_url`");
    config.lost_keys(&["name", "description"], "a model is known as provider/model");
    config.lost("how the model is reached is told to the kernel (`providers`)");
}
