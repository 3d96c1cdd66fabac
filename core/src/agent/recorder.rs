//! Gives each event its number, to the host, and to the store in whole steps.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::budget::Used;
use super::event::{Event, EventKind};
use crate::error::Result;
use crate::store::{Allowance, NewRun, RunStatus, Spent, TenantStore};

/// Takes the events of one run, in order. May hold the run back.
pub(crate) trait EventSink: Send + Sync {
    /// Takes one.
    fn emit(&self, event: Event) -> impl Future<Output = ()> + Send;
}

/// Events with their numbers, as the store takes them.
type Events = Vec<(u64, Arc<str>)>;

/// A step on its way into the store. The store brings it to its end whether or not it is waited for,
/// so its outcome is known before anything follows it.
struct Writing {
    events: Events,
    spent: Spent,
    outcome: BoxFuture<'static, Result<Option<Allowance>>>,
}

pub(super) struct Recorder<'a, S> {
    run_id: Arc<str>,
    store: &'a TenantStore,
    sink: &'a S,
    next: u64,
    /// Of the step under way: not in the store yet.
    pending: Events,
    /// It is still here when the run was cancelled while it was written.
    writing: Option<Writing>,
    /// Being given to the sink. It is still here when the run was cancelled while the host held
    /// it back, and is given first then: the host sees no gap.
    in_delivery: Option<Event>,
    /// What the tenant may still use today.
    allowance: Allowance,
    /// Used, and not in the store yet.
    spent: Spent,
    /// Used by the whole run.
    run: Spent,
}

impl<'a, S: EventSink> Recorder<'a, S> {
    pub(super) fn new(run_id: Arc<str>, store: &'a TenantStore, sink: &'a S) -> Self {
        Self {
            run_id,
            store,
            sink,
            next: 0,
            pending: Vec::new(),
            writing: None,
            in_delivery: None,
            allowance: Allowance::default(),
            spent: Spent::default(),
            run: Spent::default(),
        }
    }

    /// What budgets are compared with.
    pub(super) fn used(&self) -> Used {
        let mut day = self.allowance.agent_today().clone();
        day.input_tokens = day.input_tokens.saturating_add(self.spent.input_tokens);
        day.output_tokens = day.output_tokens.saturating_add(self.spent.output_tokens);
        day.cost_micros = day.cost_micros.saturating_add(self.spent.cost_micros);
        Used { run: self.run, day }
    }

    pub(super) async fn emit(&mut self, kind: EventKind) {
        self.deliver().await;
        let event = Event::new(self.run_id.clone(), self.next, kind);
        self.next += 1;
        self.pending.push((event.seq, event.shared_json()));
        self.in_delivery = Some(event);
        self.deliver().await;
    }

    async fn deliver(&mut self) {
        if let Some(event) = self.in_delivery.clone() {
            self.sink.emit(event).await;
            self.in_delivery = None;
        }
    }

    /// Writes the run with its first event, and gives that. Nothing is given when it fails: the
    /// run has not begun then.
    pub(super) async fn begin(&mut self, run: NewRun, kind: EventKind) -> Result<()> {
        let event = Event::new(self.run_id.clone(), self.next, kind);
        self.allowance = self.store.begin_run(run, vec![(event.seq, event.shared_json())]).await?;
        self.next += 1;
        self.in_delivery = Some(event);
        self.deliver().await;
        Ok(())
    }

    /// Whether the tenant's day has bounds.
    pub(super) fn is_bounded(&self) -> bool {
        self.allowance.is_bounded()
    }

    /// Refuses to go on when the tenant has used up its day, or has no room for what is estimated to
    /// be next.
    ///
    /// # Errors
    /// [`crate::Code::QuotaExceeded`].
    pub(super) fn check_allowance(&self, next: Spent) -> Result<()> {
        self.allowance.check(self.spent, next)
    }

    /// Notes what was used, for the next step that is written.
    pub(super) fn spend(&mut self, spent: Spent) {
        self.run += spent;
        self.spent += spent;
    }

    /// Writes the step that has just ended.
    pub(super) async fn step(&mut self) -> Result<()> {
        self.write(None).await
    }

    async fn write(&mut self, end: Option<RunStatus>) -> Result<()> {
        // What became of a step that was cut off in here; if it failed, it goes with this one.
        let _ = self.written().await;
        let events = std::mem::take(&mut self.pending);
        let spent = std::mem::take(&mut self.spent);
        let (store, run_id, step) = (self.store.clone(), self.run_id.clone(), events.clone());
        let outcome = Box::pin(async move { store.record_step(&run_id, step, spent, end).await });
        self.writing = Some(Writing { events, spent, outcome });
        self.written().await
    }

    /// Waits for the step that is being written, if one is.
    async fn written(&mut self) -> Result<()> {
        let Some(writing) = &mut self.writing else { return Ok(()) };
        let outcome = (&mut writing.outcome).await;
        let Some(Writing { mut events, spent, .. }) = self.writing.take() else { return Ok(()) };
        match outcome {
            Ok(allowance) => {
                if let Some(allowance) = allowance {
                    self.allowance = allowance;
                }
                Ok(())
            }
            Err(error) => {
                // Rolled back: it comes to the store with the end of the run, without a gap then.
                events.append(&mut self.pending);
                self.pending = events;
                self.spent += spent;
                Err(error)
            }
        }
    }

    /// Writes and gives the ending event: first to the store, so that what a host was told has
    /// happened, and that a host which has stopped reading does not keep the end out of the store.
    /// An end that could not be written is told as a failure.
    pub(super) async fn end(&mut self, status: RunStatus, kind: EventKind) -> Result<()> {
        let mut event = Event::new(self.run_id.clone(), self.next, kind);
        self.pending.push((event.seq, event.shared_json()));
        let written = self.write(Some(status)).await;
        if let Err(error) = &written
            && status != RunStatus::Failed
        {
            let kind = EventKind::RunFailed { error: error.clone() };
            event = Event::new(self.run_id.clone(), self.next, kind);
            self.pending.pop();
            self.pending.push((event.seq, event.shared_json()));
            // If the store is there again, it hears the same.
            let _ = self.write(Some(RunStatus::Failed)).await;
        }
        self.deliver().await;
        self.sink.emit(event).await;
        written
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt;

    use super::{Event, EventKind, EventSink, Recorder};
    use crate::store::{NewRun, RunStatus, Spent, Store, StoreOptions};

    struct Nobody;

    impl EventSink for Nobody {
        async fn emit(&self, _: Event) {}
    }

    fn said(text: &str) -> EventKind {
        EventKind::TextDelta { text: text.into() }
    }

    #[test]
    fn a_step_that_was_cut_off_and_failed_comes_with_the_end() {
        let folder = tempfile::tempdir().expect("tempdir");
        let path = folder.path().join("store.db");
        crate::io::runtime().expect("runtime").block_on(async {
            let location = path.as_path().into();
            let store = Store::open(&location, StoreOptions::default()).await.expect("open");
            let tenant = store.tenant("a").expect("tenant");
            tenant.settle().await.expect("settle");
            let run = |id: &str| NewRun {
                run_id: id.into(),
                agent_id: "x".into(),
                version: "1".into(),
                model: "m/m".into(),
            };
            let mut recorder = Recorder::new(Arc::from("r"), &tenant, &Nobody);
            recorder.begin(run("r"), said("0")).await.expect("begin");
            let beside = rusqlite::Connection::open(&path).expect("open");
            beside
                .execute_batch(
                    "CREATE TRIGGER no BEFORE INSERT ON run_events WHEN NEW.seq = 1
                     BEGIN SELECT RAISE(ABORT, 'not now'); END",
                )
                .expect("trigger");
            recorder.emit(said("1")).await;
            recorder.spend(Spent { input_tokens: 7, ..Spent::default() });
            // The step is on its way, and the run is cancelled.
            assert!(!matches!(recorder.step().now_or_never(), Some(Ok(()))));
            // Writes follow each other: after this one, the step has failed.
            tenant.begin_run(run("other"), Vec::new()).await.expect("begin");
            beside.execute_batch("DROP TRIGGER no").expect("drop");
            recorder.end(RunStatus::Cancelled, said("2")).await.expect("end");

            let events = tenant.run_events("r").await.expect("events");
            assert_eq!(events.len(), 3, "no event is missing: {events:?}");
            let usage = tenant.usage(1).await.expect("usage");
            assert_eq!(usage.days[0].input_tokens, 7);
            let bytes: usize = events.iter().map(String::len).sum();
            assert_eq!(usage.totals.bytes, bytes as u64);
            store.close().await.expect("close");
        });
    }
}
