//! The thread that answers with a model: all conversations of the model, a token each in turn.
//!
//! Every pass takes the next token of each answer under way, and with them a part of the prompts
//! that are not read yet; so the weights are read once for all of them, and nobody waits for
//! somebody else's long prompt or answer.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use super::caches::Caches;
use super::forward::{Pass, Row};
use super::grammar::Grammar;
use super::loaded::Loaded;
use super::sequence::{Event, Sequence};
use super::tokenizer::Token;
use crate::error::{Code, Error, Result};
use aikit_kernels::pool::Pool;
use aikit_kernels::quantised::Level;

pub(super) use super::sequence::Job;

/// Events that an answer may give in one step; it waits until there is room for so many.
const ROOM: usize = 8;
/// How long an answer waits for who takes it, before its place is given to others.
const STALLED: Duration = Duration::from_secs(60);
/// Requests that wait for a model at most.
const WAITING: usize = 1_000;
/// How long a pass may take for the sake of prompts, so that answers under way go on.
const PASS: Duration = Duration::from_millis(100);
const LEAST_CHUNK: usize = 8;
const MOST_CHUNK: usize = 128;

/// What an engine may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Limits {
    pub(super) threads: usize,
    /// Answers side by side.
    pub(super) parallel: usize,
    /// Bytes of all caches.
    pub(super) cache_bytes: usize,
    /// How long it stays without work.
    pub(super) idle: Duration,
}

/// The state of the thread.
struct Engine {
    model: Arc<Loaded>,
    level: Level,
    pool: Pool,
    pass: Pass,
    caches: Caches,
    waiting: VecDeque<Job>,
    running: Vec<Sequence>,
    parallel: usize,
    /// Tokens of prompts in one pass.
    chunk: usize,
}

/// Answers jobs until there are none for a while and `leave` agrees, or nobody can send any more.
pub(super) fn serve(
    model: Arc<Loaded>,
    limits: &Limits,
    jobs: &Receiver<Job>,
    leave: &dyn Fn() -> bool,
) -> Result<()> {
    let mut engine = Engine {
        level: Level::best(),
        pool: Pool::new(limits.threads).map_err(|error| {
            Error::new(Code::ModelUnavailable, "no thread can be started for the model")
                .caused_by(error)
        })?,
        pass: Pass::default(),
        caches: Caches::new(model.weights.sizes.clone(), limits.cache_bytes, limits.parallel),
        waiting: VecDeque::new(),
        running: Vec::new(),
        parallel: limits.parallel.max(1),
        chunk: 32,
        model,
    };
    loop {
        if engine.running.is_empty() && engine.waiting.is_empty() {
            match jobs.recv_timeout(limits.idle) {
                Ok(job) => engine.queue(job),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {
                    if leave() {
                        return Ok(());
                    }
                    continue;
                }
            }
        }
        loop {
            match jobs.try_recv() {
                Ok(job) => engine.queue(job),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => break,
            }
        }
        let step = std::panic::catch_unwind(AssertUnwindSafe(|| engine.step()));
        if step.is_err() {
            // Caches may be half written: nothing of them is used again.
            let failed = || Error::new(Code::Panic, "a defect in the local model was caught");
            engine.running.drain(..).for_each(|sequence| sequence.fail(failed()));
            engine.waiting.drain(..).for_each(|job| job.fail(failed()));
            engine.caches.clear();
        }
    }
}

impl Engine {
    fn queue(&mut self, job: Job) {
        if self.waiting.len() < WAITING {
            self.waiting.push_back(job);
            return;
        }
        let message = format!("{WAITING} requests wait for the local model already");
        job.fail(Error::new(Code::ModelUnavailable, message).hint("ask again later").retry(true));
    }

    fn step(&mut self) {
        self.drop_left();
        self.admit();
        let (rows, takers) = self.rows();
        if rows.is_empty() {
            if !self.running.is_empty() || !self.waiting.is_empty() {
                // All answers under way wait for those who take them.
                std::thread::sleep(Duration::from_millis(2));
            }
            return;
        }
        let started = Instant::now();
        let running = &self.running;
        let stop = || takers.iter().all(|index| running[*index].is_left());
        let (pass, pool) = (&mut self.pass, &mut self.pool);
        let caches = self.caches.all();
        let Some(logits) = pass.run(&self.model.weights, self.level, pool, &rows, caches, &stop)
        else {
            return;
        };
        for row in &rows {
            caches[row.cache].tokens.push(row.token);
        }
        let mut logits = logits.chunks_exact(self.model.weights.sizes.vocabulary);
        for index in &takers {
            let sequence = &mut self.running[*index];
            let count = rows.iter().filter(|row| row.cache == sequence.cache).count();
            sequence.fed(count);
            if sequence.wants_token()
                && let Some(logits) = logits.next()
            {
                sequence.next_token(&self.model, logits);
            }
        }
        self.fit_chunk(rows.len(), started.elapsed());
        let caches = &mut self.caches;
        self.running.retain(|sequence| {
            if sequence.is_over() {
                caches.give_back(sequence.cache);
            }
            !sequence.is_over()
        });
    }

    /// Forgets those whose caller went away, or does not take what is said.
    fn drop_left(&mut self) {
        let caches = &mut self.caches;
        self.running.retain_mut(|sequence| {
            if sequence.is_stalled_for(STALLED) {
                let message = "nobody took the local model's answer for a minute";
                sequence.end_with(Event::Failed(Error::new(Code::Timeout, message)));
            } else if sequence.left() == 0 {
                let message = "an answer of the local model came to nowhere";
                sequence.end_with(Event::Failed(Error::new(Code::Panic, message)));
            }
            let leaves = sequence.is_left() || sequence.is_over();
            if leaves {
                caches.give_back(sequence.cache);
            }
            !leaves
        });
        self.waiting.retain(|job| !job.is_left());
    }

    /// Begins with those that wait, as far as there is room: in their order, but an owner with fewer
    /// answers under way goes first, so that nobody takes all places. Those whose answers nobody
    /// takes at the moment hold none.
    fn admit(&mut self) {
        while self.running.iter().filter(|sequence| !sequence.is_stalled()).count() < self.parallel
        {
            let under_way = |owner: &Arc<str>| {
                self.running.iter().filter(|sequence| sequence.owner == *owner).count()
            };
            let next = (0..self.waiting.len())
                .min_by_key(|place| (under_way(&self.waiting[*place].owner), *place));
            let Some(next) = next else { return };
            let job = &self.waiting[next];
            let needed = job.prompt.len() + job.max_tokens;
            let Some((cache, shared)) = self.caches.take(&job.owner, &job.prompt, needed) else {
                if self.running.is_empty() {
                    if let Some(job) = self.waiting.remove(next) {
                        job.fail(
                            Error::new(
                                Code::ModelContextExceeded,
                                "the conversation needs more memory than local models may take",
                            )
                            .hint(
                                "lower `max_tokens`, or allow more for the caches of local models",
                            ),
                        );
                    }
                    continue;
                }
                return;
            };
            if let Some(job) = self.waiting.remove(next) {
                self.running.push(Sequence::new(job, cache, shared));
            }
        }
    }

    /// The tokens of the next pass, and whose they are.
    fn rows(&mut self) -> (Vec<Row>, Vec<usize>) {
        let (mut rows, mut takers) = (Vec::new(), Vec::new());
        let reading = self.running.iter().filter(|sequence| sequence.left() > 1).count();
        let share = (self.chunk / reading.max(1)).max(1);
        for (index, sequence) in self.running.iter_mut().enumerate() {
            if !sequence.has_room(ROOM) {
                continue;
            }
            let count = sequence.left().min(share);
            let position = self.caches.held(sequence.cache);
            self.caches.reserve(sequence.cache, position + count);
            let last = count == sequence.left();
            for (i, token) in sequence.upcoming(count).iter().enumerate() {
                let wanted = last && i + 1 == count;
                rows.push(Row {
                    token: *token,
                    cache: sequence.cache,
                    position: position + i,
                    wanted,
                });
            }
            if count > 0 {
                takers.push(index);
            }
        }
        (rows, takers)
    }

    /// Takes more of the prompts at once where the machine is quick, less where it is slow.
    fn fit_chunk(&mut self, rows: usize, took: Duration) {
        if rows < self.chunk {
            return;
        }
        if took > PASS {
            self.chunk = (self.chunk / 2).max(LEAST_CHUNK);
        } else if took * 3 < PASS {
            self.chunk = (self.chunk * 2).min(MOST_CHUNK);
        }
    }
}

impl Sequence {
    /// Draws the next token, and gives what it decides.
    fn next_token(&mut self, model: &Loaded, logits: &[f32]) {
        let token = match self.draw(logits) {
            Ok(token) => token,
            Err(error) => return self.end_with(Event::Failed(error)),
        };
        let end = model.tokenizer.is_end(token);
        if !end {
            self.took(token, model.tokenizer.piece(token), &model.tokenizer);
        }
        self.settle(end);
    }

    fn draw(&mut self, logits: &[f32]) -> Result<Token> {
        let token = match &mut self.grammar {
            None => self.sampler.pick(logits, None, &self.before),
            Some(grammar) => {
                let allowed = grammar.allowed()?;
                let token = self.sampler.pick(
                    logits,
                    Some(&|token| allowed.is_allowed(token)),
                    &self.before,
                );
                if let Some(token) = token {
                    grammar.take(token)?;
                }
                token
            }
        };
        token.ok_or_else(|| {
            Error::new(Code::ModelInvalidResponse, "the model gave no numbers for the next token")
                .hint("its file may be damaged: compare its hash with the publisher's")
        })
    }
}

/// Whether nothing can follow what a grammar took.
pub(super) fn is_done(grammar: Option<&Grammar>) -> bool {
    grammar.is_some_and(Grammar::is_done)
}
