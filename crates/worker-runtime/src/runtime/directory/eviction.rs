//! Which workers make way for others.

use std::sync::Arc;

use super::{Directory, Place, Stored};
use crate::error::CapacityExhausted;
use crate::id::WorkerId;
use crate::runtime::capacity::Capacity;
use crate::runtime::slot::Slot;

/// Slots that are examined at most to find one to evict, each time its place is needed. Bounds how
/// long that holds the directory's lock.
const EVICTION_SCAN: usize = 1_000;

impl Directory {
    /// Puts resident workers that nobody uses out of memory: of those that are examined, first
    /// those that were not used since the last time, then others. If `lack` would be left all the
    /// same, none is, and the error says of what.
    pub(in crate::runtime) fn evict(&mut self, lack: Capacity) -> Result<(), CapacityExhausted> {
        let scan = if lack.bytes == 0 {
            EVICTION_SCAN
        } else {
            // As many as it takes: each frees little.
            usize::MAX
        };
        let (mut lack, mut examined) = (lack, 0);
        let (mut chosen, mut used) = (Vec::new(), Vec::new());
        for id in self.eviction_order.iter().take(scan) {
            if lack.is_none() {
                break;
            }
            examined += 1;
            if let Some((slot, stored)) = self.evictable(*id) {
                if slot.is_used() {
                    used.push((*id, stored, slot.counted_bytes()));
                } else {
                    lack = lack.without_worker(slot.counted_bytes());
                    chosen.push((*id, stored));
                }
            }
        }
        for (id, stored, bytes) in used {
            if lack.is_none() {
                break;
            }
            lack = lack.without_worker(bytes);
            chosen.push((id, stored));
        }
        lack.require_none()?;
        for (id, stored) in chosen {
            self.places.insert(id, Place::Stored(stored));
            self.resident -= 1;
        }
        for _ in 0..examined {
            let id = self.eviction_order.pop_front();
            let id = id.expect("as many as were examined");
            if let Some(Place::Resident(slot)) = self.places.get(&id) {
                slot.clear_used();
                self.eviction_order.push_back(id);
            }
        }
        Ok(())
    }

    /// Removes stopped workers in this order, and releases what they count. If `lack` would be left
    /// all the same, none is, and the error says of what.
    pub(in crate::runtime) fn forget(
        &mut self,
        oldest_first: &[WorkerId],
        mut lack: Capacity,
    ) -> Result<Vec<Arc<Slot>>, CapacityExhausted> {
        let mut chosen = Vec::new();
        for id in oldest_first {
            if lack.is_none() {
                break;
            }
            // Others may have been deleted since.
            if let Some(Place::Resident(slot)) = self.places.get(id) {
                lack = lack.without_worker(slot.counted_bytes());
                chosen.push(*id);
            }
        }
        lack.require_none()?;
        let removed = chosen.into_iter().filter_map(|id| self.remove(id));
        Ok(removed.inspect(|slot| slot.forget()).collect())
    }

    /// A resident worker that nobody uses, and what is to be remembered of it.
    fn evictable(&self, id: WorkerId) -> Option<(&Slot, Stored)> {
        let Some(Place::Resident(slot)) = self.places.get(&id) else {
            return None;
        };
        // A handle is only ever cloned from this one, under the directory's lock, or from
        // another: when this is the only one, nobody else can come by one.
        let (latest_event, state) = slot.rest().filter(|_| Arc::strong_count(slot) == 1)?;
        let stored = Stored {
            state,
            latest_event,
        };
        Some((slot, stored))
    }
}
