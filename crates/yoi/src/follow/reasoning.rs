//! How much a run's model reasoned before its reply, and for how long.

use std::time::Duration;

use jiff::Timestamp;

use crate::output::quantity::{duration, size};

#[derive(Debug, Default)]
pub(crate) struct ReasoningProgress {
    bytes: usize,
    time: ReasoningTime,
}

/// By the server's clock, so that a slow connection does not count.
#[derive(Debug, Default)]
enum ReasoningTime {
    #[default]
    NotBegun,
    Since(Timestamp),
    For(Duration),
    /// Its beginning or its end was missed.
    Unknown,
}

impl ReasoningProgress {
    pub(super) fn push(&mut self, text: &str, at: Timestamp) {
        self.bytes += text.len();
        if matches!(self.time, ReasoningTime::NotBegun) {
            self.time = ReasoningTime::Since(at);
        }
    }

    /// The part of `whole` that was not there before. The server keeps only the beginning of a
    /// long reasoning, so `whole` may be the shorter one.
    pub(super) fn catch_up(&mut self, whole: &str) -> String {
        let missed = whole.get(self.bytes..).unwrap_or_default();
        self.bytes += missed.len();
        if matches!(self.time, ReasoningTime::NotBegun) && self.bytes > 0 {
            self.time = ReasoningTime::Unknown;
        }
        missed.to_owned()
    }

    pub(super) fn end(&mut self, at: Option<Timestamp>) {
        if let ReasoningTime::Since(begin) = self.time {
            let took = at.and_then(|at| Duration::try_from(at.duration_since(begin)).ok());
            self.time = took.map_or(ReasoningTime::Unknown, ReasoningTime::For);
        }
    }

    /// `312 bytes`; `None` when there was no reasoning.
    pub(crate) fn size(&self) -> Option<String> {
        (self.bytes > 0).then(|| size(self.bytes))
    }

    /// `thought for 12 s, 3.4 KiB`; `None` when there was no reasoning.
    pub(crate) fn summary(&self) -> Option<String> {
        let time = match self.time {
            ReasoningTime::For(took) => format!(" for {}", duration(took)),
            ReasoningTime::NotBegun | ReasoningTime::Since(_) | ReasoningTime::Unknown => {
                String::new()
            }
        };
        Some(format!("thought{time}, {}", self.size()?))
    }
}
