//! A stream of events is a loop over the source's batches.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use futures_util::StreamExt as _;

use super::memory::{available, record};
use super::*;
use crate::cursor::Cursor;
use crate::port::{
    CatalogPage, CatalogQuery, SourceStatus, WorkerCatalog, WorkerDetailRecord, WorkerObservation,
};
use crate::projection::{EventBatch, EventKind, TranscriptPage, WorkerEvent, WorkerState};
use crate::registry::subscription::POLL_INTERVAL_MIN;

/// A source that answers polls with prepared batches, each asked for where the one before ended.
struct Prepared {
    base: Arc<Memory>,
    worker: WorkerState,
    status: RuntimeStatus,
    polls: Mutex<(Cursor, VecDeque<Poll>)>,
}

enum Poll {
    Answers(Result<Vec<WorkerEvent>, SourceError>),
    /// Nothing happens until the wait is over.
    Waits,
}

#[async_trait]
impl RuntimeSource for Prepared {
    fn descriptor(&self) -> &RuntimeDescriptor {
        self.base.descriptor()
    }

    async fn status(&self) -> Result<SourceStatus, SourceError> {
        Ok(SourceStatus {
            status: self.status,
            ..available()
        })
    }

    fn catalog(&self) -> &dyn WorkerCatalog {
        self
    }

    fn observation(&self) -> Option<&dyn WorkerObservation> {
        Some(self)
    }
}

#[async_trait]
impl WorkerCatalog for Prepared {
    async fn list(&self, query: &CatalogQuery) -> Result<CatalogPage, SourceError> {
        self.base.list(query).await
    }

    async fn get(&self, _: &WorkerId) -> Result<WorkerDetailRecord, SourceError> {
        Ok(record(0, self.worker).into())
    }
}

#[async_trait]
impl WorkerObservation for Prepared {
    async fn transcript(
        &self,
        id: &WorkerId,
        query: &TranscriptQuery,
    ) -> Result<TranscriptPage, SourceError> {
        self.base.transcript(id, query).await
    }

    async fn events(&self, _: &WorkerId, query: &EventsQuery) -> Result<EventBatch, SourceError> {
        let poll = self.polls.lock().unwrap().1.pop_front().unwrap();
        let events = match poll {
            Poll::Answers(answer) => answer?,
            Poll::Waits => {
                tokio::time::sleep(query.wait.get()).await;
                Vec::new()
            }
        };
        let mut polls = self.polls.lock().unwrap();
        assert_eq!(query.after, Some(polls.0));
        polls.0 = events.last().map_or(polls.0, |event| event.cursor);
        Ok(EventBatch {
            events,
            next_cursor: polls.0,
            caught_up: true,
        })
    }
}

fn event(sequence: u64, kind: EventKind) -> WorkerEvent {
    WorkerEvent {
        cursor: Cursor::new(1, sequence),
        at: Timestamp::UNIX_EPOCH,
        kind,
    }
}

fn delta(sequence: u64) -> WorkerEvent {
    let run_id = "run".parse().unwrap();
    let text = "word".into();
    event(sequence, EventKind::OutputDelta { run_id, text })
}

/// Everything that the stream of an idle worker gives; the source must have been polled to the
/// last answer.
async fn streamed<const POLLS: usize>(
    polls: [Poll; POLLS],
) -> Vec<Result<WorkerEvent, RegistryError>> {
    streamed_from(polls, WorkerState::Idle, RuntimeStatus::Available).await
}

async fn streamed_from<const POLLS: usize>(
    polls: [Poll; POLLS],
    worker: WorkerState,
    status: RuntimeStatus,
) -> Vec<Result<WorkerEvent, RegistryError>> {
    let source = Arc::new(Prepared {
        base: Memory::with_workers("r", 0),
        worker,
        status,
        polls: Mutex::new((Cursor::new(1, 0), polls.into())),
    });
    let registry = registry_of([Arc::clone(&source) as Arc<dyn RuntimeSource>]);
    let stream = registry.subscribe(&reference("r", "w0"), Cursor::new(1, 0));
    let items = stream.unwrap().collect().await;
    assert!(source.polls.lock().unwrap().1.is_empty());
    items
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_the_batches_in_order_and_ends_with_the_worker() {
    let stopped = event(4, EventKind::WorkerStopped);
    let all = [delta(1), delta(2), delta(3), stopped];
    let items = streamed([
        Poll::Answers(Ok(all[..2].to_vec())),
        Poll::Waits,
        Poll::Answers(Ok(all[2..].to_vec())),
    ]);
    let events: Vec<_> = items.await.into_iter().map(Result::unwrap).collect();
    assert_eq!(events, all);
}

#[tokio::test(start_paused = true)]
async fn a_stream_goes_on_when_a_poll_brings_nothing_before_its_wait_is_over() {
    let nothing = || Poll::Answers(Ok(Vec::new()));
    let stopped = Poll::Answers(Ok(vec![event(1, EventKind::WorkerStopped)]));
    let began = tokio::time::Instant::now();
    let items = streamed([nothing(), nothing(), stopped]).await;
    assert_eq!(items.len(), 1);
    assert!(
        began.elapsed() >= POLL_INTERVAL_MIN * 2,
        "it polls without a pause"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_after_a_stop_that_was_already_read_and_with_the_runtime() {
    for (worker, status) in [
        (WorkerState::Stopped, RuntimeStatus::Available),
        (WorkerState::Idle, RuntimeStatus::Stopping),
    ] {
        let polls = [
            Poll::Answers(Ok(vec![delta(1)])),
            Poll::Answers(Ok(Vec::new())),
        ];
        let items = streamed_from(polls, worker, status).await;
        assert_eq!(items.len(), 1, "{worker:?}, {status:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_is_the_last_item_and_names_the_worker() {
    let items = streamed([
        Poll::Answers(Ok(vec![delta(1)])),
        Poll::Answers(Err(SourceError::UnknownWorker)),
    ]);
    let items = items.await;
    let [Ok(_), Err(RegistryError::UnknownWorker { worker })] = &items[..] else {
        panic!("{items:?}");
    };
    assert_eq!(*worker, reference("r", "w0"));
}
