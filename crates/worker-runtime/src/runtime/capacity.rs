//! Making room where a limit leaves none: as much as an operation needs, or none at all.

use tracing::debug;

use super::Inner;
use super::directory::Directory;
use crate::core::Worker;
use crate::error::CapacityExhausted;
use crate::limits::LimitName;

/// Workers in memory and bytes: what an operation needs more of, or what it lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Capacity {
    pub(super) workers: usize,
    pub(super) bytes: usize,
}

impl Capacity {
    pub(super) fn bytes(bytes: usize) -> Self {
        Self { workers: 0, bytes }
    }

    /// What is left of it when one worker less is in memory, which counted these bytes.
    pub(super) fn without_worker(self, bytes: usize) -> Self {
        Self {
            workers: self.workers.saturating_sub(1),
            bytes: self.bytes.saturating_sub(bytes),
        }
    }

    /// Fails if there is something left of it, with the limit that leaves no more.
    pub(super) fn require_none(self) -> Result<(), CapacityExhausted> {
        let limit = match self {
            Self {
                workers: 0,
                bytes: 0,
            } => return Ok(()),
            Self { workers: 0, .. } => LimitName::TotalBytes,
            Self { .. } => LimitName::Workers,
        };
        Err(CapacityExhausted { limit })
    }

    pub(super) fn is_none(self) -> bool {
        self.require_none().is_ok()
    }
}

impl Inner {
    /// Makes room for what an operation needs: puts workers out of memory, or, without a store,
    /// forgets those that have been stopped for longest. It does neither unless that is enough.
    ///
    /// Others may take the room before the operation does. Then it has to be made again.
    pub(super) fn make_room(&self, needed: Capacity) -> Result<(), CapacityExhausted> {
        if self.storage.is_some() {
            return self
                .directory
                .with(|directory| directory.evict(self.lack(directory, needed)));
        }
        let oldest_first = self.totals.stopped();
        let forgotten = self.directory.with(|directory| {
            let lack = self.lack(directory, needed);
            directory.forget(&oldest_first, lack)
        })?;
        for slot in forgotten {
            let id = slot.id();
            self.totals.remove_stopped(id);
            self.totals.leave(slot.read(Worker::state));
            debug!(worker_id = %id, "worker forgotten");
        }
        Ok(())
    }

    fn lack(&self, directory: &Directory, needed: Capacity) -> Capacity {
        let workers = directory.resident().saturating_add(needed.workers);
        let bytes = self.totals.bytes.used().saturating_add(needed.bytes);
        Capacity {
            workers: workers.saturating_sub(self.limits.workers),
            bytes: bytes.saturating_sub(self.limits.total_bytes),
        }
    }
}
