//! Every bound of the runtime, by name, with its default, unit and reason.

use std::time::Duration;

use crate::id::IdempotencyKey;

mod name;

pub use name::{LimitName, LimitUnit};

/// Workers held at once. Keeps a catalog walk and the fixed cost per worker (2 KiB)
/// within tens of megabytes.
pub const WORKERS: usize = 10_000;
/// Runs in progress at once, over all workers. Each may hold a provider connection.
pub const CONCURRENT_RUNS: usize = 64;
/// Bytes of one input: a long document, not an upload.
pub const INPUT_BYTES: usize = 128 * 1024;
/// Bytes of text that one run may produce: several times what a model answers.
pub const OUTPUT_BYTES: usize = 1024 * 1024;
/// Entries in one worker's transcript; the oldest are pruned.
pub const TRANSCRIPT_ENTRIES: usize = 2_000;
/// Bytes of one worker's transcript (content and [overhead](ENTRY_OVERHEAD_BYTES)).
pub const TRANSCRIPT_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of one transcript page; an entry larger than that is returned alone.
pub const TRANSCRIPT_PAGE_BYTES: usize = 1024 * 1024;
/// Events kept per worker: at twenty words a second, the last fifty seconds of a reply,
/// which is longer than a reader may [wait](WAIT) between two polls.
pub const EVENTS: usize = 1_024;
/// Bytes of the events kept per worker (text and [overhead](EVENT_OVERHEAD_BYTES)).
pub const EVENT_BYTES: usize = 1024 * 1024;
/// Bytes of one output delta; longer ones are split, so that a ring holds many.
pub const DELTA_BYTES: usize = 16 * 1024;
/// Bytes that all workers hold together, with what active runs may still produce.
pub const TOTAL_BYTES: usize = 512 * 1024 * 1024;
/// How long one run may take, from when its engine first waits for something.
pub const RUN_TIME: Duration = Duration::from_secs(300);
/// Items in a page when the caller names no number.
pub const PAGE_DEFAULT: usize = 50;
/// Items in a page at most.
pub const PAGE_MAX: usize = 200;
/// Workers that one filtered page of a list examines, whether or not they match. Bounds how
/// long a list holds the directory's lock.
pub const LIST_SCAN: usize = 1_000;
/// How long a reader may wait for events: below the idle time-out of common proxies.
pub const WAIT: Duration = Duration::from_secs(30);
/// Readers waiting on one worker at once.
pub const WORKER_POLLERS: usize = 64;
/// Readers waiting at once, over all workers.
pub const POLLERS: usize = 10_000;
/// Idempotency keys of inputs remembered per worker; the oldest is forgotten first.
pub const INPUT_KEYS: usize = 256;
/// How long `cancel` and `stop` wait for a run to end. An engine that yields ends
/// within a millisecond; one that blocks its thread shouldn't block a caller on another.
pub const CANCEL_WAIT: Duration = Duration::from_secs(5);

/// Bytes counted for a transcript entry besides its content.
pub const ENTRY_OVERHEAD_BYTES: usize = 128;
/// Bytes counted for an event besides its text.
pub const EVENT_OVERHEAD_BYTES: usize = 160;
/// Bytes counted for a remembered idempotency key besides its text.
pub const KEY_OVERHEAD_BYTES: usize = 256;
/// What a remembered key counts at most.
const KEY_BYTES: usize = IdempotencyKey::MAX_LEN + KEY_OVERHEAD_BYTES;
/// Bytes counted for a worker besides its transcript, events and keys.
pub const WORKER_OVERHEAD_BYTES: usize = 2_048;

/// The bounds of one runtime. [`Limits::default`] has the constants of this module.
///
/// They are checked together when the runtime is built ([`Limits::validate`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// See [`WORKERS`].
    pub workers: usize,
    /// See [`CONCURRENT_RUNS`].
    pub concurrent_runs: usize,
    /// See [`INPUT_BYTES`].
    pub input_bytes: usize,
    /// See [`OUTPUT_BYTES`].
    pub output_bytes: usize,
    /// See [`TRANSCRIPT_ENTRIES`].
    pub transcript_entries: usize,
    /// See [`TRANSCRIPT_BYTES`].
    pub transcript_bytes: usize,
    /// See [`TRANSCRIPT_PAGE_BYTES`].
    pub transcript_page_bytes: usize,
    /// See [`EVENTS`].
    pub events: usize,
    /// See [`EVENT_BYTES`].
    pub event_bytes: usize,
    /// See [`DELTA_BYTES`].
    pub delta_bytes: usize,
    /// See [`TOTAL_BYTES`].
    pub total_bytes: usize,
    /// See [`RUN_TIME`].
    pub run_time: Duration,
    /// See [`PAGE_DEFAULT`].
    pub page_default: usize,
    /// See [`PAGE_MAX`].
    pub page_max: usize,
    /// See [`LIST_SCAN`].
    pub list_scan: usize,
    /// See [`WAIT`].
    pub wait: Duration,
    /// See [`WORKER_POLLERS`].
    pub worker_pollers: usize,
    /// See [`POLLERS`].
    pub pollers: usize,
    /// See [`INPUT_KEYS`].
    pub input_keys: usize,
    /// See [`CANCEL_WAIT`].
    pub cancel_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            workers: WORKERS,
            concurrent_runs: CONCURRENT_RUNS,
            input_bytes: INPUT_BYTES,
            output_bytes: OUTPUT_BYTES,
            transcript_entries: TRANSCRIPT_ENTRIES,
            transcript_bytes: TRANSCRIPT_BYTES,
            transcript_page_bytes: TRANSCRIPT_PAGE_BYTES,
            events: EVENTS,
            event_bytes: EVENT_BYTES,
            delta_bytes: DELTA_BYTES,
            total_bytes: TOTAL_BYTES,
            run_time: RUN_TIME,
            page_default: PAGE_DEFAULT,
            page_max: PAGE_MAX,
            list_scan: LIST_SCAN,
            wait: WAIT,
            worker_pollers: WORKER_POLLERS,
            pollers: POLLERS,
            input_keys: INPUT_KEYS,
            cancel_wait: CANCEL_WAIT,
        }
    }
}

impl Limits {
    /// All limits in a fixed order, for a summary that shows every one of them.
    pub fn iter(&self) -> impl Iterator<Item = Limit> + '_ {
        LimitName::ALL.iter().map(|&name| self.get(name))
    }

    /// The limit with this name.
    #[must_use]
    pub fn get(&self, name: LimitName) -> Limit {
        Limit {
            name,
            unit: name.unit(),
            value: self.value(name),
        }
    }

    /// Sets the limit with this name, in its unit. Whether the limits can work together is
    /// checked by [`validate`](Self::validate).
    pub fn set(&mut self, name: LimitName, value: u64) {
        let count = usize::try_from(value).unwrap_or(usize::MAX);
        let millis = Duration::from_millis(value);
        match name {
            LimitName::Workers => self.workers = count,
            LimitName::ConcurrentRuns => self.concurrent_runs = count,
            LimitName::InputBytes => self.input_bytes = count,
            LimitName::OutputBytes => self.output_bytes = count,
            LimitName::TranscriptEntries => self.transcript_entries = count,
            LimitName::TranscriptBytes => self.transcript_bytes = count,
            LimitName::TranscriptPageBytes => self.transcript_page_bytes = count,
            LimitName::Events => self.events = count,
            LimitName::EventBytes => self.event_bytes = count,
            LimitName::DeltaBytes => self.delta_bytes = count,
            LimitName::TotalBytes => self.total_bytes = count,
            LimitName::RunTime => self.run_time = millis,
            LimitName::PageDefault => self.page_default = count,
            LimitName::PageMax => self.page_max = count,
            LimitName::ListScan => self.list_scan = count,
            LimitName::Wait => self.wait = millis,
            LimitName::WorkerPollers => self.worker_pollers = count,
            LimitName::Pollers => self.pollers = count,
            LimitName::InputKeys => self.input_keys = count,
            LimitName::CancelWait => self.cancel_wait = millis,
        }
    }

    /// Checks each limit, and those that only make sense together.
    ///
    /// # Errors
    /// The first limit that is below the least value it can have.
    pub fn validate(&self) -> Result<(), LimitsError> {
        for limit in self.iter() {
            let minimum = self.minimum(limit.name);
            if limit.value < minimum {
                return Err(LimitsError {
                    limit: limit.name,
                    value: limit.value,
                    minimum,
                });
            }
        }
        Ok(())
    }

    /// The number of items on a page when the caller requested `wanted`.
    pub(crate) fn page(&self, wanted: Option<usize>) -> usize {
        wanted.unwrap_or(self.page_default).clamp(1, self.page_max)
    }

    fn value(&self, name: LimitName) -> u64 {
        match name {
            LimitName::Workers => count(self.workers),
            LimitName::ConcurrentRuns => count(self.concurrent_runs),
            LimitName::InputBytes => count(self.input_bytes),
            LimitName::OutputBytes => count(self.output_bytes),
            LimitName::TranscriptEntries => count(self.transcript_entries),
            LimitName::TranscriptBytes => count(self.transcript_bytes),
            LimitName::TranscriptPageBytes => count(self.transcript_page_bytes),
            LimitName::Events => count(self.events),
            LimitName::EventBytes => count(self.event_bytes),
            LimitName::DeltaBytes => count(self.delta_bytes),
            LimitName::TotalBytes => count(self.total_bytes),
            LimitName::RunTime => millis(self.run_time),
            LimitName::PageDefault => count(self.page_default),
            LimitName::PageMax => count(self.page_max),
            LimitName::ListScan => count(self.list_scan),
            LimitName::Wait => millis(self.wait),
            LimitName::WorkerPollers => count(self.worker_pollers),
            LimitName::Pollers => count(self.pollers),
            LimitName::InputKeys => count(self.input_keys),
            LimitName::CancelWait => millis(self.cancel_wait),
        }
    }

    fn minimum(&self, name: LimitName) -> u64 {
        match name {
            // The longest UTF-8 character: a delta must be able to hold one.
            LimitName::DeltaBytes => 4,
            // The input and the reply of one run stay together in the transcript.
            LimitName::TranscriptEntries => 2,
            LimitName::TranscriptBytes => sum(&[
                self.input_bytes,
                self.output_bytes,
                2 * ENTRY_OVERHEAD_BYTES,
            ]),
            LimitName::EventBytes => sum(&[self.delta_bytes, EVENT_OVERHEAD_BYTES]),
            // A single worker, at its largest, in the middle of a run. Of keys it has
            // those remembered, the one it was created under and the run's own.
            LimitName::TotalBytes => sum(&[
                WORKER_OVERHEAD_BYTES,
                self.transcript_bytes,
                self.input_bytes,
                self.output_bytes,
                2 * ENTRY_OVERHEAD_BYTES,
                self.event_bytes,
                EVENT_OVERHEAD_BYTES,
                self.input_keys.saturating_add(2).saturating_mul(KEY_BYTES),
            ]),
            LimitName::PageMax => count(self.page_default),
            LimitName::ListScan => count(self.page_max),
            LimitName::Wait => 0,
            LimitName::Workers
            | LimitName::ConcurrentRuns
            | LimitName::InputBytes
            | LimitName::OutputBytes
            | LimitName::TranscriptPageBytes
            | LimitName::Events
            | LimitName::RunTime
            | LimitName::PageDefault
            | LimitName::WorkerPollers
            | LimitName::Pollers
            | LimitName::InputKeys
            | LimitName::CancelWait => 1,
        }
    }
}

fn count(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

fn millis(value: Duration) -> u64 {
    u64::try_from(value.as_millis()).unwrap_or(u64::MAX)
}

fn sum(parts: &[usize]) -> u64 {
    count(parts.iter().fold(0, |sum, part| sum.saturating_add(*part)))
}

/// One limit, as a summary shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Which limit.
    pub name: LimitName,
    /// What its value counts.
    pub unit: LimitUnit,
    /// Its value in that unit.
    pub value: u64,
}

/// A limit that can't work, found when a runtime is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("limit {limit} is {value}, but must be at least {minimum}")]
pub struct LimitsError {
    /// The limit.
    pub limit: LimitName,
    /// The value it was given.
    pub value: u64,
    /// The least value it can have beside the other limits.
    pub minimum: u64,
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests;
