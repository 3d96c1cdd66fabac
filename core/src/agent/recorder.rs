//! Gives each event its number, to the host, and to the store in whole steps.

use std::sync::Arc;

use super::event::{Event, EventKind};
use crate::error::Result;
use crate::store::{Allowance, NewRun, RunStatus, Spent, TenantStore};

/// Takes the events of one run, in order. May hold the run back.
pub(crate) trait EventSink: Send + Sync {
    /// Takes one.
    fn emit(&self, event: Event) -> impl Future<Output = ()> + Send;
}

pub(super) struct Recorder<'a, S> {
    run_id: Arc<str>,
    store: &'a TenantStore,
    sink: &'a S,
    next: u64,
    /// Of the step under way: not in the store yet.
    pending: Vec<(u64, Arc<str>)>,
    /// Being given to the sink. It is still here when the run was cancelled while the host held
    /// it back, and is given first then: the host sees no gap.
    in_delivery: Option<Event>,
    /// What the tenant may still use today.
    allowance: Allowance,
    /// Used, and not in the store yet.
    spent: Spent,
}

impl<'a, S: EventSink> Recorder<'a, S> {
    pub(super) fn new(run_id: Arc<str>, store: &'a TenantStore, sink: &'a S) -> Self {
        Self {
            run_id,
            store,
            sink,
            next: 0,
            pending: Vec::new(),
            in_delivery: None,
            allowance: Allowance::default(),
            spent: Spent::default(),
        }
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

    /// Refuses to go on when the tenant has used up its day.
    ///
    /// # Errors
    /// [`crate::Code::QuotaExceeded`].
    pub(super) fn check_allowance(&self) -> Result<()> {
        self.allowance.check(self.spent)
    }

    /// Notes what was used, for the next step that is written.
    pub(super) fn spend(&mut self, spent: Spent) {
        let add = |sum: &mut u64, more| *sum = sum.saturating_add(more);
        add(&mut self.spent.input_tokens, spent.input_tokens);
        add(&mut self.spent.output_tokens, spent.output_tokens);
        add(&mut self.spent.cost_micros, spent.cost_micros);
    }

    /// Writes the step that has just ended.
    pub(super) async fn step(&mut self) -> Result<()> {
        self.write(None).await
    }

    async fn write(&mut self, end: Option<RunStatus>) -> Result<()> {
        let events = std::mem::take(&mut self.pending);
        let spent = std::mem::take(&mut self.spent);
        match self.store.record_step(&self.run_id, events.clone(), spent, end).await {
            Ok(allowance) => {
                if let Some(allowance) = allowance {
                    self.allowance = allowance;
                }
                Ok(())
            }
            Err(error) => {
                // Rolled back: it comes to the store with the end of the run, without a gap then.
                self.pending = events;
                self.spent = spent;
                Err(error)
            }
        }
    }

    /// Writes and gives the ending event: first to the store, so that what a host was told has
    /// happened, and that a host which has stopped reading does not keep the end out of the store.
    pub(super) async fn end(&mut self, status: RunStatus, kind: EventKind) -> Result<()> {
        let event = Event::new(self.run_id.clone(), self.next, kind);
        self.pending.push((event.seq, event.shared_json()));
        let written = self.write(Some(status)).await;
        self.deliver().await;
        self.sink.emit(event).await;
        written
    }
}
