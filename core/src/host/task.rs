//! One operation under way, seen from a host language: a queue of steps that ends exactly once.
//!
//! Every asynchronous thing aikit does for a host (open, ingest, run, call a tool) is a [`Task`].
//! The host takes steps from it on a thread of its own choosing: blocking ([`Task::next`]), polling
//! ([`Task::try_next`]), behind a readiness descriptor ([`Task::fd`]) or behind a one-shot wake-up
//! ([`Task::on_ready`]). Calls of host tools are steps like any other, so a tool always runs in the
//! environment that started the run, and never on a thread of aikit's.

use std::collections::VecDeque;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::ready::ReadyFd;
use crate::agent::{Event, EventSink};
use crate::error::{Code, Error, Result};
use crate::io::{self, Condvar, Mutex};
use crate::tool::HostCall;

/// How many events may wait in a task before its run is held back.
pub const QUEUE_LIMIT: usize = 256;

/// What a task has for its host.
#[derive(Debug)]
pub enum Step<T> {
    /// An event of the run, in order.
    Event(Event),
    /// A tool of the host's is wanted: run it and answer through the call.
    ToolCall(HostCall),
    /// The end, given exactly once.
    Done(Result<T>),
    /// Nothing within the time allowed.
    Pending,
    /// The end was taken already.
    Ended,
}

impl<T> Step<T> {
    /// The same step with another result.
    pub(super) fn map_result<U>(self, map: impl FnOnce(T) -> U) -> Step<U> {
        match self {
            Self::Event(event) => Step::Event(event),
            Self::ToolCall(call) => Step::ToolCall(call),
            Self::Done(result) => Step::Done(result.map(map)),
            Self::Pending => Step::Pending,
            Self::Ended => Step::Ended,
        }
    }
}

/// An operation under way. Thread safe. Dropping it cancels the operation.
pub struct Task<T> {
    shared: Arc<Shared<T>>,
    cancel: CancellationToken,
    born: io::Generation,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    room: Notify,
}

struct State<T> {
    steps: VecDeque<Step<T>>,
    done: Option<Result<T>>,
    ended: bool,
    /// The host is gone: what still comes is thrown away.
    closed: bool,
    fd: Option<ReadyFd>,
    waker: Option<Box<dyn FnOnce() + Send>>,
}

/// The producing side of a [`Task`], held by the operation.
pub(crate) struct Feed<T>(Arc<Shared<T>>, CancellationToken);

impl<T> Clone for Feed<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), self.1.clone())
    }
}

impl<T> Feed<T> {
    /// Puts an event in, waiting while the queue is full. A cancelled operation does not wait: the
    /// few events up to its end find room, so that it ends though its host has stopped reading.
    async fn event(&self, event: Event) {
        loop {
            let room = self.0.room.notified();
            {
                let mut state = self.0.state.lock();
                if state.closed {
                    return;
                }
                if state.steps.len() < QUEUE_LIMIT || self.1.is_cancelled() {
                    state.steps.push_back(Step::Event(event));
                    return self.0.wake(state);
                }
            }
            tokio::select! {
                () = room => {}
                () = self.1.cancelled() => {}
            }
        }
    }

    /// Puts a tool call in. Never waits: calls are few and the run stands still until they answer.
    pub(crate) fn tool_call(&self, call: HostCall) {
        let mut state = self.0.state.lock();
        if !state.closed {
            state.steps.push_back(Step::ToolCall(call));
            self.0.wake(state);
        }
    }

    /// Ends the task. Later calls do nothing.
    pub(crate) fn finish(&self, result: Result<T>) {
        let mut state = self.0.state.lock();
        if state.done.is_none() && !state.ended {
            state.done = Some(result);
            self.0.wake(state);
        }
    }
}

impl<T: Send> EventSink for Feed<T> {
    async fn emit(&self, event: Event) {
        self.event(event).await;
    }
}

impl<T> Shared<T> {
    fn new(done: Option<Result<T>>) -> Self {
        Self {
            state: Mutex::new(State {
                steps: VecDeque::new(),
                done,
                ended: false,
                closed: false,
                fd: None,
                waker: None,
            }),
            filled: Condvar::new(),
            room: Notify::new(),
        }
    }

    /// Tells whoever waits; the waker runs outside of the lock, as it may take from the task.
    fn wake(&self, mut state: MutexGuard<'_, State<T>>) {
        if let Some(fd) = &state.fd {
            fd.raise();
        }
        self.filled.notify_all();
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker();
        }
    }

    fn take(&self, state: &mut State<T>) -> Step<T> {
        while let Some(step) = state.steps.pop_front() {
            if state.steps.is_empty()
                && state.done.is_none()
                && let Some(fd) = &state.fd
            {
                fd.lower();
            }
            self.room.notify_one();
            match step {
                // Its time ran out in the queue, or the run was cancelled: nobody may do that work.
                Step::ToolCall(call) if call.is_abandoned() => {}
                step => return step,
            }
        }
        match state.done.take() {
            Some(result) => {
                state.ended = true;
                Step::Done(result)
            }
            None if state.ended => Step::Ended,
            None => Step::Pending,
        }
    }
}

impl<T: Send + 'static> Task<T> {
    /// Starts `operation` on the global runtime. It gets the feed and a token that is cancelled
    /// when the host cancels or drops the task; a panic in it ends the task with [`Code::Panic`].
    pub(crate) fn spawn<F, Fut>(operation: F) -> Self
    where
        F: FnOnce(Feed<T>, CancellationToken) -> Fut,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        let shared = Arc::new(Shared::new(None));
        let runtime = io::runtime();
        // Cancelled by the host, and by the exit of the process.
        let cancel = io::shutdown_token().child_token();
        let task = Self { shared: shared.clone(), cancel: cancel.clone(), born: io::generation() };
        let feed = Feed(shared, cancel.clone());
        let future = operation(feed.clone(), cancel);
        match runtime {
            Ok(runtime) => {
                runtime.spawn(io::counted(async move {
                    let result = io::catch_panic(future).await.and_then(|result| result);
                    feed.finish(result);
                }));
            }
            Err(error) => feed.finish(Err(error)),
        }
        task
    }

    /// A task that has ended already: for calls that are refused before anything starts.
    pub(crate) fn ready(result: Result<T>) -> Self {
        Self {
            shared: Arc::new(Shared::new(Some(result))),
            cancel: CancellationToken::new(),
            born: io::generation(),
        }
    }
}

impl<T> Task<T> {
    /// The next step, waiting at most `timeout` (`None`: for ever). Gives [`Step::Pending`] when
    /// the time is over. In a forked child it ends at once with [`Code::Forked`].
    pub fn next(&self, timeout: Option<Duration>) -> Step<T> {
        if let Err(error) = self.born.check() {
            return Step::Done(Err(error));
        }
        let deadline = timeout.and_then(|t| Instant::now().checked_add(t));
        let mut state = self.shared.state.lock();
        loop {
            match self.shared.take(&mut state) {
                Step::Pending => {}
                step => return step,
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Step::Pending;
            }
            state = self.shared.filled.wait_until(state, deadline);
        }
    }

    /// The next step if there is one now.
    pub fn try_next(&self) -> Step<T> {
        if let Err(error) = self.born.check() {
            return Step::Done(Err(error));
        }
        self.shared.take(&mut self.shared.state.lock())
    }

    /// Waits for the end; events are passed over and tool calls go to `on_tool`.
    pub fn wait(&self, mut on_tool: impl FnMut(HostCall)) -> Result<T> {
        loop {
            match self.next(None) {
                Step::Event(_) | Step::Pending => {}
                Step::ToolCall(call) => on_tool(call),
                Step::Done(result) => return result,
                Step::Ended => {
                    return Err(Error::new(Code::RunEnded, "the result was already taken"));
                }
            }
        }
    }

    /// Asks the operation to stop. It ends soon after with [`Code::Cancelled`] or, for a run, with
    /// its partial result. Idempotent.
    pub fn cancel(&self) {
        if self.born.check().is_ok() {
            self.cancel.cancel();
        }
    }

    /// A descriptor that is readable while [`Task::try_next`] has something (for `epoll`, `libuv`,
    /// `asyncio`). Owned by the task: watch it, neither read nor close it. Made on the first call.
    pub fn fd(&self) -> Result<i32> {
        self.born.check()?;
        let mut state = self.shared.state.lock();
        if state.fd.is_none() {
            let fd = ReadyFd::new()?;
            if !state.steps.is_empty() || state.done.is_some() || state.ended {
                fd.raise();
            }
            state.fd = Some(fd);
        }
        Ok(state.fd.as_ref().map_or(-1, ReadyFd::raw))
    }

    /// Calls `waker` once, from any thread, as soon as there is something to take (at once if
    /// there is already). A later call replaces a waker that has not fired.
    pub fn on_ready(&self, waker: Box<dyn FnOnce() + Send>) {
        // In a forked child the answer is there: the error.
        if self.born.check().is_err() {
            return waker();
        }
        let mut state = self.shared.state.lock();
        if state.steps.is_empty() && state.done.is_none() && !state.ended {
            state.waker = Some(waker);
        } else {
            drop(state);
            waker();
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.cancel();
        // A producer that waits for room must not wait for a host that is gone.
        if self.born.check().is_ok() {
            let mut state = self.shared.state.lock();
            state.closed = true;
            let left = std::mem::take(&mut state.steps);
            drop(state);
            drop(left);
            self.shared.room.notify_one();
        }
    }
}

impl<T> std::fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task")
            .field("cancelled", &self.cancel.is_cancelled())
            .finish_non_exhaustive()
    }
}
