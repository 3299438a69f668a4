//! Inputs that find no free place among the runs in progress.

use super::*;
use crate::{CapacityExhausted, InputError, LimitName, RunPhase};

fn one_place(queued_runs: usize) -> Limits {
    Limits {
        concurrent_runs: 1,
        queued_runs,
        run_time: 10 * SECOND,
        ..Limits::default()
    }
}

impl Fixture {
    /// A worker whose run waits for `gate`.
    fn busy(&self) -> (WorkerId, Accepted) {
        let worker = self.worker();
        (worker, self.send(worker, "wait"))
    }
}

#[tokio::test(start_paused = true)]
async fn an_input_without_a_place_is_accepted_shown_as_queued_and_runs_later() {
    let fixture = Fixture::with(one_place(1));
    let (first, running) = fixture.busy();
    let second = fixture.worker();
    let queued = fixture.send(second, "b");
    let snapshot = at_once(fixture.runtime.get(second)).unwrap();
    assert_eq!(
        (snapshot.state, snapshot.active_run),
        (WorkerState::Queued, Some(queued.run_id))
    );
    let page = at_once(
        fixture
            .runtime
            .transcript(second, TranscriptQuery::default()),
    );
    let page = page.unwrap();
    assert_eq!(transcript_lines(&page.entries), ["user:b"]);
    assert_eq!(page.in_flight.unwrap().phase, RunPhase::Queued);
    let status = fixture.runtime.status();
    assert_eq!((status.active_runs, status.queued_runs), (1, 1));
    assert_eq!((status.workers.running, status.workers.queued), (1, 1));

    let busy = at_once(fixture.runtime.send_input(second, Input::new("c")));
    let (worker_id, run_id) = (second, queued.run_id);
    assert_eq!(busy, Err(InputError::Busy { worker_id, run_id }));
    let third = fixture.worker();
    let refused = at_once(fixture.runtime.send_input(third, Input::new("c")));
    let limit = LimitName::QueuedRuns;
    assert_eq!(
        refused,
        Err(InputError::Capacity(CapacityExhausted { limit }))
    );
    assert!(fixture.transcript_lines(third).is_empty());

    // Longer than a run may take: the time of the queued one has not begun.
    assert_eq!(
        fixture.wait_for_end(first, &running).await,
        ended(RunOutcome::TimedOut)
    );
    assert_eq!(
        fixture.wait_for_end(second, &queued).await,
        ended(RunOutcome::Completed)
    );
    let events = fixture.runtime.events(second, EventsQuery::default());
    let events = events.await.unwrap().events;
    // Its start is no event.
    assert!(matches!(events[1].kind, EventKind::InputAccepted { .. }));
    assert!(matches!(events[2].kind, EventKind::OutputDelta { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_queued_run_ends_by_cancel_stop_and_delete_and_leaves_its_position() {
    let fixture = Fixture::with(one_place(4));
    let (first, _) = fixture.busy();
    let [cancelled, stopped, deleted, last] = [(); 4].map(|()| fixture.worker());
    let runs = [cancelled, stopped, deleted, last].map(|worker| fixture.send(worker, "b"));
    let run_id = runs[0].run_id;
    assert_eq!(
        fixture.runtime.cancel(cancelled, None).await,
        Ok(crate::Cancellation::Cancelled { run_id })
    );
    assert_eq!(fixture.state(cancelled), WorkerState::Idle);
    let stop = fixture.runtime.stop(stopped).await.unwrap();
    assert_eq!(stop.state, WorkerState::Stopped);
    fixture.runtime.delete(deleted).await.unwrap();
    let status = fixture.runtime.status();
    assert_eq!((status.active_runs, status.queued_runs), (1, 1));
    for (worker, run) in [(cancelled, runs[0]), (stopped, runs[1])] {
        assert_eq!(fixture.count_ends(worker, run.run_id).await, 1);
        assert_eq!(fixture.transcript_lines(worker), ["user:b?"]);
    }

    fixture.runtime.cancel(first, None).await.unwrap();
    assert_eq!(
        fixture.wait_for_end(last, &runs[3]).await,
        ended(RunOutcome::Completed)
    );
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_queued_runs_without_their_engines() {
    let fixture = Fixture::with(one_place(4));
    let (first, running) = fixture.busy();
    let second = fixture.worker();
    let queued = fixture.send(second, "b");
    let report = fixture.runtime.shutdown(SECOND).await;
    let ended: Vec<_> = report.cancelled.iter().map(|run| run.run_id).collect();
    assert_eq!(ended, [running.run_id, queued.run_id]);
    assert_eq!(fixture.transcript_lines(second), ["user:b?"]);
    for worker in [first, second] {
        assert_eq!(fixture.state(worker), WorkerState::Idle);
    }
}
