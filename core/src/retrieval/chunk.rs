//! Texts to passages, along headings, paragraphs and sentences.

use std::path::Path;

use text_splitter::{ChunkConfig, MarkdownSplitter, TextSplitter};

use super::load::is_markdown;
use crate::store::NewChunk;

/// Characters of a passage: it is filled up to the first and never passes the second.
const PASSAGE: std::ops::Range<usize> = 400..1200;

/// The splitter's time grows with the square of a text without paragraphs: it gets at most so many
/// bytes at once, cut at the last line end (else space) before.
const BLOCK: usize = 8 * 1024;

/// The passages of a text, each with the line on which it begins.
pub(super) fn chunks(path: &Path, text: &str) -> Vec<NewChunk> {
    let markdown = is_markdown(path).then(|| MarkdownSplitter::new(ChunkConfig::new(PASSAGE)));
    let plain = TextSplitter::new(ChunkConfig::new(PASSAGE));
    let mut found = Vec::new();
    let mut line = 1u32;
    let mut counted = 0;
    let mut start = 0;
    while start < text.len() {
        let block = block(&text[start..]);
        let pieces: Vec<(usize, &str)> = match &markdown {
            Some(splitter) => splitter.chunk_indices(block).collect(),
            None => plain.chunk_indices(block).collect(),
        };
        for (offset, piece) in pieces {
            if piece.trim().is_empty() {
                continue;
            }
            let offset = start + offset;
            let breaks = text[counted..offset].bytes().filter(|b| *b == b'\n').count();
            line = line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
            counted = offset;
            found.push(NewChunk { text: piece.to_owned(), start_line: line });
        }
        start += block.len();
    }
    found
}

/// The beginning of a text, at most [`BLOCK`] bytes of it; never empty.
fn block(text: &str) -> &str {
    if text.len() <= BLOCK {
        return text;
    }
    let head = &text[..text.floor_char_boundary(BLOCK)];
    // A heading is the best place; a cut in the first half would only make more blocks.
    let at = |cut: Option<usize>| cut.filter(|cut| *cut > BLOCK / 2);
    let cut = at(head.rfind("\n#").map(|i| i + 1))
        .or_else(|| at(head.rfind("\n\n").map(|i| i + 2)))
        .or_else(|| at(head.rfind('\n').map(|i| i + 1)))
        .or_else(|| at(head.rfind(' ').map(|i| i + 1)));
    &head[..cut.unwrap_or(head.len())]
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
    fn long_texts_without_any_break_are_cut_in_bounded_time_and_nothing_is_lost() {
        for text in ["word ".repeat(100_000), "\u{e4}".repeat(200_000)] {
            let found = chunks(Path::new("x.txt"), &text);
            let kept: usize =
                found.iter().map(|c| c.text.matches(|c: char| c != ' ').count()).sum();
            assert_eq!(kept, text.matches(|c: char| c != ' ').count());
            assert!(found.iter().all(|c| c.text.chars().count() < PASSAGE.end));
        }
    }

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
