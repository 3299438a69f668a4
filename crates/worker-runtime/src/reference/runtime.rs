//! The reference of a runtime: its workers and the limits that they share.

use super::model::{Accepted, Initiated, Keeping, Millis, Refusal, RunNumber, Step};
use super::{Worker, WorkerNumber};
use crate::limits::{LimitName, Limits};
use crate::run::RunErrorCode;
use crate::status::WorkerState;
use crate::transcript::RunPhase;

mod stored;
mod view;

/// A request for a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Create {
    pub(crate) name: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) key: Option<String>,
}

/// A profile: its id, and the model of its workers.
pub(crate) type Profile = (&'static str, Option<&'static str>);

/// A worker that exists now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Created {
    pub(crate) worker: WorkerNumber,
    pub(crate) replayed: bool,
}

/// A worker, the request that created it, and whether it was forgotten or deleted.
#[derive(Debug, Clone)]
struct Known {
    worker: Worker,
    request: Create,
    /// Its name now, if it was given one.
    name: Option<String>,
    profile: &'static str,
    model: String,
    created_at: Millis,
    /// It is deleted when its run has ended.
    delete_requested: bool,
    forgotten: bool,
}

/// Every worker that was ever created.
#[derive(Debug, Clone)]
pub(crate) struct Runtime {
    pub(crate) limits: Limits,
    /// The bytes by which the reservation of a run grows.
    pub(crate) reservation_step: usize,
    pub(crate) profiles: &'static [Profile],
    models: &'static [&'static str],
    workers: Vec<Known>,
    /// Every worker that stopped, in that order.
    stopped: Vec<WorkerNumber>,
    /// How many runs were started.
    pub(crate) runs: usize,
    shutting_down: bool,
    keeping: Keeping,
}

impl Runtime {
    /// A runtime with these profiles and models; the first of them are the default ones.
    pub(crate) fn new(
        limits: Limits,
        reservation_step: usize,
        profiles: &'static [Profile],
        models: &'static [&'static str],
        keeping: Keeping,
    ) -> Self {
        Self {
            limits,
            reservation_step,
            profiles,
            models,
            workers: Vec::new(),
            stopped: Vec::new(),
            runs: 0,
            shutting_down: false,
            keeping,
        }
    }

    pub(crate) fn create(&mut self, request: &Create, at: Millis) -> Result<Created, Refusal> {
        if request
            .name
            .as_ref()
            .is_some_and(|name| name.trim().is_empty())
        {
            return Err(Refusal::DisplayName);
        }
        if request.key.is_some()
            && let Some(worker) = self
                .known()
                .find(|worker| self.request(*worker).key == request.key)
        {
            let replayed = true;
            return if self.request(worker) == request {
                Ok(Created { worker, replayed })
            } else {
                Err(Refusal::Conflict)
            };
        }
        let wanted = request.profile.as_deref();
        let wanted = |profile: &&Profile| wanted.is_none_or(|wanted| profile.0 == wanted);
        let profile = self.profiles.iter().find(wanted);
        let (profile, model) = *profile.ok_or(Refusal::UnknownProfile)?;
        let model = request.model.as_deref().or(model);
        let model = model.unwrap_or(self.models[0]).to_owned();
        if !self.models.contains(&model.as_str()) {
            return Err(Refusal::UnknownModel);
        }
        if self.shutting_down {
            return Err(Refusal::Stopping);
        }
        if self.has_store() && self.known().count() >= self.limits.stored_workers {
            return Err(Refusal::Capacity(LimitName::StoredWorkers));
        }
        let key = request.key.clone();
        let (limits, step) = (self.limits.clone(), self.reservation_step);
        let worker = Worker::new(limits, step, key, self.keeping, at);
        self.make_room(1, worker.counted_bytes())?;
        self.keeping.accepts()?;
        self.workers.push(Known {
            worker,
            request: request.clone(),
            name: request.name.clone(),
            profile,
            model,
            created_at: at,
            delete_requested: false,
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
        if let Some(result) = worker.admit(content, key)? {
            return Ok(result);
        }
        if self.shutting_down {
            return Err(Refusal::Stopping);
        }
        let phase = if self.active_runs() < self.limits.concurrent_runs {
            RunPhase::Waiting
        } else if self.queued_runs() < self.limits.queued_runs {
            RunPhase::Queued
        } else {
            return Err(Refusal::Capacity(LimitName::QueuedRuns));
        };
        let more = worker.max_bytes(content, key) - worker.counted_bytes();
        self.make_room(0, more)?;
        self.keeping.accepts()?;
        let run = self.runs;
        self.runs += 1;
        let worker = &mut self.workers[number].worker;
        Ok(worker.accept(run, content, key, phase, at))
    }

    pub(crate) fn cancel(
        &mut self,
        number: WorkerNumber,
        expected: Option<RunNumber>,
    ) -> Result<Initiated, Refusal> {
        self.get(number)?;
        let begun = self.workers[number].worker.cancel(expected)?;
        self.unless_still_ending(begun)
    }

    pub(crate) fn stop(&mut self, number: WorkerNumber, at: Millis) -> Result<Initiated, Refusal> {
        let worker = self.get(number)?;
        if worker.active_run().is_none() && !worker.is_stopped_for_good() {
            self.keeping.accepts()?;
        }
        let begun = self.workers[number].worker.stop(at);
        self.record_stopped(number);
        self.unless_still_ending(begun)
    }

    pub(crate) fn rename(&mut self, number: WorkerNumber, name: &str) -> Result<(), Refusal> {
        self.get(number)?;
        if name.trim().is_empty() {
            return Err(Refusal::DisplayName);
        }
        self.keeping.accepts()?;
        self.workers[number].name = Some(name.to_owned());
        Ok(())
    }

    /// Deletes a worker, or begins to end its run first.
    pub(crate) fn delete(
        &mut self,
        number: WorkerNumber,
        at: Millis,
    ) -> Result<Initiated, Refusal> {
        if self.get(number)?.active_run().is_none() {
            self.keeping.accepts()?;
            self.workers[number].forgotten = true;
            return Ok(Initiated::Nothing);
        }
        let known = &mut self.workers[number];
        let begun = known.worker.stop(at);
        known.delete_requested = self.keeping.accepts().is_ok();
        self.unless_still_ending(begun)
    }

    /// A run doesn't end in time when its end can't be stored.
    fn unless_still_ending(&self, begun: Initiated) -> Result<Initiated, Refusal> {
        if self.keeping == Keeping::Refused && begun != Initiated::Nothing {
            return Err(Refusal::StillEnding);
        }
        Ok(begun)
    }

    /// Refuses new work and begins to cancel the active runs.
    pub(crate) fn shut_down(&mut self) -> Vec<(WorkerNumber, RunNumber)> {
        self.shutting_down = true;
        let mut ending = Vec::new();
        for number in self.known().rev().collect::<Vec<_>>() {
            if let Initiated::Ending(run) = self.workers[number].worker.shut_down() {
                ending.push((number, run));
            }
        }
        ending
    }

    /// Every engine lets go of its cancelled run, and queued runs take the places of those that have
    /// ended.
    pub(crate) fn settle(&mut self, at: Millis) {
        for number in 0..self.workers.len() {
            let known = &mut self.workers[number];
            known.worker.finish_cancelled(at);
            known.forgotten |= known.delete_requested && known.worker.active_run().is_none();
            self.record_stopped(number);
        }
        while self.active_runs() < self.limits.concurrent_runs
            && let Some(first) = self.first_queued()
        {
            self.workers[first].worker.start();
        }
    }

    /// The worker with the run that has been queued for longest.
    fn first_queued(&self) -> Option<WorkerNumber> {
        let queued = self
            .known()
            .filter(|number| self.workers[*number].worker.is_queued());
        queued.min_by_key(|number| self.workers[*number].worker.active_run())
    }

    /// The engine of the worker's active run, if any, takes a step. The run ends instead if there is
    /// no room for what that adds.
    pub(crate) fn engine(&mut self, number: WorkerNumber, step: &Step, at: Millis) {
        self.settle(at);
        let known = self.workers.get(number);
        if let Some(known) = known.filter(|known| !known.worker.is_queued()) {
            let counted = known.worker.counted_after(step, at);
            let more = counted - known.worker.counted_bytes();
            let has_room = self.make_room(0, more).is_ok();
            let worker = &mut self.workers[number].worker;
            if has_room {
                worker.reserve(counted);
                worker.engine(step, at);
            } else {
                worker.run_out_of_bytes();
            }
        }
        self.settle(at);
    }

    /// More time passes than a run may take.
    pub(crate) fn time_out(&mut self, at: Millis) {
        self.settle(at);
        // The time of the others has not begun.
        self.all(&Step::TimeOut, |worker| !worker.is_queued(), at);
        self.settle(at);
    }

    /// The executor goes away, and all tasks with it.
    pub(crate) fn interrupt(&mut self, at: Millis) {
        if self.has_store() {
            self.set_keeping(Keeping::Stored);
        }
        let interrupted = Step::Fail(RunErrorCode::Interrupted.into());
        self.all(&interrupted, |_| true, at);
    }

    fn all(&mut self, step: &Step, of: impl Fn(&Worker) -> bool, at: Millis) {
        for number in 0..self.workers.len() {
            let worker = &mut self.workers[number].worker;
            if of(worker) {
                worker.engine(step, at);
            }
            self.record_stopped(number);
        }
    }

    /// Forgets as few of the workers that have been stopped for longest as it takes until so many
    /// more workers and bytes fit; if they never do, none.
    fn make_room(&mut self, workers: usize, bytes: usize) -> Result<(), Refusal> {
        let mut smaller = self.clone();
        let mut stopped = self.stopped.iter();
        loop {
            let limit = if smaller.known().count() + workers > self.limits.workers {
                LimitName::Workers
            } else if smaller.counted_bytes() + bytes > self.limits.total_bytes {
                LimitName::TotalBytes
            } else {
                break;
            };
            let oldest = stopped.next().ok_or(Refusal::Capacity(limit))?;
            smaller.workers[*oldest].forgotten = true;
        }
        *self = smaller;
        Ok(())
    }

    fn record_stopped(&mut self, number: WorkerNumber) {
        let stopped = self.workers[number].worker.state() == WorkerState::Stopped;
        if stopped && !self.stopped.contains(&number) {
            self.stopped.push(number);
        }
    }
}
