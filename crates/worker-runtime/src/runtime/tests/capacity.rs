//! Limits that are reached, and forgetting stopped workers.

use std::sync::Mutex;
use std::task::{Context, Wake, Waker};

use super::*;
use crate::limits::{EVENT_OVERHEAD_BYTES, WORKER_OVERHEAD_BYTES};
use crate::{CapacityExhausted, CreateError, EventsError, InputError, LimitName};

fn full(limit: LimitName) -> CapacityExhausted {
    CapacityExhausted { limit }
}

#[tokio::test(start_paused = true)]
async fn the_worker_that_stopped_first_is_forgotten_for_a_new_one() {
    let fixture = Fixture::with(Limits {
        workers: 3,
        ..Limits::default()
    });
    let (one, two, three) = (fixture.worker(), fixture.worker(), fixture.worker());
    let refused = at_once(fixture.runtime.create(CreateWorker::default()));
    assert_eq!(
        refused,
        Err(CreateError::Capacity(full(LimitName::Workers)))
    );

    fixture.runtime.stop(two).await.unwrap();
    fixture.runtime.stop(one).await.unwrap();
    fixture.worker();
    assert_eq!(
        at_once(fixture.runtime.get(two)),
        Err(UnknownWorker { worker_id: two }.into())
    );
    assert!(at_once(fixture.runtime.get(one)).is_ok());
    fixture.worker();
    assert!(
        at_once(fixture.runtime.get(one)).is_err() && at_once(fixture.runtime.get(three)).is_ok()
    );
    let counts = fixture.runtime.status().workers;
    assert_eq!((counts.idle, counts.stopped, counts.total()), (3, 0, 3));
}

/// Records, in the section that wakes it, which worker may be forgotten.
struct StopOrderWaker {
    totals: Arc<Totals>,
    oldest_stopped: Mutex<Vec<Option<WorkerId>>>,
}

impl Wake for StopOrderWaker {
    fn wake(self: Arc<Self>) {
        let oldest = self.totals.stopped().first().copied();
        self.oldest_stopped.lock().unwrap().push(oldest);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_sees_a_worker_stopped_can_have_it_forgotten() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    let slot = fixture.runtime.inner.slot(worker).await.unwrap();
    let stop_order_waker = Arc::new(StopOrderWaker {
        totals: Arc::clone(&fixture.runtime.inner.totals),
        oldest_stopped: Mutex::default(),
    });
    let waker = Waker::from(Arc::clone(&stop_order_waker));
    let mut changed = std::pin::pin!(slot.changed());
    let seen = changed.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(seen.is_pending());
    fixture.runtime.stop(worker).await.unwrap();
    assert_eq!(
        *stop_order_waker.oldest_stopped.lock().unwrap(),
        [Some(worker)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_of_a_forgotten_worker_gets_unknown_worker() {
    let fixture = Fixture::with(Limits {
        workers: 1,
        ..Limits::default()
    });
    let worker = fixture.worker();
    let cursor = at_once(fixture.runtime.get(worker)).unwrap().cursor;
    let mut stream = std::pin::pin!(fixture.runtime.subscribe(worker, cursor));
    fixture.runtime.stop(worker).await.unwrap();
    fixture.worker();
    let unknown = UnknownWorker { worker_id: worker };
    assert_eq!(
        stream.next().await,
        Some(Err(EventsError::UnknownWorker(unknown)))
    );
}

/// Capacity for one run at its largest and not for two. That is less than a step of reserving.
fn capacity_for_one_run() -> Limits {
    Limits {
        transcript_bytes: 10_000,
        event_bytes: 10_000,
        delta_bytes: 1_000,
        input_bytes: 4_000,
        output_bytes: 4_000,
        reasoning_bytes: 1_000,
        input_keys: 1,
        ..Limits::default()
    }
    .with_least_bytes_and(0)
}

#[tokio::test(start_paused = true)]
async fn a_run_reserves_no_more_than_it_may_need_and_gives_the_rest_back() {
    let fixture = Fixture::with(capacity_for_one_run());
    let (one, two) = (fixture.worker(), fixture.worker());
    let empty = fixture.runtime.status().held_bytes;
    assert_eq!(
        empty,
        2 * (WORKER_OVERHEAD_BYTES + 2 * EVENT_OVERHEAD_BYTES)
    );

    let run = fixture.send(one, "wait");
    let reserved = fixture.runtime.status().held_bytes;
    assert!(reserved > empty + 14_000, "{reserved}");
    let two_more = "x".repeat(3_000);
    let runtime = &fixture.runtime;
    let refused = at_once(runtime.send_input(two, Input::new(two_more.clone())));
    assert_eq!(
        refused,
        Err(InputError::Capacity(full(LimitName::TotalBytes)))
    );
    assert_eq!(
        runtime.status().active_runs,
        1,
        "the reservation was released"
    );

    fixture.engine.gate.notify_one();
    fixture.wait_for_end(one, &run).await;
    let held = runtime.status().held_bytes;
    assert!(held > empty && held < empty + 1_000, "{held}");
    let run = fixture.send(two, &two_more);
    assert_eq!(
        fixture.wait_for_end(two, &run).await,
        ended(RunOutcome::Completed)
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_operation_evicts_nobody() {
    let limits = capacity_for_one_run();
    let fixture = Fixture::with(Limits {
        workers: 5,
        ..limits
    });
    let (one, two) = (fixture.worker(), fixture.worker());
    let stopped = [fixture.worker(), fixture.worker(), fixture.worker()];
    for worker in stopped {
        fixture.runtime.stop(worker).await.unwrap();
    }
    let are_left = || stopped.map(|worker| at_once(fixture.runtime.get(worker)).is_ok());
    fixture.send(one, "wait");
    assert_eq!(are_left(), [true; 3]);

    // Not even the bytes of all of them are enough.
    let refused = at_once(fixture.runtime.send_input(two, Input::new("wait")));
    let short_of_bytes = full(LimitName::TotalBytes);
    assert_eq!(refused, Err(InputError::Capacity(short_of_bytes)));
    assert_eq!(are_left(), [true; 3]);
}

#[tokio::test(start_paused = true)]
async fn no_more_workers_are_forgotten_than_have_to_be() {
    let limits = capacity_for_one_run();
    let free = limits.total_bytes;
    let fixture = Fixture::with(limits);
    let mut stopped = Vec::new();
    let one = fixture.worker();
    while fixture.runtime.status().held_bytes + 2 * WORKER_OVERHEAD_BYTES < free {
        let worker = fixture.worker();
        fixture.runtime.stop(worker).await.unwrap();
        stopped.push(worker);
    }
    let before = fixture.runtime.status().held_bytes;
    let each = (before - WORKER_OVERHEAD_BYTES - 2 * EVENT_OVERHEAD_BYTES) / stopped.len();
    fixture.send(one, "wait");
    let after = fixture.runtime.status();
    let left: Vec<_> = stopped
        .iter()
        .filter(|worker| at_once(fixture.runtime.get(**worker)).is_ok())
        .collect();
    assert!(left.len() < stopped.len());
    assert!(after.held_bytes + each > free, "another one would have fit");
    // The ones that were stopped last are left.
    assert_eq!(
        left,
        stopped
            .iter()
            .rev()
            .take(left.len())
            .rev()
            .collect::<Vec<_>>()
    );
}
