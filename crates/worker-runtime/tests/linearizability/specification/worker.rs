//! One worker, as if it had one client.

use worker_runtime::{RunId, RunOutcome, WorkerState};

use crate::linearizability::engine::{Content, REPLY};
use crate::linearizability::observed::{Cancel, Page, Receipt, Refusal, Snapshot};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Worker {
    phase: Phase,
    entries: u64,
    events: u64,
    /// What was accepted under which key.
    answers: Vec<(u8, Content, Receipt)>,
    last: Option<(RunId, RunOutcome)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Phase {
    Idle,
    Running(Run),
    /// The run ends as cancelled; and then the worker may be at its end, too.
    Ending {
        run: Run,
        stops: bool,
    },
    Stopped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Run {
    id: RunId,
    content: Content,
    /// Whether the engine has replied.
    replied: bool,
}

impl Worker {
    /// A worker about which nothing is known but that it exists.
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Idle,
            entries: 0,
            events: 1,
            answers: Vec::new(),
            last: None,
        }
    }

    pub(super) fn active(&self) -> Option<RunId> {
        self.run().map(|run| run.id)
    }

    /// Takes an input, if that is answered so.
    pub(super) fn send(
        &mut self,
        content: Content,
        key: Option<u8>,
        room: bool,
        answer: Result<Receipt, Refusal>,
    ) -> bool {
        let known = self.answers.iter().find(|(known, ..)| Some(*known) == key);
        if let Some((_, said, receipt)) = known {
            let replay = Receipt {
                replayed: true,
                ..*receipt
            };
            let same = *said == content;
            return answer
                == if same {
                    Ok(replay)
                } else {
                    Err(Refusal::Conflict)
                };
        }
        let refusal = match &self.phase {
            Phase::Stopped | Phase::Ending { stops: true, .. } => Some(Refusal::Stopped),
            Phase::Running(run) | Phase::Ending { run, .. } => Some(Refusal::Busy(run.id)),
            Phase::Idle if !room => Some(Refusal::TooManyRuns),
            Phase::Idle => None,
        };
        if let Some(refusal) = refusal {
            return answer == Err(refusal);
        }
        let Ok(receipt) = answer else {
            return false;
        };
        self.entries += 1;
        self.events += 1;
        self.phase = Phase::Running(Run {
            id: receipt.run,
            content,
            replied: false,
        });
        self.answers.extend(key.map(|key| (key, content, receipt)));
        (receipt.entry, receipt.event, receipt.replayed) == (self.entries, self.events, false)
    }

    /// Begins to cancel the active run.
    pub(super) fn cancel(&mut self, expected: Option<RunId>) -> Cancel {
        let Some(&run) = self.run() else {
            return Cancel::Nothing;
        };
        if expected.is_some_and(|expected| expected != run.id) {
            return Cancel::OtherRun(run.id);
        }
        let stops = matches!(self.phase, Phase::Ending { stops: true, .. });
        self.phase = Phase::Ending { run, stops };
        Cancel::Run(run.id)
    }

    /// Stops, or begins to.
    pub(super) fn stop(&mut self) {
        match self.run() {
            Some(&run) => self.phase = Phase::Ending { run, stops: true },
            None if self.phase == Phase::Stopped => {}
            None => self.end(),
        }
    }

    /// The worker after the next thing that happens to it on its own, if anything does.
    pub(super) fn goes_on(&self) -> Option<Self> {
        let mut next = self.clone();
        match self.phase {
            Phase::Idle | Phase::Stopped => return None,
            Phase::Ending { run, stops } => {
                next.finish(run, RunOutcome::Cancelled);
                if stops {
                    next.end();
                }
            }
            Phase::Running(run) => match (run.content, run.replied) {
                (Content::Answer | Content::Linger, false) => {
                    next.events += 1;
                    let replied = true;
                    next.phase = Phase::Running(Run { replied, ..run });
                }
                (Content::Answer, true) => next.finish(run, RunOutcome::Completed),
                (Content::Linger, true) => return None,
                (Content::Fail, _) => next.finish(run, RunOutcome::Failed),
            },
        }
        Some(next)
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            state: match self.phase {
                Phase::Idle => WorkerState::Idle,
                Phase::Running(_) => WorkerState::Running,
                Phase::Ending { .. } => WorkerState::Cancelling,
                Phase::Stopped => WorkerState::Stopped,
            },
            active: self.active(),
            entries: self.entries,
            events: self.events,
            last: self.last,
        }
    }

    pub(super) fn page(&self) -> Page {
        let text = |run: &Run| if run.replied { REPLY } else { "" };
        Page {
            entries: self.entries,
            events: self.events,
            in_flight: self.run().map(|run| (run.id, text(run).to_owned())),
        }
    }

    fn run(&self) -> Option<&Run> {
        match &self.phase {
            Phase::Running(run) | Phase::Ending { run, .. } => Some(run),
            Phase::Idle | Phase::Stopped => None,
        }
    }

    fn finish(&mut self, run: Run, outcome: RunOutcome) {
        self.phase = Phase::Idle;
        self.entries += u64::from(run.replied);
        self.events += 1;
        self.last = Some((run.id, outcome));
    }

    fn end(&mut self) {
        self.phase = Phase::Stopped;
        self.events += 1;
    }
}
