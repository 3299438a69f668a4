//! Which workers are in memory, and what is read from the store.

use super::super::growing::capacity_for_one_reply;
use super::*;
use crate::limits::{ENTRY_OVERHEAD_BYTES, WORKER_OVERHEAD_BYTES};
use crate::{ListQuery, TranscriptPosition};

fn few_in_memory() -> Limits {
    Limits {
        workers: 2,
        transcript_entries: 4,
        page_default: 3,
        ..Limits::default()
    }
}

#[tokio::test(start_paused = true)]
async fn workers_beyond_the_limit_are_put_out_of_memory_and_read_back() {
    let stored = Stored::with(few_in_memory()).await;
    let mut workers = Vec::new();
    for number in 0..5 {
        let worker = stored.worker().await;
        stored.complete(worker, &format!("input{number}")).await;
        workers.push(worker);
    }
    let status = stored.runtime().status();
    assert_eq!((status.workers.total(), status.resident_workers), (5, 2));
    for (number, worker) in workers.iter().enumerate() {
        let lines = [
            format!("user:input{number}"),
            format!("assistant:input{number}"),
        ];
        assert_eq!(stored.lines(*worker).await, lines);
    }
    // Reading alone loads nothing.
    assert_eq!(stored.runtime().status().resident_workers, 2);
    stored.complete(workers[0], "more").await;
    assert_eq!(stored.lines(workers[0]).await.len(), 3, "the page's limit");
    assert_eq!(
        stored.snapshot(workers[0]).await.transcript.last_sequence,
        Some(4)
    );
    assert_eq!(stored.runtime().status().resident_workers, 2);
}

#[tokio::test(start_paused = true)]
async fn events_go_on_without_a_gap_when_a_worker_was_out_of_memory() {
    let stored = Stored::with(few_in_memory()).await;
    let worker = stored.worker().await;
    let first = stored.send(worker, "a").await;
    stored.fixture.wait_for_end(worker, &first).await;
    let latest = stored.snapshot(worker).await.cursor;
    for _ in 0..4 {
        stored.worker().await;
    }
    assert_eq!(stored.snapshot(worker).await.cursor, latest);

    let second = stored.send(worker, "b").await;
    assert_eq!(second.cursor.sequence(), latest.sequence() + 1);
    let read = |after| {
        let query = EventsQuery {
            after: Some(after),
            ..EventsQuery::default()
        };
        stored.runtime().events(worker, query)
    };
    assert!(!read(latest).await.unwrap().events.is_empty());
    // The events before are gone.
    let expired = read(first.cursor).await;
    assert!(
        matches!(expired, Err(crate::EventsError::Expired(_))),
        "{expired:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_shows_every_worker_in_memory_or_not() {
    let stored = Stored::with(few_in_memory()).await;
    let mut workers = Vec::new();
    for _ in 0..5 {
        workers.push(stored.worker().await);
    }
    stored.runtime().stop(workers[1]).await.unwrap();
    let mut listed = Vec::new();
    let mut query = ListQuery::default();
    loop {
        let page = stored.runtime().list(query).await.unwrap();
        for worker in &page.workers {
            assert_eq!(*worker, stored.snapshot(worker.id).await);
        }
        listed.extend(page.workers.iter().map(|worker| worker.id));
        query.after = page.next;
        if page.next.is_none() {
            break;
        }
    }
    workers.reverse();
    assert_eq!(listed, workers);
    let stopped = ListQuery {
        state: Some(WorkerState::Stopped),
        ..ListQuery::default()
    };
    let after = stored.after_a_crash().await;
    let page = after.runtime().list(stopped).await.unwrap();
    assert_eq!(page.workers.len(), 1);
    assert_eq!(page.workers[0].id, workers[3]);
}

#[tokio::test(start_paused = true)]
async fn pages_are_the_same_whether_they_come_from_memory_or_from_the_store() {
    pages_are_the_same(Limits::default().transcript_page_bytes).await;
}

#[tokio::test(start_paused = true)]
async fn pages_that_bytes_end_are_the_same_wherever_they_come_from() {
    // The longer entries leave room for so many others.
    for others in 0..3 {
        let small = 1 + ENTRY_OVERHEAD_BYTES;
        pages_are_the_same(1_000 + ENTRY_OVERHEAD_BYTES + others * small).await;
    }
}

async fn pages_are_the_same(transcript_page_bytes: usize) {
    let limits = |limits| Limits {
        transcript_page_bytes,
        ..limits
    };
    let stored = Stored::with(limits(few_in_memory())).await;
    let whole = Stored::with(limits(Limits::default())).await;
    let (worker, reference) = (stored.worker().await, whole.worker().await);
    let long = "e".repeat(1_000);
    for input in ["fail", "a", &long, "b", "c"] {
        stored.complete(worker, input).await;
        whole.complete(reference, input).await;
    }
    let other = stored.after_a_crash().await;
    let positions =
        (0..12).flat_map(|n| [TranscriptPosition::Before(n), TranscriptPosition::After(n)]);
    let ends = [
        TranscriptPosition::Newest,
        TranscriptPosition::After(u64::MAX),
    ];
    for position in positions.chain(ends) {
        for limit in [1, 2, 5, 20] {
            let query = TranscriptQuery {
                position,
                limit: Some(limit),
            };
            let shape = async |stored: &Stored, worker| {
                let page = stored.runtime().transcript(worker, query).await.unwrap();
                let lines = transcript_lines(&page.entries);
                (lines, page.bounds, page.has_earlier, page.has_later)
            };
            let expected = shape(&whole, reference).await;
            assert_eq!(shape(&stored, worker).await, expected, "{query:?}");
            assert_eq!(
                shape(&other, worker).await,
                expected,
                "{query:?} in the store"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_waited_for_or_runs_stays_in_memory() {
    let stored = Stored::with(few_in_memory()).await;
    let (watched, running) = (stored.worker().await, stored.worker().await);
    let run = stored.send(running, "wait a").await;
    let cursor = stored.snapshot(watched).await.cursor;
    let query = EventsQuery {
        after: Some(cursor),
        wait: 20 * SECOND,
        ..EventsQuery::default()
    };
    let refused = async {
        let refused = stored.runtime().create(CreateWorker::default()).await;
        let limit = crate::LimitName::Workers;
        let full = crate::CapacityExhausted { limit };
        assert_eq!(refused, Err(crate::CreateError::Capacity(full)));
        stored.fixture.engine.gate.notify_one();
        stored.fixture.wait_for_end(running, &run).await;
        // Now the one that ran can go.
        stored.worker().await;
        stored.send(watched, "b").await
    };
    let (batch, accepted) = tokio::join!(stored.runtime().events(watched, query), refused);
    assert_eq!(batch.unwrap().events[0].cursor, accepted.cursor);
}

#[tokio::test(start_paused = true)]
async fn workers_are_put_out_of_memory_when_bytes_are_short() {
    let limits = Limits {
        transcript_bytes: 10_000,
        event_bytes: 10_000,
        delta_bytes: 1_000,
        input_bytes: 4_000,
        output_bytes: 4_000,
        reasoning_bytes: 1_000,
        input_keys: 1,
        ..Limits::default()
    }
    .with_least_bytes_and(0);
    let stored = Stored::with(limits.clone()).await;
    let mut workers = Vec::new();
    for _ in 0..12 {
        let worker = stored.worker().await;
        stored.complete(worker, &"x".repeat(3_000)).await;
        workers.push(worker);
        assert!(stored.runtime().status().held_bytes <= limits.total_bytes);
    }
    let status = stored.runtime().status();
    assert!(status.resident_workers < 12, "{status:?}");
    for worker in workers {
        assert_eq!(
            stored.complete(worker, "a").await,
            ended(RunOutcome::Completed)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn idle_workers_make_room_for_a_reply_that_grows() {
    let stored = Stored::with(capacity_for_one_reply()).await;
    let worker = stored.worker().await;
    let run = stored.send(worker, "wait flood").await;
    let total_bytes = stored.runtime().limits().total_bytes;
    while stored.runtime().status().held_bytes + 2 * WORKER_OVERHEAD_BYTES < total_bytes {
        stored.worker().await;
    }
    let before = stored.runtime().status();
    stored.fixture.engine.gate.notify_one();
    stored.fixture.wait_until_idle(worker).await;
    let last_run = stored.snapshot(worker).await.last_run.unwrap();
    assert_eq!(last_run.run_id, run.run_id);
    assert_eq!(last_run.error, Some(RunErrorCode::OutputLimit.into()));
    let after = stored.runtime().status();
    assert_eq!(after.workers.total(), before.workers.total());
    assert!(
        after.resident_workers < before.resident_workers,
        "{after:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_worker_is_loaded_once_for_everybody_who_needs_it() {
    let before = Stored::new().await;
    let worker = before.worker().await;
    let after = before.after_a_crash().await;
    after
        .store
        .disturb(Operation::Read, When::Nth(1), Fault::Hang);
    let runtime = after.runtime();
    // The first one gives up in the middle.
    let gone = runtime.rename(worker, "Gone").now_or_never();
    assert!(gone.is_none());
    let (one, two) = tokio::join!(runtime.rename(worker, "Ada"), runtime.rename(worker, "Bob"));
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(runtime.status().resident_workers, 1);
}

#[tokio::test(start_paused = true)]
async fn more_workers_are_created_than_are_examined_for_one_to_put_out_of_memory() {
    let stored = Stored::with(Limits {
        workers: 3_000,
        ..Limits::default()
    })
    .await;
    for _ in 0..3_500 {
        stored.worker().await;
    }
    let status = stored.runtime().status();
    assert_eq!(
        (status.workers.total(), status.resident_workers),
        (3_500, 3_000)
    );
}
