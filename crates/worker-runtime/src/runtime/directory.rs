//! The index of the workers that exist.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use super::slot::Slot;
use crate::fingerprint::Fingerprint;
use crate::id::{IdempotencyKey, WorkerId};

/// The workers in the order of their ids, which is the order of their creation, and
/// the idempotency keys that they were created under.
#[derive(Default)]
pub(super) struct Directory {
    slots: BTreeMap<WorkerId, Arc<Slot>>,
    keys: HashMap<IdempotencyKey, (Fingerprint, WorkerId)>,
}

impl Directory {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn get(&self, id: WorkerId) -> Option<Arc<Slot>> {
        self.slots.get(&id).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<Slot>> {
        self.slots.values().cloned().collect()
    }

    /// The workers older than `after`, newest first.
    pub(super) fn older_than(&self, after: Option<WorkerId>) -> impl Iterator<Item = Arc<Slot>> {
        let end = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.slots.range((Bound::Unbounded, end));
        range.rev().map(|(_, slot)| Arc::clone(slot))
    }

    /// The worker that was created under this key, and the fingerprint of that request.
    pub(super) fn find_by_key(&self, key: &IdempotencyKey) -> Option<(Fingerprint, Arc<Slot>)> {
        let (fingerprint, id) = self.keys.get(key)?;
        let slot = self
            .get(*id)
            .expect("a key is removed together with its worker");
        Some((*fingerprint, slot))
    }

    pub(super) fn insert(&mut self, slot: Arc<Slot>, fingerprint: Fingerprint) {
        if let Some(key) = slot.key() {
            self.keys.insert(key.clone(), (fingerprint, slot.id()));
        }
        self.slots.insert(slot.id(), slot);
    }

    pub(super) fn remove(&mut self, id: WorkerId) -> Option<Arc<Slot>> {
        let slot = self.slots.remove(&id)?;
        if let Some(key) = slot.key() {
            self.keys.remove(key);
        }
        Some(slot)
    }
}
