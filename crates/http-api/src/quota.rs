//! What one client uses of its quotas.

use std::collections::VecDeque;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use registry_core::port::{InputReceipt, Replay};
use registry_core::{
    IdempotencyKey, RegistryError, RunId, RuntimeRegistry, UnavailableReason, WorkerRef,
};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use crate::byte_budget::ByteQuota;
use crate::client::Quotas;
use crate::locked::Locked;

#[cfg(test)]
mod tests;

/// For how long an input whose result nobody knows may still start a run: longer than a store
/// takes that is going to store it at all.
const UNKNOWN_RESULT: Duration = Duration::from_secs(60);
/// Longest search for a run that has ended, over all of a client's: about two reads that are not answered.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(5);
/// Inputs whose runs have ended and that are known when they are sent again, the newest ones.
const ENDED_MAX: usize = 256;

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
    /// The inputs of runs that have ended, if they came under a key: they need no place when they are
    /// sent again.
    ended: VecDeque<(WorkerRef, IdempotencyKey)>,
}

#[derive(Clone)]
struct StartedRun {
    number: u64,
    worker: WorkerRef,
    key: Option<IdempotencyKey>,
    progress: Progress,
}

#[derive(Clone, PartialEq, Eq)]
enum Progress {
    /// Its input is being sent.
    Sending,
    /// It was started.
    Started(RunId),
    /// Its input may have started it, or may do so until then.
    Unknown { until: Instant },
}

/// A place for one more run, which counts when this is dropped unless it was not started.
pub(crate) struct RunReservation<'a> {
    quota: &'a RunQuota,
    number: u64,
    /// It is the place of an input that is sent again.
    is_repetition: bool,
    result: InputResult,
}

/// What has become of the input of a run.
#[derive(Clone)]
enum InputResult {
    /// It started the run.
    Accepted(RunId),
    /// One that came before it, under the same key, started the run.
    Replayed(RunId),
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

    /// A place for a run of `worker`; `None` when the client has as many runs as it may. An input
    /// that is sent again under its key needs no further one.
    pub(crate) async fn reserve(
        &self,
        registry: &RuntimeRegistry,
        worker: &WorkerRef,
        key: Option<&IdempotencyKey>,
    ) -> Option<RunReservation<'_>> {
        let search = async {
            loop {
                if let Some(reservation) = self.try_reserve(worker, key) {
                    return Some(reservation);
                }
                // Another request may have taken the place, and there may be a further one.
                if !self.forget_an_ended_run(registry).await {
                    return None;
                }
            }
        };
        timeout(SEARCH_TIMEOUT, search).await.ok().flatten()
    }

    fn try_reserve(
        &self,
        worker: &WorkerRef,
        key: Option<&IdempotencyKey>,
    ) -> Option<RunReservation<'_>> {
        let (number, is_repetition) = self.started.with(|started| {
            let is_repetition = key.is_some_and(|key| started.counts(worker, key));
            let needs_place =
                !is_repetition && key.is_none_or(|key| !started.has_ended(worker, key));
            if started.runs.len() >= self.max && needs_place {
                return None;
            }
            let number = started.next_number;
            started.next_number += 1;
            started.runs.push(StartedRun {
                number,
                worker: worker.clone(),
                key: key.cloned(),
                progress: Progress::Sending,
            });
            Some((number, is_repetition))
        })?;
        Some(RunReservation {
            quota: self,
            number,
            is_repetition,
            result: InputResult::Unknown,
        })
    }

    /// Returns whether there was one. The longest ago that it was started, the likelier a run has ended.
    async fn forget_an_ended_run(&self, registry: &RuntimeRegistry) -> bool {
        let now = Instant::now();
        let runs = self.started.with(|started| started.runs.clone());
        for run in runs.into_iter().filter(|run| run.may_have_ended(now)) {
            if may_go_on(registry, &run).await {
                continue;
            }
            self.started.with(|started| started.end(run.number));
            return true;
        }
        false
    }
}

/// Whether a run, or any run if nobody knows which, is active. A worker that can't be asked may have
/// one.
async fn may_go_on(registry: &RuntimeRegistry, run: &StartedRun) -> bool {
    match registry.worker(&run.worker).await {
        Ok(detail) => match (&run.progress, detail.summary.active_run) {
            (Progress::Started(started), Some(active)) => *started == active,
            (Progress::Sending | Progress::Unknown { .. }, active) => active.is_some(),
            (Progress::Started(_), None) => false,
        },
        Err(RegistryError::UnknownWorker { .. }) => false,
        Err(_) => true,
    }
}

impl StartedRun {
    fn may_have_ended(&self, now: Instant) -> bool {
        match self.progress {
            Progress::Sending => false,
            Progress::Started(_) => true,
            Progress::Unknown { until } => until <= now,
        }
    }
}

impl Started {
    /// Whether the run of this input counts.
    fn counts(&self, worker: &WorkerRef, key: &IdempotencyKey) -> bool {
        let mut runs = self.runs.iter();
        runs.any(|run| run.worker == *worker && run.key.as_ref() == Some(key))
    }

    /// Whether this input started a run that has ended.
    fn has_ended(&self, worker: &WorkerRef, key: &IdempotencyKey) -> bool {
        let mut ended = self.ended.iter();
        ended.any(|(ended_in, ended)| ended_in == worker && ended == key)
    }

    /// The run has ended.
    fn end(&mut self, number: u64) {
        let ended = self.runs.extract_if(.., |run| run.number == number);
        for run in ended {
            push_ended(&mut self.ended, run);
        }
    }

    fn forget(&mut self, number: u64) {
        self.runs.retain(|run| run.number != number);
    }

    /// Counts the run as started. A worker has one run at a time, so that an earlier one has ended.
    fn start(&mut self, number: u64, run_id: RunId) {
        let run = self.runs.iter().find(|run| run.number == number).cloned();
        let Some(run) = run else { return };
        let has_ended = |other: &mut StartedRun| {
            other.number != number
                && other.worker == run.worker
                && other.progress != Progress::Sending
        };
        for run in self.runs.extract_if(.., has_ended) {
            push_ended(&mut self.ended, run);
        }
        self.set(number, &Progress::Started(run_id));
    }

    /// A repetition, which counts no further run, tells which run the input of unknown result started.
    fn resolve_unknown(&mut self, number: u64, run_id: &RunId) {
        let Some(index) = self.runs.iter().position(|run| run.number == number) else {
            return;
        };
        let repetition = self.runs.remove(index);
        let is_same = |run: &&mut StartedRun| {
            run.worker == repetition.worker
                && run.key == repetition.key
                && matches!(run.progress, Progress::Unknown { .. })
        };
        for run in self.runs.iter_mut().filter(is_same) {
            run.progress = Progress::Started(run_id.clone());
        }
    }

    fn set(&mut self, number: u64, progress: &Progress) {
        for run in self.runs.iter_mut().filter(|run| run.number == number) {
            run.progress = progress.clone();
        }
    }
}

/// Keeps the input of a run that was started for sure: only that one is answered when it is sent again.
fn push_ended(ended: &mut VecDeque<(WorkerRef, IdempotencyKey)>, run: StartedRun) {
    let (Progress::Started(_), Some(key)) = (run.progress, run.key) else {
        return;
    };
    if ended.len() == ENDED_MAX {
        ended.pop_front();
    }
    ended.push_back((run.worker, key));
}

impl RunReservation<'_> {
    /// Counts the run if its input has started it.
    pub(crate) fn settle(mut self, result: &Result<InputReceipt, RegistryError>) {
        self.result = match result {
            Ok(receipt) => {
                let run_id = receipt.accepted.run_id.clone();
                match receipt.replay {
                    Replay::First => InputResult::Accepted(run_id),
                    Replay::Replayed => InputResult::Replayed(run_id),
                }
            }
            Err(RegistryError::RuntimeUnavailable { reason, .. }) => of_unavailable(*reason),
            Err(_) => InputResult::NotAccepted,
        };
    }
}

/// What has become of an input whose runtime is unavailable for this reason.
fn of_unavailable(reason: UnavailableReason) -> InputResult {
    match reason {
        UnavailableReason::DeadlineExceeded
        | UnavailableReason::SourceFailed
        | UnavailableReason::StoreLost => InputResult::Unknown,
        UnavailableReason::RunStillEnding
        | UnavailableReason::StoreFull
        | UnavailableReason::StoreFailed => InputResult::NotAccepted,
    }
}

impl Drop for RunReservation<'_> {
    fn drop(&mut self) {
        let result = self.result.clone();
        self.quota.started.with(|started| match result {
            InputResult::Accepted(run_id) => started.start(self.number, run_id),
            InputResult::Replayed(run_id) => started.resolve_unknown(self.number, &run_id),
            InputResult::NotAccepted => started.forget(self.number),
            // The input that it repeats counts as long.
            InputResult::Unknown if self.is_repetition => started.forget(self.number),
            InputResult::Unknown => {
                let until = Instant::now() + UNKNOWN_RESULT;
                started.set(self.number, &Progress::Unknown { until });
            }
        });
    }
}
