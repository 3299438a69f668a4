//! The line that shows what a run is doing until its reply begins.

use std::time::Instant;

use registry_core::projection::RunPhase;

use crate::output::{Spinner, Terminal};

pub(super) struct PhaseLine {
    phase: RunPhase,
    since: Instant,
    spinner: Option<Spinner>,
}

impl PhaseLine {
    /// Of a run that begins now. Nothing is shown yet.
    pub(super) fn new() -> Self {
        Self {
            phase: RunPhase::Waiting,
            since: Instant::now(),
            spinner: None,
        }
    }

    /// `phase` begins, unless it has already.
    pub(super) fn begin(&mut self, phase: RunPhase) {
        if phase != self.phase {
            *self = Self {
                phase,
                ..Self::new()
            };
        }
    }

    /// Shows the phase and its time; `reasoning` is the size of the reasoning so far.
    pub(super) fn show(&mut self, reasoning: Option<String>, terminal: &Terminal) {
        let message = match (self.phase, reasoning) {
            // Its start is no event, so that it may be waiting for the reply by now.
            (RunPhase::Queued, _) => "waiting behind other runs".to_owned(),
            (RunPhase::Waiting, _) => "waiting for the reply".to_owned(),
            (RunPhase::Retrying, _) => "waiting to try again".to_owned(),
            (RunPhase::Reasoning, Some(size)) => format!("reasoning, {size}"),
            (RunPhase::Reasoning, None) => "reasoning".to_owned(),
            (RunPhase::Answering, _) => "answering".to_owned(),
        };
        match &self.spinner {
            Some(spinner) => spinner.set_message(message),
            None => self.spinner = Some(terminal.timed_spinner(message, self.since)),
        }
    }

    /// Makes way for text. The time of the phase goes on.
    pub(super) fn hide(&mut self) {
        self.spinner = None;
    }
}
