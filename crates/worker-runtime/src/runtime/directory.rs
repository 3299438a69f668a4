//! The index of the workers that exist, in memory or in the store.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use super::slot::Slot;
use crate::fingerprint::Fingerprint;
use crate::id::{IdempotencyKey, WorkerId};
use crate::status::WorkerState;
use crate::store::IndexedWorker;
use crate::sync::Notify;

mod eviction;

/// The workers in the order of their ids, which is the order of their creation, and
/// the idempotency keys that they were created under.
#[derive(Default)]
pub(super) struct Directory {
    places: BTreeMap<WorkerId, Place>,
    keys: HashMap<IdempotencyKey, KeyHolder>,
    /// Workers that are being created.
    creating: usize,
    /// Workers that are being loaded.
    loading: usize,
    resident: usize,
    /// Whether workers can be put out of memory, because there is a store.
    evicts: bool,
    /// The resident workers, in the order in which they are considered for eviction ("second
    /// chance": one that was used since the last time is passed over). Empty without a store.
    eviction_order: VecDeque<WorkerId>,
}

/// Where a worker is.
#[derive(Clone)]
pub(super) enum Place {
    /// In memory.
    Resident(Arc<Slot>),
    /// In the store alone.
    Stored(Stored),
    /// On its way from the store into memory; notified when that has ended.
    Loading(Stored, Arc<Notify>),
}

/// A worker that is not in memory. It has no active run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) state: WorkerState,
    /// The number of its latest event in this epoch, so that its numbers go on when it is back.
    pub(super) latest_event: u64,
}

/// Who a creation key belongs to.
#[derive(Clone)]
pub(super) enum KeyHolder {
    /// A worker that was created in this epoch.
    Worker(WorkerId),
    /// A worker that was created before the runtime was opened.
    Restored(WorkerId),
    /// The worker is being created.
    Creating(Arc<Creation>),
}

/// A worker that is being created under a key.
pub(super) struct Creation {
    pub(super) fingerprint: Fingerprint,
    /// Notified when it has ended.
    pub(super) ended: Notify,
}

impl Directory {
    /// The directory of workers that are all in a store. Built at once, it takes the least memory.
    pub(super) fn of_stored(workers: Vec<IndexedWorker>) -> Self {
        let keyed = |worker: &&IndexedWorker| worker.create_key.is_some();
        let mut keys = HashMap::with_capacity(workers.iter().filter(keyed).count());
        let places = workers.into_iter().map(|worker| {
            if let Some(key) = worker.create_key {
                keys.insert(key, KeyHolder::Restored(worker.id));
            }
            let stored = Stored {
                state: worker.state.into(),
                latest_event: 0,
            };
            (worker.id, Place::Stored(stored))
        });
        let places = places.collect();
        Self {
            places,
            keys,
            evicts: true,
            ..Self::default()
        }
    }

    /// The workers that exist.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// The workers that exist or are being created.
    pub(super) fn len_with_creating(&self) -> usize {
        self.places.len() + self.creating
    }

    /// The workers that are in memory or are going to be.
    pub(super) fn resident(&self) -> usize {
        self.resident + self.creating + self.loading
    }

    pub(super) fn get(&self, id: WorkerId) -> Option<&Place> {
        self.places.get(&id)
    }

    /// The newest worker's id.
    pub(super) fn newest(&self) -> Option<WorkerId> {
        self.places.last_key_value().map(|(id, _)| *id)
    }

    /// The slots of all resident workers.
    pub(super) fn slots(&self) -> Vec<Arc<Slot>> {
        let slots = self.places.values().filter_map(|place| match place {
            Place::Resident(slot) => Some(Arc::clone(slot)),
            Place::Stored(_) | Place::Loading(..) => None,
        });
        slots.collect()
    }

    /// The workers older than `after`, newest first.
    pub(super) fn older_than(
        &self,
        after: Option<WorkerId>,
    ) -> impl Iterator<Item = (WorkerId, &Place)> {
        let end = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.places.range((Bound::Unbounded, end));
        range.rev().map(|(id, place)| (*id, place))
    }

    pub(super) fn find_key(&self, key: &IdempotencyKey) -> Option<KeyHolder> {
        self.keys.get(key).cloned()
    }

    /// Counts a worker that is being created, and reserves its key.
    pub(super) fn begin_creating(&mut self, key: Option<(IdempotencyKey, Fingerprint)>) {
        self.creating += 1;
        if let Some((key, fingerprint)) = key {
            let ended = Notify::new();
            let creation = Creation { fingerprint, ended };
            self.keys
                .insert(key, KeyHolder::Creating(Arc::new(creation)));
        }
    }

    /// Ends what [`begin_creating`](Self::begin_creating) began; the key is free again.
    pub(super) fn end_creating(&mut self, key: Option<&IdempotencyKey>) {
        self.creating -= 1;
        let holder = key.and_then(|key| self.keys.remove(key));
        if let Some(KeyHolder::Creating(creation)) = holder {
            creation.ended.notify_waiters();
        }
    }

    pub(super) fn insert(&mut self, slot: Arc<Slot>) {
        let id = slot.id();
        if let Some((key, _)) = slot.key() {
            self.keys.insert(key.clone(), KeyHolder::Worker(id));
        }
        self.place_resident(slot);
    }

    /// Begins to load a worker, unless it is gone, resident, or being loaded.
    pub(super) fn begin_loading(&mut self, id: WorkerId) -> Option<Stored> {
        let place = self.places.get_mut(&id)?;
        let Place::Stored(stored) = *place else {
            return None;
        };
        *place = Place::Loading(stored, Arc::new(Notify::new()));
        self.loading += 1;
        Some(stored)
    }

    /// Ends what [`begin_loading`](Self::begin_loading) began: with a slot, or without success.
    pub(super) fn end_loading(&mut self, id: WorkerId, slot: Option<Arc<Slot>>) {
        let Some(Place::Loading(stored, ended)) = self.places.get(&id) else {
            return;
        };
        let (stored, ended) = (*stored, Arc::clone(ended));
        self.loading -= 1;
        match slot {
            Some(slot) => self.place_resident(slot),
            None => drop(self.places.insert(id, Place::Stored(stored))),
        }
        ended.notify_waiters();
    }

    /// Leaves out the number of an event, of which nobody was told, of a worker that is being loaded.
    pub(super) fn skip_event(&mut self, id: WorkerId) {
        if let Some(Place::Loading(stored, _)) = self.places.get_mut(&id) {
            stored.latest_event += 1;
        }
    }

    /// Removes a worker that was [being loaded](Self::begin_loading), because it was deleted
    /// instead. Returns the state that it had.
    pub(super) fn remove_loading(&mut self, id: WorkerId) -> Option<WorkerState> {
        let Some(Place::Loading(stored, ended)) = self.places.get(&id).cloned() else {
            return None;
        };
        self.places.remove(&id);
        self.loading -= 1;
        // Its key is not known without reading it.
        let is_its = |holder: &KeyHolder| match holder {
            KeyHolder::Worker(it) | KeyHolder::Restored(it) => *it == id,
            KeyHolder::Creating(_) => false,
        };
        self.keys.retain(|_, holder| !is_its(holder));
        ended.notify_waiters();
        Some(stored.state)
    }

    pub(super) fn remove(&mut self, id: WorkerId) -> Option<Arc<Slot>> {
        let Some(Place::Resident(slot)) = self.places.get(&id).cloned() else {
            return None;
        };
        self.places.remove(&id);
        self.resident -= 1;
        self.forget_order(id);
        if let Some((key, _)) = slot.key() {
            self.keys.remove(key);
        }
        Some(slot)
    }

    fn forget_order(&mut self, id: WorkerId) {
        if let Some(index) = self.eviction_order.iter().rposition(|other| *other == id) {
            self.eviction_order.remove(index);
        }
    }

    fn place_resident(&mut self, slot: Arc<Slot>) {
        let id = slot.id();
        self.resident += 1;
        if self.evicts {
            self.eviction_order.push_back(id);
        }
        self.places.insert(id, Place::Resident(slot));
    }
}
