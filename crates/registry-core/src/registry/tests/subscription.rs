//! A stream of events is a loop over the source's batches.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use futures_util::StreamExt as _;

use super::*;
use crate::cursor::Cursor;
use crate::port::{SourceStatus, WorkerCatalog, WorkerObservation};
use crate::projection::{EventBatch, EventKind, TranscriptPage, WorkerEvent};

/// A source that answers polls with prepared batches, each asked for where the one before ended.
struct Prepared {
    base: Arc<Memory>,
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
        self.base.status().await
    }

    fn catalog(&self) -> &dyn WorkerCatalog {
        self.base.catalog()
    }

    fn observation(&self) -> Option<&dyn WorkerObservation> {
        Some(self)
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

/// Everything that the stream gives; the source must have been polled to the last answer.
async fn streamed<const POLLS: usize>(
    polls: [Poll; POLLS],
) -> Vec<Result<WorkerEvent, RegistryError>> {
    let source = Arc::new(Prepared {
        base: Memory::with_workers("r", 0),
        polls: Mutex::new((Cursor::new(1, 0), polls.into())),
    });
    let registry = registry_of([Arc::clone(&source) as Arc<dyn RuntimeSource>]);
    let stream = registry.subscribe(&reference("r", "w"), Cursor::new(1, 0));
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
async fn a_stream_ends_when_a_poll_brings_nothing_before_its_wait_is_over() {
    let items = streamed([
        Poll::Answers(Ok(vec![delta(1)])),
        Poll::Answers(Ok(Vec::new())),
    ]);
    assert_eq!(items.await.len(), 1);
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
    assert_eq!(*worker, reference("r", "w"));
}
