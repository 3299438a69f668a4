//! Listing workers.

use std::sync::Arc;

use super::{Runtime, Slot};
use crate::core::WorkerSnapshot;
use crate::id::WorkerId;
use crate::status::WorkerState;

/// Which workers to list, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ListQuery {
    /// Continue after (older than) this worker; it needn't exist any more.
    pub after: Option<WorkerId>,
    /// Only workers in this state.
    pub state: Option<WorkerState>,
    /// How many: [`Limits::page_default`](crate::Limits) without a number, and at most
    /// [`Limits::page_max`](crate::Limits).
    pub limit: Option<usize>,
}

/// A page of workers, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerPage {
    /// The workers, each as it was when the page was built.
    pub workers: Vec<WorkerSnapshot>,
    /// Where to continue; none at the end of the list. With a filter there can be more
    /// even when the page isn't full: one page examines no more than
    /// [`Limits::list_scan`](crate::Limits) workers.
    pub next: Option<WorkerId>,
}

impl Runtime {
    /// A page of workers, newest first. It costs what is on it, and with a filter at most
    /// [`Limits::list_scan`](crate::Limits) workers.
    ///
    /// # Ordering
    /// Consecutive pages show every worker that exists all the while exactly once, whatever is
    /// created or forgotten in between.
    #[must_use]
    pub fn list(&self, query: ListQuery) -> WorkerPage {
        let limits = &self.inner.limits;
        let limit = limits.page(query.limit);
        let scan = match query.state {
            None => limit,
            Some(_) => limits.list_scan,
        };
        // One more than is examined, to know whether there is a next page.
        let most = scan.saturating_add(1);
        let slots: Vec<Arc<Slot>> = self
            .inner
            .directory
            .with(|directory| directory.older_than(query.after).take(most).collect());

        let (mut workers, mut last, mut next) = (Vec::new(), None, None);
        for (examined, slot) in slots.iter().enumerate() {
            if examined == scan || workers.len() == limit {
                next = last;
                break;
            }
            last = Some(slot.id());
            workers.extend(slot.snapshot_if(query.state));
        }
        WorkerPage { workers, next }
    }
}
