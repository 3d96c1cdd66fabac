//! Models that are reached without a provider: scripted ones, those inside the library, and those in
//! files.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::Providers;
use crate::error::{Code, Error, Result};
use crate::model::{
    BuiltinEmbeddings, ChatModel, EmbeddingModel, FolderEmbeddings, ScriptedEmbeddings,
    ScriptedModel,
};
use crate::spec::ScriptTurn;

impl Providers {
    /// The chat model of this name, if it is one that needs no provider. Conversations of one
    /// `owner` are never gone on with for another.
    pub(super) fn chat_in_process(
        &self,
        owner: &str,
        provider: &str,
        model: &str,
        script: &[ScriptTurn],
    ) -> Result<Option<Arc<dyn ChatModel>>> {
        match provider {
            "scripted" => Ok(Some(Arc::new(ScriptedModel::new(script.to_vec()).named(model)))),
            "local" => self.local(owner, model).map(Some),
            "builtin" => Err(Error::new(
                Code::ModelUnknown,
                format!("builtin/{model} is no chat model: what ships inside aikit makes vectors"),
            )
            .hint("a chat model in a file is named local/NAME")),
            _ => Ok(None),
        }
    }

    /// Settings that mean nothing for a provider are an error, and not silently without effect.
    pub(super) fn misplaced(&self, provider: &str) -> Result<()> {
        let Some(config) = self.0.get(provider) else { return Ok(()) };
        let in_process = [
            ("folder", config.folder.is_some()),
            ("threads", config.threads.is_some()),
            ("context_tokens", config.context_tokens.is_some()),
            ("cache_mb", config.cache_mb.is_some()),
            ("idle_s", config.idle_s.is_some()),
        ];
        let reached = [
            ("base_url", config.base_url.is_some()),
            ("api_key", config.api_key.is_some()),
            ("headers", !config.headers.is_empty()),
            ("wire", config.wire.is_some()),
            ("api_version", config.api_version.is_some()),
            ("first_byte_ms", config.first_byte_ms.is_some()),
            ("between_chunks_ms", config.between_chunks_ms.is_some()),
            ("total_ms", config.total_ms.is_some()),
            ("max_retries", config.max_retries.is_some()),
            ("requests_per_minute", config.requests_per_minute.is_some()),
            ("tokens_per_minute", config.tokens_per_minute.is_some()),
            ("cassette", config.cassette.is_some()),
        ];
        let wrong = if provider == "local" { &reached[..] } else { &in_process[..] };
        let Some((name, _)) = wrong.iter().find(|(_, said)| *said) else { return Ok(()) };
        let why = match provider {
            "local" => "models in the process have no address, no key and no limits of a provider",
            _ => "it is a setting of models in the process, `local`",
        };
        Err(Error::invalid_argument(format!("providers.{provider}.{name} has no meaning: {why}")))
    }

    #[cfg(feature = "local")]
    fn local(&self, owner: &str, model: &str) -> Result<Arc<dyn ChatModel>> {
        use std::time::Duration;

        use crate::model::local::{LocalModel, LocalOptions, ModelFolder};

        let config = self.0.get("local");
        if config.is_some_and(|config| {
            config.threads == Some(0) || config.concurrent_requests == Some(0)
        }) {
            let message = "providers.local: threads and concurrent_requests are 1 at least";
            return Err(Error::invalid_argument(message));
        }
        // Without any folder there are still relative paths.
        let folder = ModelFolder::at(self.folder().unwrap_or_default());
        let found = match folder.root().as_os_str().is_empty() {
            true => None,
            false => folder.find(model)?,
        };
        let file = match found {
            Some(file) => file,
            None => declared(folder.root(), model)
                .filter(|path| path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gguf")))
                .filter(|path| path.is_file())
                .ok_or_else(|| {
                    unknown(model, "no model of that name, and no .gguf file", folder.root())
                })?,
        };
        let mut options = LocalOptions::default();
        if let Some(config) = config {
            let set = |field: &mut usize, said: Option<u32>| {
                *field = said.map_or(*field, |said| said as usize);
            };
            set(&mut options.threads, config.threads);
            set(&mut options.parallel, config.concurrent_requests);
            set(&mut options.context, config.context_tokens);
            if let Some(megabytes) = config.cache_mb {
                options.cache_bytes = (megabytes as usize).saturating_mul(1 << 20);
            }
            if let Some(seconds) = config.idle_s {
                options.idle = Duration::from_secs(seconds.max(1).into());
            }
        }
        Ok(Arc::new(LocalModel::new(file, options).of(owner)))
    }

    #[cfg(not(feature = "local"))]
    #[expect(clippy::unused_self, reason = "as where there are local models")]
    fn local(&self, _owner: &str, model: &str) -> Result<Arc<dyn ChatModel>> {
        let message = format!("this build of aikit cannot run local/{model}");
        Err(Error::new(Code::ModelUnknown, message).hint("build it with the feature `local`"))
    }

    /// The embedding model of this name, if it is one that needs no provider.
    pub(super) fn embedding_in_process(
        &self,
        provider: &str,
        model: &str,
    ) -> Result<Option<Arc<dyn EmbeddingModel>>> {
        match provider {
            "scripted" => Ok(Some(Arc::new(ScriptedEmbeddings))),
            "builtin" if BuiltinEmbeddings::NAME.ends_with(&format!("/{model}")) => {
                Ok(Some(Arc::new(BuiltinEmbeddings)))
            }
            "builtin" => {
                Err(Error::new(Code::ModelUnknown, format!("there is no builtin/{model}"))
                    .hint(format!("the one inside the library is {}", BuiltinEmbeddings::NAME)))
            }
            "local" => {
                let root = self.folder().unwrap_or_default();
                let folder = declared(&root, model);
                let folder = folder.filter(|path| path.join("config.json").is_file());
                let Some(folder) = folder else {
                    return Err(unknown(model, "no folder with a sentence model", &root));
                };
                Ok(Some(Arc::new(FolderEmbeddings::at(folder))))
            }
            _ => Ok(None),
        }
    }

    /// The folder of models.
    fn folder(&self) -> Option<PathBuf> {
        let own = self.0.get("local").and_then(|config| config.folder.clone());
        own.or_else(|| crate::model::folder::usual(&|name| std::env::var_os(name)))
    }
}

fn unknown(model: &str, what: &str, root: &Path) -> Error {
    Error::new(Code::ModelUnknown, format!("local/{model}: there is {what}")).hint(format!(
        "`aikit model list` shows the models that are there; files are looked for in {} and, by \
         relative paths, below the working directory",
        root.display()
    ))
}

/// Where a path of a spec leads: below the folder of models, or, if it is relative, below the
/// working directory. A spec may be another one's than who runs it, so it reaches no other places.
fn declared(root: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    let climbs = |part| matches!(part, Component::ParentDir | Component::Prefix(_));
    if path.components().any(climbs) {
        return None;
    }
    if path.is_absolute() {
        let inside = !root.as_os_str().is_empty() && path.starts_with(root);
        return inside.then(|| path.to_owned());
    }
    if path.has_root() {
        return None;
    }
    let inside = root.join(path);
    Some(if inside.exists() { inside } else { path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_only_to_places_that_were_declared() {
        let root = tempfile::tempdir().expect("tempdir");
        std::fs::write(root.path().join("m.gguf"), "x").expect("write");
        let inside = root.path().join("m.gguf");
        assert_eq!(declared(root.path(), "m.gguf"), Some(inside.clone()));
        assert_eq!(declared(root.path(), &inside.display().to_string()), Some(inside));
        assert_eq!(declared(root.path(), "models/x.gguf"), Some("models/x.gguf".into()));
        for evil in ["/etc/passwd", "../x.gguf", "a/../../x.gguf"] {
            assert_eq!(declared(root.path(), evil), None, "{evil}");
        }
        let climbing = format!("{}/../x.gguf", root.path().display());
        assert_eq!(declared(root.path(), &climbing), None);
    }

    #[test]
    fn settings_of_another_kind_of_provider_are_refused() {
        let all = |config: &str| -> Providers { serde_json::from_str(config).expect("providers") };
        for (config, model) in [
            (r#"{"local": {"base_url": "http://127.0.0.1:1"}}"#, "local/x"),
            (r#"{"local": {"threads": 0}}"#, "local/x"),
            (r#"{"openai": {"threads": 2}}"#, "openai/x"),
            (r#"{"mine": {"base_url": "http://127.0.0.1:1", "folder": "/m"}}"#, "mine/x"),
        ] {
            let providers = all(config);
            let code = providers.chat(model, &[]).map(drop).map_err(|error| error.code());
            assert_eq!(code, Err(Code::InvalidArgument), "{config}");
        }
    }

    #[test]
    fn what_is_not_there_is_told_with_where_it_was_looked_for() {
        let root = tempfile::tempdir().expect("tempdir");
        let config = super::super::ProviderConfig {
            folder: Some(root.path().to_owned()),
            ..Default::default()
        };
        let providers = Providers([("local".to_owned(), config)].into());
        let none = |result: Result<()>| {
            let error = result.expect_err("nothing is there");
            assert_eq!(error.code(), Code::ModelUnknown, "{error}");
            error.hint_text().unwrap_or_default().to_owned()
        };
        for name in ["local/x", "local/x.gguf", "local//etc/passwd", "builtin/x"] {
            none(providers.chat(name, &[]).map(drop));
            none(providers.embedding(name).map(drop));
        }
        let hint = none(providers.embedding("local/x").map(drop));
        assert!(hint.contains(&root.path().display().to_string()), "{hint}");
        let hint = none(providers.embedding("builtin/other").map(drop));
        assert!(hint.contains(BuiltinEmbeddings::NAME), "{hint}");
        assert!(providers.embedding(BuiltinEmbeddings::NAME).is_ok());
    }
}
