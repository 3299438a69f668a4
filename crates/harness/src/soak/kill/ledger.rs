//! What all clients of the scenario did and saw, over all lives of the server.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use registry_core::projection::WorkerDetail;
use registry_core::{Cursor, RunId, WorkerId};

use super::clock::{Clock, Moment, Span};
use super::findings::{Findings, Promise};
use super::history::History;
use super::input_ledger::Replay;
use super::verifier::Scope;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) findings: Findings,
    pub(super) counts: Counts,
    /// Every worker that may be there.
    pub(super) workers: HashMap<WorkerId, History>,
    /// The same, in the order of their creation.
    pub(super) order: Vec<WorkerId>,
    /// The workers that were deleted for certain.
    pub(super) deleted: HashSet<WorkerId>,
    pub(super) creates: Vec<Create>,
    /// A worker and a cursor of its events.
    pub(super) cursor: Option<(WorkerId, Cursor)>,
    numbers: u64,
}

/// What was done, for the report.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) answered: usize,
    pub(super) refused: usize,
    /// Requests that the server's end left without an answer.
    pub(super) unknown: usize,
    /// Changes to which the server answered that it is unavailable.
    pub(super) unavailable: usize,
    pub(super) replayed: usize,
    pub(super) reads: usize,
    /// Reads that the server gave up at its deadline, and that were repeated.
    pub(super) late_reads: usize,
    pub(super) created: usize,
    pub(super) inputs: usize,
    pub(super) interrupted: HashSet<RunId>,
    /// Interrupted runs of which a part of the reply was kept.
    pub(super) partial: usize,
    pub(super) verified: usize,
}

/// A creation, which may be repeated when it has a key.
#[derive(Debug)]
pub(super) struct Create {
    pub(super) name: String,
    pub(super) key: Option<String>,
    pub(super) begun: Moment,
    /// The worker, once it is known.
    pub(super) worker: Option<WorkerId>,
    /// How often it was sent, without those that were refused.
    attempts: usize,
    fresh: usize,
    /// Whether the server has not been killed since.
    pub(super) is_recent: bool,
}

impl Create {
    /// Whether a worker of this name that nobody knows yet may be its.
    pub(super) fn may_have_made(&self, name: &str) -> bool {
        self.name == name && self.worker.is_none() && self.attempts > 0
    }
}

impl Ledger {
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        // A panic elsewhere is reported by its own task.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut state)
    }
}

impl State {
    /// A number that was not given before.
    pub(super) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// What is known of a worker, and where to put what is found.
    pub(super) fn history(&mut self, id: &WorkerId) -> Option<(&mut History, &mut Findings)> {
        let history = self.workers.get_mut(id)?;
        history.is_touched = true;
        Some((history, &mut self.findings))
    }

    /// A worker is about to be created. Gives the index of the creation.
    pub(super) fn begin_create(&mut self, name: String, key: Option<String>, now: Moment) -> usize {
        self.creates.push(Create {
            name,
            key,
            begun: now,
            worker: None,
            attempts: 0,
            fresh: 0,
            is_recent: true,
        });
        self.creates.len() - 1
    }

    /// A creation is about to be sent. Gives its name and key.
    pub(super) fn send_create(&mut self, index: usize) -> (String, Option<String>) {
        let create = &mut self.creates[index];
        create.attempts += 1;
        (create.name.clone(), create.key.clone())
    }

    /// The server has said that it created nothing.
    pub(super) fn create_refused(&mut self, index: usize) {
        self.creates[index].attempts -= 1;
    }

    /// A creation was answered.
    pub(super) fn created(
        &mut self,
        index: usize,
        detail: &WorkerDetail,
        replay: Replay,
        span: Span,
    ) {
        let create = &mut self.creates[index];
        let (id, name) = (detail.summary.worker_id.clone(), create.name.clone());
        create.fresh += usize::from(replay == Replay::Fresh);
        let is_once = create.fresh <= 1
            && (create.attempts > 1 || replay == Replay::Fresh)
            && create.worker.as_ref().is_none_or(|before| *before == id);
        let is_protected = create.is_recent && create.key.is_some();
        let before = create.worker.replace(id.clone());
        self.findings.check(is_once, Promise::Twice, &name, || {
            format!("created as {before:?} before, and now {replay:?} as {id}")
        });
        let created = Span {
            begun: create.begun,
            ..span
        };
        self.adopt(&name, detail, created);
        if let Some((history, findings)) = self.history(&id) {
            history.is_protected = is_protected;
            history.see_created(&name, detail, span, findings);
        }
    }

    /// Adds a worker that was created under `name`, unless it is known.
    pub(super) fn adopt(&mut self, name: &str, detail: &WorkerDetail, created: Span) {
        let id = &detail.summary.worker_id;
        if self.workers.contains_key(id) {
            return;
        }
        let found = detail.summary.display_name.to_string();
        self.findings
            .check(found == name, Promise::Answer, name, || {
                format!("the new worker {id} has the name {found}")
            });
        self.counts.created += 1;
        self.order.push(id.clone());
        let history = History::new(detail.summary.clone(), created);
        self.workers.insert(id.clone(), history);
    }

    /// The inputs that the verification repeats: those that it did not repeat before, or all.
    pub(super) fn inputs_to_repeat(&mut self, scope: Scope) -> Vec<(WorkerId, usize)> {
        let mut found = Vec::new();
        for id in &self.order {
            let history = self
                .workers
                .get_mut(id)
                .filter(|history| history.is_wanted());
            let due = history.map(|history| match scope {
                Scope::Touched => history.inputs.take_due(),
                Scope::Everything => history.inputs.keyed(),
            });
            found.extend(due.into_iter().flatten().map(|index| (id.clone(), index)));
        }
        found
    }

    /// The server is gone: nothing that was on its way will be done any more.
    pub(super) fn settle(&mut self, now: Moment) {
        for history in self.workers.values_mut() {
            history.settle(now);
        }
    }

    /// Forgets all but the ids of workers that were deleted for certain.
    pub(super) fn forget_deleted(&mut self) {
        let (workers, deleted) = (&mut self.workers, &mut self.deleted);
        self.order.retain(|id| {
            let is_deleted = workers.get(id).is_some_and(History::is_deleted);
            if is_deleted {
                workers.remove(id);
                deleted.insert(id.clone());
            }
            !is_deleted
        });
    }

    /// Forgets creations that can't be repeated, once the others have been.
    pub(super) fn forget_creates(&mut self) {
        for history in self.workers.values_mut() {
            history.is_protected = false;
        }
        let workers = &self.workers;
        self.creates.retain_mut(|create| {
            create.is_recent = false;
            let history = create.worker.as_ref().and_then(|id| workers.get(id));
            create.key.is_some() && history.is_some_and(History::is_wanted)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_creation_that_was_refused_each_time_has_made_nothing() {
        let mut state = State::default();
        let index = state.begin_create("a".to_owned(), Some("key".to_owned()), Moment::NEVER);
        state.send_create(index);
        assert!(state.creates[index].may_have_made("a"));
        assert!(!state.creates[index].may_have_made("b"));
        state.create_refused(index);
        assert!(!state.creates[index].may_have_made("a"));
        state.send_create(index);
        state.send_create(index);
        state.create_refused(index);
        assert!(state.creates[index].may_have_made("a"));
    }
}
