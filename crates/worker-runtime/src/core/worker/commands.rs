//! The commands that a worker takes, and what they change.

use std::sync::Arc;

use jiff::Timestamp;
use smol_str::SmolStr;

use super::Worker;
use super::state::{EndReason, NextState, Run, State};
use crate::command::Accepted;
use crate::display_name::DisplayName;
use crate::engine::OutputClosed;
use crate::error::{CancelError, InputError};
use crate::event::EventKind;
use crate::fingerprint::Fingerprint;
use crate::id::{IdempotencyKey, RunId};
use crate::run::{Report, RunDiagnostics};
use crate::store::AcceptedInput;
use crate::transcript::{Entry, Role, RunPhase};

/// An input that has not been accepted yet.
#[derive(Debug, Clone)]
pub(crate) struct NewRun {
    pub(crate) run_id: RunId,
    pub(crate) content: Arc<str>,
    pub(crate) key: Option<(IdempotencyKey, Fingerprint)>,
}

/// When a run starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunTurn {
    Now,
    /// When there is a place for it among the runs in progress.
    Later,
}

/// What would happen to an input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It was accepted before, with this result.
    Replay(Accepted),
    /// It may start a run, during which the worker counts at most `max_bytes`.
    Start {
        input: AcceptedInput,
        max_bytes: usize,
    },
}

/// What a cancel does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CancelStep {
    /// There is no run.
    NotRunning,
    /// This run ends as cancelled.
    Cancelling(RunId),
    /// This run is ending otherwise, and it is too late to change that.
    TooLate(RunId),
}

/// What a stop does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopStep {
    /// The worker is stopped already.
    Stopped,
    /// Nothing keeps the worker from being [stopped](Worker::stopped).
    Idle,
    /// This run has to end first.
    Ending(RunId),
}

impl Worker {
    /// Checks whether an input may be accepted now, and changes nothing.
    pub(crate) fn admit(&self, input: &NewRun, now: Timestamp) -> Result<Admission, InputError> {
        let worker_id = self.metadata.id;
        if let Some((key, fingerprint)) = &input.key {
            let known = self.inputs.find(key, *fingerprint);
            let known = known.map_err(|_| InputError::IdempotencyConflict { worker_id })?;
            if let Some(accepted) = known {
                return Ok(Admission::Replay(Accepted {
                    replayed: true,
                    ..accepted
                }));
            }
        }
        match &self.state {
            State::Idle => {}
            State::Running(run)
            | State::Finishing { run, .. }
            | State::Ending {
                run,
                next: NextState::Idle,
                ..
            } => {
                return Err(InputError::Busy {
                    worker_id,
                    run_id: run.id,
                });
            }
            State::Ending {
                next: NextState::Stopped,
                ..
            }
            | State::Stopped => return Err(InputError::WorkerStopped { worker_id }),
        }
        if input.content.chars().all(char::is_whitespace) {
            return Err(InputError::Empty);
        }
        if input.content.len() > self.limits.input_bytes {
            return Err(InputError::TooLarge {
                maximum: self.limits.input_bytes,
                actual: input.content.len(),
            });
        }
        let entry = Entry {
            sequence: self.transcript.next(),
            at: now,
            role: Role::User,
            run_id: input.run_id,
            content: Arc::clone(&input.content),
            partial: false,
            unanswered: false,
            reasoning: None,
            diagnostics: RunDiagnostics::default(),
        };
        Ok(Admission::Start {
            input: AcceptedInput {
                worker_id,
                entry,
                cursor: self.log.next(),
                key: input.key.clone(),
            },
            max_bytes: self.max_bytes_during(input.content.len(), input.key.as_ref()),
        })
    }

    /// Commits an input that [`admit`](Self::admit) allowed. Its run starts, or waits for its
    /// [`turn`](Self::start_queued). The worker hasn't changed since.
    pub(crate) fn accept(&mut self, input: AcceptedInput, turn: RunTurn) -> Accepted {
        let (run_id, sequence, now) = (input.entry.run_id, input.entry.sequence, input.entry.at);
        self.transcript.append(input.entry);
        let phase = match turn {
            RunTurn::Now => RunPhase::Waiting,
            RunTurn::Later => RunPhase::Queued,
        };
        self.state = State::Running(Run::new(run_id, phase));
        self.diagnostics = RunDiagnostics::default();
        let accepted = Accepted {
            run_id,
            sequence,
            cursor: self.record(now, EventKind::InputAccepted { run_id, sequence }),
            replayed: false,
        };
        debug_assert_eq!(accepted.cursor, input.cursor, "nothing happened since");
        if let Some((key, fingerprint)) = input.key {
            self.inputs.insert(key, fingerprint, accepted);
        }
        accepted
    }

    /// It is the turn of a run that was queued, unless it is being ended. That is no event.
    pub(crate) fn start_queued(&mut self, run_id: RunId) {
        if let Some(run) = self.state.running(run_id) {
            run.phase = RunPhase::Waiting;
        }
    }

    /// Appends text to the reply of a run. Past the output limit, what fits is kept and the run
    /// begins to end.
    pub(crate) fn append_output(
        &mut self,
        run_id: RunId,
        text: &str,
        now: Timestamp,
    ) -> Result<(), OutputClosed> {
        let run = self.state.running(run_id).ok_or(OutputClosed)?;
        let remaining_bytes = self.limits.output_bytes - run.reply.len();
        let (kept, cut) = text.split_at(text.floor_char_boundary(remaining_bytes));
        if !kept.is_empty() {
            run.phase = RunPhase::Answering;
            run.reply.push(kept);
            self.record_deltas(now, kept, |text| EventKind::OutputDelta { run_id, text });
        }
        if cut.is_empty() {
            return Ok(());
        }
        self.state.end(EndReason::OutputLimit, NextState::Idle);
        Err(OutputClosed)
    }

    /// Appends text to the reasoning of a run. What exceeds its limit is dropped.
    pub(crate) fn append_reasoning(
        &mut self,
        run_id: RunId,
        text: &str,
        now: Timestamp,
    ) -> Result<(), OutputClosed> {
        let run = self.state.running(run_id).ok_or(OutputClosed)?;
        run.phase = RunPhase::Reasoning;
        if run.reasoning_full {
            return Ok(());
        }
        let remaining_bytes = self.limits.reasoning_bytes - run.reasoning.len();
        let kept = &text[..text.floor_char_boundary(remaining_bytes)];
        run.reasoning_full = kept.len() < text.len();
        run.reasoning.push(kept);
        self.record_deltas(now, kept, |text| EventKind::ReasoningDelta { run_id, text });
        Ok(())
    }

    /// Records what an engine reports about a run.
    pub(crate) fn report(&mut self, run_id: RunId, report: Report, now: Timestamp) {
        let Some(run) = self.state.running(run_id) else {
            return;
        };
        match report {
            // No events: nothing that readers follow changes before the run has ended.
            Report::Diagnostic(diagnostic) => self.diagnostics.record(diagnostic),
            Report::Usage(usage) => run.usage = Some(usage),
            Report::Retrying { kind, delay } => {
                run.phase = RunPhase::Retrying;
                let error = kind;
                self.record(
                    now,
                    EventKind::RunRetrying {
                        run_id,
                        error,
                        delay,
                    },
                );
            }
        }
    }

    /// Records text as events that hold at most a delta each.
    fn record_deltas(
        &mut self,
        at: Timestamp,
        mut text: &str,
        kind: impl Fn(SmolStr) -> EventKind,
    ) {
        while !text.is_empty() {
            let (delta, rest) = text.split_at(text.floor_char_boundary(self.limits.delta_bytes));
            self.record(at, kind(delta.into()));
            text = rest;
        }
    }

    /// Begins to end the active run for this reason; a run that is named has to be that one.
    pub(crate) fn cancel(
        &mut self,
        expected: Option<RunId>,
        reason: EndReason,
    ) -> Result<CancelStep, CancelError> {
        let Some(active) = self.active_run() else {
            return Ok(CancelStep::NotRunning);
        };
        if let Some(expected) = expected.filter(|expected| *expected != active) {
            return Err(CancelError::RunMismatch {
                worker_id: self.metadata.id,
                expected,
                active,
            });
        }
        self.state.end(reason, NextState::Idle);
        Ok(match &self.state {
            State::Finishing {
                cancelled: false, ..
            } => CancelStep::TooLate(active),
            State::Finishing { .. }
            | State::Ending { .. }
            | State::Running(_)
            | State::Idle
            | State::Stopped => CancelStep::Cancelling(active),
        })
    }

    /// Begins to stop the worker. If a run is active, the worker stops as soon as that has ended,
    /// unless the run's end was already decided.
    pub(crate) fn stop(&mut self) -> StopStep {
        self.state.end(EndReason::Cancelled, NextState::Stopped);
        match &self.state {
            State::Stopped => StopStep::Stopped,
            State::Idle => StopStep::Idle,
            State::Running(run) | State::Ending { run, .. } | State::Finishing { run, .. } => {
                StopStep::Ending(run.id)
            }
        }
    }

    /// The worker, which has no run, is stopped. A worker that already is stays as it is.
    pub(crate) fn stopped(&mut self, now: Timestamp) {
        debug_assert!(self.state.run().is_none(), "stop() returned `Ending`");
        if matches!(self.state, State::Stopped) {
            return;
        }
        self.state = State::Stopped;
        self.record(now, EventKind::WorkerStopped);
    }

    /// Gives the worker another name. That is no event: readers of events follow the conversation.
    pub(crate) fn rename(&mut self, display_name: DisplayName) {
        self.display_name = display_name;
    }
}
