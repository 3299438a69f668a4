//! Runs that wait until there is a place for them.

use super::*;
use crate::command::{Accepted, Cancellation};
use crate::run::RunOutcome;

/// A place for one run, and a queue for two.
fn one_place() -> Limits {
    Limits {
        concurrent_runs: 1,
        queued_runs: 2,
        ..timeless()
    }
}

impl Fixture {
    /// A worker with an input that was accepted.
    async fn sent(&self, words: &str) -> (WorkerId, Accepted) {
        let worker = self.worker().await;
        let accepted = self.input(worker, words).await;
        (worker, accepted.expect("there is a place in the queue"))
    }

    /// Whether the engine of this run was started.
    fn has_started(&self, run: &Accepted) -> bool {
        self.engine.started().contains(&run.run_id)
    }
}

#[test]
fn queue_and_cancel() {
    explore(one_place(), |fixture| async move {
        let (first, _) = fixture.sent("hang").await;
        let (second, queued) = fixture.sent("a").await;
        assert_eq!(fixture.snapshot(second).await.state, WorkerState::Queued);
        let (a, b) = (fixture.clone(), fixture.clone());
        let (_, cancelled) = both(async move { a.cancel(first).await }, async move {
            b.cancel(second).await
        })
        .await;
        fixture.ended(second).await;
        let outcome = match cancelled.expect("no run was named") {
            Cancellation::Cancelled { .. } => RunOutcome::Cancelled,
            Cancellation::NotRunning => RunOutcome::Completed,
        };
        // Its place in the queue is gone, and that among the runs is free.
        let (third, run) = fixture.sent("b").await;
        fixture.ended(third).await;
        assert!(fixture.has_started(&run));
        let histories = fixture.check().await;
        assert_eq!(histories[1].outcome(queued.run_id), Some(outcome));
    });
}

#[test]
fn queue_and_cancel_of_the_queued_run_alone() {
    explore(one_place(), |fixture| async move {
        let (first, _) = fixture.sent("hang").await;
        let (second, queued) = fixture.sent("a").await;
        let (third, last) = fixture.sent("b").await;
        let run_id = queued.run_id;
        let cancelled = fixture.cancel(second).await;
        assert_eq!(cancelled, Ok(Cancellation::Cancelled { run_id }));
        assert!(!fixture.has_started(&queued));
        fixture.cancel(first).await.expect("no run was named");
        fixture.ended(third).await;
        assert!(fixture.has_started(&last));
        fixture.check().await;
    });
}

#[test]
fn queue_and_stop() {
    explore(one_place(), |fixture| async move {
        let (first, _) = fixture.sent("hang").await;
        let (second, queued) = fixture.sent("a").await;
        let (a, b) = (fixture.clone(), fixture.clone());
        both(async move { a.stop(first).await }, async move {
            b.stop(second).await;
        })
        .await;
        let (third, run) = fixture.sent("b").await;
        fixture.ended(third).await;
        assert!(fixture.has_started(&run));
        let histories = fixture.check().await;
        assert!(histories[1].at_the_end().is_stopped());
        assert!(histories[1].outcome(queued.run_id).is_some());
    });
}

#[test]
fn queue_and_shutdown() {
    explore(one_place(), |fixture| async move {
        let (first, running) = fixture.sent("hang").await;
        let (_, queued) = fixture.sent("hang").await;
        let (a, b) = (fixture.clone(), fixture.clone());
        let (_, report) = both(async move { a.cancel(first).await }, async move {
            b.runtime.shutdown(NEVER).await
        })
        .await;
        assert!(report.abandoned.is_empty());
        let cut_off = fixture.cut_off();
        let histories = fixture.check().await;
        assert_eq!(histories[1].outcome(queued.run_id), Some(cut_off));
        assert!(histories[0].outcome(running.run_id).is_some());
    });
}

#[test]
fn a_place_that_gets_free_and_an_arriving_input() {
    explore(one_place(), |fixture| async move {
        let (_, first) = fixture.sent("a").await;
        let (second, queued) = fixture.sent("b").await;
        let last = fixture.worker().await;
        // The first run ends meanwhile.
        let arriving = fixture.input(last, "c").await;
        let arriving = arriving.expect("there is a place in the queue");
        fixture.ended(second).await;
        fixture.ended(last).await;
        let started = [first, queued, arriving].map(|run| run.run_id);
        assert_eq!(
            fixture.engine.started(),
            started,
            "in the order of the queue"
        );
        let histories = fixture.check().await;
        for (history, run) in histories.iter().zip(started) {
            assert_eq!(history.outcome(run), Some(RunOutcome::Completed));
        }
    });
}
