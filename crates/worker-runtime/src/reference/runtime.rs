//! All workers of a runtime: which there are, and what they have to share.

use super::words::{Accepted, Begun, Millis, Refusal, RunNumber, Step};
use super::{Worker, WorkerNumber};
use crate::event::RunErrorCode;
use crate::limits::{LimitName, Limits};
use crate::snapshot::{WorkerCounts, WorkerState};

/// A request for a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Create {
    pub(crate) name: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) key: Option<String>,
}

/// A worker that is there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Created {
    pub(crate) worker: WorkerNumber,
    pub(crate) replayed: bool,
}

/// A worker, the request that made it, and whether it is still known.
#[derive(Debug, Clone)]
struct Known {
    worker: Worker,
    asked: Create,
    created_at: Millis,
    forgotten: bool,
}

/// Every worker there ever was.
#[derive(Debug, Clone)]
pub(crate) struct Runtime {
    pub(crate) limits: Limits,
    profiles: &'static [&'static str],
    workers: Vec<Known>,
    /// Every worker that stopped, in that order.
    stopped: Vec<WorkerNumber>,
    /// How many runs were started.
    pub(crate) runs: usize,
    shutting_down: bool,
}

impl Runtime {
    /// A runtime with these profiles, of which the first is the default one.
    pub(crate) fn new(limits: Limits, profiles: &'static [&'static str]) -> Self {
        Self {
            limits,
            profiles,
            workers: Vec::new(),
            stopped: Vec::new(),
            runs: 0,
            shutting_down: false,
        }
    }

    pub(crate) fn create(&mut self, asked: &Create, at: Millis) -> Result<Created, Refusal> {
        if asked
            .name
            .as_ref()
            .is_some_and(|name| name.trim().is_empty())
        {
            return Err(Refusal::BadName);
        }
        if let Some(profile) = &asked.profile
            && !self.profiles.contains(&profile.as_str())
        {
            return Err(Refusal::UnknownProfile);
        }
        if asked.key.is_some()
            && let Some(worker) = self
                .known()
                .find(|worker| self.asked(*worker).key == asked.key)
        {
            let replayed = true;
            return if self.asked(worker) == asked {
                Ok(Created { worker, replayed })
            } else {
                Err(Refusal::Conflict)
            };
        }
        if self.shutting_down {
            return Err(Refusal::ShuttingDown);
        }
        let worker = Worker::new(self.limits.clone(), asked.key.clone(), at);
        while self.known().count() >= self.limits.workers {
            self.make_room(LimitName::Workers)?;
        }
        while self.counted_bytes() + worker.counted_bytes() > self.limits.total_bytes {
            self.make_room(LimitName::TotalBytes)?;
        }
        self.workers.push(Known {
            worker,
            asked: asked.clone(),
            created_at: at,
            forgotten: false,
        });
        Ok(Created {
            worker: self.workers.len() - 1,
            replayed: false,
        })
    }

    pub(crate) fn send(
        &mut self,
        number: WorkerNumber,
        content: &str,
        key: Option<&str>,
        at: Millis,
    ) -> Result<Accepted, Refusal> {
        let worker = self.get(number)?;
        if let Some(answer) = worker.admit(content, key)? {
            return Ok(answer);
        }
        if self.shutting_down {
            return Err(Refusal::ShuttingDown);
        }
        if self.active_runs() >= self.limits.concurrent_runs {
            return Err(Refusal::NoRoom(LimitName::ConcurrentRuns));
        }
        let more = worker.most_bytes(content, key) - worker.counted_bytes();
        while self.counted_bytes() + more > self.limits.total_bytes {
            self.make_room(LimitName::TotalBytes)?;
        }
        let run = self.runs;
        self.runs += 1;
        Ok(self.workers[number].worker.accept(run, content, key, at))
    }

    pub(crate) fn cancel(
        &mut self,
        number: WorkerNumber,
        expected: Option<RunNumber>,
    ) -> Result<Begun, Refusal> {
        self.get(number)?;
        self.workers[number].worker.cancel(expected)
    }

    pub(crate) fn stop(&mut self, number: WorkerNumber, at: Millis) -> Result<Begun, Refusal> {
        self.get(number)?;
        let begun = self.workers[number].worker.stop(at);
        self.note_stopped(number);
        Ok(begun)
    }

    /// Takes no more work and begins to cancel the active runs.
    pub(crate) fn shut_down(&mut self) -> Vec<(WorkerNumber, RunNumber)> {
        self.shutting_down = true;
        let mut ending = Vec::new();
        for number in self.known().rev().collect::<Vec<_>>() {
            if let Ok(Begun::Ending(run)) = self.workers[number].worker.cancel(None) {
                ending.push((number, run));
            }
        }
        ending
    }

    /// Every engine lets go of the run that it is to let go of.
    pub(crate) fn settle(&mut self, at: Millis) {
        for number in 0..self.workers.len() {
            self.workers[number].worker.let_go(at);
            self.note_stopped(number);
        }
    }

    /// The worker's engine does something, if it has a run to do it for.
    pub(crate) fn engine(&mut self, number: WorkerNumber, step: &Step, at: Millis) {
        self.settle(at);
        if let Some(known) = self.workers.get_mut(number) {
            known.worker.engine(step, at);
        }
        self.settle(at);
    }

    /// More time passes than a run may take.
    pub(crate) fn time_out(&mut self, at: Millis) {
        self.settle(at);
        self.all(&Step::Dawdle, at);
    }

    /// The executor goes away, and all tasks with it.
    pub(crate) fn interrupt(&mut self, at: Millis) {
        self.all(&Step::Fail(RunErrorCode::Interrupted), at);
    }

    fn all(&mut self, step: &Step, at: Millis) {
        for number in 0..self.workers.len() {
            self.workers[number].worker.engine(step, at);
            self.note_stopped(number);
        }
    }

    /// The workers that are known, oldest first.
    pub(crate) fn known(&self) -> impl DoubleEndedIterator<Item = WorkerNumber> {
        (0..self.workers.len()).filter(|number| !self.workers[*number].forgotten)
    }

    /// How many workers there ever were.
    pub(crate) fn ever(&self) -> usize {
        self.workers.len()
    }

    pub(crate) fn get(&self, number: WorkerNumber) -> Result<&Worker, Refusal> {
        let known = self.workers.get(number).filter(|known| !known.forgotten);
        known
            .map(|known| &known.worker)
            .ok_or(Refusal::UnknownWorker)
    }

    /// What was asked for when this worker was created.
    pub(crate) fn asked(&self, number: WorkerNumber) -> &Create {
        &self.workers[number].asked
    }

    pub(crate) fn created_at(&self, number: WorkerNumber) -> Millis {
        self.workers[number].created_at
    }

    pub(crate) fn is_shutting_down(&self) -> bool {
        self.shutting_down
    }

    pub(crate) fn default_profile(&self) -> &'static str {
        self.profiles[0]
    }

    /// A page of the list, newest first, and where the next one begins.
    pub(crate) fn list(
        &self,
        after: Option<WorkerNumber>,
        state: Option<WorkerState>,
        most: usize,
    ) -> (Vec<WorkerNumber>, Option<WorkerNumber>) {
        let older = |number: &WorkerNumber| after.is_none_or(|after| *number < after);
        let mut ahead = self.known().rev().filter(older).peekable();
        let look_at = state.map_or(most, |_| self.limits.list_scan);
        let (mut page, mut last) = (Vec::new(), None);
        for number in ahead.by_ref().take(look_at) {
            last = Some(number);
            if state.is_none_or(|state| self.workers[number].worker.state() == state) {
                page.push(number);
            }
            if page.len() == most {
                break;
            }
        }
        (page, last.filter(|_| ahead.peek().is_some()))
    }

    pub(crate) fn counts(&self) -> WorkerCounts {
        let mut counts = WorkerCounts::default();
        for number in self.known() {
            match self.workers[number].worker.state() {
                WorkerState::Idle => counts.idle += 1,
                WorkerState::Running => counts.running += 1,
                WorkerState::Cancelling => counts.cancelling += 1,
                WorkerState::Stopped => counts.stopped += 1,
            }
        }
        counts
    }

    pub(crate) fn active_runs(&self) -> usize {
        let running = |number: &WorkerNumber| self.workers[*number].worker.active_run().is_some();
        self.known().filter(running).count()
    }

    pub(crate) fn counted_bytes(&self) -> usize {
        let counted = |number: WorkerNumber| self.workers[number].worker.counted_bytes();
        self.known().map(counted).sum()
    }

    /// Forgets the worker that has been stopped for longest.
    fn make_room(&mut self, limit: LimitName) -> Result<(), Refusal> {
        let known = |number: &&WorkerNumber| !self.workers[**number].forgotten;
        let oldest = self.stopped.iter().find(known);
        let oldest = *oldest.ok_or(Refusal::NoRoom(limit))?;
        self.workers[oldest].forgotten = true;
        Ok(())
    }

    fn note_stopped(&mut self, number: WorkerNumber) {
        let stopped = self.workers[number].worker.state() == WorkerState::Stopped;
        if stopped && !self.stopped.contains(&number) {
            self.stopped.push(number);
        }
    }
}
