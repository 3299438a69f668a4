//! Events, transcripts and lists.

use std::sync::atomic::AtomicI64;

use super::*;
use crate::{CapacityExhausted, CursorExpired, EventsError, LimitName, ListQuery, OfflineEngine};

fn after(cursor: Cursor, wait: Duration) -> EventsQuery {
    EventsQuery {
        after: Some(cursor),
        wait,
        ..EventsQuery::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_waits_is_woken_by_the_next_event() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    let run = fixture.send(worker, "wait hello");
    let started = tokio::time::Instant::now();
    let (batch, ()) = tokio::join!(
        fixture
            .runtime
            .events(worker, after(run.cursor, 20 * SECOND)),
        async { fixture.engine.gate.notify_one() },
    );
    let batch = batch.unwrap();
    assert_eq!(batch.events[0].kind.as_str(), "output_delta");
    assert_eq!(batch.events[0].cursor.sequence(), run.cursor.sequence() + 1);
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_its_time_and_at_the_limit() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    let cursor = at_once(fixture.runtime.get(worker)).unwrap().cursor;
    for (wait, waited) in [(0, 0), (3, 3), (3_000, 30)] {
        let started = tokio::time::Instant::now();
        let batch = fixture
            .runtime
            .events(worker, after(cursor, wait * SECOND))
            .await
            .unwrap();
        assert_eq!((batch.events.len(), batch.next_cursor), (0, cursor));
        assert!(batch.caught_up);
        // Timers fire at the next millisecond.
        let late = started.elapsed() - waited * SECOND;
        assert!(late <= Duration::from_millis(1), "{late:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_of_a_stopped_worker_need_not_wait() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    let cursor = fixture.runtime.stop(worker).await.unwrap().cursor;
    let started = tokio::time::Instant::now();
    let batch = fixture
        .runtime
        .events(worker, after(cursor, 20 * SECOND))
        .await
        .unwrap();
    assert!(batch.events.is_empty() && batch.caught_up);
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn waiting_readers_are_limited_and_the_error_names_the_limit() {
    let limits = Limits {
        worker_pollers: 2,
        pollers: 3,
        ..Limits::default()
    };
    let fixture = Fixture::with(limits);
    let (one, two) = (fixture.worker(), fixture.worker());
    let cursor = at_once(fixture.runtime.get(one)).unwrap().cursor;
    let wait = |worker| fixture.runtime.events(worker, after(cursor, SECOND));
    let full = |limit| Err(EventsError::Capacity(CapacityExhausted { limit }));

    let (a, b, c, d, e, f) = tokio::join!(
        wait(one),
        wait(one),
        wait(one),
        wait(two),
        wait(two),
        async {
            let unread = EventsQuery::default();
            fixture
                .runtime
                .events(two, unread)
                .await
                .map(|batch| batch.events.len())
        }
    );
    assert!(a.is_ok() && b.is_ok() && d.is_ok());
    assert_eq!(c, full(LimitName::WorkerPollers));
    assert_eq!(e, full(LimitName::Pollers));
    assert_eq!(f, Ok(1), "a reader that has something to read never waits");
    assert_eq!(fixture.runtime.status().waiting_pollers, 0);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_has_waited_makes_way_for_another() {
    let fixture = Fixture::with(Limits {
        worker_pollers: 1,
        ..Limits::default()
    });
    let worker = fixture.worker();
    let cursor = at_once(fixture.runtime.get(worker)).unwrap().cursor;
    let wait = |time| fixture.runtime.events(worker, after(cursor, time));
    let started = tokio::time::Instant::now();
    let mut stream = std::pin::pin!(fixture.runtime.subscribe(worker, cursor));
    let half = SECOND / 2;
    let (subscribed, first, second) = tokio::join!(
        stream.next(),
        async {
            tokio::time::sleep(half).await;
            let batch = wait(20 * SECOND).await;
            (batch, started.elapsed())
        },
        async {
            tokio::time::sleep(2 * half).await;
            let batch = wait(half).await;
            (batch, started.elapsed())
        },
    );
    let limit = LimitName::WorkerPollers;
    let displaced = EventsError::Capacity(CapacityExhausted { limit });
    assert_eq!(subscribed, Some(Err(displaced)));
    assert_eq!(stream.next().await, None);
    for ((batch, ended), at) in [(first, 2 * half), (second, 3 * half)] {
        let batch = batch.unwrap();
        assert!(batch.events.is_empty() && batch.caught_up);
        assert_eq!((batch.next_cursor, ended), (cursor, at));
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_is_too_slow_gets_one_expired_error() {
    let fixture = Fixture::with(Limits {
        events: 4,
        ..Limits::default()
    });
    let worker = fixture.worker();
    let begin = at_once(fixture.runtime.get(worker)).unwrap().cursor;
    let run = fixture.send(worker, "a b c d e");
    let mut stream = std::pin::pin!(fixture.runtime.subscribe(worker, begin));
    let before_it_reads = EventsQuery {
        wait: SECOND,
        ..EventsQuery::default()
    };
    fixture.wait_until_idle(worker).await;
    let kept = fixture
        .runtime
        .events(worker, before_it_reads)
        .await
        .unwrap();
    assert_eq!(kept.events.len(), 4);
    let latest = kept.next_cursor;
    let oldest = Cursor::new(latest.epoch(), latest.sequence() - 4);
    let expired = EventsError::Expired(CursorExpired { oldest, latest });
    assert_eq!(stream.next().await, Some(Err(expired)));
    assert_eq!(stream.next().await, None);
    assert!(run.cursor.sequence() < oldest.sequence());
}

#[tokio::test(start_paused = true)]
async fn a_cursor_of_another_runtime_is_expired() {
    let (fixture, other) = (Fixture::new(), Fixture::new());
    let worker = fixture.worker();
    let foreign = at_once(other.runtime.get(other.worker())).unwrap().cursor;
    let result = fixture.runtime.events(worker, after(foreign, SECOND)).await;
    assert!(matches!(result, Err(EventsError::Expired(_))), "{result:?}");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_and_the_events_after_it_are_the_whole_reply_at_any_time() {
    let runtime = Runtime::builder().build().unwrap();
    let worker = at_once(runtime.create(CreateWorker::default()))
        .unwrap()
        .worker
        .id;
    let run = at_once(runtime.send_input(worker, Input::new("a b c"))).unwrap();
    let mut pages = Vec::new();
    loop {
        let page = at_once(runtime.transcript(worker, TranscriptQuery::default())).unwrap();
        let done = page.in_flight.is_none();
        pages.push(page);
        if done {
            break;
        }
        tokio::time::sleep(OfflineEngine::PACE / 2).await;
    }
    assert!(pages.len() > 20, "{}", pages.len());
    let whole = pages.pop().unwrap().entries[1].content.clone();
    for page in pages {
        let in_flight = page.in_flight.unwrap();
        assert_eq!(in_flight.run_id, run.run_id);
        let mut text = in_flight.text.to_string();
        let suffix = runtime
            .events(worker, after(page.cursor, SECOND))
            .await
            .unwrap();
        for event in suffix.events {
            if let EventKind::OutputDelta { text: delta, .. } = event.kind {
                text.push_str(&delta);
            }
        }
        assert_eq!(text, *whole);
    }
}

#[tokio::test(start_paused = true)]
async fn timestamps_come_from_the_clock_to_the_millisecond() {
    let noon: jiff::Timestamp = "2026-01-02T12:00:00.123456789Z".parse().unwrap();
    let runtime = Runtime::builder()
        .clock(Arc::new(move || noon))
        .build()
        .unwrap();
    let worker = at_once(runtime.create(CreateWorker::default()))
        .unwrap()
        .worker;
    assert_eq!(worker.created_at.to_string(), "2026-01-02T12:00:00.123Z");
}

#[tokio::test(start_paused = true)]
async fn a_list_has_the_same_snapshots_as_get() {
    // Each reading is a second later: no two of the times are the same.
    let seconds = AtomicI64::new(0);
    let clock = move || jiff::Timestamp::from_second(seconds.fetch_add(1, Ordering::SeqCst));
    let scripted = Arc::new(ScriptedEngine::default());
    let engine: Arc<dyn TurnEngine> = scripted.clone();
    let runtime = Runtime::builder().engine(engine);
    let runtime = runtime.clock(Arc::new(move || clock().unwrap())).build();
    let fixture = Fixture {
        runtime: runtime.unwrap(),
        engine: scripted,
    };
    let workers = [fixture.worker(), fixture.worker(), fixture.worker()];
    fixture.send(workers[1], "hang");
    fixture.runtime.stop(workers[2]).await.unwrap();

    let all = ListQuery::default();
    let whole = at_once(fixture.runtime.list(all)).unwrap().workers;
    assert_eq!(whole.len(), 3);
    for (worker, listed) in workers.iter().rev().zip(&whole) {
        assert_eq!(*listed, at_once(fixture.runtime.get(*worker)).unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_filtered_list_examines_a_bounded_number_of_workers_and_continues() {
    let fixture = Fixture::with(Limits {
        page_default: 2,
        page_max: 2,
        list_scan: 3,
        ..Limits::default()
    });
    let workers: Vec<WorkerId> = (0..8).map(|_| fixture.worker()).collect();
    for worker in [workers[6], workers[0]] {
        fixture.runtime.stop(worker).await.unwrap();
    }
    let page = |after| {
        let query = ListQuery {
            after,
            state: Some(WorkerState::Stopped),
            limit: None,
        };
        let page = at_once(fixture.runtime.list(query)).unwrap();
        let ids: Vec<WorkerId> = page.workers.iter().map(|worker| worker.id).collect();
        (ids, page.next)
    };
    assert_eq!(page(None), (vec![workers[6]], Some(workers[5])));
    assert_eq!(page(Some(workers[5])), (vec![], Some(workers[2])));
    assert_eq!(page(Some(workers[2])), (vec![workers[0]], None));
}
