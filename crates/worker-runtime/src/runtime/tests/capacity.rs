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
    let stage = Stage::with(Limits {
        workers: 3,
        ..Limits::default()
    });
    let (one, two, three) = (stage.worker(), stage.worker(), stage.worker());
    let refused = stage.runtime.create(CreateWorker::default());
    assert_eq!(
        refused,
        Err(CreateError::Capacity(full(LimitName::Workers)))
    );

    stage.runtime.stop(two).await.unwrap();
    stage.runtime.stop(one).await.unwrap();
    stage.worker();
    assert_eq!(
        stage.runtime.get(two),
        Err(UnknownWorker { worker_id: two })
    );
    assert!(stage.runtime.get(one).is_ok());
    stage.worker();
    assert!(stage.runtime.get(one).is_err() && stage.runtime.get(three).is_ok());
    let counts = stage.runtime.status().workers;
    assert_eq!((counts.idle, counts.stopped, counts.total()), (3, 0, 3));
}

/// Notes, in the section that wakes it, who may be forgotten.
struct Told {
    ledger: Arc<Ledger>,
    forgettable: Mutex<Vec<Option<WorkerId>>>,
}

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        let oldest = self.ledger.take_oldest_stopped();
        self.forgettable.lock().unwrap().push(oldest);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_sees_a_worker_stopped_can_have_its_place() {
    let stage = Stage::new();
    let worker = stage.worker();
    let slot = stage.runtime.inner.slot(worker).unwrap();
    let told = Arc::new(Told {
        ledger: Arc::clone(&stage.runtime.inner.ledger),
        forgettable: Mutex::default(),
    });
    let waker = Waker::from(Arc::clone(&told));
    let mut changed = std::pin::pin!(slot.changed());
    let seen = changed.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(seen.is_pending());
    stage.runtime.stop(worker).await.unwrap();
    assert_eq!(*told.forgettable.lock().unwrap(), [Some(worker)]);
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_of_a_forgotten_worker_is_told_that_it_is_unknown() {
    let stage = Stage::with(Limits {
        workers: 1,
        ..Limits::default()
    });
    let worker = stage.worker();
    let cursor = stage.runtime.get(worker).unwrap().cursor;
    let mut stream = std::pin::pin!(stage.runtime.subscribe(worker, cursor));
    stage.runtime.stop(worker).await.unwrap();
    stage.worker();
    let unknown = UnknownWorker { worker_id: worker };
    assert_eq!(
        stream.next().await,
        Some(Err(EventsError::UnknownWorker(unknown)))
    );
}

#[tokio::test(start_paused = true)]
async fn only_so_many_runs_go_on_at_once_and_an_end_frees_the_place() {
    let stage = Stage::with(Limits {
        concurrent_runs: 1,
        ..Limits::default()
    });
    let (one, two) = (stage.worker(), stage.worker());
    let run = stage.send(one, "wait");
    let refused = stage.runtime.send_input(two, Input::new("hello"));
    assert_eq!(
        refused,
        Err(InputError::Capacity(full(LimitName::ConcurrentRuns)))
    );
    assert_eq!(stage.state(two), WorkerState::Idle);
    stage.script.gate.notify_one();
    stage.end(one, &run).await;
    let run = stage.send(two, "hello");
    assert_eq!(stage.end(two, &run).await, ended(RunOutcome::Completed));
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
    let stage = Stage::with(room_for_one_run());
    let (one, two) = (stage.worker(), stage.worker());
    let empty = stage.runtime.status().held_bytes;
    assert_eq!(
        empty,
        2 * (WORKER_OVERHEAD_BYTES + 2 * EVENT_OVERHEAD_BYTES)
    );

    let run = stage.send(one, "wait");
    let reserved = stage.runtime.status().held_bytes;
    assert!(reserved > empty + 14_000, "{reserved}");
    let two_more = "x".repeat(3_000);
    let runtime = &stage.runtime;
    let refused = runtime.send_input(two, Input::new(two_more.clone()));
    assert_eq!(
        refused,
        Err(InputError::Capacity(full(LimitName::TotalBytes)))
    );
    assert_eq!(runtime.status().active_runs, 1, "the place was given back");

    stage.script.gate.notify_one();
    stage.end(one, &run).await;
    let held = runtime.status().held_bytes;
    assert!(held > empty && held < empty + 1_000, "{held}");
    let run = stage.send(two, &two_more);
    assert_eq!(stage.end(two, &run).await, ended(RunOutcome::Completed));
}

#[tokio::test(start_paused = true)]
async fn stopped_workers_are_forgotten_when_bytes_are_short() {
    let stage = Stage::with(room_for_one_run());
    let (stopped, worker) = (stage.worker(), stage.worker());
    let run = stage.send(stopped, &"x".repeat(4_000));
    stage.end(stopped, &run).await;
    let input = "y".repeat(4_000);
    let refused = stage.runtime.send_input(worker, Input::new(input.clone()));
    assert_eq!(
        refused,
        Err(InputError::Capacity(full(LimitName::TotalBytes)))
    );
    stage.runtime.stop(stopped).await.unwrap();
    let run = stage.send(worker, &input);
    assert!(stage.runtime.get(stopped).is_err());
    assert_eq!(stage.end(worker, &run).await, ended(RunOutcome::Completed));
}

#[tokio::test(start_paused = true)]
async fn the_counts_follow_the_workers() {
    let stage = Stage::new();
    let (idle, busy, stopped) = (stage.worker(), stage.worker(), stage.worker());
    stage.send(busy, "hang");
    stage.runtime.stop(stopped).await.unwrap();
    let status = stage.runtime.status();
    let counts = status.workers;
    let counted = (
        counts.idle,
        counts.running,
        counts.cancelling,
        counts.stopped,
    );
    assert_eq!((counted, status.active_runs), ((1, 1, 0, 1), 1));
    stage.runtime.stop(busy).await.unwrap();
    stage.runtime.stop(idle).await.unwrap();
    let status = stage.runtime.status();
    assert_eq!((status.workers.stopped, status.active_runs), (3, 0));
}
