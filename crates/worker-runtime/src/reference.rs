//! A second, slow and obvious implementation of the rules, for tests to compare with.
//!
//! It keeps the whole history and derives from it what is held, shown and counted. It has no
//! locks, tasks, ids or buffers, and identifies workers and runs by numbers.

mod model;
mod numbering;
mod page;
mod runtime;
mod worker;

pub(crate) use model::{
    Accepted, Event, EventKind, InFlight, Initiated, Keeping, LastRun, Line, Millis, Refusal,
    RunNumber, Step,
};
pub(crate) use numbering::Numbering;
pub(crate) use page::Page;
pub(crate) use runtime::{Create, Created, Profile, Runtime};
pub(crate) use worker::Worker;

/// A worker, numbered from 0 in the order of creation.
pub(crate) type WorkerNumber = usize;

/// How many of these costs fit in order: at most `most` of them, with at most `bytes`. The
/// first one always fits.
fn fitting(costs: impl Iterator<Item = usize>, most: usize, bytes: usize) -> usize {
    let (mut count, mut sum) = (0, 0);
    for cost in costs {
        sum += cost;
        if count == most || (count > 0 && sum > bytes) {
            break;
        }
        count += 1;
    }
    count
}
