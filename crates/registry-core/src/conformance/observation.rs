//! What transcripts and events must do.

use std::time::Duration;

use futures_util::StreamExt as _;

use super::{Fixture, Subject, assert_unsupported, input, long_input};
use crate::capability::Capability;
use crate::cursor::Cursor;
use crate::error::RegistryError;
use crate::id::WorkerRef;
use crate::page::PageLimit;
use crate::port::{EVENT_BATCH_MAX, EventBatchTime, EventWait, EventsQuery, TranscriptQuery};
use crate::projection::{EventKind, WorkerEvent};

/// A fixture whose one worker has answered one input; `None` where nothing can be observed.
async fn conversed(subject: &dyn Subject) -> Option<(Fixture, WorkerRef)> {
    let fixture = Fixture::with_workers(subject, 1).await;
    let worker = fixture.any_worker().await;
    if !fixture.can(Capability::ReadEvents).await {
        let events = fixture
            .registry
            .events(&worker, &EventsQuery::default())
            .await;
        assert_unsupported(events, Capability::ReadEvents);
        let page = fixture
            .registry
            .transcript(&worker, &TranscriptQuery::default())
            .await;
        assert_unsupported(page, Capability::ReadTranscript);
        let stream = fixture
            .registry
            .subscribe(&worker, Cursor::new(0, 0))
            .map(|_| ());
        assert_unsupported(stream, Capability::ReadEvents);
        return None;
    }
    fixture
        .registry
        .send_input(&worker, input("one two three"))
        .await
        .expect("accepted");
    fixture
        .until_finished(&worker, EventsQuery::default())
        .await;
    Some((fixture, worker))
}

/// The events that there are, without waiting.
async fn present_events(fixture: &Fixture, worker: &WorkerRef) -> Vec<WorkerEvent> {
    let limit = PageLimit::new(200).expect("a limit in bounds");
    let query = EventsQuery {
        limit,
        ..EventsQuery::default()
    };
    let batch = fixture
        .registry
        .events(worker, &query)
        .await
        .expect("a batch");
    assert!(batch.caught_up);
    batch.events
}

/// A page taken in mid-run and the deltas after its cursor are together the final reply.
pub async fn page_and_suffix_are_the_whole_history(subject: &dyn Subject) {
    let Some((fixture, worker)) = conversed(subject).await else {
        return;
    };
    let sent = fixture
        .registry
        .send_input(&worker, long_input())
        .await
        .expect("accepted")
        .accepted;
    let wait = EventWait::new(Duration::from_secs(5)).expect("a wait in bounds");
    let query = EventsQuery {
        after: Some(sent.cursor),
        wait,
        ..EventsQuery::default()
    };
    fixture
        .registry
        .events(&worker, &query)
        .await
        .expect("the first deltas");

    let page = fixture
        .registry
        .transcript(&worker, &TranscriptQuery::default())
        .await;
    let page = page.expect("a transcript in mid-run");
    let in_flight = page.in_flight.expect("the run is active");
    assert_eq!(in_flight.run_id, sent.run_id);
    let mut whole = in_flight.text.to_string();
    let after = EventsQuery {
        after: Some(page.cursor),
        ..EventsQuery::default()
    };
    for event in fixture.until_finished(&worker, after).await {
        if let EventKind::OutputDelta { text, .. } = event.kind {
            whole.push_str(&text);
        }
    }
    let page = fixture
        .registry
        .transcript(&worker, &TranscriptQuery::default())
        .await;
    let reply = page.expect("a transcript").entries.pop().expect("a reply");
    assert_eq!(&*reply.content, whole);
}

/// Reading from each event's own cursor gives exactly the events after it.
pub async fn events_ascend_without_gaps_from_any_cursor(subject: &dyn Subject) {
    let Some((fixture, worker)) = conversed(subject).await else {
        return;
    };
    let all = present_events(&fixture, &worker).await;
    assert!(matches!(
        all.first().map(|event| &event.kind),
        Some(EventKind::WorkerCreated)
    ));
    for pair in all.windows(2) {
        assert_eq!(pair[0].cursor.sequence() + 1, pair[1].cursor.sequence());
        assert_eq!(pair[0].cursor.epoch(), pair[1].cursor.epoch());
    }
    for (at, event) in all.iter().enumerate() {
        let query = EventsQuery {
            after: Some(event.cursor),
            ..EventsQuery::default()
        };
        let batch = fixture
            .registry
            .events(&worker, &query)
            .await
            .expect("a batch");
        let rest = &all[at + 1..];
        assert_eq!(batch.events, rest[..rest.len().min(batch.events.len())]);
        let one = EventsQuery {
            limit: PageLimit::new(1).expect("in bounds"),
            ..query
        };
        let batch = fixture
            .registry
            .events(&worker, &one)
            .await
            .expect("a batch of one");
        assert_eq!(batch.events.first(), rest.first());
        assert_eq!(batch.next_cursor, rest.first().unwrap_or(event).cursor);
        assert_eq!(batch.caught_up, rest.len() <= 1);
    }
}

/// Such cursors are refused with the bounds to go on from, never clamped.
pub async fn a_cursor_of_another_epoch_or_the_future_is_expired(subject: &dyn Subject) {
    let Some((fixture, worker)) = conversed(subject).await else {
        return;
    };
    let last = present_events(&fixture, &worker)
        .await
        .pop()
        .expect("an event")
        .cursor;
    let foreign = Cursor::new(last.epoch() ^ 1, last.sequence());
    let future = Cursor::new(last.epoch(), last.sequence() + 1);
    for cursor in [foreign, future] {
        let query = EventsQuery {
            after: Some(cursor),
            ..EventsQuery::default()
        };
        match fixture.registry.events(&worker, &query).await {
            Err(RegistryError::CursorExpired { oldest, latest, .. }) => {
                assert_eq!((oldest.sequence(), latest), (0, last));
                let query = EventsQuery {
                    after: Some(oldest),
                    ..EventsQuery::default()
                };
                fixture
                    .registry
                    .events(&worker, &query)
                    .await
                    .expect("the oldest can be read");
            }
            other => panic!("the cursor is expired, yet the answer was {other:?}"),
        }
    }
}

/// A reader that gathers gets the same events in fewer answers, and the end of the run at once.
pub async fn gathered_events_are_the_same_and_the_end_is_not_held_back(subject: &dyn Subject) {
    let Some((fixture, worker)) = conversed(subject).await else {
        return;
    };
    let sent = fixture.registry.send_input(&worker, long_input()).await;
    let sent = sent.expect("accepted").accepted;
    let after_the_input = EventsQuery {
        after: Some(sent.cursor),
        ..EventsQuery::default()
    };
    let gathering = EventsQuery {
        wait: EventWait::MAX,
        batch: EventBatchTime::MAX,
        limit: PageLimit::new(200).expect("in bounds"),
        ..after_the_input
    };
    let (one_by_one, gathered) = tokio::join!(
        fixture.until_finished(&worker, after_the_input),
        fixture.until_finished(&worker, gathering),
    );
    assert_eq!(gathered, one_by_one);
    let end = gathered.last().expect("the end");
    let late = jiff::Timestamp::now().duration_since(end.at);
    assert!(
        late < EVENT_BATCH_MAX.try_into().expect("short"),
        "{late:?}"
    );
}

/// A poll that nothing happens to ends by itself, where it began.
pub async fn a_wait_without_news_ends_empty(subject: &dyn Subject) {
    let Some((fixture, worker)) = conversed(subject).await else {
        return;
    };
    let last = present_events(&fixture, &worker)
        .await
        .pop()
        .expect("an event")
        .cursor;
    let wait = EventWait::new(Duration::from_millis(20)).expect("a wait in bounds");
    let query = EventsQuery {
        after: Some(last),
        wait,
        ..EventsQuery::default()
    };
    let batch = fixture
        .registry
        .events(&worker, &query)
        .await
        .expect("a batch");
    assert_eq!(
        (batch.events.len(), batch.next_cursor, batch.caught_up),
        (0, last, true)
    );
}

/// The stream has the events of the batches, and ends with the worker.
pub async fn a_subscription_gives_what_the_batches_give(subject: &dyn Subject) {
    let Some((fixture, worker)) = conversed(subject).await else {
        return;
    };
    fixture.registry.stop(&worker).await.expect("stopped");
    let all = present_events(&fixture, &worker).await;
    let start = Cursor::new(all[0].cursor.epoch(), 0);
    let stream = fixture
        .registry
        .subscribe(&worker, start)
        .expect("a stream");
    let streamed: Vec<_> = stream.map(|event| event.expect("an event")).collect().await;
    assert_eq!(streamed, all);
    assert!(matches!(
        streamed.last().map(|event| &event.kind),
        Some(EventKind::WorkerStopped)
    ));
}
