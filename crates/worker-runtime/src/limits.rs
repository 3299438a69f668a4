//! Every limit of the runtime, by name, with its default, unit and reason.

use std::fmt;
use std::time::Duration;

use crate::id::IdempotencyKey;

/// Defines every limit once: its [`LimitName`], its field in [`Limits`], its stable name, its
/// unit, and the constant with its default.
macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident, $field:ident, $text:literal, $unit:ident,
       $constant:ident: $type:ty = $default:expr;)*) => {
        $($(#[$doc])* pub const $constant: $type = $default;)*

        /// The limits of one runtime. [`Limits::default`] has the constants of this module.
        ///
        /// They are checked together when the runtime is built ([`Limits::validate`]).
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Limits {
            $($(#[$doc])* pub $field: $type,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: $constant,)* }
            }
        }

        /// Identifies a limit in errors and summaries.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum LimitName {
            $($(#[$doc])* $name,)*
        }

        impl LimitName {
            /// Every limit, in the order of [`Limits`].
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The limit's stable name, in `snake_case`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What the limit's value counts.
            #[must_use]
            pub const fn unit(self) -> LimitUnit {
                match self { $(Self::$name => LimitUnit::$unit,)* }
            }
        }

        impl Limits {
            /// Sets the limit with this name, in its unit. Whether the limits can work together
            /// is checked by [`validate`](Self::validate).
            pub fn set(&mut self, name: LimitName, value: u64) {
                match name { $(LimitName::$name => self.$field = LimitValue::from_u64(value),)* }
            }

            fn value(&self, name: LimitName) -> u64 {
                match name { $(LimitName::$name => self.$field.to_u64(),)* }
            }
        }
    };
}

limits! {
    /// Workers in memory at once. Keeps a catalog walk and the fixed cost per worker (2 KiB)
    /// within tens of megabytes. Without a store these are all.
    Workers, workers, "workers", Count, WORKERS: usize = 10_000;
    /// Workers in the store. Each takes some hundreds of bytes of memory at most.
    StoredWorkers, stored_workers, "stored_workers", Count, STORED_WORKERS: usize = 100_000;
    /// Runs in progress at once, over all workers. Each may hold a provider connection, and counts
    /// at least [64 KiB](RESERVATION_STEP_BYTES), so that all of them take 64 MiB, and some 200 MiB
    /// with replies of a thousand deltas. What its engine holds besides, such as the prompt, isn't
    /// counted.
    ConcurrentRuns, concurrent_runs, "concurrent_runs", Count, CONCURRENT_RUNS: usize = 1_024;
    /// Runs that wait until there is a place among those in progress, over all workers. Each counts
    /// as much as one in progress that has written nothing. With none, an input that finds no place
    /// is refused.
    QueuedRuns, queued_runs, "queued_runs", Count, QUEUED_RUNS: usize = 1_024;
    /// Bytes of one input: a long document, not an upload.
    InputBytes, input_bytes, "input_bytes", Bytes, INPUT_BYTES: usize = 128 * 1024;
    /// Bytes of text that one run may produce: several times what a model answers.
    OutputBytes, output_bytes, "output_bytes", Bytes, OUTPUT_BYTES: usize = 1024 * 1024;
    /// Bytes of reasoning that one run shows and keeps; what comes after them is dropped.
    ReasoningBytes, reasoning_bytes, "reasoning_bytes", Bytes, REASONING_BYTES: usize = 128 * 1024;
    /// Entries in one worker's transcript; the oldest are pruned.
    TranscriptEntries, transcript_entries, "transcript_entries", Count, TRANSCRIPT_ENTRIES: usize = 2_000;
    /// Bytes of one worker's transcript (content and [overhead](ENTRY_OVERHEAD_BYTES)).
    TranscriptBytes, transcript_bytes, "transcript_bytes", Bytes, TRANSCRIPT_BYTES: usize = 4 * 1024 * 1024;
    /// Bytes of one transcript page; an entry larger than that is returned alone.
    TranscriptPageBytes, transcript_page_bytes, "transcript_page_bytes", Bytes, TRANSCRIPT_PAGE_BYTES: usize = 1024 * 1024;
    /// Events kept per worker: at twenty words a second, the last fifty seconds of a reply,
    /// which is longer than a reader may [wait](WAIT) between two polls.
    Events, events, "events", Count, EVENTS: usize = 1_024;
    /// Bytes of the events kept per worker (text and [overhead](EVENT_OVERHEAD_BYTES)).
    EventBytes, event_bytes, "event_bytes", Bytes, EVENT_BYTES: usize = 1024 * 1024;
    /// Bytes of one output delta; longer ones are split, so that a ring holds many.
    DeltaBytes, delta_bytes, "delta_bytes", Bytes, DELTA_BYTES: usize = 16 * 1024;
    /// Bytes that all workers hold together, with those that are reserved for active runs: they grow
    /// with the reply, and a run starts only while there is room for one of full size. A run whose
    /// reply can't grow any more ends.
    TotalBytes, total_bytes, "total_bytes", Bytes, TOTAL_BYTES: usize = 512 * 1024 * 1024;
    /// How long one run may take, from when its engine first waits for something.
    RunTime, run_time, "run_time_ms", Milliseconds, RUN_TIME: Duration = Duration::from_secs(300);
    /// Items in a page when the caller names no number.
    PageDefault, page_default, "page_default", Count, PAGE_DEFAULT: usize = 50;
    /// Items in a page at most.
    PageMax, page_max, "page_max", Count, PAGE_MAX: usize = 200;
    /// Workers that one filtered page of a list examines, whether or not they match. Bounds how
    /// long a list holds the directory's lock.
    ListScan, list_scan, "list_scan", Count, LIST_SCAN: usize = 1_000;
    /// How long a reader may wait for events: below the idle time-out of common proxies.
    Wait, wait, "wait_ms", Milliseconds, WAIT: Duration = Duration::from_secs(30);
    /// Readers waiting on one worker at once: everybody who looks at a conversation, and few enough
    /// that one worker leaves places for the others. Then the one that has waited for longest makes way.
    WorkerPollers, worker_pollers, "worker_pollers", Count, WORKER_POLLERS: usize = 512;
    /// Readers waiting at once, over all workers. Then the one that has waited for longest makes way.
    Pollers, pollers, "pollers", Count, POLLERS: usize = 10_000;
    /// Idempotency keys of inputs remembered per worker; the oldest is forgotten first.
    InputKeys, input_keys, "input_keys", Count, INPUT_KEYS: usize = 256;
    /// How long `cancel` and `stop` wait for a run to end. An engine that yields ends
    /// within a millisecond; one that blocks its thread shouldn't block a caller on another.
    CancelWait, cancel_wait, "cancel_wait_ms", Milliseconds, CANCEL_WAIT: Duration = Duration::from_secs(5);
}

/// Bytes counted for a transcript entry besides its content.
pub const ENTRY_OVERHEAD_BYTES: usize = 128;
/// Bytes counted for an event besides its text.
pub const EVENT_OVERHEAD_BYTES: usize = 160;
/// Bytes counted for a remembered idempotency key besides its text.
pub const KEY_OVERHEAD_BYTES: usize = 256;
/// What a remembered key counts at most.
const KEY_BYTES: usize = IdempotencyKey::MAX_LEN + KEY_OVERHEAD_BYTES;
/// What a worker counts during a run is a multiple of so many bytes, so that few words have to reserve
/// more. One step has room for a reply of some hundred words.
pub const RESERVATION_STEP_BYTES: usize = 64 * 1024;
/// Bytes counted for a worker besides its transcript, events and keys.
pub const WORKER_OVERHEAD_BYTES: usize = 2_048;

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

    /// The same with as few bytes for all workers as the other limits allow, and so many more.
    #[cfg(test)]
    pub(crate) fn with_least_bytes_and(mut self, more: usize) -> Self {
        self.total_bytes = 0;
        let least = self.validate().expect_err("no bytes at all").minimum;
        self.total_bytes = usize::from_u64(least) + more;
        self
    }

    /// The number of items on a page when the caller requested `wanted`.
    pub(crate) fn page(&self, wanted: Option<usize>) -> usize {
        wanted.unwrap_or(self.page_default).clamp(1, self.page_max)
    }

    fn minimum(&self, name: LimitName) -> u64 {
        match name {
            // The longest UTF-8 character: a delta must be able to hold one.
            LimitName::DeltaBytes => 4,
            // The input and the reply of one run stay together in the transcript. The reasoning gets
            // what they leave.
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
                self.reasoning_bytes,
                2 * ENTRY_OVERHEAD_BYTES,
                self.event_bytes,
                EVENT_OVERHEAD_BYTES,
                self.input_keys.saturating_add(2).saturating_mul(KEY_BYTES),
            ]),
            LimitName::PageMax => self.page_default.to_u64(),
            LimitName::ListScan => self.page_max.to_u64(),
            LimitName::Wait | LimitName::ReasoningBytes | LimitName::QueuedRuns => 0,
            LimitName::Workers
            | LimitName::StoredWorkers
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

/// A value of a limit: a number, or a time in milliseconds.
trait LimitValue {
    fn from_u64(value: u64) -> Self;
    fn to_u64(self) -> u64;
}

impl LimitValue for usize {
    fn from_u64(value: u64) -> Self {
        Self::try_from(value).unwrap_or(Self::MAX)
    }

    fn to_u64(self) -> u64 {
        u64::try_from(self).unwrap_or(u64::MAX)
    }
}

impl LimitValue for Duration {
    fn from_u64(value: u64) -> Self {
        Self::from_millis(value)
    }

    fn to_u64(self) -> u64 {
        u64::try_from(self.as_millis()).unwrap_or(u64::MAX)
    }
}

fn sum(parts: &[usize]) -> u64 {
    parts
        .iter()
        .fold(0_usize, |sum, part| sum.saturating_add(*part))
        .to_u64()
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

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a limit's value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitUnit {
    /// A number of things.
    Count,
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Milliseconds,
}

impl LimitUnit {
    /// The unit's stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Bytes => "bytes",
            Self::Milliseconds => "milliseconds",
        }
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests;
