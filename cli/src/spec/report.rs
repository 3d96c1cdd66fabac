//! What became of a document that was converted, as a table for people.

use aikit::spec::neighbours::{Entry, Kind};

use crate::output::table;

/// What is shown last stands next to the prompt: the losses.
const ORDER: [Kind; 3] = [Kind::Kept, Kind::Changed, Kind::Lost];

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Kept => "kept",
        Kind::Changed => "changed",
        Kind::Lost => "lost",
    }
}

/// Writes the entries of these kinds to standard error, and how many there are of each kind.
pub(super) fn show(what: &str, entries: &[Entry], kinds: &[Kind]) {
    let row = |entry: &Entry| {
        let place = if entry.path.is_empty() { "/" } else { &entry.path };
        let to = entry.to.as_deref().map(|to| format!("-> {to}")).unwrap_or_default();
        let note = entry.note.clone().unwrap_or_default();
        [word(entry.kind).to_owned(), place.to_owned(), to, note]
    };
    let of = |kind: Kind| entries.iter().filter(move |entry| entry.kind == kind);
    let shown = ORDER.into_iter().filter(|kind| kinds.contains(kind));
    let rows: Vec<_> = shown.flat_map(of).map(row).collect();
    tell!("{}", table(&rows));
    let counts = ORDER.map(|kind| format!("{} {}", of(kind).count(), word(kind)));
    tell!("{what}: {}\n", counts.join(", "));
}
