//! Server-sent events (WHATWG HTML, section 9.2) as chat providers send them: `data` fields only.

use crate::error::{Code, Error, Result};

/// The most bytes that one event may have.
const EVENT_LIMIT: usize = 8 * 1024 * 1024;

/// Cuts a byte stream into the `data` of its events. Feed it chunks as they come.
#[derive(Debug, Default)]
pub(crate) struct SseReader {
    buffer: Vec<u8>,
    /// Bytes of `buffer` that were given out already.
    read: usize,
    /// Bytes of `buffer` that were looked through: a long line that comes in small pieces is not
    /// searched from its beginning each time.
    searched: usize,
    data: String,
    has_data: bool,
    /// Whether the first line was read: a byte-order mark may stand before it.
    begun: bool,
}

impl SseReader {
    /// Adds a chunk of the body.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<()> {
        if self.read == self.buffer.len() {
            self.buffer.clear();
        } else if self.read > 0 {
            self.buffer.drain(..self.read);
        }
        self.searched = self.searched.saturating_sub(self.read);
        self.read = 0;
        if self.buffer.len() + chunk.len() > EVENT_LIMIT || self.data.len() > EVENT_LIMIT {
            return Err(Error::new(
                Code::ModelInvalidResponse,
                "the provider sent an event of more than 8 MiB",
            ));
        }
        self.buffer.extend_from_slice(chunk);
        Ok(())
    }

    /// Whether a part of some data was read already.
    pub(crate) fn is_within_data(&self) -> bool {
        self.has_data || self.buffer[self.read..].starts_with(b"data")
    }

    /// The data of the next complete event, or `None` until more bytes come.
    pub(crate) fn next(&mut self) -> Result<Option<String>> {
        loop {
            let from = self.searched.max(self.read);
            let found = memchr::memchr2(b'\n', b'\r', &self.buffer[from..]);
            self.searched = found.map_or(self.buffer.len(), |place| from + place);
            if found.is_none() {
                return Ok(None);
            }
            let rest = &self.buffer[self.read..];
            let end = self.searched - self.read;
            // A carriage return at the very end may be half of a pair.
            if rest[end] == b'\r' && end + 1 == rest.len() {
                return Ok(None);
            }
            let skip = if rest[end] == b'\r' && rest[end + 1] == b'\n' { 2 } else { 1 };
            let line = std::str::from_utf8(&rest[..end]).map_err(|_| {
                Error::new(Code::ModelInvalidResponse, "the provider's stream is not UTF-8")
            })?;
            let mark = (!self.begun).then(|| line.strip_prefix('\u{feff}')).flatten();
            let line = mark.unwrap_or(line);
            self.begun = true;
            let event = if line.is_empty() {
                self.has_data.then(|| {
                    self.has_data = false;
                    std::mem::take(&mut self.data)
                })
            } else {
                if let Some(value) = line.strip_prefix("data:") {
                    if self.has_data {
                        self.data.push('\n');
                    }
                    self.data.push_str(value.strip_prefix(' ').unwrap_or(value));
                    self.has_data = true;
                }
                None
            };
            self.read += end + skip;
            if event.is_some() {
                return Ok(event);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SseReader;

    fn events(chunks: &[&[u8]]) -> Vec<String> {
        let mut reader = SseReader::default();
        let mut out = Vec::new();
        for chunk in chunks {
            reader.push(chunk).expect("push");
            while let Some(event) = reader.next().expect("next") {
                out.push(event);
            }
        }
        out
    }

    #[test]
    fn a_long_line_in_small_pieces_takes_time_by_its_length() {
        let start = std::time::Instant::now();
        let mut reader = SseReader::default();
        reader.push(b"data: ").expect("push");
        for _ in 0..100_000 {
            reader.push(&[b'x'; 40]).expect("push");
            assert!(reader.next().expect("next").is_none());
        }
        reader.push(b"\n\n").expect("push");
        assert_eq!(reader.next().expect("next").map(|data| data.len()), Some(4_000_000));
        assert!(start.elapsed() < std::time::Duration::from_secs(10), "{:?}", start.elapsed());
    }

    #[test]
    fn what_is_half_read_is_told_if_it_is_data() {
        let mut reader = SseReader::default();
        for (chunk, within) in [
            (": a\n\n", false),
            ("event: x\nda", false),
            ("ta: y", true),
            ("\n", true),
            ("\n", false),
        ] {
            reader.push(chunk.as_bytes()).expect("push");
            while reader.next().expect("next").is_some() {}
            assert_eq!(reader.is_within_data(), within, "{chunk:?}");
        }
    }

    #[test]
    fn events_are_the_same_however_the_bytes_are_cut() {
        let body = "data: {\"a\":1}\n\n: comment\nevent: x\r\ndata: zwei\r\ndata: zeilen \u{e4}\r\n\r\ndata:[DONE]\n\n";
        let whole = events(&[body.as_bytes()]);
        assert_eq!(whole, ["{\"a\":1}", "zwei\nzeilen \u{e4}", "[DONE]"]);
        let marked = format!("\u{feff}{body}");
        for body in [body, &marked] {
            for cut in 1..body.len() {
                let (a, b) = body.as_bytes().split_at(cut);
                assert_eq!(events(&[a, b]), whole, "cut at {cut}");
            }
        }
        // Elsewhere it is a letter like others, of a field that nobody knows.
        assert_eq!(events(&["\n\u{feff}data: a\n\ndata: b\n\n".as_bytes()]), ["b"]);
    }
}
