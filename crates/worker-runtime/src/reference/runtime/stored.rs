//! What the store of a reference does, and what becomes of the workers in it.

use super::Runtime;
use crate::reference::model::{Keeping, Millis};

impl Runtime {
    /// So much time passes that the store gets everything that it is still to get.
    pub(crate) fn wait(&mut self) {
        if self.keeping == Keeping::Stored {
            for known in &mut self.workers {
                known.worker.save();
            }
        }
    }

    /// From now on the store takes changes, or takes none.
    pub(crate) fn set_keeping(&mut self, keeping: Keeping) {
        self.keeping = keeping;
        for known in &mut self.workers {
            known.worker.keeping = keeping;
        }
    }

    /// The process ends, and another one goes on with what the store has.
    pub(crate) fn restart(&mut self, at: Millis) {
        self.set_keeping(Keeping::Stored);
        self.shutting_down = false;
        for known in &mut self.workers {
            known.worker.restart(at);
        }
    }

    pub(crate) fn has_store(&self) -> bool {
        self.keeping != Keeping::InMemory
    }

    pub(crate) fn keeping(&self) -> Keeping {
        self.keeping
    }
}
