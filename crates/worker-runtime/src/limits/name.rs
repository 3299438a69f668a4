//! The stable names and units of the limits.

use std::fmt;

/// Which limit, by the name that errors and summaries use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitName {
    /// See [`WORKERS`](super::WORKERS).
    Workers,
    /// See [`CONCURRENT_RUNS`](super::CONCURRENT_RUNS).
    ConcurrentRuns,
    /// See [`INPUT_BYTES`](super::INPUT_BYTES).
    InputBytes,
    /// See [`OUTPUT_BYTES`](super::OUTPUT_BYTES).
    OutputBytes,
    /// See [`TRANSCRIPT_ENTRIES`](super::TRANSCRIPT_ENTRIES).
    TranscriptEntries,
    /// See [`TRANSCRIPT_BYTES`](super::TRANSCRIPT_BYTES).
    TranscriptBytes,
    /// See [`TRANSCRIPT_PAGE_BYTES`](super::TRANSCRIPT_PAGE_BYTES).
    TranscriptPageBytes,
    /// See [`EVENTS`](super::EVENTS).
    Events,
    /// See [`EVENT_BYTES`](super::EVENT_BYTES).
    EventBytes,
    /// See [`DELTA_BYTES`](super::DELTA_BYTES).
    DeltaBytes,
    /// See [`TOTAL_BYTES`](super::TOTAL_BYTES).
    TotalBytes,
    /// See [`RUN_TIME`](super::RUN_TIME).
    RunTime,
    /// See [`PAGE_DEFAULT`](super::PAGE_DEFAULT).
    PageDefault,
    /// See [`PAGE_MAX`](super::PAGE_MAX).
    PageMax,
    /// See [`LIST_SCAN`](super::LIST_SCAN).
    ListScan,
    /// See [`WAIT`](super::WAIT).
    Wait,
    /// See [`WORKER_POLLERS`](super::WORKER_POLLERS).
    WorkerPollers,
    /// See [`POLLERS`](super::POLLERS).
    Pollers,
    /// See [`INPUT_KEYS`](super::INPUT_KEYS).
    InputKeys,
    /// See [`CANCEL_WAIT`](super::CANCEL_WAIT).
    CancelWait,
}

impl LimitName {
    /// Every limit, in the order of [`Limits`](super::Limits).
    pub const ALL: &'static [Self] = &[
        Self::Workers,
        Self::ConcurrentRuns,
        Self::InputBytes,
        Self::OutputBytes,
        Self::TranscriptEntries,
        Self::TranscriptBytes,
        Self::TranscriptPageBytes,
        Self::Events,
        Self::EventBytes,
        Self::DeltaBytes,
        Self::TotalBytes,
        Self::RunTime,
        Self::PageDefault,
        Self::PageMax,
        Self::ListScan,
        Self::Wait,
        Self::WorkerPollers,
        Self::Pollers,
        Self::InputKeys,
        Self::CancelWait,
    ];

    /// The limit's stable name, in `snake_case`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workers => "workers",
            Self::ConcurrentRuns => "concurrent_runs",
            Self::InputBytes => "input_bytes",
            Self::OutputBytes => "output_bytes",
            Self::TranscriptEntries => "transcript_entries",
            Self::TranscriptBytes => "transcript_bytes",
            Self::TranscriptPageBytes => "transcript_page_bytes",
            Self::Events => "events",
            Self::EventBytes => "event_bytes",
            Self::DeltaBytes => "delta_bytes",
            Self::TotalBytes => "total_bytes",
            Self::RunTime => "run_time_ms",
            Self::PageDefault => "page_default",
            Self::PageMax => "page_max",
            Self::ListScan => "list_scan",
            Self::Wait => "wait_ms",
            Self::WorkerPollers => "worker_pollers",
            Self::Pollers => "pollers",
            Self::InputKeys => "input_keys",
            Self::CancelWait => "cancel_wait_ms",
        }
    }

    /// What the limit's value counts.
    #[must_use]
    pub const fn unit(self) -> LimitUnit {
        match self {
            Self::InputBytes
            | Self::OutputBytes
            | Self::TranscriptBytes
            | Self::TranscriptPageBytes
            | Self::EventBytes
            | Self::DeltaBytes
            | Self::TotalBytes => LimitUnit::Bytes,
            Self::RunTime | Self::Wait | Self::CancelWait => LimitUnit::Milliseconds,
            Self::Workers
            | Self::ConcurrentRuns
            | Self::TranscriptEntries
            | Self::Events
            | Self::PageDefault
            | Self::PageMax
            | Self::ListScan
            | Self::WorkerPollers
            | Self::Pollers
            | Self::InputKeys => LimitUnit::Count,
        }
    }
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
