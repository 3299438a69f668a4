//! Several workers that compete for capacity.

use super::*;
use crate::command::CreateWorker;
use crate::error::{CapacityExhausted, CreateError, EventsError, InputError};
use crate::limits::LimitName;
use crate::{EventKind, IdempotencyKey, ListQuery, RunError, RunErrorCode};

#[test]
fn create_and_evict() {
    let limits = Limits {
        workers: 2,
        ..timeless()
    };
    explore_with(Persistence::Memory, limits, |fixture| async move {
        let first = fixture.worker().await;
        let second = fixture.worker().await;
        let (a, b) = (fixture.clone(), fixture.clone());
        let (stopped, created) = both(async move { a.runtime.stop(first).await }, async move {
            b.runtime.create(CreateWorker::default()).await
        })
        .await;
        // It may have been forgotten already, but never before it was stopped.
        if let Ok(stopped) = stopped {
            assert_eq!(stopped.state, WorkerState::Stopped);
        }
        let full = CapacityExhausted {
            limit: LimitName::Workers,
        };
        match created {
            Ok(_) => assert!(fixture.runtime.get(first).await.is_err()),
            Err(error) => {
                assert_eq!(error, CreateError::Capacity(full));
                // The first one can be forgotten now.
                fixture.worker().await;
            }
        }
        fixture.snapshot(second).await;
        fixture.shut_down_and_check().await;
    });
}

#[test]
fn create_and_create_at_the_worker_limit() {
    let limits = Limits {
        workers: 1,
        ..timeless()
    };
    explore_with(Persistence::Memory, limits, |fixture| async move {
        let (a, b) = (fixture.clone(), fixture.clone());
        let (one, two) = both(
            async move { a.runtime.create(CreateWorker::default()).await },
            async move { b.runtime.create(CreateWorker::default()).await },
        )
        .await;
        assert_ne!(one.is_ok(), two.is_ok());
        assert_eq!(fixture.shut_down_and_check().await.len(), 1);
    });
}

#[test]
fn create_replayed_and_original() {
    explore(timeless(), |fixture| async move {
        let create = |fixture: Fixture| async move {
            let key: IdempotencyKey = "once".parse().expect("it is one");
            let request = CreateWorker {
                idempotency_key: Some(key),
                ..CreateWorker::default()
            };
            fixture
                .runtime
                .create(request)
                .await
                .expect("there is capacity")
        };
        let (one, two) = both(create(fixture.clone()), create(fixture.clone())).await;
        assert_ne!(one.replayed, two.replayed);
        assert_eq!(one.worker.id, two.worker.id);
        assert_eq!(fixture.shut_down_and_check().await.len(), 1);
    });
}

#[test]
fn inputs_at_the_run_limit() {
    let limits = Limits {
        concurrent_runs: 1,
        queued_runs: 0,
        ..timeless()
    };
    explore(limits, |fixture| async move {
        let (first, second) = (fixture.worker().await, fixture.worker().await);
        let (a, b) = (fixture.clone(), fixture.clone());
        let send = |fixture: Fixture, worker: WorkerId| async move {
            let result = fixture.input(worker, "a").await;
            assert!(fixture.runtime.status().active_runs <= 1);
            result
        };
        let (one, two) = both(send(a, first), send(b, second)).await;
        assert!(one.is_ok() || two.is_ok());
        let full = CapacityExhausted {
            limit: LimitName::QueuedRuns,
        };
        for error in [one.err(), two.err()].into_iter().flatten() {
            assert_eq!(error, InputError::Capacity(full));
        }
        fixture.shut_down_and_check().await;
    });
}

#[test]
fn inputs_at_the_byte_limit() {
    let mut limits = tight();
    // For two workers and one run.
    limits.total_bytes += 1_000;
    explore_with(Persistence::Memory, limits, |fixture| async move {
        let (first, second) = (fixture.worker().await, fixture.worker().await);
        let (a, b) = (fixture.clone(), fixture.clone());
        let send = |fixture: Fixture, worker: WorkerId| async move {
            let result = fixture.input(worker, "hang").await;
            let held = fixture.runtime.status().held_bytes;
            assert!(held <= fixture.runtime.limits().total_bytes);
            result
        };
        let (one, two) = both(send(a, first), send(b, second)).await;
        assert_ne!(one.is_ok(), two.is_ok());
        fixture.shut_down_and_check().await;
    });
}

#[test]
fn replies_that_grow_at_the_byte_limit() {
    let mut limits = tight();
    limits.input_bytes = 16;
    // For two runs as they start, and for one of them to go on to its end.
    limits.total_bytes += 1_600;
    explore_with(Persistence::Memory, limits, |fixture| async move {
        let (first, second) = (fixture.worker().await, fixture.worker().await);
        let (a, b) = (fixture.clone(), fixture.clone());
        let (one, two) = both(reply(a, first), reply(b, second)).await;
        for result in [&one, &two] {
            let full = CapacityExhausted {
                limit: LimitName::TotalBytes,
            };
            match result {
                Ok(None) => {}
                Ok(Some(error)) => assert_eq!(error.code, RunErrorCode::CapacityExhausted),
                Err(error) => assert_eq!(*error, InputError::Capacity(full)),
            }
        }
        assert!(one == Ok(None) || two == Ok(None), "{one:?} {two:?}");
        fixture.assert_all_is_counted();
        fixture.shut_down_and_check().await;
    });
}

/// Sends an input, and waits until its run hangs after six words, or has failed.
async fn reply(fixture: Fixture, worker: WorkerId) -> Result<Option<RunError>, InputError> {
    fixture.input(worker, "a b c d e f hang").await?;
    let failure = |kind: &EventKind| {
        let EventKind::RunFinished(finished) = kind else {
            return None;
        };
        finished.error
    };
    let is_last = |kind: &EventKind| {
        let last_word = matches!(kind, EventKind::OutputDelta { text, .. } if text == "f");
        last_word || failure(kind).is_some()
    };
    let events = fixture.poll(worker, NEVER, is_last).await;
    let events = events.expect("it is there");
    Ok(events.iter().find_map(|event| failure(&event.kind)))
}

#[test]
fn input_and_evict_for_bytes() {
    explore_with(Persistence::Memory, tight(), |fixture| async move {
        let (first, second) = (fixture.worker().await, fixture.worker().await);
        let (a, b) = (fixture.clone(), fixture.clone());
        let (stopped, result) = both(async move { a.runtime.stop(first).await }, async move {
            b.runtime.send_input(second, crate::Input::new("a")).await
        })
        .await;
        if let Ok(stopped) = stopped {
            assert_eq!(stopped.state, WorkerState::Stopped);
        }
        let full = CapacityExhausted {
            limit: LimitName::TotalBytes,
        };
        match result {
            Ok(_) => assert!(fixture.runtime.get(first).await.is_err()),
            Err(error) => assert_eq!(error, InputError::Capacity(full)),
        }
        fixture.shut_down_and_check().await;
    });
}

/// Capacity for one worker in the middle of a run, and not for another one beside it.
fn tight() -> Limits {
    Limits {
        input_bytes: 8,
        output_bytes: 8,
        reasoning_bytes: 8,
        transcript_bytes: 512,
        event_bytes: 2_048,
        delta_bytes: 4,
        input_keys: 1,
        ..timeless()
    }
    .with_least_bytes_and(0)
}

#[test]
fn poll_and_forget() {
    let limits = Limits {
        workers: 1,
        ..timeless()
    };
    explore_with(Persistence::Memory, limits, |fixture| async move {
        let worker = fixture.worker().await;
        let (a, b) = (fixture.clone(), fixture.clone());
        let stopped = |event: &crate::EventKind| *event == crate::EventKind::WorkerStopped;
        let (read, ()) = both(
            async move { a.poll(worker, NEVER, stopped).await },
            async move {
                b.runtime.stop(worker).await.expect("it is there");
                b.worker().await;
            },
        )
        .await;
        // A reader gets everything, or learns that the worker is gone.
        match read {
            Ok(events) => assert_eq!(events.len(), 2),
            Err(error) => assert!(matches!(error, EventsError::UnknownWorker(_)), "{error}"),
        }
        fixture.shut_down_and_check().await;
    });
}

#[test]
fn list_and_stop_and_forget() {
    let limits = Limits {
        workers: 2,
        ..timeless()
    };
    explore_with(Persistence::Memory, limits, |fixture| async move {
        let (first, second) = (fixture.worker().await, fixture.worker().await);
        let (a, b) = (fixture.clone(), fixture.clone());
        let stopped = ListQuery {
            state: Some(WorkerState::Stopped),
            ..ListQuery::default()
        };
        let (listed, ()) = both(async move { a.runtime.list(stopped).await }, async move {
            b.runtime.stop(first).await.expect("it is there");
            b.worker().await;
        })
        .await;
        let listed = listed.expect("memory can be read");
        for worker in &listed.workers {
            assert_eq!((worker.id, worker.state), (first, WorkerState::Stopped));
        }
        assert!(listed.workers.len() <= 1 && listed.next.is_none());
        assert!(fixture.runtime.get(first).await.is_err());
        fixture.snapshot(second).await;
        fixture.shut_down_and_check().await;
    });
}

#[test]
fn list_and_create() {
    explore(timeless(), |fixture| async move {
        let mut old: Vec<WorkerId> = Vec::new();
        for _ in 0..3 {
            old.push(fixture.worker().await);
        }
        let (a, b) = (fixture.clone(), fixture.clone());
        let (listed, _) = both(
            async move {
                let mut listed = Vec::new();
                let mut query = ListQuery {
                    limit: Some(1),
                    ..ListQuery::default()
                };
                loop {
                    let page = a.runtime.list(query).await.expect("memory can be read");
                    listed.extend(page.workers.iter().map(|worker| worker.id));
                    query.after = page.next;
                    if page.next.is_none() {
                        return listed;
                    }
                }
            },
            async move {
                b.worker().await;
                b.worker().await
            },
        )
        .await;
        for worker in old {
            let times = listed.iter().filter(|id| **id == worker).count();
            assert_eq!(times, 1, "each exactly once");
        }
        assert!(listed.is_sorted_by(|newer, older| newer > older));
        fixture.shut_down_and_check().await;
    });
}
