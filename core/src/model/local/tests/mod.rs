//! The room against llama.cpp, and as a whole. The models and what llama.cpp says of them are
//! fetched and made by `tests/local/materials.py`.

mod behaviour;
mod damage;
mod parity;

use std::path::PathBuf;

use serde_json::Value;

/// The folder of materials, that git ignores.
fn cache() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let above = here.join("..").join(".cache");
    if above.join("local").exists() { above } else { here.join(".cache") }
}

pub(super) fn real_model() -> PathBuf {
    let path = cache().join("models").join("SmolLM2-135M-Instruct.Q4_1.gguf");
    assert!(path.exists(), "{} is missing: run tests/local/materials.py", path.display());
    path
}

pub(super) fn model_named(name: &str) -> PathBuf {
    let real = real_model();
    if real.ends_with(name) { real } else { cache().join("local").join(name) }
}

/// What llama.cpp says.
fn reference() -> Vec<Value> {
    let path = cache().join("local").join("reference.json");
    let text = std::fs::read_to_string(&path);
    let text = text.unwrap_or_else(|_| panic!("{path:?} is missing: run tests/local/materials.py"));
    serde_json::from_str(&text).unwrap()
}
