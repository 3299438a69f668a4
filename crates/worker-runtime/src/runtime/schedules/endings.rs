//! The shutdown of the runtime while work begins or ends.

use super::*;
use crate::command::CreateWorker;
use crate::core::Worker;
use crate::error::{CreateError, InputError};
use crate::run::RunOutcome;

#[test]
fn shutdown_and_input() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        let (a, b) = (fixture.clone(), fixture.clone());
        let (input, report) = both(async move { a.input(worker, "a hang").await }, async move {
            b.runtime.shutdown(NEVER).await
        })
        .await;
        // Either the shutdown saw the run and ended it, or there is none.
        match input {
            Ok(run) => {
                assert_eq!(report.cancelled.len(), 1);
                assert_eq!(report.cancelled[0].run_id, run.run_id);
            }
            Err(error) => {
                assert_eq!(error, InputError::Stopping(crate::Stopping));
                assert!(report.cancelled.is_empty());
            }
        }
        fixture.check().await;
    });
}

#[test]
fn shutdown_and_finish() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        let run = fixture.input(worker, "a").await.expect("it is idle").run_id;
        let report = fixture.runtime.shutdown(NEVER).await;
        let expected = match report.cancelled.len() {
            0 => RunOutcome::Completed,
            _ => fixture.cut_off(),
        };
        let histories = fixture.check().await;
        assert_eq!(histories[0].outcome(run), Some(expected));
    });
}

#[test]
fn shutdown_and_create() {
    explore(timeless(), |fixture| async move {
        let (a, b) = (fixture.clone(), fixture.clone());
        let (created, _) = both(
            async move { a.runtime.create(CreateWorker::default()).await },
            async move { b.runtime.shutdown(NEVER).await },
        )
        .await;
        let expected = match created {
            Ok(_) => 1,
            Err(error) => {
                assert_eq!(error, CreateError::Stopping(crate::Stopping));
                0
            }
        };
        assert_eq!(fixture.check().await.len(), expected);
    });
}

#[test]
fn shutdown_and_shutdown() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        fixture.input(worker, "a hang").await.expect("it is idle");
        let (a, b) = (fixture.clone(), fixture.clone());
        both(async move { a.runtime.shutdown(NEVER).await }, async move {
            b.runtime.shutdown(NEVER).await
        })
        .await;
        // Both have waited for the end of the run.
        assert_eq!(fixture.snapshot(worker).await.state, WorkerState::Idle);
        fixture.check().await;
    });
}

#[test]
fn the_last_handle_and_a_run() {
    explore(timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        fixture.input(worker, "a hang").await.expect("it is idle");
        let slot = fixture
            .runtime
            .inner
            .slot(worker)
            .await
            .expect("it is there");
        let run = slot.read(Worker::active_run).expect("it hangs");
        let (engine, cut_off) = (Arc::clone(&fixture.engine), fixture.cut_off());
        drop(fixture);
        slot.ended(run, None).await.expect("without a deadline");
        let last = slot.snapshot().last_run;
        assert_eq!(last.expect("it has ended").outcome, cut_off);
        engine.assert_no_violations();
    });
}
