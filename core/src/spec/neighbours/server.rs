//! MCP servers, and the values among their settings that may be secret.

use serde_json::{Map, Value as Json, json};

use super::draft::Draft;
use super::source::View;
use crate::spec::node::escape;

const USE_ENV: &str =
    "a secret is not taken over: keep it in an environment variable and write {env: NAME}";

/// What tells one local server from another: its package, where a program only starts those.
pub(super) fn program(from: View<'_>) -> Option<&str> {
    const STARTERS: &[&str] = &["npx", "uvx", "bunx", "pnpx", "python", "python3", "node", "deno"];
    let command = from.get("command").and_then(View::str)?;
    let arguments = from.list("args").into_iter().filter_map(View::str);
    let mut packages = arguments.filter(|a| !a.starts_with('-') && *a != "run");
    let Some(package) = packages.next().filter(|_| STARTERS.contains(&command)) else {
        return Some(command);
    };
    let name = package.rsplit('/').next().unwrap_or(package);
    Some(name.split('@').next().filter(|name| !name.is_empty()).unwrap_or(command))
}

/// The program of a server, its arguments and its environment.
pub(super) fn stdio(draft: &mut Draft<'_>, place: &str, from: View<'_>) {
    draft.set(&format!("{place}/transport"), "stdio".into());
    draft.keep_text(from, "command", &format!("{place}/command"));
    arguments(draft, from, &format!("{place}/args"));
    secrets(draft, from, "env", &format!("{place}/env"));
}

/// The address of a server, and the headers of its requests.
pub(super) fn http(draft: &mut Draft<'_>, place: &str, from: View<'_>, url: &str) {
    draft.set(&format!("{place}/transport"), "http".into());
    if let Some((view, text)) = from.text(url) {
        // `https://user:password@host`
        let authority = text.split_once("://").and_then(|(_, rest)| rest.split('/').next());
        if authority.is_some_and(|a| a.contains('@')) {
            view.lost(USE_ENV);
        } else {
            draft.keep(view, &format!("{place}/url"));
        }
    }
    secrets(draft, from, "headers", &format!("{place}/headers"));
}

fn arguments(draft: &mut Draft<'_>, from: View<'_>, pointer: &str) {
    for view in from.list("args") {
        match (view.value, view.str()) {
            (_, Some(text)) if may_be_secret(text) => view.lost(USE_ENV),
            (_, Some(text)) => {
                let at = draft.push(pointer, text.into());
                draft.kept(view, &at);
            }
            (Json::Number(_) | Json::Bool(_), _) => {
                let at = draft.push(pointer, view.value.to_string().into());
                draft.changed(view, &at, "written as a text");
            }
            _ => view.lost("a text is expected here"),
        }
    }
}

/// A mapping (or a list of `NAME=value`) of values that may be secret.
pub(super) fn secrets(draft: &mut Draft<'_>, from: View<'_>, key: &str, pointer: &str) {
    let Some(all) = from.get(key) else { return };
    for view in all.items() {
        let pair = view.str().and_then(|text| text.split_once('='));
        match pair {
            Some((name, value)) if !may_be_secret(value) && !is_secret_name(name) => {
                let at = format!("{pointer}/{}", escape(name));
                draft.change(view, &at, value.into(), "an entry of a mapping");
            }
            Some(_) => view.lost(USE_ENV),
            None => view.lost("NAME=value is expected here"),
        }
    }
    for (name, view) in all.entries() {
        let at = format!("{pointer}/{}", escape(name));
        let text = match view.value {
            Json::String(text) => text.clone(),
            Json::Number(_) | Json::Bool(_) => view.value.to_string(),
            _ => {
                view.lost("a text is expected here");
                continue;
            }
        };
        match variable(&text) {
            Some((variable, true)) => {
                draft.change(
                    view,
                    &at,
                    json!({"env": variable}),
                    "refers to the environment variable",
                );
            }
            Some((variable, false)) => draft.change(
                view,
                &at,
                json!({"env": variable}),
                "the variable must hold the whole value, with what stands around it here",
            ),
            None if is_secret_name(name) || may_be_secret(&text) => view.lost(USE_ENV),
            None if view.value.is_string() => draft.keep(view, &at),
            None => draft.change(view, &at, text.into(), "written as a text"),
        }
    }
}

/// The first environment variable that a text names, and whether it is the whole text.
fn variable(text: &str) -> Option<(String, bool)> {
    let text = text.trim();
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let at =
        ["${", "{{", "$", "=Env."].iter().filter_map(|m| Some((text.find(m)?, m.len()))).min()?;
    let inside = text[at.0 + at.1..].trim_start();
    let inside = inside.trim_start_matches(['{', ' ']);
    let inside = ["env.", "env:", "Env.", "headers."]
        .iter()
        .fold(inside, |t, p| t.strip_prefix(p).unwrap_or(t));
    let end = inside.find(|c| !letter(c)).unwrap_or(inside.len());
    let (name, tail) = inside.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let whole = at.0 == 0 && tail.trim_matches(['}', ' ']).is_empty();
    Some((name.to_owned(), whole))
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    [
        "authorization",
        "cookie",
        "password",
        "passwd",
        "secret",
        "token",
        "api_key",
        "apikey",
        "credential",
    ]
    .iter()
    .any(|word| name.contains(word))
        || name.ends_with("_key")
}

/// Whether a text has the form of a key; the checks of a spec have the last word.
fn may_be_secret(text: &str) -> bool {
    const PREFIXES: &[&str] =
        &["sk-", "ghp_", "github_pat_", "glpat-", "xox", "AKIA", "AIza", "hf_", "gsk_"];
    // A value may be a line of its own: `--token=...`, `Authorization: Bearer ...`, JSON.
    let mut words = text.split([' ', '=', ':', '"', '\'', ',', '{', '}']).filter(|w| !w.is_empty());
    let lower = text.to_ascii_lowercase();
    let scheme = |scheme: &str| {
        lower.find(scheme).is_some_and(|at| {
            let before = lower[..at].chars().next_back();
            before.is_none_or(|c| !c.is_ascii_alphanumeric())
                && !lower[at + scheme.len()..].trim().is_empty()
        })
    };
    text.len() >= 12
        && (words.any(|word| word.len() >= 12 && PREFIXES.iter().any(|p| word.starts_with(p)))
            || scheme("bearer ")
            || scheme("basic "))
}

/// The settings of a connection that others call `timeout`, and a filter of tools.
pub(super) fn limits(
    draft: &mut Draft<'_>,
    place: &str,
    from: View<'_>,
    timeout: &str,
    tools: &str,
) {
    draft.seconds(from, timeout, &format!("{place}/timeout_ms"));
    draft.keep_texts(from, tools, &format!("{place}/tools"));
}

/// The JSON Schema of an object out of a list of properties, each with its name under one of
/// `names`; a property that says of itself `required: true` is named in the schema's list.
pub(super) fn object_schema(properties: View<'_>, names: &[&str]) -> Json {
    let mut out = Map::new();
    let mut required = Vec::new();
    let named: Vec<(String, View<'_>)> = if properties.value.is_array() {
        let name = |v: View<'_>| v.any(names).and_then(View::str).map(str::to_owned);
        properties.items().filter_map(|v| Some((name(v)?, v))).collect()
    } else {
        properties.entries().into_iter().map(|(name, v)| (name.to_owned(), v)).collect()
    };
    for (name, view) in named {
        let (schema, needed) = property(view, names);
        if needed {
            required.push(Json::from(name.clone()));
        }
        out.insert(name, schema);
    }
    let mut schema = json!({"type": "object", "properties": out});
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

/// One property: without its name, with `type` for what others call `kind`.
fn property(view: View<'_>, names: &[&str]) -> (Json, bool) {
    let mut schema = Map::new();
    let mut needed = false;
    for (key, value) in view.value.as_object().into_iter().flatten() {
        match (key.as_str(), value) {
            ("required", Json::Bool(is)) => needed = *is,
            ("kind", Json::String(_)) => {
                schema.insert("type".into(), value.clone());
            }
            ("properties", _) if value.is_object() || value.is_array() => {
                let nested = object_schema(view.with(value), names);
                for (key, value) in nested.as_object().into_iter().flatten() {
                    schema.entry(key.clone()).or_insert_with(|| value.clone());
                }
            }
            (key, _) if names.contains(&key) && value.is_string() => {}
            _ => {
                schema.insert(key.clone(), value.clone());
            }
        }
    }
    (schema.into(), needed)
}
