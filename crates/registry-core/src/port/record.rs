//! What comes out of mutations: the record, and whether the mutation was repeated.

use crate::run::AcceptedInput;
use crate::worker::WorkerDetailRecord;

/// Whether an answer is the first one or a repetition of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Replay {
    /// The operation was carried out now.
    First,
    /// The same key and content came before; nothing was done now.
    Replayed,
}

/// A created worker.
#[derive(Debug, Clone)]
pub struct CreatedWorkerRecord {
    /// The worker as it was right after its creation, also when that was earlier.
    pub worker: WorkerDetailRecord,
    /// Whether it was created now.
    pub replay: Replay,
}

/// An accepted input.
#[derive(Debug, Clone)]
pub struct InputReceipt {
    /// What was started for it.
    pub accepted: AcceptedInput,
    /// Whether it was accepted now.
    pub replay: Replay,
}
