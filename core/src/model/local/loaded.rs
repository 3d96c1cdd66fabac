//! A model that is in memory, and all that does not change while it answers.

use std::path::Path;
use std::time::{Duration, Instant};

use super::gguf::Gguf;
use super::grammar::Grammars;
use super::mapping::Mapping;
use super::template::Template;
use super::tokenizer::Tokenizer;
use super::weights::Weights;
use crate::error::Result;

/// A model that is in memory.
pub(super) struct Loaded {
    pub(super) weights: Weights,
    pub(super) tokenizer: Tokenizer,
    pub(super) template: Template,
    pub(super) grammars: Grammars,
    /// What the file calls itself.
    pub(super) name: String,
    pub(super) took: Duration,
}

impl Loaded {
    pub(super) fn open(path: &Path) -> Result<Self> {
        Self::of(Mapping::open(path)?).map_err(|error| error.at(path.display().to_string()))
    }

    pub(super) fn of(file: Mapping) -> Result<Self> {
        let started = Instant::now();
        let gguf = Gguf::read(&file)?;
        let tokenizer = Tokenizer::new(&gguf, &file)?;
        let source = gguf.text(&file, "tokenizer.chat_template");
        let template = Template::new(source, tokenizer.bos_text(), tokenizer.eos_text())?;
        let name = gguf.text(&file, "general.name").unwrap_or_default().to_owned();
        let weights = Weights::new(file, &gguf)?;
        let took = started.elapsed();
        Ok(Self { weights, tokenizer, template, grammars: Grammars::default(), name, took })
    }
}
