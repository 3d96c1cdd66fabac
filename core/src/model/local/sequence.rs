//! One answer under way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;

use super::answer::{Answer, Part};
use super::engine::is_done;
use super::grammar::Grammar;
use super::sampling::Sampler;
use super::tokenizer::{Token, Tokenizer};
use crate::error::Error;
use crate::model::{Usage, finish};

/// What is asked of an engine.
pub(super) struct Job {
    /// Whose conversation it is: others do not go on with it.
    pub(super) owner: Arc<str>,
    pub(super) prompt: Vec<Token>,
    pub(super) max_tokens: usize,
    pub(super) sampler: Sampler,
    /// What the answer is held to from its beginning.
    pub(super) grammar: Option<Grammar>,
    /// What a call is held to, once it has begun.
    pub(super) calls: Option<Grammar>,
    /// Whether there may be another call after the first.
    pub(super) many: bool,
    pub(super) answer: Answer,
    pub(super) events: Sender<Event>,
}

/// What an engine gives.
#[derive(Debug)]
pub(super) enum Event {
    Text(String),
    Thought(String),
    Call {
        name: String,
        arguments: String,
    },
    /// Tokens so far.
    Usage(Usage),
    Done {
        reason: &'static str,
        usage: Usage,
    },
    Failed(Error),
}

impl Job {
    /// Whether nobody waits for it.
    pub(super) fn is_left(&self) -> bool {
        self.events.is_closed()
    }

    pub(super) fn fail(self, error: Error) {
        let _ = self.events.try_send(Event::Failed(error));
    }
}

/// One answer under way.
pub(super) struct Sequence {
    pub(super) owner: Arc<str>,
    pub(super) cache: usize,
    /// Since when there was no room for its events.
    stalled: Option<Instant>,
    pub(super) sampler: Sampler,
    pub(super) grammar: Option<Grammar>,
    /// Tokens of the prompt and of the answer.
    pub(super) before: Vec<Token>,
    calls: Option<Grammar>,
    many: bool,
    answer: Answer,
    events: Sender<Event>,
    /// Where those begin that the model has not read.
    read: usize,
    prompt: usize,
    shared: usize,
    max_tokens: usize,
    made: usize,
    thought: usize,
    called: bool,
    over: bool,
    parts: Vec<Part>,
}

impl Sequence {
    pub(super) fn new(job: Job, cache: usize, shared: usize) -> Self {
        let sequence = Self {
            owner: job.owner,
            cache,
            stalled: None,
            sampler: job.sampler,
            grammar: job.grammar,
            prompt: job.prompt.len(),
            before: job.prompt,
            calls: job.calls,
            many: job.many,
            answer: job.answer,
            events: job.events,
            read: shared,
            shared,
            max_tokens: job.max_tokens,
            made: 0,
            thought: 0,
            called: false,
            over: false,
            parts: Vec::new(),
        };
        sequence.give(Event::Usage(sequence.usage()));
        sequence
    }

    pub(super) fn is_left(&self) -> bool {
        self.events.is_closed()
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Whether whoever takes the answer has room for so many events.
    pub(super) fn has_room(&mut self, events: usize) -> bool {
        let room = self.events.capacity() >= events;
        self.stalled = if room { None } else { self.stalled.or_else(|| Some(Instant::now())) };
        room
    }

    /// Whether there was no room when it was looked for.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.is_some()
    }

    /// Whether there was none for so long.
    pub(super) fn is_stalled_for(&self, time: Duration) -> bool {
        self.stalled.is_some_and(|since| since.elapsed() > time)
    }

    /// Tokens that the model has not read.
    pub(super) fn left(&self) -> usize {
        self.before.len() - self.read
    }

    pub(super) fn upcoming(&self, count: usize) -> &[Token] {
        &self.before[self.read..self.read + count]
    }

    pub(super) fn fed(&mut self, count: usize) {
        self.read += count;
    }

    /// Whether the model has read all, so that the next token can be drawn.
    pub(super) fn wants_token(&self) -> bool {
        self.left() == 0
    }

    fn usage(&self) -> Usage {
        Usage::new(self.prompt as u64, self.made as u64)
            .cached(self.shared as u64, 0)
            .reasoned(self.thought as u64)
    }

    /// There is room, or nobody listens: see `has_room`.
    fn give(&self, event: Event) {
        let _ = self.events.try_send(event);
    }

    pub(super) fn end_with(&mut self, event: Event) {
        self.over = true;
        self.give(event);
    }

    pub(super) fn fail(self, error: Error) {
        self.give(Event::Failed(error));
    }

    /// Takes a token of the answer.
    pub(super) fn took(&mut self, token: Token, piece: &[u8], tokenizer: &Tokenizer) {
        self.before.push(token);
        self.made += 1;
        if self.answer.is_thinking() {
            self.thought += 1;
        }
        // A token of the model's own that is no end has no text.
        if !tokenizer.is_control(token) {
            self.answer.push(piece, &mut self.parts);
        }
        let begins = self.parts.contains(&Part::CallBegins) && self.answer.is_calling();
        if begins && self.grammar.is_none() {
            self.begin_call(piece, tokenizer);
        }
    }

    /// From here on the answer is held to a call. What the last token said beyond the text that
    /// begins one is taken back, so that the grammar has all of it.
    fn begin_call(&mut self, piece: &[u8], tokenizer: &Tokenizer) {
        self.grammar.clone_from(&self.calls);
        let taken = self.answer.take_back();
        if taken > 0 {
            self.before.pop();
            let kept = String::from_utf8_lossy(&piece[..piece.len().saturating_sub(taken)]);
            self.before.extend(tokenizer.encode(&kept, false));
        }
    }

    /// Gives what was decided, and ends the answer where it is to end.
    pub(super) fn settle(&mut self, end: bool) {
        let mut stop = end;
        let full = self.made >= self.max_tokens;
        if self.answer.is_calling() || self.grammar.is_none() || !is_done(self.grammar.as_ref()) {
            // Goes on.
        } else if self.called || self.parts.iter().any(|part| matches!(part, Part::Call { .. })) {
            // The call is whole; what follows is free again, if there may be more.
            self.grammar = None;
            stop |= !self.many;
        } else {
            stop = true;
        }
        if stop || full {
            let mut parts = std::mem::take(&mut self.parts);
            self.answer.finish(&mut parts);
            self.parts = parts;
        }
        for part in std::mem::take(&mut self.parts) {
            match part {
                Part::Text(text) => self.give(Event::Text(text)),
                Part::Thought(text) => self.give(Event::Thought(text)),
                Part::Call { name, arguments } => {
                    self.called = true;
                    self.give(Event::Call { name, arguments });
                    stop |= !self.many;
                }
                // A call that was cut off. It is no text either: nobody is to see half a call.
                Part::NoCall(_) | Part::CallBegins => {}
                Part::Stop => stop = true,
            }
        }
        if stop || full {
            let reason = match (stop, self.called) {
                (true, true) => finish::TOOL_CALLS,
                (true, false) => finish::STOP,
                (false, _) => finish::LENGTH,
            };
            let usage = self.usage();
            self.end_with(Event::Done { reason, usage });
        }
    }
}
