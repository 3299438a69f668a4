//! The reference of one worker, with everything that ever happened to it.

use super::model::{
    Accepted, Event, EventKind, InFlight, Initiated, Line, Millis, Refusal, RunNumber, Step,
};
use crate::limits::Limits;
use crate::run::{RunDiagnostic, RunDiagnostics, RunErrorCode, RunOutcome, Usage};
use crate::status::WorkerState;
use crate::transcript::Role;

mod view;

/// What was decided about the active run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Open,
    Cancelled,
    Full,
}

#[derive(Debug, Clone)]
struct Active {
    reply: InFlight,
    decision: Decision,
    /// Bytes that the worker counts until the run has ended.
    reserved: usize,
}

/// The conversation right after an event.
#[derive(Debug, Clone)]
struct Moment {
    lines: usize,
    in_flight: Option<InFlight>,
}

/// A worker with its whole history.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    limits: Limits,
    key: Option<String>,
    /// Every event, and the conversation after each of them.
    events: Vec<Event>,
    moments: Vec<Moment>,
    /// Every line of the transcript.
    lines: Vec<Line>,
    active: Option<Active>,
    stop_requested: bool,
    stopped: bool,
    /// Every input accepted under a key: the key, the content, the result.
    accepted_inputs: Vec<(String, String, Accepted)>,
    pub(crate) usage: Usage,
    pub(crate) diagnostics: RunDiagnostics,
}

impl Worker {
    pub(crate) fn new(limits: Limits, key: Option<String>, at: Millis) -> Self {
        let mut worker = Self {
            limits,
            key,
            events: Vec::new(),
            moments: Vec::new(),
            lines: Vec::new(),
            active: None,
            stop_requested: false,
            stopped: false,
            accepted_inputs: Vec::new(),
            usage: Usage::default(),
            diagnostics: RunDiagnostics::default(),
        };
        worker.record(at, EventKind::WorkerCreated);
        worker
    }

    /// Whether an input would be accepted, or was. The order of the checks matters.
    pub(crate) fn admit(
        &self,
        content: &str,
        key: Option<&str>,
    ) -> Result<Option<Accepted>, Refusal> {
        let known = self.remembered().iter().find(|it| Some(&*it.0) == key);
        match known {
            Some((_, said, result)) if said == content => {
                let mut result = result.clone();
                result.replayed = true;
                return Ok(Some(result));
            }
            Some(_) => return Err(Refusal::Conflict),
            None => {}
        }
        if self.stopped || self.stop_requested {
            return Err(Refusal::Stopped);
        }
        if let Some(run) = self.active_run() {
            return Err(Refusal::Busy { run });
        }
        if content.trim().is_empty() {
            return Err(Refusal::Empty);
        }
        if content.len() > self.limits.input_bytes {
            return Err(Refusal::TooLarge);
        }
        Ok(None)
    }

    /// Accepts an input that [`admit`](Self::admit) allows.
    pub(crate) fn accept(
        &mut self,
        run: RunNumber,
        content: &str,
        key: Option<&str>,
        at: Millis,
    ) -> Accepted {
        self.active = Some(Active {
            reserved: self.max_bytes(content, key),
            reply: InFlight {
                run,
                text: String::new(),
            },
            decision: Decision::Open,
        });
        self.diagnostics = RunDiagnostics::default();
        let line = self.append_entry(at, Role::User, run, content, false);
        let result = Accepted {
            run,
            line,
            event: self.record(at, EventKind::InputAccepted { run, line }),
            replayed: false,
        };
        if let Some(key) = key {
            let result = (key.to_owned(), content.to_owned(), result.clone());
            self.accepted_inputs.push(result);
        }
        result
    }

    /// The engine of the active run takes a step.
    pub(crate) fn engine(&mut self, step: &Step, at: Millis) {
        let open = matches!(&self.active, Some(active) if active.decision == Decision::Open);
        match step {
            Step::Push(text) => {
                if open {
                    self.push(text, at);
                }
            }
            Step::Report(RunDiagnostic::ContextTruncated { entries }) if open => {
                self.diagnostics.omitted_entries = *entries;
            }
            Step::Report(RunDiagnostic::ReplyCutShort) if open => {
                self.diagnostics.reply_cut_short = true;
            }
            Step::Report(_) => {}
            Step::Complete(usage) => self.ends(RunOutcome::Completed, Some(*usage), None, at),
            Step::Fail(code) => self.ends(RunOutcome::Failed, None, Some(*code), at),
            Step::TimeOut => self.ends(RunOutcome::TimedOut, None, None, at),
        }
    }

    /// Begins to cancel the active run, if it is the expected one.
    pub(crate) fn cancel(&mut self, expected: Option<RunNumber>) -> Result<Initiated, Refusal> {
        let Some(active) = self.active_run() else {
            return Ok(Initiated::Nothing);
        };
        if expected.is_some_and(|expected| expected != active) {
            return Err(Refusal::RunMismatch { active });
        }
        Ok(self.begin_cancel())
    }

    /// Stops the worker, or makes its active run the last one.
    pub(crate) fn stop(&mut self, at: Millis) -> Initiated {
        self.stop_requested = true;
        self.finish_stop(at);
        self.begin_cancel()
    }

    /// Ends a cancelled run, because its engine let go of it.
    pub(crate) fn finish_cancelled(&mut self, at: Millis) {
        if self.state() == WorkerState::Cancelling {
            self.ends(RunOutcome::Cancelled, None, None, at);
        }
    }

    /// The reply grows, a character at a time, until it is full.
    fn push(&mut self, text: &str, at: Millis) {
        let Some(active) = &mut self.active else {
            return;
        };
        let run = active.reply.run;
        let mut deltas = vec![String::new()];
        for character in text.chars() {
            let bytes = character.len_utf8();
            if active.reply.text.len() + bytes > self.limits.output_bytes {
                active.decision = Decision::Full;
                break;
            }
            active.reply.text.push(character);
            if deltas[deltas.len() - 1].len() + bytes > self.limits.delta_bytes {
                deltas.push(String::new());
            }
            deltas.last_mut().expect("one at least").push(character);
        }
        deltas.retain(|text| !text.is_empty());
        for text in deltas {
            self.record(at, EventKind::OutputDelta { run, text });
        }
    }

    fn begin_cancel(&mut self) -> Initiated {
        match &mut self.active {
            None => Initiated::Nothing,
            Some(active) => {
                active.decision = Decision::Cancelled;
                Initiated::Ending(active.reply.run)
            }
        }
    }

    /// Ends the active run: as given, or as was decided before.
    fn ends(
        &mut self,
        outcome: RunOutcome,
        usage: Option<Usage>,
        error: Option<RunErrorCode>,
        at: Millis,
    ) {
        let Some(Active {
            reply, decision, ..
        }) = self.active.take()
        else {
            return;
        };
        let (outcome, usage, error) = match decision {
            Decision::Open => (outcome, usage, error),
            Decision::Cancelled => (RunOutcome::Cancelled, None, None),
            Decision::Full => (RunOutcome::Failed, None, Some(RunErrorCode::OutputLimit)),
        };
        let InFlight { run, text } = reply;
        let partial = outcome != RunOutcome::Completed;
        let line =
            (!text.is_empty()).then(|| self.append_entry(at, Role::Assistant, run, &text, partial));
        if let Some(usage) = usage {
            self.usage.input_tokens += usage.input_tokens;
            self.usage.output_tokens += usage.output_tokens;
        }
        let ended = EventKind::RunFinished {
            run,
            outcome,
            error,
            line,
            usage,
        };
        self.record(at, ended);
        self.finish_stop(at);
    }

    /// Stops the worker, if that was requested and no run is active.
    fn finish_stop(&mut self, at: Millis) {
        if self.stop_requested && !self.stopped && self.active.is_none() {
            self.stopped = true;
            self.record(at, EventKind::WorkerStopped);
        }
    }

    fn append_entry(
        &mut self,
        at: Millis,
        role: Role,
        run: RunNumber,
        content: &str,
        partial: bool,
    ) -> u64 {
        let number = self.lines.len() as u64 + 1;
        self.lines.push(Line {
            number,
            at,
            role,
            run,
            content: content.to_owned(),
            partial,
        });
        number
    }

    fn record(&mut self, at: Millis, kind: EventKind) -> u64 {
        // The reply in flight right after this event: the text of all deltas so far.
        let before = self.moments.last().and_then(|was| was.in_flight.clone());
        let in_flight = match &kind {
            EventKind::WorkerCreated | EventKind::RunFinished { .. } | EventKind::WorkerStopped => {
                None
            }
            EventKind::InputAccepted { run, .. } => Some(InFlight {
                run: *run,
                text: String::new(),
            }),
            EventKind::OutputDelta { text, .. } => before.map(|mut reply| {
                reply.text.push_str(text);
                reply
            }),
        };
        let lines = self.lines.len();
        self.moments.push(Moment { lines, in_flight });
        self.events.push(Event { at, kind });
        self.events.len() as u64
    }
}
