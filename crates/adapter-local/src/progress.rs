//! What a scan waits for at this moment, so that a part of the directory that never answers can be
//! left out of the next scan and hides no other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use registry_core::WorkerId;

use crate::identity::Collection;

/// Most scans that are left behind at once, each with its thread. One more part that hangs holds up
/// the source as a whole, which then answers with what it knew.
const LEFT_BEHIND_MAX: usize = 16;

/// A part of the data directory that may hang by itself, for example because it is a mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// The data directory, without which there is nothing to read.
    Root,
    /// The directory of a collection.
    Collection(Collection),
    /// The directory of a record, with its file.
    Record(WorkerId),
}

/// The progress of one scan.
pub(crate) struct Progress {
    skipped: Vec<Part>,
    abandoned: AtomicBool,
    step: Mutex<Step>,
}

struct Step {
    number: u64,
    part: Part,
    /// The number when [`Progress::stuck`] was last called.
    seen: Option<u64>,
}

impl Progress {
    /// The progress of a scan that leaves out `skipped`.
    pub(crate) fn new(skipped: Vec<Part>) -> Self {
        Self {
            skipped,
            abandoned: AtomicBool::new(false),
            step: Mutex::new(Step {
                number: 0,
                part: Part::Root,
                seen: None,
            }),
        }
    }

    /// Notes that the scan turns to a part. Returns false when it is to be left out: because
    /// an earlier scan still waits for it, or because nobody waits for this scan any more.
    pub(crate) fn enter(&self, part: Part) -> bool {
        if self.abandoned.load(Ordering::Relaxed) || self.skipped.contains(&part) {
            return false;
        }
        let mut step = self.step();
        step.number += 1;
        step.part = part;
        true
    }

    /// The part that the scan has been at since the last call.
    pub(crate) fn stuck(&self) -> Option<Part> {
        let mut step = self.step();
        let number = step.number;
        let seen = step.seen.replace(number);
        (seen == Some(number)).then(|| step.part.clone())
    }

    fn step(&self) -> MutexGuard<'_, Step> {
        // No step is half made.
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Scans that nobody waits for any more, because a part of the directory did not answer them. A part
/// is left out until the thread of its scan has ended, which it does soon once the part answers.
#[derive(Default)]
pub(crate) struct LeftBehind(Mutex<Vec<(Part, Weak<Progress>)>>);

impl LeftBehind {
    /// The parts that do not answer.
    pub(crate) fn parts(&self) -> Vec<Part> {
        let scans = self.scans();
        scans.iter().map(|(part, _)| part.clone()).collect()
    }

    /// Leaves a scan behind that waits for `part`. Returns false, and does not, when the part can't be
    /// left out or too many scans are left behind already.
    pub(crate) fn add(&self, part: Part, scan: &Arc<Progress>) -> bool {
        let mut scans = self.scans();
        if part == Part::Root || scans.len() >= LEFT_BEHIND_MAX {
            return false;
        }
        scan.abandoned.store(true, Ordering::Relaxed);
        scans.push((part, Arc::downgrade(scan)));
        true
    }

    /// The scans whose threads have not ended.
    fn scans(&self) -> MutexGuard<'_, Vec<(Part, Weak<Progress>)>> {
        let mut scans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        scans.retain(|(_, scan)| scan.strong_count() > 0);
        scans
    }
}
