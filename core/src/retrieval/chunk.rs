//! Texts to passages, along headings, paragraphs and sentences.

use std::path::Path;

use text_splitter::{ChunkConfig, MarkdownSplitter, TextSplitter};

use super::load::is_markdown;
use crate::store::NewChunk;

/// Characters of a passage: it is filled up to the first and never passes the second.
const PASSAGE: std::ops::Range<usize> = 400..1200;

/// The passages of a text, each with the line on which it begins.
pub(super) fn chunks(path: &Path, text: &str) -> Vec<NewChunk> {
    let config = ChunkConfig::new(PASSAGE);
    let pieces: Vec<(usize, &str)> = if is_markdown(path) {
        MarkdownSplitter::new(config).chunk_indices(text).collect()
    } else {
        TextSplitter::new(config).chunk_indices(text).collect()
    };
    let mut line = 1u32;
    let mut counted = 0;
    pieces
        .into_iter()
        .filter(|(_, piece)| !piece.trim().is_empty())
        .map(|(offset, piece)| {
            let breaks = text[counted..offset].bytes().filter(|b| *b == b'\n').count();
            line = line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
            counted = offset;
            NewChunk { text: piece.to_owned(), start_line: line }
        })
        .collect()
}

/// The first heading of a Markdown text, else the file's name without its ending.
pub(super) fn title(path: &Path, text: &str) -> String {
    let heading = is_markdown(path)
        .then(|| text.lines().find_map(|line| line.strip_prefix("# ")))
        .flatten()
        .map(|title| title.trim().to_owned());
    heading.unwrap_or_else(|| {
        path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_know_their_line_and_stay_within_bounds() {
        let paragraph = "A sentence of some length that says nothing at all. ".repeat(15);
        let text = format!("# Title\n\n{paragraph}\n\n## Second\n\n{paragraph}\n");
        let path = Path::new("x.md");
        let found = chunks(path, &text);
        assert!(found.len() >= 2);
        for chunk in &found {
            assert!(chunk.text.chars().count() < PASSAGE.end);
            let line = text.lines().nth(chunk.start_line as usize - 1).expect("line");
            assert!(line.contains(chunk.text.lines().next().expect("first").trim_end()));
        }
        assert_eq!(title(path, &text), "Title");
        assert_eq!(title(Path::new("notes.txt"), &text), "notes");
    }
}
