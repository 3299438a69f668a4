//! The rules of one worker: no clock, lock, task or id of its own.
//!
//! Time and ids come in as values, and what changed comes out as values. The shell in
//! [`runtime`](crate::runtime) brings the locks, and nothing in here knows of them.

mod deltas;
mod keys;
mod log;
mod reply;
mod transcript;
mod worker;

pub(crate) use keys::Fingerprint;
pub(crate) use worker::{Admission, Birth, NewRun, RunEnd, Worker};
