//! What the store has of the reference's worker.

use super::{Decision, Worker};
use crate::reference::model::{Initiated, Keeping, Millis};
use crate::run::{RunDiagnostics, RunOutcome};

impl Worker {
    /// Begins to end the active run, because the runtime shuts down.
    pub(crate) fn shut_down(&mut self) -> Initiated {
        self.begin_end(match self.keeping {
            Keeping::InMemory => Decision::Cancelled,
            Keeping::Stored | Keeping::Refused => Decision::Interrupted,
        })
    }

    /// The store gets the text so far, or the end that it lacks.
    pub(crate) fn save(&mut self) {
        self.stored = None;
        if let Some(active) = &mut self.active {
            active.drafted.clone_from(&active.reply.text);
        }
    }

    /// Goes on as the store has it. A run that was active has failed.
    pub(crate) fn restart(&mut self, at: Millis) {
        if let Some(stored) = self.stored.take() {
            *self = *stored;
            self.keeping = Keeping::Stored;
        }
        self.stop_requested = self.stopped;
        if let Some(active) = &mut self.active {
            active.decision = Decision::Interrupted;
            active.usage = None;
            active.reply.text = active.drafted.clone();
            active.reply.reasoning.clear();
            self.diagnostics = RunDiagnostics::default();
            self.ends(RunOutcome::Failed, None, at);
        }
        self.events_before = self.events.len();
    }
}
