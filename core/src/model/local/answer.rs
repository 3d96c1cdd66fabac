//! From tokens to what is said: text, thoughts and calls, with nothing given out that is still
//! undecided.

use serde_json::Value;

use super::template::{CALL_END, CALL_START};

const THINK_START: &str = "<think>";
const THINK_END: &str = "</think>";

/// Something of an answer that is decided.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Text(String),
    Thought(String),
    /// The text that begins a call was met.
    CallBegins,
    Call {
        name: String,
        arguments: String,
    },
    /// A call that is none.
    NoCall(String),
    /// A stop text was met; nothing follows.
    Stop,
}

#[derive(Debug, PartialEq)]
enum Mode {
    Text,
    Thinking,
    Call,
    Stopped,
}

/// The state of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    mode: Mode,
    /// Whether calls are looked for.
    calls: bool,
    stops: Vec<String>,
    /// The beginning of a character.
    bytes: Vec<u8>,
    /// What may be the beginning of something.
    held: String,
    /// Whether anything but spaces was said.
    begun: bool,
    /// After a thought or a call: spaces there are no text.
    skip_spaces: bool,
}

impl Answer {
    pub(super) fn new(stops: &[String], calls: bool, thinking: bool) -> Self {
        Self {
            mode: if thinking { Mode::Thinking } else { Mode::Text },
            calls,
            stops: stops.iter().filter(|stop| !stop.is_empty()).cloned().collect(),
            bytes: Vec::new(),
            held: String::new(),
            begun: thinking,
            skip_spaces: false,
        }
    }

    pub(super) fn is_thinking(&self) -> bool {
        self.mode == Mode::Thinking
    }

    pub(super) fn is_calling(&self) -> bool {
        self.mode == Mode::Call
    }

    /// Takes what a token adds.
    pub(super) fn push(&mut self, piece: &[u8], out: &mut Vec<Part>) {
        self.bytes.extend_from_slice(piece);
        loop {
            match std::str::from_utf8(&self.bytes) {
                Ok(text) => {
                    self.held.push_str(text);
                    self.bytes.clear();
                }
                Err(error) => {
                    let (good, bad) = (error.valid_up_to(), error.error_len());
                    let text = std::str::from_utf8(&self.bytes[..good]).unwrap_or_default();
                    self.held.push_str(text);
                    if let Some(bad) = bad {
                        self.held.push(char::REPLACEMENT_CHARACTER);
                        self.bytes.drain(..good + bad);
                        continue;
                    }
                    self.bytes.drain(..good);
                }
            }
            break;
        }
        self.decide(false, out);
    }

    /// Takes back what came after the text that begins a call; says how many bytes that were.
    pub(super) fn take_back(&mut self) -> usize {
        let taken = self.held.len() + self.bytes.len();
        self.held.clear();
        self.bytes.clear();
        taken
    }

    /// Gives what is left.
    pub(super) fn finish(&mut self, out: &mut Vec<Part>) {
        if !self.bytes.is_empty() {
            self.held.push(char::REPLACEMENT_CHARACTER);
            self.bytes.clear();
        }
        self.decide(true, out);
        if self.mode == Mode::Call {
            out.push(Part::NoCall(std::mem::take(&mut self.held)));
        }
    }

    fn markers(&self) -> Vec<&str> {
        match self.mode {
            Mode::Text => {
                let stops = self.stops.iter().map(String::as_str);
                let calls = self.calls.then_some(CALL_START);
                let thoughts = (!self.begun).then_some(THINK_START);
                stops.chain(calls).chain(thoughts).collect()
            }
            Mode::Thinking => vec![THINK_END],
            Mode::Call => vec![CALL_END],
            Mode::Stopped => Vec::new(),
        }
    }

    fn decide(&mut self, all: bool, out: &mut Vec<Part>) {
        while self.mode != Mode::Stopped {
            let markers = self.markers();
            // The first one; of two that begin at one place the longer.
            let found = markers
                .iter()
                .filter_map(|marker| self.held.find(marker).map(|at| (at, *marker)))
                .min_by_key(|(at, marker)| (*at, std::cmp::Reverse(marker.len())));
            // A marker that began earlier, and may yet be whole, comes first.
            let open = if all { self.held.len() } else { undecided(&self.held, &markers) };
            // But a call that has begun has begun: its tokens are held to it from here on.
            let decided = |(at, marker): &(usize, &str)| *at <= open || *marker == CALL_START;
            let Some((at, marker)) = found.filter(decided) else {
                if self.mode != Mode::Call {
                    let rest = self.held.split_off(open);
                    let text = std::mem::replace(&mut self.held, rest);
                    self.say(text, out);
                }
                return;
            };
            let marker = marker.to_owned();
            let after = self.held[at + marker.len()..].to_owned();
            let before = self.held[..at].to_owned();
            self.held = after;
            if self.mode == Mode::Text && self.stops.contains(&marker) {
                self.say(before, out);
                self.mode = Mode::Stopped;
                self.held.clear();
                out.push(Part::Stop);
            } else if marker == CALL_END {
                out.push(called(&before));
                self.mode = Mode::Text;
                self.skip_spaces = true;
            } else if marker == CALL_START {
                self.say(before, out);
                self.mode = Mode::Call;
                out.push(Part::CallBegins);
            } else if marker == THINK_START && before.trim().is_empty() {
                self.mode = Mode::Thinking;
                self.begun = true;
            } else if marker == THINK_START {
                // Not at the beginning: it is text like any other.
                self.begun = true;
                self.held.insert_str(0, &format!("{before}{marker}"));
            } else {
                self.say(before, out);
                self.mode = Mode::Text;
                self.skip_spaces = true;
            }
        }
        self.held.clear();
    }

    fn say(&mut self, mut text: String, out: &mut Vec<Part>) {
        if self.skip_spaces {
            text = text.trim_start().to_owned();
        }
        if text.is_empty() {
            return;
        }
        self.skip_spaces = false;
        if self.mode == Mode::Thinking {
            out.push(Part::Thought(text));
        } else {
            self.begun |= !text.trim().is_empty();
            out.push(Part::Text(text));
        }
    }
}

/// From where on a text may be the beginning of one of the markers.
fn undecided(text: &str, markers: &[&str]) -> usize {
    let longest = markers.iter().map(|marker| marker.len()).max().unwrap_or(0);
    let from = text.len().saturating_sub(longest);
    (from..text.len())
        .filter(|at| text.is_char_boundary(*at))
        .find(|at| markers.iter().any(|marker| marker.starts_with(&text[*at..])))
        .unwrap_or(text.len())
}

fn called(body: &str) -> Part {
    let body = body.trim();
    let Ok(Value::Object(mut call)) = serde_json::from_str(body) else {
        return Part::NoCall(body.to_owned());
    };
    let Some(Value::String(name)) = call.remove("name") else {
        return Part::NoCall(body.to_owned());
    };
    let arguments = call.remove("arguments").or_else(|| call.remove("parameters"));
    let arguments = match arguments {
        None | Some(Value::Null) => "{}".to_owned(),
        Some(Value::String(text)) => text,
        Some(value) => value.to_string(),
    };
    Part::Call { name, arguments }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Part};

    /// What is given for these pieces, with neighbouring texts as one.
    fn parts(mut answer: Answer, pieces: &[&[u8]]) -> Vec<Part> {
        let (mut out, mut joined): (Vec<Part>, Vec<Part>) = (Vec::new(), Vec::new());
        pieces.iter().for_each(|piece| answer.push(piece, &mut out));
        answer.finish(&mut out);
        for part in out {
            match (joined.last_mut(), part) {
                (Some(Part::Text(before)), Part::Text(text))
                | (Some(Part::Thought(before)), Part::Thought(text)) => before.push_str(&text),
                (_, part) => joined.push(part),
            }
        }
        joined
    }

    fn text(text: &str) -> Part {
        Part::Text(text.into())
    }

    fn bytewise(text: &str) -> Vec<&[u8]> {
        text.as_bytes().chunks(1).collect()
    }

    #[test]
    fn half_characters_are_held_back_and_broken_ones_replaced() {
        let mut answer = Answer::new(&[], false, false);
        let mut out = Vec::new();
        answer.push(&[0xF0, 0x9F], &mut out);
        assert!(out.is_empty());
        answer.push(&[0x98, 0x80, b'!'], &mut out);
        assert_eq!(out, [text("😀!")]);
        let broken: Vec<&[u8]> = vec![b"a", &[0xFF], b"b", &[0xE6, 0x97]];
        assert_eq!(parts(Answer::new(&[], false, false), &broken), [text("a\u{FFFD}b\u{FFFD}")]);
    }

    #[test]
    fn stop_texts_end_the_answer_wherever_tokens_end() {
        let stops = ["\n\nUser".to_owned(), "END".to_owned()];
        let of = |pieces: &[&[u8]]| parts(Answer::new(&stops, false, false), pieces);
        let whole = "Yes.\n\nUs, EN, \n\nUser: more";
        let expected = vec![text("Yes.\n\nUs, EN, "), Part::Stop];
        assert_eq!(of(&bytewise(whole)), expected);
        assert_eq!(of(&[whole.as_bytes()]), expected);
        assert_eq!(of(&[b"an EN"]), [text("an EN")]);
        // The shorter one is not taken where the longer one may still come.
        let nested = ["ab".to_owned(), "xabc".to_owned()];
        assert_eq!(
            parts(Answer::new(&nested, false, false), &bytewise("1xabc2")),
            [text("1"), Part::Stop]
        );
        assert_eq!(
            parts(Answer::new(&nested, false, false), &bytewise("1xabd")),
            [text("1x"), Part::Stop]
        );
    }

    #[test]
    fn a_call_begins_where_its_word_is_whole_also_within_a_stop_text() {
        let mut answer = Answer::new(&["a<tool_call>x".into()], true, false);
        let mut out = Vec::new();
        answer.push(b"a", &mut out);
        answer.push(b"<tool_call>", &mut out);
        assert!(answer.is_calling());
        assert_eq!((answer.take_back(), out), (0, vec![text("a"), Part::CallBegins]));
    }

    #[test]
    fn calls_are_cut_out_of_the_text() {
        let said = "Let me look.\n<tool_call>\n{\"name\": \"find\", \"arguments\": {\"b\": 1, \"a\": \"ü\"}}\n\
                    </tool_call>\n<tool_call>{\"name\": \"now\"}</tool_call>";
        let found = parts(Answer::new(&[], true, false), &bytewise(said));
        assert_eq!(
            found,
            [
                text("Let me look.\n"),
                Part::CallBegins,
                Part::Call { name: "find".into(), arguments: "{\"b\":1,\"a\":\"ü\"}".into() },
                Part::CallBegins,
                Part::Call { name: "now".into(), arguments: "{}".into() },
            ]
        );
        let open = parts(Answer::new(&[], true, false), &[b"<tool_call>{\"na"]);
        assert_eq!(open[1], Part::NoCall("{\"na".into()));
        assert_eq!(parts(Answer::new(&[], false, false), &[b"<tool_call>"]), [text("<tool_call>")]);
    }

    #[test]
    fn thoughts_are_apart_and_only_at_the_beginning() {
        let said = "<think>\nHm.\n</think>\n\nYes <think> no";
        let found = parts(Answer::new(&[], true, false), &bytewise(said));
        assert_eq!(found[0], Part::Thought("\nHm.\n".into()));
        assert_eq!(found[1..], [text("Yes <think> no")][..]);
        let found = parts(Answer::new(&[], true, true), &[b"Hm.</think>Yes"]);
        assert_eq!(found, [Part::Thought("Hm.".into()), text("Yes")]);
    }
}
