//! The commands that a worker takes, and what they change.

use std::sync::Arc;

use jiff::Timestamp;
use smol_str::SmolStr;

use super::Worker;
use super::state::{EndReason, NextState, Run, RunEnd, State};
use crate::command::Accepted;
use crate::display_name::DisplayName;
use crate::engine::OutputClosed;
use crate::error::{CancelError, InputError};
use crate::event::EventKind;
use crate::fingerprint::Fingerprint;
use crate::id::{IdempotencyKey, RunId};
use crate::run::{LastRun, Report, RunDiagnostics, RunOutcome};
use crate::transcript::{Entry, Role, RunPhase};

/// An input that has not been accepted yet.
#[derive(Debug, Clone)]
pub(crate) struct NewRun {
    pub(crate) run_id: RunId,
    pub(crate) content: Arc<str>,
    pub(crate) key: Option<(IdempotencyKey, Fingerprint)>,
}

/// What would happen to an input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It was accepted before, with this result.
    Replay(Accepted),
    /// It may start a run, during which the worker counts at most this many bytes.
    Start { max_bytes: usize },
}

impl Worker {
    /// Checks whether an input may be accepted, and changes nothing.
    pub(crate) fn admit(&self, input: &NewRun) -> Result<Admission, InputError> {
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
        Ok(Admission::Start {
            max_bytes: self.max_bytes_during(input.content.len(), input.key.as_ref()),
        })
    }

    /// Commits an input and starts its run, if [`admit`](Self::admit) allows it.
    pub(crate) fn accept(&mut self, input: NewRun, now: Timestamp) -> Result<Accepted, InputError> {
        if let Admission::Replay(accepted) = self.admit(&input)? {
            return Ok(accepted);
        }
        let run_id = input.run_id;
        let sequence = self.transcript.append(|sequence| Entry {
            sequence,
            at: now,
            role: Role::User,
            run_id,
            content: input.content,
            partial: false,
            unanswered: false,
            reasoning: None,
            diagnostics: RunDiagnostics::default(),
        });
        self.state = State::Running(Run::new(run_id));
        self.diagnostics = RunDiagnostics::default();
        let accepted = Accepted {
            run_id,
            sequence,
            cursor: self.record(now, EventKind::InputAccepted { run_id, sequence }),
            replayed: false,
        };
        if let Some((key, fingerprint)) = input.key {
            self.inputs.insert(key, fingerprint, accepted);
        }
        Ok(accepted)
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

    /// Begins to end the active run as cancelled. `None` when there is none.
    pub(crate) fn cancel(&mut self, expected: Option<RunId>) -> Result<Option<RunId>, CancelError> {
        let Some(active) = self.active_run() else {
            return Ok(None);
        };
        match expected {
            Some(expected) if expected != active => Err(CancelError::RunMismatch {
                worker_id: self.metadata.id,
                expected,
                active,
            }),
            _ => {
                self.state.end(EndReason::Cancelled, NextState::Idle);
                Ok(Some(active))
            }
        }
    }

    /// Stops the worker: at once, or, if a run is active, as soon as that has ended.
    /// Returns that run.
    pub(crate) fn stop(&mut self, now: Timestamp) -> Option<RunId> {
        match &self.state {
            State::Stopped => None,
            State::Idle => {
                self.state = State::Stopped;
                self.record(now, EventKind::WorkerStopped);
                None
            }
            State::Running(run) | State::Ending { run, .. } => {
                let run_id = run.id;
                self.state.end(EndReason::Cancelled, NextState::Stopped);
                Some(run_id)
            }
        }
    }

    /// Gives the worker another name. That is no event: readers of events follow the conversation.
    pub(crate) fn rename(&mut self, display_name: DisplayName) {
        self.display_name = display_name;
    }

    /// Ends a run and returns its outcome. Nothing happens unless it is the active one, so that a
    /// run ends exactly once.
    pub(crate) fn finish(
        &mut self,
        run_id: RunId,
        end: RunEnd,
        now: Timestamp,
    ) -> Option<RunOutcome> {
        let (run, end, next) = self.state.take_run(run_id, end)?;
        let (outcome, error) = end.into_parts();
        let (usage, diagnostics) = (run.usage, self.diagnostics);
        let sequence = run.reply.into_text().map(|content| {
            self.transcript.append(|sequence| Entry {
                sequence,
                at: now,
                role: Role::Assistant,
                run_id,
                content,
                partial: outcome != RunOutcome::Completed,
                unanswered: false,
                reasoning: run.reasoning.into_text(),
                diagnostics,
            })
        });
        if sequence.is_none() {
            self.transcript.mark_newest_unanswered();
        }
        self.usage.add(usage);
        self.last_run = Some(LastRun {
            run_id,
            outcome,
            error,
            finished_at: now,
        });
        self.record(
            now,
            EventKind::RunFinished {
                run_id,
                outcome,
                sequence,
                usage,
                error,
                diagnostics,
            },
        );
        if next == NextState::Stopped {
            self.stop(now);
        }
        Some(outcome)
    }
}
