//! Knowledge, mounts and how they are searched.

use super::Check;
use crate::spec::document::{Document, RagStrategy};
use crate::spec::template::is_template;

pub(super) fn check(document: &Document, check: &mut Check<'_>) {
    let context = &document.context_policy;
    for (i, knowledge) in context.knowledge.iter().enumerate() {
        let pointer = format!("/context_policy/knowledge/{i}");
        if !is_template(&knowledge.collection) {
            let deeper = format!("{pointer}/collection");
            let at = if check.exists(&deeper) { &deeper } else { &pointer };
            check.slug(at, &knowledge.collection);
        }
        if !(1..=100).contains(&knowledge.top_k) {
            let message = format!("{} is outside of 1 to 100", knowledge.top_k);
            check.error(&format!("{pointer}/top_k"), "AK1005", message, None);
        }
        if let Some(model) = &knowledge.embedding_model {
            check.model_name(&format!("{pointer}/embedding_model"), model);
        }
    }
    let names = context.knowledge.iter().map(|k| k.collection.as_str()).enumerate();
    check.once("/context_policy/knowledge", "collection", names);
    if context.rag.strategy == RagStrategy::Keyword
        && let Some(i) = context.knowledge.iter().position(|k| k.embedding_model.is_some())
    {
        check.error(
            "/context_policy/rag/strategy",
            "AK2011",
            format!("search by words uses no embedding model, and knowledge {} names one", i + 1),
            Some("remove `embedding_model` from it, or choose `strategy: hybrid`"),
        );
    }
    for (i, mount) in context.context_mounts.iter().enumerate() {
        let pointer = format!("/context_policy/context_mounts/{i}");
        if mount.name.is_empty() {
            check.error(&pointer, "AK1004", "`name` is missing", None);
        }
        match (&mount.text, &mount.file) {
            (Some(_), Some(_)) => {
                check.error(&pointer, "AK1005", "a mount has `text` or `file`, not both", None);
            }
            (None, None) => {
                let hint = Some("add `text: ...` or `file: notes.md`");
                check.error(&pointer, "AK1004", "`text` or `file` is missing", hint);
            }
            _ => {}
        }
    }
    let names = context.context_mounts.iter().map(|m| m.name.as_str()).enumerate();
    check.once("/context_policy/context_mounts", "name", names);
}
