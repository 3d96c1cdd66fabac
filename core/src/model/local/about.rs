//! What a model's file says of it, for people who choose one.

use std::collections::HashMap;
use std::path::Path;

use aikit_kernels::quantised::Format;
use serde::Serialize;

use super::gguf::Gguf;
use super::loaded::Loaded;
use super::mapping::Mapping;
use crate::error::Result;

/// What a model's file says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ModelAbout {
    /// What the file calls the model, if anything.
    pub title: Option<String>,
    /// The family: `llama`, `qwen2`, `qwen3`.
    pub architecture: String,
    /// How most of its weights are written, as `Q4_K`.
    pub quantisation: String,
    /// Weights in all.
    pub parameters: u64,
    /// Its layers.
    pub layers: u64,
    /// Tokens that it was made to take in.
    pub context: u64,
    /// Tokens that it knows.
    pub vocabulary: u64,
    /// Whether the file has a chat template; ChatML is used where it has none.
    pub chat_template: bool,
    /// Whether that template shows tools itself; they stand in the system message where it does not.
    pub template_tools: bool,
    /// Memory that a token of a conversation takes.
    pub cache_bytes_per_token: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Looks into a model's file, and checks it as if it was to be used.
///
/// # Errors
/// [`Code::FileNotFound`], [`Code::FileUnreadable`] and [`Code::ModelFileInvalid`].
///
/// [`Code::FileNotFound`]: crate::Code::FileNotFound
/// [`Code::FileUnreadable`]: crate::Code::FileUnreadable
/// [`Code::ModelFileInvalid`]: crate::Code::ModelFileInvalid
pub fn about(path: &Path) -> Result<ModelAbout> {
    of(Mapping::open(path)?).map_err(|error| error.at(path.display().to_string()))
}

fn of(file: Mapping) -> Result<ModelAbout> {
    let gguf = Gguf::read(&file)?;
    let text = |key: &str| gguf.text(&file, key).map(str::to_owned);
    let title = text("general.name").filter(|title| !title.is_empty());
    let architecture = text("general.architecture").unwrap_or_default();
    let chat_template = text("tokenizer.chat_template").is_some();
    let bytes = file.len() as u64;
    let mut formats: HashMap<Format, u64> = HashMap::new();
    for tensor in gguf.tensors() {
        *formats.entry(tensor.format).or_default() += (tensor.rows * tensor.cols) as u64;
    }
    let most = formats.iter().max_by_key(|(format, count)| (**count, format.block_bytes()));
    let loaded = Loaded::of(file)?;
    let sizes = &loaded.weights.sizes;
    Ok(ModelAbout {
        title,
        architecture,
        quantisation: most.map_or_else(String::new, |(format, _)| shown(*format)),
        parameters: formats.values().sum(),
        layers: sizes.layers as u64,
        context: sizes.context as u64,
        vocabulary: sizes.vocabulary as u64,
        chat_template,
        template_tools: chat_template && loaded.template.takes_tools(),
        cache_bytes_per_token: sizes.token_bytes() as u64,
        bytes,
    })
}

/// A format as the makers of such files write it.
fn shown(format: Format) -> String {
    match format {
        Format::Bf16 => "BF16".into(),
        Format::Q4K => "Q4_K".into(),
        Format::Q5K => "Q5_K".into(),
        Format::Q6K => "Q6_K".into(),
        plain => format!("{plain:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{model_named, real_model};
    use super::*;

    #[test]
    #[ignore = "needs the models of tests/local"]
    fn a_file_is_told_about() {
        // As its makers publish it.
        let real = about(&real_model()).unwrap();
        assert_eq!((real.architecture.as_str(), real.quantisation.as_str()), ("llama", "Q4_1"));
        assert_eq!((real.layers, real.context, real.vocabulary), (30, 2048 * 4, 49_152));
        assert_eq!(real.parameters, 134_515_008);
        // 30 layers, 3 heads of 64 keys and as many values, 2 bytes each.
        assert_eq!(real.cache_bytes_per_token, 30 * 3 * 64 * 2 * 2);
        assert!(real.chat_template && !real.template_tools);
        let mixed = about(&model_named("qwen3-mixed.gguf")).unwrap();
        assert_eq!(mixed.architecture, "qwen3");
    }
}
