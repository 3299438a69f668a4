//! The rules of one worker: no clock, lock, task or id of its own.
//!
//! Time and ids come in as values, and what changed goes out as values. The shell in
//! [`runtime`](crate::runtime) adds the locks and tasks.

mod event_log;
mod idempotency;
mod reply_buffer;
mod transcript_log;
mod worker;

pub(crate) use transcript_log::{OlderEntries, Slice};
pub use worker::WorkerSnapshot;
pub(crate) use worker::{
    Addition, Admission, CancelStep, EndReason, NewRun, RunEnd, RunTurn, StopStep, Worker,
    WorkerMetadata,
};
