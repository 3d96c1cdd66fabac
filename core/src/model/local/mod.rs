//! GGUF chat models in the process: `local/NAME`.
//!
//! - `mapping`, `gguf`, `weights`, `rope`: a file, what it says, and where its weights are. The
//!   file stays mapped; nothing of it is copied but a few vectors.
//! - `cache`, `forward`: a pass of tokens through the model, on `aikit-kernels`.
//! - `tokenizer`, `template`: texts and conversations as tokens.
//! - `sampling`, `grammar`, `answer`: from numbers to tokens, and from those to what is said.
//! - `engine`, `sequence`, `caches`: all conversations of one model, side by side.
//! - `loaded`, `registry`, `chat`, `folder`, `pull`, `about`: models as the rest of aikit sees them.

mod about;
mod answer;
mod cache;
mod caches;
mod chat;
mod engine;
mod folder;
mod forward;
mod gguf;
mod grammar;
mod loaded;
mod mapping;
mod pull;
mod registry;
mod rope;
mod sampling;
mod sequence;
mod template;
mod tokenizer;
mod weights;

pub use about::{ModelAbout, about};
pub use chat::LocalModel;
pub use folder::{Incoming, ModelEntry, ModelFolder, Progress};
pub use registry::{LoadedModel, LocalOptions, loaded_models};

#[cfg(test)]
mod tests;
