//! Cancelling, stopping, shutting down.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use super::*;
use crate::{
    ActiveRun, CancelError, Cancellation, CreateError, InputError, Phase, RenameError, StillEnding,
    StopError, Stopping,
};

/// A worker in the middle of a run that has written `half`.
async fn busy(fixture: &Fixture) -> (WorkerId, Accepted) {
    let worker = fixture.worker();
    let run = fixture.send(worker, "half hang");
    fixture.wait_for_output(worker, &run).await;
    (worker, run)
}

#[tokio::test(start_paused = true)]
async fn a_cancel_answers_when_the_run_has_ended_and_keeps_its_text() {
    let fixture = Fixture::new();
    let (worker, run) = busy(&fixture).await;
    let run_id = run.run_id;
    let result = fixture.runtime.cancel(worker, Some(run_id)).await;
    assert_eq!(result, Ok(Cancellation::Cancelled { run_id }));
    assert_eq!(fixture.state(worker), WorkerState::Idle);
    assert_eq!(
        fixture.wait_for_end(worker, &run).await,
        ended(RunOutcome::Cancelled)
    );
    assert_eq!(fixture.transcript_lines(worker)[1], "assistant:half…");
    let next = fixture.send(worker, "again");
    assert_eq!(
        fixture.wait_for_end(worker, &next).await,
        ended(RunOutcome::Completed)
    );
}

#[tokio::test(start_paused = true)]
async fn a_cancel_needs_the_run_that_it_names() {
    let fixture = Fixture::new();
    let (worker, run) = busy(&fixture).await;
    let expected = RunId::generate();
    let mismatch = CancelError::RunMismatch {
        worker_id: worker,
        expected,
        active: run.run_id,
    };
    assert_eq!(
        fixture.runtime.cancel(worker, Some(expected)).await,
        Err(mismatch)
    );
    fixture.runtime.cancel(worker, None).await.unwrap();
    for expected in [None, Some(run.run_id)] {
        let idle = fixture.runtime.cancel(worker, expected).await;
        assert_eq!(idle, Ok(Cancellation::NotRunning));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_run_and_then_the_worker_and_can_be_repeated() {
    let fixture = Fixture::new();
    let (worker, run) = busy(&fixture).await;
    let stop = || fixture.runtime.stop(worker);
    let (one, two) = tokio::join!(stop(), stop());
    assert_eq!(one.unwrap().state, WorkerState::Stopped);
    assert_eq!(two, fixture.runtime.stop(worker).await);

    let events: Vec<_> = fixture
        .runtime
        .subscribe(worker, run.cursor)
        .collect()
        .await;
    let kinds: Vec<&str> = events
        .iter()
        .map(|event| event.as_ref().unwrap().kind.as_str())
        .collect();
    assert_eq!(kinds, ["output_delta", "run_finished", "worker_stopped"]);
    let worker_id = worker;
    let refused = at_once(fixture.runtime.send_input(worker, Input::new("more")));
    assert_eq!(refused, Err(InputError::WorkerStopped { worker_id }));
    let cancel = fixture.runtime.cancel(worker, None).await;
    assert_eq!(cancel, Ok(Cancellation::NotRunning));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_cancels_runs_refuses_work_and_leaves_the_past_readable() {
    let fixture = Fixture::new();
    let (worker, run) = busy(&fixture).await;
    let report = fixture.runtime.shutdown(SECOND).await;
    let (worker_id, run_id) = (worker, run.run_id);
    assert_eq!(report.cancelled, [ActiveRun { worker_id, run_id }]);
    assert_eq!(report.abandoned, []);
    assert_eq!(
        fixture.wait_for_end(worker, &run).await,
        ended(RunOutcome::Cancelled)
    );
    assert_eq!(fixture.count_ends(worker, run_id).await, 1);
    assert_eq!(fixture.transcript_lines(worker)[1], "assistant:half…");
    assert_eq!(fixture.runtime.status().phase, Phase::Stopping);

    let refused = at_once(fixture.runtime.send_input(worker, Input::new("more")));
    assert_eq!(refused, Err(InputError::Stopping(Stopping)));
    let refused = at_once(fixture.runtime.create(CreateWorker::default()));
    assert_eq!(refused, Err(CreateError::Stopping(Stopping)));
    assert_eq!(
        fixture.runtime.shutdown(SECOND).await,
        crate::ShutdownReport::default()
    );
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_wakes_every_waiting_reader_at_once() {
    let fixture = Fixture::new();
    let (worker, run) = busy(&fixture).await;
    let idle = fixture.worker();
    let idle_cursor = at_once(fixture.runtime.get(idle)).unwrap().cursor;
    let query = EventsQuery {
        after: Some(idle_cursor),
        wait: 20 * SECOND,
        ..EventsQuery::default()
    };
    let started = tokio::time::Instant::now();
    let (batch, missed, events, _) = in_time(async {
        tokio::join!(
            fixture.runtime.events(idle, query),
            fixture.runtime.subscribe(idle, idle_cursor).next_owned(),
            fixture
                .runtime
                .subscribe(worker, run.cursor)
                .collect::<Vec<_>>(),
            fixture.runtime.shutdown(SECOND),
        )
    })
    .await;
    assert_eq!(batch.unwrap().next_cursor, idle_cursor);
    assert_eq!(missed, None);
    let last = events.last().unwrap().as_ref().unwrap();
    assert_eq!(last.kind.as_str(), "run_finished");
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert_eq!(fixture.runtime.status().waiting_pollers, 0);
}

/// An engine that doesn't let go of its run: the run is reported as ended only once the engine
/// does let go. Needs real time: the engine blocks a thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_does_not_let_go_is_never_reported_as_ended() {
    let fixture = Fixture::with(Limits {
        cancel_wait: Duration::from_millis(10),
        ..Limits::default()
    });
    let (release, block) = mpsc::channel();
    *fixture.engine.block.lock().unwrap() = Some(block);
    let worker = fixture.worker();
    let run = fixture.send(worker, "half hang block-at-drop");
    fixture.wait_for_output(worker, &run).await;

    let (worker_id, run_id) = (worker, run.run_id);
    let ending = StillEnding { worker_id, run_id };
    let cancel = fixture.runtime.cancel(worker, None).await;
    assert_eq!(cancel, Err(CancelError::StillEnding(ending)));
    assert_eq!(fixture.state(worker), WorkerState::Cancelling);
    let refused = at_once(fixture.runtime.send_input(worker, Input::new("more")));
    assert_eq!(refused, Err(InputError::Busy { worker_id, run_id }));
    assert_eq!(fixture.runtime.status().active_runs, 1);
    let stop = fixture.runtime.stop(worker).await;
    assert_eq!(stop, Err(StopError::StillEnding(ending)));
    let report = fixture.runtime.shutdown(Duration::from_millis(10)).await;
    assert_eq!(report.abandoned, [ActiveRun { worker_id, run_id }]);
    assert_eq!(fixture.count_ends(worker, run_id).await, 0);

    drop(release);
    assert_eq!(
        fixture.wait_for_end(worker, &run).await,
        ended(RunOutcome::Cancelled)
    );
    assert_eq!(fixture.state(worker), WorkerState::Stopped);
    assert_eq!(fixture.runtime.status().active_runs, 0);
}

/// `next` for a stream that nobody needs afterwards.
trait NextOwned: futures_core::Stream + Sized {
    async fn next_owned(self) -> Option<Self::Item> {
        std::pin::pin!(self).next().await
    }
}

impl<S: futures_core::Stream> NextOwned for S {}

#[tokio::test(start_paused = true)]
async fn a_clock_that_panics_keeps_no_run_from_ending() {
    let broken = Arc::new(AtomicBool::new(false));
    let breaks = Arc::clone(&broken);
    let clock = move || {
        assert!(!breaks.load(Ordering::SeqCst), "as the test says");
        jiff::Timestamp::UNIX_EPOCH
    };
    let scripted = Arc::new(ScriptedEngine::default());
    let engine: Arc<dyn TurnEngine> = scripted.clone();
    let runtime = Runtime::builder().engine(engine).clock(Arc::new(clock));
    let fixture = Fixture {
        runtime: runtime.build().unwrap(),
        engine: scripted,
    };
    let (worker, run) = busy(&fixture).await;
    broken.store(true, Ordering::SeqCst);
    fixture.runtime.cancel(worker, None).await.unwrap();
    assert_eq!(
        fixture.wait_for_end(worker, &run).await,
        ended(RunOutcome::Cancelled)
    );
    fixture.runtime.stop(worker).await.unwrap();
    assert_eq!(fixture.state(worker), WorkerState::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_worker_is_unknown_and_its_readers_learn_it() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    let run = fixture.send(worker, "wait");
    let query = EventsQuery {
        after: Some(run.cursor),
        wait: 20 * SECOND,
        ..EventsQuery::default()
    };
    let mut stream = std::pin::pin!(fixture.runtime.subscribe(worker, run.cursor));
    let first = in_time(fixture.runtime.events(worker, query));
    let (deleted, read) = tokio::join!(fixture.runtime.delete(worker), first);
    deleted.unwrap();
    assert!(read.is_ok_and(|batch| !batch.events.is_empty()));

    let unknown = UnknownWorker { worker_id: worker };
    assert_eq!(at_once(fixture.runtime.get(worker)), Err(unknown.into()));
    assert_eq!(fixture.runtime.delete(worker).await, Err(unknown.into()));
    assert_eq!(
        fixture.runtime.rename(worker, "Ada").await,
        Err(unknown.into())
    );
    assert_eq!(stream.next().await, Some(Err(unknown.into())));
    let status = fixture.runtime.status();
    assert_eq!(
        (
            status.workers.total(),
            status.held_bytes,
            status.active_runs
        ),
        (0, 0, 0)
    );
    assert_eq!(fixture.runtime.inner.totals.stopped(), []);
}

#[tokio::test(start_paused = true)]
async fn a_worker_has_its_new_name_in_every_state() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    let before = at_once(fixture.runtime.get(worker)).unwrap();
    let renamed = fixture.runtime.rename(worker, "Ada").await.unwrap();
    let name = renamed.display_name.clone();
    assert_eq!(name.as_str(), "Ada");
    assert_eq!(
        WorkerSnapshot {
            display_name: before.display_name.clone(),
            ..renamed
        },
        before
    );

    let blank = fixture.runtime.rename(worker, " ").await;
    assert!(
        matches!(blank, Err(RenameError::DisplayName(_))),
        "{blank:?}"
    );
    assert_eq!(
        at_once(fixture.runtime.get(worker)).unwrap().display_name,
        name
    );
    fixture.send(worker, "wait");
    fixture.runtime.rename(worker, "Bob").await.unwrap();
    fixture.runtime.stop(worker).await.unwrap();
    let renamed = fixture.runtime.rename(worker, "Carol").await.unwrap();
    assert_eq!(renamed.display_name.as_str(), "Carol");
}
