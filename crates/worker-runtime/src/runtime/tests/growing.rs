//! Bytes that are reserved as replies grow.

use std::collections::BTreeSet;

use super::*;
use crate::core::Worker;
use crate::limits::{CONCURRENT_RUNS, RESERVATION_STEP_BYTES, WORKER_OVERHEAD_BYTES};

/// Capacity for one reply of full size, which takes several steps, and not for two.
pub(super) fn capacity_for_one_reply() -> Limits {
    Limits {
        workers: 1_000,
        input_bytes: 4_000,
        output_bytes: 300_000,
        reasoning_bytes: 1_000,
        transcript_bytes: 310_000,
        event_bytes: 300_000,
        input_keys: 1,
        ..Limits::default()
    }
    .with_least_bytes_and(0)
}

#[tokio::test(start_paused = true)]
async fn by_default_a_thousand_replies_are_written_at_once() {
    let fixture = Fixture::new();
    let mut runs = Vec::new();
    for _ in 0..CONCURRENT_RUNS {
        let worker = fixture.worker();
        runs.push((worker, fixture.send(worker, "once upon a time wait")));
    }
    for (worker, run) in &runs {
        fixture.wait_for_output(*worker, run).await;
    }
    let status = fixture.runtime.status();
    assert!(status.active_runs >= 1_024);
    assert_eq!((status.active_runs, status.queued_runs), (runs.len(), 0));
    assert_eq!(status.held_bytes, runs.len() * RESERVATION_STEP_BYTES);
}

#[tokio::test(start_paused = true)]
async fn a_reply_is_counted_step_by_step_up_to_its_full_size() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    let slot = fixture.runtime.inner.slot(worker).await.unwrap();
    let run = fixture.send(worker, "think retry flood");
    let mut counted_bytes = BTreeSet::new();
    let mut stream = std::pin::pin!(fixture.runtime.subscribe(worker, run.cursor));
    let error = loop {
        let (held, counted) = (slot.read(Worker::held_bytes), slot.counted_bytes());
        assert!(held <= counted && counted <= fixture.runtime.limits().total_bytes);
        let event = in_time(stream.next()).await.unwrap().unwrap();
        if let EventKind::RunFinished(finished) = event.kind {
            break finished.error;
        }
        counted_bytes.insert(counted);
    };
    assert_eq!(error, Some(RunErrorCode::OutputLimit.into()));
    assert_eq!(slot.counted_bytes(), slot.read(Worker::held_bytes));
    let steps = (1..).map(|number| number * RESERVATION_STEP_BYTES);
    let steps: BTreeSet<_> = steps.take(counted_bytes.len()).collect();
    assert_eq!(counted_bytes, steps);
    assert!(steps.len() > 16, "the reply alone takes as many");
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_can_not_grow_any_more_is_kept_and_another_goes_on() {
    let fixture = Fixture::with(capacity_for_one_reply());
    let (long, short) = (fixture.worker(), fixture.worker());
    let long_run = fixture.send(long, "wait flood");
    let short_run = fixture.send(short, "once wait upon");
    fixture.wait_for_output(short, &short_run).await;
    while fixture.runtime.status().held_bytes + 2 * WORKER_OVERHEAD_BYTES
        < fixture.runtime.limits().total_bytes
    {
        fixture.worker();
    }
    fixture.engine.gate.notify_one();
    fixture.wait_until_idle(long).await;
    let last_run = at_once(fixture.runtime.get(long)).unwrap().last_run;
    let last_run = last_run.unwrap();
    assert_eq!(last_run.run_id, long_run.run_id);
    assert_eq!(last_run.outcome, RunOutcome::Failed);
    assert_eq!(last_run.error, Some(RunErrorCode::CapacityExhausted.into()));
    let reply = &fixture.transcript_lines(long)[1];
    assert!(reply.starts_with("assistant:all work and no play") && reply.ends_with('…'));

    fixture.engine.gate.notify_one();
    let end = fixture.wait_for_end(short, &short_run).await;
    assert_eq!(end, ended(RunOutcome::Completed));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_may_ask_for_room_keeps_no_runtime_alive() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    let slot = fixture.runtime.inner.slot(worker).await.unwrap();
    let run = fixture.send(worker, "wait flood");
    let Fixture { runtime, engine } = fixture;
    drop(runtime);
    engine.gate.notify_one();
    in_time(slot.ended(run.run_id, None)).await.unwrap();
    assert_eq!(
        slot.read(Worker::last_run).unwrap().outcome,
        RunOutcome::Cancelled
    );
}
