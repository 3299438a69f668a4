//! What one client uses of its quotas.

use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use registry_core::port::{InputReceipt, Replay};
use registry_core::projection::WorkerState;
use registry_core::{RegistryError, RuntimeRegistry, WorkerRef};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::byte_budget::ByteQuota;
use crate::client::Quotas;
use crate::locked::Locked;

/// For how long an input whose result nobody knows may still start a run: longer than a store
/// takes that is going to store it at all.
const UNKNOWN_RESULT: Duration = Duration::from_secs(60);

/// What a client uses of its quotas.
pub(crate) struct QuotaUsage {
    pub(crate) quotas: Quotas,
    pub(crate) runs: RunQuota,
    pub(crate) bytes: ByteQuota,
    polls: Semaphore,
}

impl QuotaUsage {
    /// Nothing in use yet; `bytes` shows the bytes.
    pub(crate) fn new(quotas: Quotas, bytes: Gauge) -> Self {
        Self {
            quotas,
            runs: RunQuota::new(quotas.runs),
            bytes: ByteQuota::new(quotas.bytes, bytes),
            polls: Semaphore::new(quotas.polls.min(Semaphore::MAX_PERMITS)),
        }
    }

    /// Counts a request that waits for events until the permit is dropped; `None` when there are as
    /// many as there may be.
    pub(crate) fn begin_poll(&self) -> Option<SemaphorePermit<'_>> {
        self.polls.try_acquire().ok()
    }
}

/// The runs that a client has started and that have not ended, as far as is known: nobody tells
/// when one ends, so that is looked up when the quota seems to be used up.
pub(crate) struct RunQuota {
    max: usize,
    started: Locked<Started>,
}

/// The runs in the order in which they were started.
#[derive(Default)]
struct Started {
    next_number: u64,
    runs: Vec<StartedRun>,
}

#[derive(Clone)]
struct StartedRun {
    number: u64,
    worker: WorkerRef,
    progress: Progress,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Its input is being sent.
    Sending,
    /// It was started.
    Started,
    /// Its input may have started it, or may do so until then.
    Unknown { until: Instant },
}

/// A place for one more run, which counts when this is dropped unless it was not started.
pub(crate) struct RunReservation<'a> {
    quota: &'a RunQuota,
    number: u64,
    result: InputResult,
}

/// What has become of the input of a run.
#[derive(Clone, Copy)]
enum InputResult {
    /// It started the run.
    Accepted,
    /// It started none.
    NotAccepted,
    /// Nobody knows.
    Unknown,
}

impl RunQuota {
    fn new(max: usize) -> Self {
        Self {
            max,
            started: Locked::default(),
        }
    }

    /// A place for a run of `worker`; `None` when the client has as many runs as it may.
    pub(crate) async fn reserve(
        &self,
        registry: &RuntimeRegistry,
        worker: &WorkerRef,
    ) -> Option<RunReservation<'_>> {
        if let Some(reservation) = self.try_reserve(worker) {
            return Some(reservation);
        }
        self.forget_an_ended_run(registry).await;
        self.try_reserve(worker)
    }

    fn try_reserve(&self, worker: &WorkerRef) -> Option<RunReservation<'_>> {
        let number = self.started.with(|started| {
            if started.runs.len() >= self.max {
                return None;
            }
            let number = started.next_number;
            started.next_number += 1;
            started.runs.push(StartedRun {
                number,
                worker: worker.clone(),
                progress: Progress::Sending,
            });
            Some(number)
        })?;
        Some(RunReservation {
            quota: self,
            number,
            result: InputResult::Unknown,
        })
    }

    /// The longest ago that it was started, the likelier a run has ended.
    async fn forget_an_ended_run(&self, registry: &RuntimeRegistry) {
        let now = Instant::now();
        let runs = self.started.with(|started| started.runs.clone());
        for run in runs.into_iter().filter(|run| run.may_have_ended(now)) {
            if is_busy(registry, &run.worker).await {
                continue;
            }
            self.started.with(|started| started.forget(run.number));
            return;
        }
    }
}

/// Whether a worker has a run. One that can't be asked may have one.
async fn is_busy(registry: &RuntimeRegistry, worker: &WorkerRef) -> bool {
    match registry.worker(worker).await {
        Ok(detail) => match detail.summary.state {
            WorkerState::Queued | WorkerState::Running | WorkerState::Cancelling => true,
            WorkerState::Idle | WorkerState::Stopped | WorkerState::Recorded => false,
        },
        Err(RegistryError::UnknownWorker { .. }) => false,
        Err(_) => true,
    }
}

impl StartedRun {
    fn may_have_ended(&self, now: Instant) -> bool {
        match self.progress {
            Progress::Sending => false,
            Progress::Started => true,
            Progress::Unknown { until } => until <= now,
        }
    }
}

impl Started {
    fn forget(&mut self, number: u64) {
        self.runs.retain(|run| run.number != number);
    }

    /// Counts the run as started. A worker has one run at a time, so that an earlier one has ended.
    fn start(&mut self, number: u64) {
        let run = self.runs.iter().find(|run| run.number == number).cloned();
        let Some(run) = run else { return };
        self.runs.retain(|other| {
            other.number == number
                || other.worker != run.worker
                || other.progress == Progress::Sending
        });
        self.set(number, Progress::Started);
    }

    fn set(&mut self, number: u64, progress: Progress) {
        for run in self.runs.iter_mut().filter(|run| run.number == number) {
            run.progress = progress;
        }
    }
}

impl RunReservation<'_> {
    /// Counts the run if its input has started it.
    pub(crate) fn settle(mut self, result: &Result<InputReceipt, RegistryError>) {
        self.result = match result {
            Ok(receipt) => match receipt.replay {
                Replay::First => InputResult::Accepted,
                // It was counted when it was started.
                Replay::Replayed => InputResult::NotAccepted,
            },
            Err(RegistryError::RuntimeUnavailable { .. }) => InputResult::Unknown,
            Err(_) => InputResult::NotAccepted,
        };
    }
}

impl Drop for RunReservation<'_> {
    fn drop(&mut self) {
        self.quota.started.with(|started| match self.result {
            InputResult::Accepted => started.start(self.number),
            InputResult::NotAccepted => started.forget(self.number),
            InputResult::Unknown => {
                let until = Instant::now() + UNKNOWN_RESULT;
                started.set(self.number, Progress::Unknown { until });
            }
        });
    }
}
