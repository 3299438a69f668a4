//! Readers that gather more events before they are answered.

use std::pin::pin;

use futures_util::poll;
use tokio::time::Instant;

use super::*;
use crate::{CursorExpired, EventBatch, EventsError};

const MILLISECOND: Duration = Duration::from_millis(1);
/// Between two deltas of a reply: 50 a second.
const PACE: Duration = Duration::from_millis(20);

/// Reads after the run's start, and gathers as long as it may.
fn gathering(run: &Accepted) -> EventsQuery {
    EventsQuery {
        after: Some(run.cursor),
        wait: 20 * SECOND,
        batch: SECOND,
        ..EventsQuery::default()
    }
}

/// Lets the engine go on at this pace.
async fn pace(fixture: &Fixture) {
    let mut next = tokio::time::interval_at(Instant::now() + PACE, PACE);
    loop {
        next.tick().await;
        fixture.engine.gate.notify_one();
    }
}

/// What was read, and after how much time.
async fn paced(fixture: &Fixture, worker: WorkerId, query: EventsQuery) -> (EventBatch, Duration) {
    let started = Instant::now();
    tokio::select! {
        batch = fixture.runtime.events(worker, query) => (batch.unwrap(), started.elapsed()),
        () = pace(fixture) => unreachable!("it goes on for ever"),
    }
}

/// Follows a reply of 100 deltas, and returns the number of requests that it took.
async fn requests_for_100_deltas(batch: Duration) -> usize {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    let run = fixture.send(worker, &"wait word ".repeat(100));
    let mut query = EventsQuery {
        batch,
        ..gathering(&run)
    };
    let follow = async {
        let mut requests = 0;
        let mut events = Vec::new();
        while !events.iter().any(|event: &Event| event.kind.is_end()) {
            let batch = fixture.runtime.events(worker, query).await.unwrap();
            query.after = Some(batch.next_cursor);
            events.extend(batch.events);
            requests += 1;
        }
        (requests, events)
    };
    let (requests, events) = tokio::select! {
        // Where a delta comes in the instant in which the gathering ends, it comes too late.
        biased;
        followed = follow => followed,
        () = pace(&fixture) => unreachable!("it goes on for ever"),
    };
    // Each delta, and the end.
    let numbers = events.iter().map(|event| event.cursor.sequence());
    assert!(numbers.eq(run.cursor.sequence() + 1..=run.cursor.sequence() + 101));
    requests
}

#[tokio::test(start_paused = true)]
async fn a_reader_of_a_growing_reply_makes_few_requests() {
    assert_eq!(requests_for_100_deltas(100 * MILLISECOND).await, 20);
    let at_least = requests_for_100_deltas(Duration::ZERO).await;
    assert!(at_least >= 100, "{at_least} requests");
}

#[tokio::test(start_paused = true)]
async fn what_was_gathered_is_answered_when_the_time_for_it_is_over_or_the_wait() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    let run = fixture.send(worker, &"wait word ".repeat(200));
    // The first delta comes after 20 ms; timers fire at the next millisecond.
    for (wait, batch, until) in [(20_000, 100, 120), (70, 1_000, 70), (0, 1_000, 0)] {
        let query = EventsQuery {
            wait: wait * MILLISECOND,
            batch: batch * MILLISECOND,
            ..gathering(&run)
        };
        let after = EventsQuery {
            after: Some(at_once(fixture.runtime.get(worker)).unwrap().cursor),
            ..query
        };
        let (batch, time) = paced(&fixture, worker, after).await;
        assert!(time >= until * MILLISECOND, "{time:?}");
        assert!(time <= (until + 2) * MILLISECOND, "{time:?}");
        let expected = until / 20;
        let read = u32::try_from(batch.events.len()).unwrap();
        assert!(read.abs_diff(expected) <= 1, "{read} in {time:?}");
        assert!(batch.caught_up);
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_run_and_a_full_page_are_not_held_back() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    let run = fixture.send(worker, &"wait word ".repeat(5));
    let (batch, time) = paced(&fixture, worker, gathering(&run)).await;
    assert_eq!((batch.events.len(), batch.caught_up), (6, true));
    assert_eq!(batch.events[5].kind.as_str(), "run_finished");
    assert!(time <= 5 * (PACE + MILLISECOND), "{time:?}");

    let run = fixture.send(worker, &"wait word ".repeat(5));
    let query = EventsQuery {
        limit: Some(3),
        ..gathering(&run)
    };
    let (batch, time) = paced(&fixture, worker, query).await;
    assert_eq!(batch.events.len(), 3);
    assert!(time <= 3 * (PACE + MILLISECOND), "{time:?}");
    // A page that is full from the start needs no place to wait, and no time.
    let batch = at_once(fixture.runtime.events(worker, query)).unwrap();
    assert_eq!(batch.events.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_gathers_is_answered_when_it_has_much_text() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    let word = "w".repeat(16 * 1024);
    let run = fixture.send(worker, &format!("wait {word} ").repeat(6));
    let (batch, time) = paced(&fixture, worker, gathering(&run)).await;
    assert_eq!(batch.events.len(), 4, "64 KiB");
    assert!(time <= 4 * (PACE + MILLISECOND), "{time:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_and_a_shutdown_answer_a_reader_that_gathers() {
    let fixture = Fixture::new();
    let (one, idle) = (fixture.worker(), fixture.worker());
    let run = fixture.send(one, "word hang");
    fixture.wait_for_output(one, &run).await;
    let started = Instant::now();
    let (batch, stopped) = tokio::join!(
        fixture.runtime.events(one, gathering(&run)),
        fixture.runtime.stop(one),
    );
    stopped.unwrap();
    let kinds = batch.unwrap().events;
    let kinds: Vec<_> = kinds.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds[..2], ["output_delta", "run_finished"]);

    let from_the_start = EventsQuery {
        after: None,
        ..gathering(&run)
    };
    let (batch, _) = tokio::join!(
        fixture.runtime.events(idle, from_the_start),
        fixture.runtime.shutdown(SECOND),
    );
    assert_eq!(batch.unwrap().events[0].kind, EventKind::WorkerCreated);
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_gathers_is_counted_and_makes_way_with_what_it_has() {
    let fixture = Fixture::with(Limits {
        worker_pollers: 1,
        ..Limits::default()
    });
    let worker = fixture.worker();
    let run = fixture.send(worker, "word hang");
    fixture.wait_for_output(worker, &run).await;
    let read = || fixture.runtime.events(worker, gathering(&run));
    let mut first = pin!(read());
    assert!(poll!(&mut first).is_pending());
    assert_eq!(fixture.runtime.status().waiting_pollers, 1);
    // The first one has just come, so the second finds no place, but has something to read.
    assert_eq!(at_once(read()).unwrap().events.len(), 1);

    tokio::time::sleep(300 * MILLISECOND).await;
    let mut second = pin!(read());
    assert!(poll!(&mut second).is_pending());
    assert_eq!(at_once(first).unwrap().events.len(), 1);
    assert_eq!(fixture.runtime.status().waiting_pollers, 1);
    assert_eq!(second.await.unwrap().events.len(), 1);
    assert_eq!(fixture.runtime.status().waiting_pollers, 0);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_stops_gathering_loses_nothing() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    let run = fixture.send(worker, "word wait word hang");
    fixture.wait_for_output(worker, &run).await;
    let query = gathering(&run);
    {
        let mut read = pin!(fixture.runtime.events(worker, query));
        assert!(poll!(&mut read).is_pending());
        fixture.engine.gate.notify_one();
        tokio::task::yield_now().await;
        assert!(poll!(&mut read).is_pending());
    }
    assert_eq!(fixture.runtime.status().waiting_pollers, 0);
    let batch = fixture.runtime.events(worker, query).await.unwrap();
    assert_eq!(batch.events.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_overtaken_while_it_gathers_gets_what_it_has() {
    let fixture = Fixture::with(Limits {
        events: 4,
        ..Limits::default()
    });
    let worker = fixture.worker();
    let run = fixture.send(worker, "word wait a b c d e f");
    fixture.wait_for_output(worker, &run).await;
    let mut read = pin!(fixture.runtime.events(worker, gathering(&run)));
    assert!(poll!(&mut read).is_pending());
    fixture.engine.gate.notify_one();
    fixture.wait_until_idle(worker).await;
    let batch = at_once(read).unwrap();
    assert_eq!((batch.events.len(), batch.caught_up), (1, false));
    let next = EventsQuery {
        after: Some(batch.next_cursor),
        ..gathering(&run)
    };
    let next = at_once(fixture.runtime.events(worker, next));
    assert!(matches!(
        next,
        Err(EventsError::Expired(CursorExpired { .. }))
    ));
}
