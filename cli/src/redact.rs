//! Passwords of addresses that were given as arguments, kept out of all that is printed.
//!
//! A store shows itself without its password. But an address that stands in the wrong place (as a
//! tenant's id, behind a misspelt option) is an ordinary word, and errors show words.

use std::sync::OnceLock;

use aikit::store::Location;

/// Addresses, and what is shown in their place.
static KNOWN: OnceLock<Vec<(String, String)>> = OnceLock::new();

const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// Finds the addresses among the arguments and in the environment.
pub(crate) fn know_arguments() {
    let arguments = std::env::args_os().filter_map(|argument| argument.into_string().ok());
    let known = arguments.chain(std::env::var("AIKIT_STORE")).flat_map(|text| hidden(&text));
    // Elsewhere addresses are a part of questions and answers, which stay as they are.
    let of_models = std::env::args_os().nth(1).is_some_and(|group| group == "model");
    let sources = std::env::args_os().filter(|_| of_models);
    let sources = sources.filter_map(|word| word.into_string().ok()).filter_map(|w| source(&w));
    let known = known.chain(sources.flatten());
    KNOWN.get_or_init(|| known.collect());
}

/// What of a word is not to be shown: the whole address, and its login alone.
fn hidden(text: &str) -> Vec<(String, String)> {
    let Some(start) = SCHEMES.iter().filter_map(|scheme| text.find(scheme)).min() else {
        return Vec::new();
    };
    let url = &text[start..];
    let shown = Location::new(url).to_string();
    if shown == url {
        return Vec::new();
    }
    let mut out = vec![(url.to_owned(), shown)];
    let login = url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
    if let Some((user, password)) = login.and_then(|(login, _)| login.split_once(':')) {
        out.push((format!("{user}:{password}@"), format!("{user}@")));
    }
    // As messages write a word in quotes.
    let quoted = url.escape_debug().to_string();
    if quoted != url {
        out.push((quoted, Location::new(url).to_string()));
    }
    out
}

/// What of the address of a model is not to be shown: login and query.
fn source(text: &str) -> Option<[(String, String); 2]> {
    let start = ["https://", "http://"].iter().filter_map(|scheme| text.find(scheme)).min()?;
    let url = &text[start..];
    let (scheme, rest) = url.split_once("://")?;
    let (rest, query) = match rest.find(['?', '#']) {
        Some(end) => (&rest[..end], "?..."),
        None => (rest, ""),
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit('@').next().unwrap_or_default();
    let shown = format!("{scheme}://{host}{path}{query}");
    let quoted = url.escape_debug().to_string();
    (shown != url).then(|| [(url.to_owned(), shown.clone()), (quoted, shown)])
}

/// The text without what is not to be shown.
pub(crate) fn redacted(mut text: String) -> String {
    for (secret, shown) in KNOWN.get().into_iter().flatten() {
        if text.contains(secret.as_str()) {
            text = text.replace(secret.as_str(), shown);
        }
    }
    text
}

/// Ends the command as its parser wishes: with help, or with what is wrong with the arguments.
pub(crate) fn exit(error: &clap::Error) -> ! {
    let text = error.render().to_string();
    match error.use_stderr() {
        true => tell!("{text}"),
        false => say!("{text}"),
    }
    std::process::exit(error.exit_code());
}
