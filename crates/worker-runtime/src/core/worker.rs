//! A worker's state machine: which commands it takes, and what they change.

use std::sync::Arc;

use jiff::Timestamp;

use super::deltas::Deltas;
use super::keys::{Fingerprint, Keys, key_cost};
use super::log::EventLog;
use super::transcript::{Transcript, entry_cost};
use crate::command::Accepted;
use crate::cursor::{Cursor, Epoch};
use crate::display_name::DisplayName;
use crate::engine::{Remark, RunRemarks, Usage};
use crate::error::{CancelError, InputError};
use crate::event::{Entry, EventKind, Role, RunErrorCode, RunOutcome};
use crate::id::{IdempotencyKey, RunId, WorkerId};
use crate::limits::Limits;
use crate::profile::ProfileId;
use crate::snapshot::LastRun;

mod extend;
mod run;
mod view;

pub(crate) use run::RunEnd;
use run::{Run, State, Then, Verdict};

/// One worker: its state, its transcript, and the events about it.
#[derive(Debug)]
pub(crate) struct Worker {
    id: WorkerId,
    /// What the key it was created under counts.
    key_bytes: usize,
    limits: Arc<Limits>,
    state: State,
    transcript: Transcript,
    log: EventLog,
    inputs: Keys<Accepted>,
    last_activity_at: Timestamp,
    usage: Usage,
    last_run: Option<LastRun>,
    remarks: RunRemarks,
}

/// What is settled when a worker is created. It never changes: who shows a worker reads it
/// beside the worker, without the worker's lock.
#[derive(Debug, Clone)]
pub(crate) struct Birth {
    pub(crate) id: WorkerId,
    pub(crate) epoch: Epoch,
    pub(crate) display_name: DisplayName,
    pub(crate) profile: ProfileId,
    /// The key it was created under, remembered as long as the worker is.
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) at: Timestamp,
}

/// An input on its way in.
#[derive(Debug, Clone)]
pub(crate) struct NewRun {
    pub(crate) run_id: RunId,
    pub(crate) content: Arc<str>,
    pub(crate) key: Option<(IdempotencyKey, Fingerprint)>,
}

/// What becomes of an input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It was accepted before: this was the answer.
    Replay(Accepted),
    /// It may start a run, during which the worker counts at most this many bytes.
    Start { ceiling_bytes: usize },
}

impl Worker {
    pub(crate) fn new(birth: &Birth, limits: Arc<Limits>) -> Self {
        let mut worker = Self {
            id: birth.id,
            key_bytes: birth.key.as_ref().map_or(0, key_cost),
            state: State::Idle,
            transcript: Transcript::new(&limits),
            log: EventLog::new(birth.epoch, &limits),
            inputs: Keys::new(limits.input_keys),
            last_activity_at: birth.at,
            usage: Usage::default(),
            last_run: None,
            remarks: RunRemarks::default(),
            limits,
        };
        worker.record(birth.at, EventKind::WorkerCreated);
        worker
    }

    /// Says what would become of an input, and changes nothing.
    pub(crate) fn admit(&self, input: &NewRun) -> Result<Admission, InputError> {
        let worker_id = self.id;
        if let Some((key, fingerprint)) = &input.key {
            let known = self.inputs.recall(key, *fingerprint);
            let known = known.map_err(|_| InputError::IdempotencyConflict { worker_id })?;
            if let Some(answer) = known {
                return Ok(Admission::Replay(Accepted {
                    replayed: true,
                    ..answer
                }));
            }
        }
        match &self.state {
            State::Idle => {}
            State::Running(run)
            | State::Ending {
                run,
                then: Then::Idle,
                ..
            } => {
                return Err(InputError::Busy {
                    worker_id,
                    run_id: run.id,
                });
            }
            State::Ending {
                then: Then::Stopped,
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
            ceiling_bytes: self.ceiling_bytes(input),
        })
    }

    /// Commits an input and starts its run, if [`admit`](Self::admit) allows it.
    pub(crate) fn accept(&mut self, input: NewRun, now: Timestamp) -> Result<Accepted, InputError> {
        if let Admission::Replay(answer) = self.admit(&input)? {
            return Ok(answer);
        }
        let run_id = input.run_id;
        let sequence = self.transcript.append(|sequence| Entry {
            sequence,
            at: now,
            role: Role::User,
            run_id,
            content: input.content,
            partial: false,
        });
        self.state = State::Running(Run::new(run_id));
        self.remarks = RunRemarks::default();
        let answer = Accepted {
            run_id,
            sequence,
            cursor: self.record(now, EventKind::InputAccepted { run_id, sequence }),
            replayed: false,
        };
        if let Some((key, fingerprint)) = input.key {
            self.inputs.remember(key, fingerprint, answer);
        }
        Ok(answer)
    }

    /// Notes what is said about a run. No event: it changes nothing that readers follow.
    pub(crate) fn remark(&mut self, run_id: RunId, remark: Remark) {
        if matches!(&self.state, State::Running(run) if run.id == run_id) {
            self.remarks.note(remark);
        }
    }

    /// Begins to end the active run as cancelled. `None` when there is none.
    pub(crate) fn cancel(&mut self, expected: Option<RunId>) -> Result<Option<RunId>, CancelError> {
        let Some(active) = self.active_run() else {
            return Ok(None);
        };
        match expected {
            Some(expected) if expected != active => Err(CancelError::RunMismatch {
                worker_id: self.id,
                expected,
                active,
            }),
            _ => {
                self.state.end(Verdict::Cancelled, Then::Idle);
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
                self.state.end(Verdict::Cancelled, Then::Stopped);
                Some(run_id)
            }
        }
    }

    /// Ends a run, and says how. Nothing happens unless it is the active one, so that a
    /// run ends exactly once.
    pub(crate) fn finish(
        &mut self,
        run_id: RunId,
        end: RunEnd,
        now: Timestamp,
    ) -> Option<RunOutcome> {
        let (run, end, then) = self.state.take_run(run_id, end)?;
        let (outcome, usage, error_code) = end.told();
        let sequence = run.reply.into_text().map(|content| {
            self.transcript.append(|sequence| Entry {
                sequence,
                at: now,
                role: Role::Assistant,
                run_id,
                content,
                partial: outcome != RunOutcome::Completed,
            })
        });
        self.usage = self.usage.plus(usage.unwrap_or_default());
        self.last_run = Some(LastRun {
            run_id,
            outcome,
            error_code,
            finished_at: now,
        });
        self.record(
            now,
            EventKind::RunFinished {
                run_id,
                outcome,
                sequence,
                usage,
                error_code,
            },
        );
        if then == Then::Stopped {
            self.stop(now);
        }
        Some(outcome)
    }

    fn record(&mut self, at: Timestamp, kind: EventKind) -> Cursor {
        self.last_activity_at = at;
        self.log.append(at, kind)
    }

    fn record_deltas(&mut self, at: Timestamp, deltas: Deltas) {
        self.last_activity_at = at;
        self.log.append_deltas(at, deltas);
    }
}

impl RunEnd {
    /// The end as its event tells it.
    fn told(self) -> (RunOutcome, Option<Usage>, Option<RunErrorCode>) {
        match self {
            Self::Completed(usage) => (RunOutcome::Completed, Some(usage), None),
            Self::Cancelled => (RunOutcome::Cancelled, None, None),
            Self::Failed(code) => (RunOutcome::Failed, None, Some(code)),
            Self::TimedOut => (RunOutcome::TimedOut, None, None),
        }
    }
}

#[cfg(test)]
mod tests;
