//! Inputs, cancels and stops that meet each other and the end of a run.

use futures_util::FutureExt as _;

use super::fixture::SOON;
use super::*;
use crate::command::Cancellation;
use crate::error::InputError;
use crate::run::{RunErrorCode, RunOutcome};
use crate::{IdempotencyKey, Input};

#[test]
fn input_and_input() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        let (a, b) = (fixture.clone(), fixture.clone());
        let (one, two) = both(async move { a.input(worker, "a b").await }, async move {
            b.input(worker, "c hang").await
        })
        .await;
        match (&one, &two) {
            (Ok(first), Err(InputError::Busy { run_id, .. }))
            | (Err(InputError::Busy { run_id, .. }), Ok(first)) => {
                assert_eq!(*run_id, first.run_id);
            }
            (Ok(first), Ok(second)) => assert_ne!(first.cursor, second.cursor),
            other => panic!("{other:?}"),
        }
        let accepted = usize::from(one.is_ok()) + usize::from(two.is_ok());
        let histories = fixture.shut_down_and_check().await;
        assert_eq!(histories[0].runs(), accepted);
    });
}

#[test]
fn input_and_cancel() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        let (a, b) = (fixture.clone(), fixture.clone());
        let (input, cancel) = both(async move { a.input(worker, "a hang").await }, async move {
            b.cancel(worker).await
        })
        .await;
        let run = input.expect("nothing else is active").run_id;
        match cancel.expect("no run was named") {
            Cancellation::Cancelled { run_id } => assert_eq!(run_id, run),
            Cancellation::NotRunning => {
                assert_eq!(fixture.snapshot(worker).await.active_run, Some(run));
            }
        }
        fixture.cancel(worker).await.expect("no run was named");
        // It stays usable.
        fixture.input(worker, "b").await.expect("it is idle");
        fixture.shut_down_and_check().await;
    });
}

#[test]
fn cancel_and_finish() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        let run = fixture
            .input(worker, "a b")
            .await
            .expect("it is idle")
            .run_id;
        let cancel = fixture.cancel(worker).await.expect("no run was named");
        assert_eq!(fixture.snapshot(worker).await.state, WorkerState::Idle);
        let histories = fixture.check().await;
        let expected = match cancel {
            Cancellation::Cancelled { .. } => RunOutcome::Cancelled,
            Cancellation::NotRunning => RunOutcome::Completed,
        };
        assert_eq!(histories[0].outcome(run), Some(expected));
    });
}

#[test]
fn cancel_and_cancel() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        let run_id = fixture
            .input(worker, "hang")
            .await
            .expect("it is idle")
            .run_id;
        let (a, b) = (fixture.clone(), fixture.clone());
        let (one, two) = both(async move { a.cancel(worker).await }, async move {
            b.cancel(worker).await
        })
        .await;
        let cancelled = Cancellation::Cancelled { run_id };
        let (one, two) = (
            one.expect("no run was named"),
            two.expect("no run was named"),
        );
        assert!(one == cancelled || two == cancelled);
        for result in [one, two] {
            assert!(result == cancelled || result == Cancellation::NotRunning);
        }
        fixture.check().await;
    });
}

#[test]
fn cancel_of_a_run_and_the_next_run() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        let first = fixture.input(worker, "a").await.expect("it is idle").run_id;
        let (a, b) = (fixture.clone(), fixture.clone());
        let (_, next) = both(
            async move { a.runtime.cancel(worker, Some(first)).await },
            async move { b.input(worker, "b").await },
        )
        .await;
        let histories = fixture.finish_and_check(worker).await;
        if let Ok(next) = next {
            let outcome = histories[0].outcome(next.run_id);
            assert_eq!(
                outcome,
                Some(RunOutcome::Completed),
                "another run was named"
            );
        }
    });
}

#[test]
fn stop_and_finish() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        fixture.input(worker, "a b").await.expect("it is idle");
        let (a, b) = (fixture.clone(), fixture.clone());
        both(async move { a.stop(worker).await }, async move {
            b.page(worker).await
        })
        .await;
        let histories = fixture.check().await;
        assert!(histories[0].at_the_end().is_stopped());
    });
}

#[test]
fn stop_and_input() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        let (a, b) = (fixture.clone(), fixture.clone());
        let (input, ()) = both(async move { a.input(worker, "a hang").await }, async move {
            b.stop(worker).await;
        })
        .await;
        let late = fixture.input(worker, "b").await;
        assert_eq!(late, Err(InputError::WorkerStopped { worker_id: worker }));
        let histories = fixture.check().await;
        match input {
            Ok(run) => {
                let outcome = histories[0].outcome(run.run_id);
                assert_eq!(outcome, Some(RunOutcome::Cancelled));
            }
            Err(refusal) => {
                assert_eq!(refusal, InputError::WorkerStopped { worker_id: worker });
                assert_eq!(histories[0].runs(), 0);
            }
        }
    });
}

#[test]
fn stop_and_stop_and_cancel() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        fixture.input(worker, "a hang").await.expect("it is idle");
        let (a, b, c) = (fixture.clone(), fixture.clone(), fixture.clone());
        let cancel = shuttle::future::spawn(async move { c.cancel(worker).await });
        both(async move { a.stop(worker).await }, async move {
            b.stop(worker).await;
        })
        .await;
        cancel.await.expect("it ends").expect("no run was named");
        fixture.check().await;
    });
}

#[test]
fn cancel_after_a_stop_that_nobody_waits_for() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        fixture.input(worker, "a hang").await.expect("it is idle");
        // Other tasks run meanwhile, so that it can be over already.
        let _ = fixture.runtime.stop(worker).now_or_never();
        fixture.cancel(worker).await.expect("no run was named");
        let state = fixture.snapshot(worker).await.state;
        assert_eq!(state, WorkerState::Stopped);
        fixture.check().await;
    });
}

#[test]
fn panic_and_cancel() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        let run = fixture
            .input(worker, "a panic")
            .await
            .expect("it is idle")
            .run_id;
        let cancel = fixture.cancel(worker).await.expect("no run was named");
        let last = fixture
            .snapshot(worker)
            .await
            .last_run
            .expect("it has ended");
        let panicked = Some(RunErrorCode::EnginePanicked.into());
        match cancel {
            Cancellation::Cancelled { .. } => assert_eq!(last.outcome, RunOutcome::Cancelled),
            Cancellation::NotRunning => assert_eq!(last.error, panicked),
        }
        assert_eq!(last.run_id, run);
        fixture.input(worker, "b").await.expect("it is idle");
        fixture.shut_down_and_check().await;
    });
}

#[test]
fn failure_and_stop() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        fixture.input(worker, "a fail").await.expect("it is idle");
        fixture.stop(worker).await;
        fixture.check().await;
    });
}

#[test]
fn time_out_and_finish() {
    let limits = Limits {
        run_time: SOON,
        ..timeless()
    };
    explore(limits, |fixture| async move {
        let worker = fixture.worker().await;
        let run = fixture
            .input(worker, "a b")
            .await
            .expect("it is idle")
            .run_id;
        let histories = fixture.finish_and_check(worker).await;
        let outcome = histories[0].outcome(run).expect("it has ended");
        assert!(matches!(
            outcome,
            RunOutcome::Completed | RunOutcome::TimedOut
        ));
    });
}

#[test]
fn time_out_and_cancel() {
    let limits = Limits {
        run_time: SOON,
        cancel_wait: SOON,
        ..timeless()
    };
    explore(limits, |fixture| async move {
        let worker = fixture.worker().await;
        let run = fixture
            .input(worker, "a hang")
            .await
            .expect("it is idle")
            .run_id;
        let result = fixture.cancel(worker).await;
        let has_store = fixture.has_store();
        let histories = fixture.finish_and_check(worker).await;
        // An accepted cancel decides the outcome, even if nobody waited for it to the end; unless
        // the time-out was already being stored.
        let outcome = histories[0].outcome(run).expect("it has ended");
        match result {
            Ok(Cancellation::NotRunning) => assert_eq!(outcome, RunOutcome::TimedOut),
            Ok(Cancellation::Cancelled { .. }) => assert_eq!(outcome, RunOutcome::Cancelled),
            Err(_) if has_store => assert!(outcome != RunOutcome::Completed),
            Err(_) => assert_eq!(outcome, RunOutcome::Cancelled),
        }
    });
}

#[test]
fn replay_and_original() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        let send = |fixture: Fixture| async move {
            let key: IdempotencyKey = "once".parse().expect("it is one");
            let input = Input {
                idempotency_key: Some(key),
                ..Input::new("a b")
            };
            let accepted = fixture
                .runtime
                .send_input(worker, input)
                .await
                .expect("it is taken");
            fixture.is_logged(worker, &accepted).await;
            accepted
        };
        let (one, two) = both(send(fixture.clone()), send(fixture.clone())).await;
        assert_ne!(one.replayed, two.replayed);
        assert_eq!(one.run_id, two.run_id);
        assert_eq!(one.cursor, two.cursor);
        let again = send(fixture.clone()).await;
        assert!(again.replayed && again.run_id == one.run_id);
        let histories = fixture.finish_and_check(worker).await;
        assert_eq!(histories[0].runs(), 1);
    });
}
