//! The reference of one worker, with everything that ever happened to it.

use super::model::{
    Accepted, Event, EventKind, InFlight, Initiated, Keeping, Line, Millis, Refusal, RunNumber,
    Step,
};
use crate::limits::{ENTRY_OVERHEAD_BYTES, Limits};
use crate::run::{Report, RunDiagnostics, RunError, RunErrorCode, RunOutcome, Usage};
use crate::status::WorkerState;
use crate::transcript::{Role, RunPhase};

mod stored;
mod view;

/// What was decided about the active run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Open,
    Cancelled,
    /// By a shutdown, with a store.
    Interrupted,
    Full,
    /// No more bytes could be counted for it.
    Exhausted,
}

#[derive(Debug, Clone)]
struct Active {
    reply: InFlight,
    /// Some of the reasoning was dropped.
    reasoning_full: bool,
    phase: RunPhase,
    usage: Option<Usage>,
    decision: Decision,
    /// What the store has of the reply.
    drafted: String,
    /// Bytes that the worker counts now.
    reserved: usize,
    /// Bytes that it counts at most until the run has ended.
    max_bytes: usize,
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
    reservation_step: usize,
    key: Option<String>,
    pub(super) keeping: Keeping,
    /// The worker as the store has it, if that lacks the end of its latest run.
    stored: Option<Box<Worker>>,
    /// Every event, and the conversation after each of them.
    events: Vec<Event>,
    /// How many of the events happened before the latest restart.
    events_before: usize,
    moments: Vec<Moment>,
    /// Every line of the transcript.
    lines: Vec<Line>,
    active: Option<Active>,
    stop_requested: bool,
    stopped: bool,
    /// Every input accepted under a key: the key, the content, the result.
    accepted_inputs: Vec<(String, String, Accepted)>,
    pub(crate) diagnostics: RunDiagnostics,
}

impl Worker {
    pub(crate) fn new(
        limits: Limits,
        reservation_step: usize,
        key: Option<String>,
        keeping: Keeping,
        at: Millis,
    ) -> Self {
        let mut worker = Self {
            limits,
            reservation_step,
            key,
            keeping,
            stored: None,
            events: Vec::new(),
            events_before: 0,
            moments: Vec::new(),
            lines: Vec::new(),
            active: None,
            stop_requested: false,
            stopped: false,
            accepted_inputs: Vec::new(),
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

    /// Accepts an input that [`admit`](Self::admit) allows. Its run is queued or waits for a word.
    pub(crate) fn accept(
        &mut self,
        run: RunNumber,
        content: &str,
        key: Option<&str>,
        phase: RunPhase,
        at: Millis,
    ) -> Accepted {
        let max_bytes = self.max_bytes(content, key);
        self.active = Some(Active {
            reserved: self.in_steps(self.bytes_at_start(content, key), max_bytes),
            max_bytes,
            reply: InFlight::new(run),
            reasoning_full: false,
            phase,
            usage: None,
            decision: Decision::Open,
            drafted: String::new(),
        });
        self.diagnostics = RunDiagnostics::default();
        let line = self.append_entry(Line {
            number: 0,
            at,
            role: Role::User,
            run,
            content: content.to_owned(),
            partial: false,
            unanswered: false,
            reasoning: String::new(),
            diagnostics: RunDiagnostics::default(),
        });
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

    /// There is a place for the queued run.
    pub(crate) fn start(&mut self) {
        if let Some(active) = &mut self.active {
            active.phase = RunPhase::Waiting;
        }
    }

    /// The engine of the active run takes a step.
    pub(crate) fn engine(&mut self, step: &Step, at: Millis) {
        let open = matches!(&self.active, Some(active) if active.decision == Decision::Open);
        match step {
            Step::Push(text) if open => self.push(text, at),
            Step::Reason(text) if open => self.reason(text, at),
            Step::Report(report) if open => self.report(*report, at),
            Step::Push(_) | Step::Reason(_) | Step::Report(_) => {}
            Step::Complete => self.ends(RunOutcome::Completed, None, at),
            Step::Fail(error) => self.ends(RunOutcome::Failed, Some(*error), at),
            Step::TimeOut => self.ends(RunOutcome::TimedOut, None, at),
        }
    }

    /// The active run counts so many bytes from now on.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        if let Some(active) = &mut self.active {
            active.reserved = bytes;
        }
    }

    /// Begins to end the active run, for which no more bytes can be counted.
    pub(crate) fn run_out_of_bytes(&mut self) {
        self.begin_end(Decision::Exhausted);
    }

    /// Begins to cancel the active run, if it is the expected one.
    pub(crate) fn cancel(&mut self, expected: Option<RunNumber>) -> Result<Initiated, Refusal> {
        let Some(active) = self.active_run() else {
            return Ok(Initiated::Nothing);
        };
        if expected.is_some_and(|expected| expected != active) {
            return Err(Refusal::RunMismatch { active });
        }
        Ok(self.begin_end(Decision::Cancelled))
    }

    /// Stops the worker, or makes its active run the last one.
    pub(crate) fn stop(&mut self, at: Millis) -> Initiated {
        self.stop_requested = true;
        self.finish_stop(at);
        self.begin_end(Decision::Cancelled)
    }

    /// Ends a cancelled run, because its engine let go of it.
    pub(crate) fn finish_cancelled(&mut self, at: Millis) {
        if self.state() == WorkerState::Cancelling {
            self.ends(RunOutcome::Cancelled, None, at);
        }
    }

    /// The reply grows, a character at a time, until it is full.
    fn push(&mut self, text: &str, at: Millis) {
        let Some(active) = &mut self.active else {
            return;
        };
        let run = active.reply.run;
        let added = grow(&mut active.reply.text, text, self.limits.output_bytes);
        if added.len() < text.len() {
            active.decision = Decision::Full;
        }
        if !added.is_empty() {
            active.phase = RunPhase::Answering;
        }
        for text in split(&added, self.limits.delta_bytes) {
            self.record(at, EventKind::OutputDelta { run, text });
        }
    }

    /// The reasoning grows, until some of it is dropped.
    fn reason(&mut self, text: &str, at: Millis) {
        let Some(active) = &mut self.active else {
            return;
        };
        let run = active.reply.run;
        active.phase = RunPhase::Reasoning;
        if active.reasoning_full {
            return;
        }
        let added = grow(
            &mut active.reply.reasoning,
            text,
            self.limits.reasoning_bytes,
        );
        active.reasoning_full = added.len() < text.len();
        for text in split(&added, self.limits.delta_bytes) {
            self.record(at, EventKind::ReasoningDelta { run, text });
        }
    }

    fn report(&mut self, report: Report, at: Millis) {
        let Some(active) = &mut self.active else {
            return;
        };
        let run = active.reply.run;
        match report {
            Report::Diagnostic(diagnostic) => self.diagnostics.record(diagnostic),
            Report::Usage(usage) => active.usage = Some(usage),
            Report::Retrying { kind, delay } => {
                active.phase = RunPhase::Retrying;
                let error = kind;
                self.record(at, EventKind::RunRetrying { run, error, delay });
            }
        }
    }

    fn begin_end(&mut self, decision: Decision) -> Initiated {
        match &mut self.active {
            None => Initiated::Nothing,
            Some(active) => {
                active.decision = decision;
                Initiated::Ending(active.reply.run)
            }
        }
    }

    /// Ends the active run: as given, or as was decided before.
    fn ends(&mut self, outcome: RunOutcome, error: Option<RunError>, at: Millis) {
        let before = self.clone();
        let Some(active) = self.active.take() else {
            return;
        };
        let failed = |code: RunErrorCode| (RunOutcome::Failed, Some(code.into()));
        let (outcome, error) = match active.decision {
            _ if self.keeping == Keeping::Refused => failed(RunErrorCode::StoreFailed),
            Decision::Open => (outcome, error),
            Decision::Cancelled => (RunOutcome::Cancelled, None),
            Decision::Interrupted => failed(RunErrorCode::Interrupted),
            Decision::Full => failed(RunErrorCode::OutputLimit),
            Decision::Exhausted => failed(RunErrorCode::CapacityExhausted),
        };
        self.stored = (self.keeping == Keeping::Refused).then(|| Box::new(before));
        let (run, diagnostics) = (active.reply.run, self.diagnostics);
        // The input and the reply come first.
        let input = self.lines.last().expect("the input").cost();
        let taken = input + active.reply.text.len() + ENTRY_OVERHEAD_BYTES;
        let room = self.limits.transcript_bytes.saturating_sub(taken);
        let reasoning = grow(&mut String::new(), &active.reply.reasoning, room);
        let line = if active.reply.text.is_empty() {
            self.lines.last_mut().expect("the input").unanswered = true;
            None
        } else {
            Some(self.append_entry(Line {
                number: 0,
                at,
                role: Role::Assistant,
                run,
                content: active.reply.text,
                partial: outcome != RunOutcome::Completed,
                unanswered: false,
                reasoning,
                diagnostics,
            }))
        };
        let ended = EventKind::RunFinished {
            run,
            outcome,
            error,
            line,
            usage: active.usage,
            diagnostics,
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

    /// Appends a line, and gives it its number.
    fn append_entry(&mut self, line: Line) -> u64 {
        let number = self.lines.len() as u64 + 1;
        self.lines.push(Line { number, ..line });
        number
    }

    fn record(&mut self, at: Millis, kind: EventKind) -> u64 {
        // What is in flight right after this event: the texts of all deltas so far.
        let mut in_flight = self.moments.last().and_then(|was| was.in_flight.clone());
        match (&kind, &mut in_flight) {
            (EventKind::InputAccepted { run, .. }, _) => in_flight = Some(InFlight::new(*run)),
            (EventKind::OutputDelta { text, .. }, Some(reply)) => reply.text.push_str(text),
            (EventKind::ReasoningDelta { text, .. }, Some(reply)) => reply.reasoning.push_str(text),
            (EventKind::RunRetrying { .. }, _) => {}
            _ => in_flight = None,
        }
        let lines = self.lines.len();
        self.moments.push(Moment { lines, in_flight });
        self.events.push(Event { at, kind });
        (self.events.len() - self.events_before) as u64
    }
}

/// Appends as many of the characters as fit in `most` bytes, and returns them.
fn grow(whole: &mut String, text: &str, most: usize) -> String {
    let mut added = String::new();
    for character in text.chars() {
        if whole.len() + character.len_utf8() > most {
            break;
        }
        whole.push(character);
        added.push(character);
    }
    added
}

/// The text in parts of at most `most` bytes.
fn split(text: &str, most: usize) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for character in text.chars() {
        match parts.last_mut() {
            Some(part) if part.len() + character.len_utf8() <= most => part.push(character),
            _ => parts.push(character.into()),
        }
    }
    parts
}
