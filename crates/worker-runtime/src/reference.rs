//! The rules once more, written the slow and obvious way, for tests to compare with.
//!
//! The reference keeps everything that ever happened, and works out what is held, shown and
//! counted by looking at all of it. It has no locks, tasks, ids or buffers, names workers and
//! runs by number, and takes from the product no more than names, numbers and limits.

mod page;
mod runtime;
mod shown;
mod words;
mod worker;

pub(crate) use page::{Page, Place};
pub(crate) use runtime::{Create, Created, Runtime};
pub(crate) use shown::Names;
pub(crate) use words::{
    Accepted, Begun, Event, Fact, InFlight, LastEnd, Line, Millis, Refusal, RunNumber, Step,
};
pub(crate) use worker::Worker;

/// A worker, numbered from 0 in the order of creation.
pub(crate) type WorkerNumber = usize;

/// How many of these costs, in order, fit: at most `most` of them, with at most `bytes`; but
/// the first one always does.
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
