//! Readers that poll, wait and follow while the worker changes.

use super::fixture::SOON;
use super::*;
use crate::command::Cancellation;
use crate::error::EventsError;
use crate::event::EventKind;
use crate::limits::EVENT_OVERHEAD_BYTES;
use crate::run::RunOutcome;
use crate::{Cursor, Epoch, EventsQuery};

fn is_end(event: &EventKind) -> bool {
    matches!(event, EventKind::RunFinished(_))
}

#[test]
fn poll_and_append() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        let (a, b) = (fixture.clone(), fixture.clone());
        let (events, _) = both(
            async move { a.poll(worker, NEVER, is_end).await },
            async move { b.input(worker, "a b").await },
        )
        .await;
        let histories = fixture.check().await;
        assert_eq!(events.expect("nothing is lost"), histories[0].events());
    });
}

#[test]
fn gather_and_append() {
    // Without an end of its time, a reader that gathers waits for the end of the run.
    for batch in [SOON, NEVER] {
        explore(timeless(), move |fixture| async move {
            let worker = fixture.worker().await;
            let (a, b) = (fixture.clone(), fixture.clone());
            let query = EventsQuery {
                wait: NEVER,
                batch,
                ..EventsQuery::default()
            };
            let (events, _) = both(
                async move { a.poll_with(worker, query, is_end).await },
                async move { b.input(worker, "a b").await },
            )
            .await;
            let histories = fixture.check().await;
            assert_eq!(events.expect("nothing is lost"), histories[0].events());
        });
    }
}

#[test]
fn poll_and_stop() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        fixture.input(worker, "a hang").await.expect("it is idle");
        let (a, b) = (fixture.clone(), fixture.clone());
        let stopped = |event: &EventKind| *event == EventKind::WorkerStopped;
        let (events, ()) = both(
            async move { a.poll(worker, NEVER, stopped).await },
            async move { b.stop(worker).await },
        )
        .await;
        let histories = fixture.check().await;
        assert_eq!(events.expect("nothing is lost"), histories[0].events());
    });
}

#[test]
fn poll_and_an_endless_reply() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        let (a, b) = (fixture.clone(), fixture.clone());
        let text = |event: &EventKind| matches!(event, EventKind::OutputDelta { .. });
        let (events, _) = both(
            async move { a.poll(worker, NEVER, text).await },
            async move { b.input(worker, "a hang").await },
        )
        .await;
        assert_eq!(events.expect("nothing is lost").len(), 3);
        fixture.shut_down_and_check().await;
    });
}

#[test]
fn poll_and_panic() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        let (a, b) = (fixture.clone(), fixture.clone());
        let (events, _) = both(
            async move { a.poll(worker, NEVER, is_end).await },
            async move { b.input(worker, "a panic").await },
        )
        .await;
        let histories = fixture.check().await;
        assert_eq!(events.expect("nothing is lost"), histories[0].events());
    });
}

#[test]
fn poll_and_its_deadline() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        let (a, b) = (fixture.clone(), fixture.clone());
        let (events, _) = both(
            async move { a.poll(worker, SOON, is_end).await },
            async move { b.input(worker, "a").await },
        )
        .await;
        let histories = fixture.check().await;
        assert_eq!(events.expect("nothing is lost"), histories[0].events());
    });
}

#[test]
fn poll_and_shutdown() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        let (a, b) = (fixture.clone(), fixture.clone());
        let (events, report) = both(
            async move { a.poll(worker, NEVER, |_| false).await },
            async move { b.runtime.shutdown(NEVER).await },
        )
        .await;
        assert_eq!(events.expect("it is answered").len(), 1);
        assert!(report.cancelled.is_empty());
        fixture.check().await;
    });
}

#[test]
fn follow_and_shutdown() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        let run = fixture.input(worker, "a hang").await.expect("it is idle");
        let (a, b) = (fixture.clone(), fixture.clone());
        let (events, report) = both(
            async move { a.follow(worker, run.cursor).await },
            async move { b.runtime.shutdown(NEVER).await },
        )
        .await;
        assert_eq!(report.cancelled.len(), 1);
        let histories = fixture.check().await;
        // A shutdown doesn't cut the stream off before the end of the run.
        let rest = histories[0].after(run.cursor.sequence());
        assert_eq!(events.expect("nothing is lost"), rest);
    });
}

#[test]
fn snapshot_and_append() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        let (a, b) = (fixture.clone(), fixture.clone());
        let (followed, _) = both(
            async move {
                let page = a.page(worker).await;
                let events = a.follow(worker, page.cursor).await;
                (page.cursor, events)
            },
            async move {
                b.input(worker, "think a b").await.expect("it is idle");
                b.snapshot(worker).await;
                b.page(worker).await;
                b.stop(worker).await;
            },
        )
        .await;
        let histories = fixture.check().await;
        let (cursor, events) = followed;
        let suffix = histories[0].after(cursor.sequence());
        assert_eq!(events.expect("nothing is pruned"), suffix);
    });
}

#[test]
fn subscribe_and_evict() {
    let limits = Limits {
        delta_bytes: 4,
        event_bytes: 3 * EVENT_OVERHEAD_BYTES,
        ..timeless()
    };
    explore(limits, |fixture| async move {
        let worker = fixture.worker().await;
        let start = fixture
            .runtime
            .get(worker)
            .await
            .expect("it is there")
            .cursor;
        let (a, b) = (fixture.clone(), fixture.clone());
        let (read, ()) = both(
            async move {
                let mut read = Vec::new();
                let mut stream = Box::pin(a.runtime.subscribe(worker, start));
                loop {
                    match futures_util::StreamExt::next(&mut stream).await {
                        Some(Ok(event)) => read.push(event),
                        Some(Err(error)) => return (read, Some(error)),
                        None => return (read, None),
                    }
                }
            },
            async move {
                b.runtime
                    .send_input(worker, crate::Input::new("a b c"))
                    .await
                    .expect("it is idle");
                b.stop(worker).await;
            },
        )
        .await;
        let (read, error) = read;
        // What was read has no gap, and a reader that was overtaken gets an error.
        for (number, event) in (start.sequence() + 1..).zip(&read) {
            assert_eq!(event.cursor.sequence(), number);
        }
        let latest = fixture
            .runtime
            .get(worker)
            .await
            .expect("it is there")
            .cursor;
        match error {
            None => assert_eq!(read.last().map(|event| event.cursor), Some(latest)),
            Some(EventsError::Expired(expired)) => {
                let next = read.last().map_or(start, |event| event.cursor);
                assert!(next.sequence() < expired.oldest.sequence());
                assert!(expired.latest.sequence() <= latest.sequence());
            }
            Some(other) => panic!("{other}"),
        }
        // The ring has lost its beginning, so that nothing can be replayed; all else holds.
        fixture.engine.assert_no_violations();
        fixture.assert_totals(&fixture.runtime.inner.slots());
    });
}

#[test]
fn cursors_from_elsewhere_and_append() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        let (a, b) = (fixture.clone(), fixture.clone());
        let ((), input) = both(
            async move {
                let epoch = a.runtime.status().epoch;
                for cursor in [
                    Cursor::new(Epoch::new(epoch.get() ^ 1), 1),
                    Cursor::new(epoch, 1_000),
                ] {
                    let query = EventsQuery {
                        after: Some(cursor),
                        ..EventsQuery::default()
                    };
                    let result = a.runtime.events(worker, query).await;
                    assert!(matches!(result, Err(EventsError::Expired(_))), "{result:?}");
                }
            },
            async move { b.input(worker, "a").await },
        )
        .await;
        input.expect("it is idle");
        fixture.shut_down_and_check().await;
    });
}

#[test]
fn pollers_and_their_limit() {
    let limits = Limits {
        worker_pollers: 1,
        ..timeless()
    };
    explore(limits, |fixture| async move {
        let worker = fixture.worker().await;
        let (a, b, c) = (fixture.clone(), fixture.clone(), fixture.clone());
        let input = shuttle::future::spawn(async move {
            // One of them may wait at a time.
            for _ in 0..4 {
                assert!(c.runtime.status().waiting_pollers <= 1);
            }
            c.input(worker, "a").await.expect("it is idle");
        });
        let (one, two) = both(
            async move { a.poll(worker, SOON, is_end).await },
            async move { b.poll(worker, SOON, is_end).await },
        )
        .await;
        input.await.expect("it ends");
        // Each of them may have been refused, but only while the other one waited.
        for error in [one.err(), two.err()].into_iter().flatten() {
            assert!(matches!(error, EventsError::Capacity(_)), "{error}");
        }
        fixture.check().await;
    });
}

#[test]
fn a_reader_that_makes_way() {
    let limits = Limits {
        worker_pollers: 1,
        ..timeless()
    };
    explore(limits, |fixture| async move {
        let worker = fixture.worker().await;
        let after = Some(fixture.snapshot(worker).await.cursor);
        let poll = |fixture: Fixture| async move {
            let query = EventsQuery {
                after,
                wait: NEVER,
                ..EventsQuery::default()
            };
            let read = fixture.runtime.events(worker, query).await;
            assert!(fixture.runtime.status().waiting_pollers <= 1);
            // One makes way, or is refused. The other waits until this.
            fixture.stop(worker).await;
            read
        };
        let (one, two) = both(poll(fixture.clone()), poll(fixture.clone())).await;
        let stopped = |read: &Result<crate::EventBatch, EventsError>| match read {
            Ok(batch) => !batch.events.is_empty(),
            Err(_) => false,
        };
        assert!(stopped(&one) || stopped(&two));
        for error in [one.err(), two.err()].into_iter().flatten() {
            assert!(matches!(error, EventsError::Capacity(_)), "{error}");
        }
        fixture.check().await;
    });
}

#[test]
fn cancel_by_one_and_poll_by_another() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        let run = fixture.input(worker, "a hang").await.expect("it is idle");
        let (a, b) = (fixture.clone(), fixture.clone());
        let (events, cancel) = both(
            async move { a.poll(worker, NEVER, is_end).await },
            async move { b.cancel(worker).await },
        )
        .await;
        assert!(matches!(cancel, Ok(Cancellation::Cancelled { .. })));
        // Whoever has seen the end finds the worker idle.
        assert!(events.is_ok());
        fixture.input(worker, "b").await.expect("it is idle");
        let histories = fixture.shut_down_and_check().await;
        let outcome = histories[0].outcome(run.run_id);
        assert_eq!(outcome, Some(RunOutcome::Cancelled));
    });
}
