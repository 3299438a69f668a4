//! The fixture of every scenario: a runtime, its operations with their results checked, and the
//! checks at the end.

use std::sync::Mutex;
use std::time::Duration;

use futures_util::StreamExt;

use super::history::History;
use super::scripted_engine::ScriptedEngine;
use super::*;
use crate::command::{Accepted, Cancellation, CreateWorker, Input};
use crate::core::Worker;
use crate::error::{CancelError, EventsError, InputError};
use crate::event::{Event, EventKind, EventsQuery};
use crate::id::RunId;
use crate::store::memory_store::MemoryStore;
use crate::store::scripted_store::ScriptedStore;
use crate::store::{AcceptedInput, Change, StoredState, WorkerStore};
use crate::transcript::{Entry, TranscriptPage, TranscriptQuery};
use crate::{Cursor, RunOutcome};

/// Longer than any schedule; see [`sync`].
pub(super) const NEVER: Duration = Duration::MAX;
/// May be over at any point of a schedule.
pub(super) const SOON: Duration = Duration::from_secs(1);
/// How many times a reader polls with a timeout before it waits for as long as it takes.
const TIMED_POLLS: usize = 5;
/// The bytes by which a run's reservation grows: about a word, so that runs grow.
const STEP: usize = 200;

/// A runtime whose engine does what its input says, and what was observed of it. A clone is a
/// handle on the same.
#[derive(Clone)]
pub(super) struct Fixture {
    pub(super) runtime: Runtime,
    /// Its store, if it has one.
    pub(super) store: Arc<ScriptedStore>,
    pub(super) engine: Arc<ScriptedEngine>,
    observations: Arc<Mutex<Vec<Observation>>>,
}

/// What was observed on the way, to be compared with the whole history at the end.
enum Observation {
    Page(WorkerId, TranscriptPage),
    Snapshot(WorkerSnapshot),
    Ended(WorkerId, RunId, RunOutcome),
}

impl Fixture {
    pub(super) async fn new(limits: Limits, persistence: Persistence) -> Self {
        let engine = Arc::new(ScriptedEngine::default());
        let runtime = Runtime::builder().engine(Arc::clone(&engine) as _);
        let runtime = runtime.limits(limits).reservation_step(STEP);
        let store = Arc::new(ScriptedStore::new(Arc::new(MemoryStore::new())));
        let runtime = match persistence {
            Persistence::Memory => runtime.build().expect("the limits are valid"),
            Persistence::Store => {
                let opened = runtime.open(Arc::clone(&store) as _).await;
                opened.expect("the store is empty")
            }
        };
        engine.watch(Arc::downgrade(&runtime.inner));
        Self {
            runtime,
            store,
            engine,
            observations: Arc::default(),
        }
    }

    pub(super) fn has_store(&self) -> bool {
        self.runtime.inner.shared.persistence == Persistence::Store
    }

    /// How a run ends that a shutdown cuts off.
    pub(super) fn cut_off(&self) -> RunOutcome {
        if self.has_store() {
            RunOutcome::Failed
        } else {
            RunOutcome::Cancelled
        }
    }

    pub(super) async fn worker(&self) -> WorkerId {
        let created = self.runtime.create(CreateWorker::default()).await;
        created.expect("there is capacity").worker.id
    }

    /// Sends an input. Once accepted, it is in the log.
    pub(super) async fn input(
        &self,
        worker: WorkerId,
        words: &str,
    ) -> Result<Accepted, InputError> {
        let result = self.runtime.send_input(worker, Input::new(words)).await;
        if let Ok(accepted) = &result {
            self.is_logged(worker, accepted).await;
        }
        result
    }

    pub(super) async fn is_logged(&self, worker: WorkerId, accepted: &Accepted) {
        let cursor = accepted.cursor;
        let query = EventsQuery {
            after: Some(Cursor::new(cursor.epoch(), cursor.sequence() - 1)),
            limit: Some(1),
            ..EventsQuery::default()
        };
        let batch = self
            .runtime
            .events(worker, query)
            .await
            .expect("it is held");
        let (run_id, sequence) = (accepted.run_id, accepted.sequence);
        let kind = EventKind::InputAccepted { run_id, sequence };
        assert_eq!(batch.events[0].kind, kind);
    }

    /// Cancels, and checks that the run has ended as cancelled.
    pub(super) async fn cancel(&self, worker: WorkerId) -> Result<Cancellation, CancelError> {
        let result = self.runtime.cancel(worker, None).await;
        if let Ok(Cancellation::Cancelled { run_id }) = result {
            let snapshot = self.snapshot(worker).await;
            assert_ne!(snapshot.active_run, Some(run_id));
            self.observe(Observation::Ended(worker, run_id, RunOutcome::Cancelled));
        }
        result
    }

    /// Stops, and checks that the worker is stopped.
    pub(super) async fn stop(&self, worker: WorkerId) {
        let stopped = self.runtime.stop(worker).await.expect("it ends");
        assert_eq!(stopped.state, WorkerState::Stopped);
        self.observe(Observation::Snapshot(stopped));
    }

    pub(super) async fn snapshot(&self, worker: WorkerId) -> WorkerSnapshot {
        let snapshot = self.runtime.get(worker).await.expect("it is there");
        self.assert_state_is_stored(&snapshot);
        self.observe(Observation::Snapshot(snapshot.clone()));
        snapshot
    }

    pub(super) async fn page(&self, worker: WorkerId) -> TranscriptPage {
        let page = self
            .runtime
            .transcript(worker, TranscriptQuery::default())
            .await;
        let page = page.expect("it is there");
        self.assert_entries_are_stored(worker, &page.entries);
        self.observe(Observation::Page(worker, page.clone()));
        page
    }

    /// Reads as a long-polling client does, until `done` or the shutdown. After some timeouts it
    /// waits without one: a schedule may favour it for ever.
    pub(super) async fn poll(
        &self,
        worker: WorkerId,
        wait: Duration,
        done: impl Fn(&EventKind) -> bool,
    ) -> Result<Vec<Event>, EventsError> {
        let query = EventsQuery {
            wait,
            ..EventsQuery::default()
        };
        self.poll_with(worker, query, done).await
    }

    /// [Polls](Self::poll) with this query, from its position on.
    pub(super) async fn poll_with(
        &self,
        worker: WorkerId,
        mut query: EventsQuery,
        done: impl Fn(&EventKind) -> bool,
    ) -> Result<Vec<Event>, EventsError> {
        let mut events: Vec<Event> = Vec::new();
        for round in 0.. {
            if round == TIMED_POLLS {
                query.wait = NEVER;
            }
            let batch = self.runtime.events(worker, query).await?;
            query.after = Some(batch.next_cursor);
            let fresh = events.len();
            events.extend(batch.events);
            let over = fresh == events.len() && self.runtime.status().phase == Phase::Stopping;
            if over || events[fresh..].iter().any(|event| done(&event.kind)) {
                break;
            }
        }
        Ok(events)
    }

    /// Reads a stream to its end.
    pub(super) async fn follow(
        &self,
        worker: WorkerId,
        after: Cursor,
    ) -> Result<Vec<Event>, EventsError> {
        let mut stream = std::pin::pin!(self.runtime.subscribe(worker, after));
        let mut events = Vec::new();
        while let Some(event) = stream.next().await {
            events.push(event?);
        }
        Ok(events)
    }

    /// Ends the scenario: shuts down, and compares what every worker's log tells with its
    /// transcript, with what was observed on the way, and with the totals.
    pub(super) async fn shut_down_and_check(self) -> Vec<History> {
        let report = self.runtime.shutdown(NEVER).await;
        assert!(report.abandoned.is_empty());
        self.check().await
    }

    /// Waits until the worker's run has ended by itself.
    pub(super) async fn ended(&self, worker: WorkerId) {
        let slot = self.runtime.inner.slot(worker).await.expect("it is there");
        if let Some(run) = slot.read(Worker::active_run) {
            slot.ended(run, None).await.expect("without a deadline");
        }
    }

    /// Waits until the worker is idle by itself, and checks.
    pub(super) async fn finish_and_check(self, worker: WorkerId) -> Vec<History> {
        self.ended(worker).await;
        self.check().await
    }

    /// Checks without a shutdown, when every run has ended.
    pub(super) async fn check(self) -> Vec<History> {
        let slots = self.runtime.inner.slots();
        let mut histories = Vec::new();
        for slot in &slots {
            self.page(slot.id()).await;
            histories.push(History::read(&self.runtime, slot.id()).await);
        }
        let of = |worker: WorkerId| {
            let index = slots.iter().position(|slot| slot.id() == worker);
            index.map(|index| &histories[index])
        };
        for observations in &*self.observations.lock().expect("unpoisoned") {
            observations.check(of);
        }
        self.engine.assert_no_violations();
        self.assert_totals(&slots);
        if self.has_store() {
            self.assert_store_has_it_all(&slots).await;
        }
        histories
    }

    /// What another process finds in the store, now or after a crash.
    pub(super) async fn reopened(&self) -> Runtime {
        let runtime = Runtime::builder().engine(Arc::clone(&self.engine) as _);
        let runtime = runtime.limits(self.runtime.limits().clone());
        let opened = runtime.open(Arc::clone(&self.store) as _).await;
        opened.expect("the store can be read")
    }

    /// Leaves in the store what a process leaves there that ends in the middle of a worker's first
    /// run, with these drafts.
    pub(super) async fn store_unfinished_run(&self, worker_id: WorkerId, drafts: &[&str]) -> RunId {
        let run_id = RunId::generate();
        let entry = Entry {
            sequence: 1,
            at: jiff::Timestamp::UNIX_EPOCH,
            role: crate::Role::User,
            run_id,
            content: "a".into(),
            partial: false,
            unanswered: false,
            reasoning: None,
            diagnostics: crate::RunDiagnostics::default(),
        };
        let accept = Change::Accept(Box::new(AcceptedInput {
            worker_id,
            entry,
            cursor: Cursor::new(self.runtime.inner.epoch, 2),
            key: None,
        }));
        let draft = |text: &&str| Change::Draft {
            worker_id,
            run_id,
            text: (*text).into(),
        };
        let changes = std::iter::once(accept).chain(drafts.iter().map(draft));
        let committed = self.store.commit(changes.collect()).await;
        committed.expect("it fits what is there");
        run_id
    }

    /// Nothing is seen before it is stored.
    pub(super) fn assert_entries_are_stored(&self, worker: WorkerId, entries: &[Entry]) {
        if !self.has_store() {
            return;
        }
        let stored = self.store.committed();
        let inputs = stored.iter().filter_map(|change| {
            let Change::Accept(input) = change else {
                return None;
            };
            (input.worker_id == worker).then_some(&input.entry)
        });
        let replies = stored.iter().filter_map(|change| {
            let Change::Finish(run) = change else {
                return None;
            };
            run.reply.as_ref().filter(|_| run.worker_id == worker)
        });
        let stored: Vec<&Entry> = inputs.chain(replies).collect();
        for entry in entries {
            let is_it = |stored: &&&Entry| {
                (stored.sequence, &stored.content) == (entry.sequence, &entry.content)
            };
            assert!(
                stored.iter().any(|entry| is_it(&entry)),
                "not stored: {entry:?}"
            );
        }
    }

    fn assert_state_is_stored(&self, snapshot: &WorkerSnapshot) {
        if !self.has_store() || snapshot.state != WorkerState::Stopped {
            return;
        }
        let stops = |change: &Change| match change {
            Change::Stop { worker_id, .. } => *worker_id == snapshot.id,
            Change::Finish(run) => {
                run.worker_id == snapshot.id && run.state == StoredState::Stopped
            }
            Change::Create(_)
            | Change::Accept(_)
            | Change::Draft { .. }
            | Change::Rename { .. }
            | Change::Delete { .. } => false,
        };
        assert!(
            self.store.committed().iter().any(stops),
            "the stop is not stored"
        );
    }

    /// A restart finds the same workers, in the same state.
    async fn assert_store_has_it_all(&self, slots: &[Arc<Slot>]) {
        self.store.clear();
        let reopened = self.reopened().await;
        assert_eq!(reopened.status().workers.total(), slots.len());
        for slot in slots {
            let (here, there) = (slot.snapshot(), reopened.get(slot.id()).await);
            let cursor = Cursor::new(reopened.status().epoch, 0);
            assert_eq!(there, Ok(WorkerSnapshot { cursor, ..here }));
            let query = TranscriptQuery::default();
            let there = reopened.transcript(slot.id(), query).await;
            let here = self.runtime.transcript(slot.id(), query).await;
            let entries = |page: Result<TranscriptPage, _>| page.expect("it is there").entries;
            assert_eq!(entries(there), entries(here));
        }
    }

    /// Checks that what workers hold is counted, at a time at which nothing changes.
    pub(super) fn assert_all_is_counted(&self) {
        let (counted, slots) = (self.runtime.status().held_bytes, self.runtime.inner.slots());
        let held: usize = slots.iter().map(|slot| slot.read(Worker::held_bytes)).sum();
        assert!(held <= counted, "{held} held, {counted} counted");
        assert!(counted <= self.runtime.limits().total_bytes);
    }

    /// Checks the totals against the workers.
    pub(super) fn assert_totals(&self, slots: &[Arc<Slot>]) {
        let status = self.runtime.status();
        assert_eq!((status.active_runs, status.queued_runs), (0, 0));
        assert_eq!(status.waiting_pollers, 0);
        let bytes: usize = slots.iter().map(|slot| slot.read(Worker::held_bytes)).sum();
        assert_eq!(status.held_bytes, bytes);
        let stopped = slots
            .iter()
            .filter(|slot| slot.read(Worker::state) == WorkerState::Stopped);
        let stopped = stopped.count();
        assert_eq!(status.workers.stopped, stopped);
        assert_eq!(status.workers.idle, slots.len() - stopped);
        assert_eq!(status.workers.total(), slots.len());
        let limits = self.runtime.limits();
        assert!(slots.len() <= limits.workers && bytes <= limits.total_bytes);
    }

    fn observe(&self, observation: Observation) {
        self.observations
            .lock()
            .expect("unpoisoned")
            .push(observation);
    }
}

impl Observation {
    /// Compares it with the history of its worker, unless that was forgotten.
    fn check<'a>(&self, of: impl Fn(WorkerId) -> Option<&'a History>) {
        match self {
            Self::Page(worker, page) => {
                if let Some(history) = of(*worker) {
                    history.at(page.cursor.sequence()).assert_matches(page);
                }
            }
            Self::Snapshot(snapshot) => {
                if let Some(history) = of(snapshot.id) {
                    let then = history.at(snapshot.cursor.sequence());
                    then.assert_allows(snapshot.state, snapshot.active_run);
                }
            }
            Self::Ended(worker, run, outcome) => {
                if let Some(history) = of(*worker) {
                    assert_eq!(history.outcome(*run), Some(*outcome));
                }
            }
        }
    }
}

/// Runs two futures as tasks of their own, and waits for both.
pub(super) async fn both<A: Send + 'static, B: Send + 'static>(
    one: impl Future<Output = A> + Send + 'static,
    two: impl Future<Output = B> + Send + 'static,
) -> (A, B) {
    let one = shuttle::future::spawn(one);
    let two = shuttle::future::spawn(two);
    (one.await.expect("it ends"), two.await.expect("it ends"))
}
