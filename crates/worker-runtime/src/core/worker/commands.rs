//! The commands that a worker takes, and what they change.

use std::sync::Arc;

use jiff::Timestamp;

use super::Worker;
use super::state::{EndReason, NextState, Run, State};
use crate::command::Accepted;
use crate::display_name::DisplayName;
use crate::error::{CancelError, InputError};
use crate::event::EventKind;
use crate::fingerprint::Fingerprint;
use crate::id::{IdempotencyKey, RunId};
use crate::run::RunDiagnostics;
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
    /// It may start a run, for which the worker needs so many bytes.
    Start {
        input: AcceptedInput,
        bytes: RunBytes,
    },
}

/// The bytes that a worker counts while it works on an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunBytes {
    /// Right after it was accepted, with what the end of the run adds.
    pub(crate) now: usize,
    /// At most, whatever its engine adds.
    pub(crate) max: usize,
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
            | State::Finishing {
                run,
                next: NextState::Idle,
                ..
            }
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
            | State::Finishing {
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
            bytes: self.bytes_during(input.content.len(), input.key.as_ref()),
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
        if let Some(run) = self.state.running_mut(run_id) {
            run.phase = RunPhase::Waiting;
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

    /// Begins to stop the worker. If a run is active, the worker stops as soon as that has ended.
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
