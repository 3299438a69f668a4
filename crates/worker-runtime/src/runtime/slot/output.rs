//! What an engine adds to its run, and the bytes that are reserved for it.

use jiff::Timestamp;

use super::Slot;
use crate::core::Addition;
use crate::engine::OutputClosed;
use crate::id::RunId;

/// What becomes of an addition.
pub(in crate::runtime) enum AddStep {
    /// It was added, or the run takes nothing more.
    Done(Result<(), OutputClosed>),
    /// There is no capacity for so many bytes more.
    LacksBytes(usize),
}

impl Slot {
    /// Adds to a run, once the bytes that it takes are reserved.
    pub(in crate::runtime) fn add(
        &self,
        run_id: RunId,
        addition: Addition<'_>,
        now: Timestamp,
    ) -> AddStep {
        self.guarded.with(|guarded| {
            let reserved = guarded.bytes.amount();
            let needed = guarded.worker.bytes_with(run_id, addition);
            let needed = needed.filter(|needed| *needed > reserved);
            if let (Some(needed), Some(run)) = (needed, &guarded.run) {
                let grown = self.totals.in_steps(needed, run.max_bytes);
                if !guarded.bytes.resize(grown) {
                    return AddStep::LacksBytes(grown - reserved);
                }
            }
            AddStep::Done(self.step(guarded, |worker| worker.add(run_id, addition, now)))
        })
    }
}
