//! The end of the whole runtime, met by work that begins or ends.

use super::*;
use crate::command::CreateWorker;
use crate::core::Worker;
use crate::error::{CreateError, InputError};
use crate::event::RunOutcome;

#[test]
fn shutdown_and_input() {
    explore(timeless(), |stage| async move {
        let worker = stage.worker();
        let (a, b) = (stage.clone(), stage.clone());
        let (input, report) = both(async move { a.input(worker, "a hang").await }, async move {
            b.runtime.shutdown(FAR).await
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
        stage.quiet().await;
    });
}

#[test]
fn shutdown_and_finish() {
    explore(timeless(), |stage| async move {
        let worker = stage.worker();
        let run = stage.input(worker, "a").await.expect("it is idle").run_id;
        let report = stage.runtime.shutdown(FAR).await;
        let expected = match report.cancelled.len() {
            0 => RunOutcome::Completed,
            _ => RunOutcome::Cancelled,
        };
        let histories = stage.quiet().await;
        assert_eq!(histories[0].outcome(run), Some(expected));
    });
}

#[test]
fn shutdown_and_create() {
    explore(timeless(), |stage| async move {
        let (a, b) = (stage.clone(), stage.clone());
        let (created, _) = both(
            async move { a.runtime.create(CreateWorker::default()) },
            async move { b.runtime.shutdown(FAR).await },
        )
        .await;
        let expected = match created {
            Ok(_) => 1,
            Err(error) => {
                assert_eq!(error, CreateError::Stopping(crate::Stopping));
                0
            }
        };
        assert_eq!(stage.quiet().await.len(), expected);
    });
}

#[test]
fn shutdown_and_shutdown() {
    explore(timeless(), |stage| async move {
        let worker = stage.worker();
        stage.input(worker, "a hang").await.expect("it is idle");
        let (a, b) = (stage.clone(), stage.clone());
        both(async move { a.runtime.shutdown(FAR).await }, async move {
            b.runtime.shutdown(FAR).await
        })
        .await;
        // Both have waited for the end of the run.
        assert_eq!(stage.look(worker).state, WorkerState::Idle);
        stage.quiet().await;
    });
}

#[test]
fn the_last_handle_and_a_run() {
    explore(timeless(), |stage| async move {
        let worker = stage.worker();
        stage.input(worker, "a hang").await.expect("it is idle");
        let slot = stage.runtime.inner.slot(worker).expect("it is there");
        let run = slot.read(Worker::active_run).expect("it hangs");
        let actor = Arc::clone(&stage.actor);
        drop(stage);
        slot.ended(run, None).await.expect("without a deadline");
        let last = slot.snapshot().last_run;
        assert_eq!(last.expect("it has ended").outcome, RunOutcome::Cancelled);
        actor.went_well();
    });
}
