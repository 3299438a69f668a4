//! What happens when there is no room.

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
    let refused = fixture.runtime.create(CreateWorker::default());
    assert_eq!(
        refused,
        Err(CreateError::Capacity(full(LimitName::Workers)))
    );

    fixture.runtime.stop(two).await.unwrap();
    fixture.runtime.stop(one).await.unwrap();
    fixture.worker();
    assert_eq!(
        fixture.runtime.get(two),
        Err(UnknownWorker { worker_id: two })
    );
    assert!(fixture.runtime.get(one).is_ok());
    fixture.worker();
    assert!(fixture.runtime.get(one).is_err() && fixture.runtime.get(three).is_ok());
    let counts = fixture.runtime.status().workers;
    assert_eq!((counts.idle, counts.stopped, counts.total()), (3, 0, 3));
}

/// Notes, in the section that wakes it, who may be forgotten.
struct Told {
    totals: Arc<Totals>,
    forgettable: Mutex<Vec<Option<WorkerId>>>,
}

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        let oldest = self.totals.pop_oldest_stopped();
        self.forgettable.lock().unwrap().push(oldest);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_sees_a_worker_stopped_can_have_its_place() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    let slot = fixture.runtime.inner.slot(worker).unwrap();
    let told = Arc::new(Told {
        totals: Arc::clone(&fixture.runtime.inner.totals),
        forgettable: Mutex::default(),
    });
    let waker = Waker::from(Arc::clone(&told));
    let mut changed = std::pin::pin!(slot.changed());
    let seen = changed.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(seen.is_pending());
    fixture.runtime.stop(worker).await.unwrap();
    assert_eq!(*told.forgettable.lock().unwrap(), [Some(worker)]);
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_of_a_forgotten_worker_is_told_that_it_is_unknown() {
    let fixture = Fixture::with(Limits {
        workers: 1,
        ..Limits::default()
    });
    let worker = fixture.worker();
    let cursor = fixture.runtime.get(worker).unwrap().cursor;
    let mut stream = std::pin::pin!(fixture.runtime.subscribe(worker, cursor));
    fixture.runtime.stop(worker).await.unwrap();
    fixture.worker();
    let unknown = UnknownWorker { worker_id: worker };
    assert_eq!(
        stream.next().await,
        Some(Err(EventsError::UnknownWorker(unknown)))
    );
}

#[tokio::test(start_paused = true)]
async fn only_so_many_runs_go_on_at_once_and_an_end_frees_the_place() {
    let fixture = Fixture::with(Limits {
        concurrent_runs: 1,
        ..Limits::default()
    });
    let (one, two) = (fixture.worker(), fixture.worker());
    let run = fixture.send(one, "wait");
    let refused = fixture.runtime.send_input(two, Input::new("hello"));
    assert_eq!(
        refused,
        Err(InputError::Capacity(full(LimitName::ConcurrentRuns)))
    );
    assert_eq!(fixture.state(two), WorkerState::Idle);
    fixture.engine.gate.notify_one();
    fixture.end(one, &run).await;
    let run = fixture.send(two, "hello");
    assert_eq!(fixture.end(two, &run).await, ended(RunOutcome::Completed));
}

/// Room for one run at its largest and not for two.
fn room_for_one_run() -> Limits {
    let limits = Limits {
        transcript_bytes: 10_000,
        event_bytes: 10_000,
        delta_bytes: 1_000,
        input_bytes: 4_000,
        output_bytes: 4_000,
        input_keys: 1,
        total_bytes: 0,
        ..Limits::default()
    };
    let total_bytes = limits.validate().unwrap_err().minimum;
    Limits {
        total_bytes: usize::try_from(total_bytes).unwrap(),
        ..limits
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_reserves_what_it_may_need_and_gives_the_rest_back() {
    let fixture = Fixture::with(room_for_one_run());
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
    let refused = runtime.send_input(two, Input::new(two_more.clone()));
    assert_eq!(
        refused,
        Err(InputError::Capacity(full(LimitName::TotalBytes)))
    );
    assert_eq!(runtime.status().active_runs, 1, "the place was given back");

    fixture.engine.gate.notify_one();
    fixture.end(one, &run).await;
    let held = runtime.status().held_bytes;
    assert!(held > empty && held < empty + 1_000, "{held}");
    let run = fixture.send(two, &two_more);
    assert_eq!(fixture.end(two, &run).await, ended(RunOutcome::Completed));
}

#[tokio::test(start_paused = true)]
async fn stopped_workers_are_forgotten_when_bytes_are_short() {
    let fixture = Fixture::with(room_for_one_run());
    let (stopped, worker) = (fixture.worker(), fixture.worker());
    let run = fixture.send(stopped, &"x".repeat(4_000));
    fixture.end(stopped, &run).await;
    let input = "y".repeat(4_000);
    let refused = fixture
        .runtime
        .send_input(worker, Input::new(input.clone()));
    assert_eq!(
        refused,
        Err(InputError::Capacity(full(LimitName::TotalBytes)))
    );
    fixture.runtime.stop(stopped).await.unwrap();
    let run = fixture.send(worker, &input);
    assert!(fixture.runtime.get(stopped).is_err());
    assert_eq!(
        fixture.end(worker, &run).await,
        ended(RunOutcome::Completed)
    );
}

#[tokio::test(start_paused = true)]
async fn the_counts_follow_the_workers() {
    let fixture = Fixture::new();
    let (idle, busy, stopped) = (fixture.worker(), fixture.worker(), fixture.worker());
    fixture.send(busy, "hang");
    fixture.runtime.stop(stopped).await.unwrap();
    let status = fixture.runtime.status();
    let counts = status.workers;
    let counted = (
        counts.idle,
        counts.running,
        counts.cancelling,
        counts.stopped,
    );
    assert_eq!((counted, status.active_runs), ((1, 1, 0, 1), 1));
    fixture.runtime.stop(busy).await.unwrap();
    fixture.runtime.stop(idle).await.unwrap();
    let status = fixture.runtime.status();
    assert_eq!((status.workers.stopped, status.active_runs), (3, 0));
}
