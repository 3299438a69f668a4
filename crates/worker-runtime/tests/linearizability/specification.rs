//! The runtime as if it had one client: what each step of a call finds and changes.
//!
//! Most calls take effect at one moment. A cancel and a stop take effect when they are
//! accepted, and return when the run has ended. A list, as its documentation says, finds out
//! at one moment which workers there are, and then reads them one after the other. What
//! engines do, and the end of what is cancelled, happens at any time on its own.

use std::collections::BTreeMap;

use worker_runtime::WorkerId;

use super::checker::Specification;
use super::engine::Content;
use super::observed::{Observed, Receipt, Refusal, Snapshot};
use super::plan::ListFilter;

mod worker;

use worker::Worker;

/// Everything there is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    concurrent_runs: usize,
    workers: BTreeMap<WorkerId, Worker>,
    /// Which worker was created under a key, and whether by a request with a name.
    keys: BTreeMap<u8, (bool, WorkerId)>,
    /// Of each list that is being read: which workers are still to be looked at, in order.
    lists: BTreeMap<u64, (ListFilter, Vec<WorkerId>)>,
}

impl World {
    /// A runtime without workers.
    pub(crate) fn new(concurrent_runs: usize) -> Self {
        Self {
            concurrent_runs,
            workers: BTreeMap::new(),
            keys: BTreeMap::new(),
            lists: BTreeMap::new(),
        }
    }

    fn active_runs(&self) -> usize {
        let active = |worker: &&Worker| worker.active().is_some();
        self.workers.values().filter(active).count()
    }

    fn create(&mut self, key: Option<u8>, named: bool, answer: Option<(WorkerId, bool)>) -> bool {
        let known = key.and_then(|key| self.keys.get(&key));
        if let Some(&(as_named, worker)) = known {
            return answer == (as_named == named).then_some((worker, true));
        }
        let Some((worker, false)) = answer else {
            return false;
        };
        self.keys.extend(key.map(|key| (key, (named, worker))));
        self.workers.insert(worker, Worker::new()).is_none()
    }

    fn send(
        &mut self,
        worker: WorkerId,
        content: Content,
        key: Option<u8>,
        answer: Result<Receipt, Refusal>,
    ) -> bool {
        let room = self.active_runs() < self.concurrent_runs;
        let worker = self.workers.get_mut(&worker);
        worker.is_some_and(|worker| worker.send(content, key, room, answer))
    }

    /// Which workers a list is going to look at.
    fn list(&mut self, list: u64, after: Option<WorkerId>, filter: ListFilter, more: bool) -> bool {
        let older = |id: &WorkerId| after.is_none_or(|after| *id < after);
        let newest_first = self.workers.keys().rev().copied();
        let mut ahead: Vec<_> = newest_first.filter(older).collect();
        let shown = match filter {
            ListFilter::Newest(shown) => shown,
            ListFilter::In(_) => usize::MAX,
        };
        let cut = ahead.len() > shown;
        ahead.truncate(shown);
        self.lists.insert(list, (filter, ahead));
        cut == more
    }

    /// A list shows the next worker that it looks at.
    fn list_shows(&mut self, list: u64, worker: WorkerId, seen: &Snapshot) -> bool {
        let Some((filter, ahead)) = self.lists.get_mut(&list) else {
            return false;
        };
        let shown = match *filter {
            ListFilter::Newest(_) => true,
            ListFilter::In(state) => state == seen.state,
        };
        let next = ahead.first() == Some(&worker);
        next && shown && ahead.remove(0) == worker && self.workers[&worker].snapshot() == *seen
    }

    /// A list leaves out the next worker that it looks at.
    fn list_passes(&self, list: u64) -> Option<Self> {
        let (filter, ahead) = &self.lists[&list];
        let (ListFilter::In(state), Some(next)) = (filter, ahead.first()) else {
            return None;
        };
        (self.workers[next].snapshot().state != *state).then(|| {
            let mut world = self.clone();
            let (_, ahead) = world.lists.get_mut(&list).expect("it is being read");
            ahead.remove(0);
            world
        })
    }

    /// Does what was asked, and says whether it is answered so.
    fn take(&mut self, observed: &Observed) -> bool {
        match *observed {
            Observed::Created { key, named, answer } => self.create(key, named, answer),
            Observed::Sent {
                worker,
                content,
                key,
                answer,
            } => self.send(worker, content, key, answer),
            Observed::CancelBegan {
                worker,
                expected,
                answer,
            } => self.on(worker, |it| it.cancel(expected) == answer),
            Observed::Ended { worker, run } => self.on(worker, |it| it.active() != Some(run)),
            Observed::StopBegan { worker } => self.on(worker, |it| {
                it.stop();
                true
            }),
            Observed::Saw { worker, ref seen } => self.on(worker, |it| it.snapshot() == *seen),
            Observed::Read { worker, ref page } => self.on(worker, |it| it.page() == *page),
            Observed::ListBegan {
                list,
                after,
                filter,
                more,
            } => self.list(list, after, filter, more),
            Observed::ListSaw {
                list,
                worker,
                ref seen,
            } => self.list_shows(list, worker, seen),
            Observed::ListEnded { list } => self
                .lists
                .remove(&list)
                .is_some_and(|(_, ahead)| ahead.is_empty()),
        }
    }

    fn on(&mut self, worker: WorkerId, step: impl FnOnce(&mut Worker) -> bool) -> bool {
        self.workers.get_mut(&worker).is_some_and(step)
    }
}

impl Specification for World {
    type Observed = Observed;

    fn after(&self, observed: &Observed) -> Option<Self> {
        let mut world = self.clone();
        world.take(observed).then_some(world)
    }

    fn drifts(&self) -> Vec<Self> {
        let engines = self.workers.iter().filter_map(|(id, worker)| {
            let mut world = self.clone();
            world.workers.insert(*id, worker.goes_on()?);
            Some(world)
        });
        let lists = self.lists.keys().filter_map(|list| self.list_passes(*list));
        engines.chain(lists).collect()
    }
}
