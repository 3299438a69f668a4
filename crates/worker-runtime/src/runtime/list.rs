//! Listing workers.

use std::collections::HashMap;

use super::directory::{Place, Stored};
use super::storage::read_error;
use super::{Inner, Runtime};
use crate::core::WorkerSnapshot;
use crate::cursor::Cursor;
use crate::error::StoreUnavailable;
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
    /// [`Limits::list_scan`](crate::Limits) workers. Those that are not in memory are read from the
    /// store, together; of these, one that can't be read is left out.
    ///
    /// # Errors
    /// [`StoreUnavailable`] when the store can't be read.
    ///
    /// # Cancellation
    /// Dropping the future only gives up the result.
    ///
    /// # Ordering
    /// Consecutive pages show every worker that exists all the while exactly once, whatever is
    /// created or forgotten in between.
    pub async fn list(&self, query: ListQuery) -> Result<WorkerPage, StoreUnavailable> {
        let limits = &self.inner.limits;
        let limit = limits.page(query.limit);
        let scan = match query.state {
            None => limit,
            Some(_) => limits.list_scan,
        };
        let (found, next) = self.inner.find(query, limit, scan);
        let stored: Vec<WorkerId> = found.iter().filter_map(Found::stored_id).collect();
        let mut read = HashMap::new();
        if !stored.is_empty() {
            let rows = self.inner.expect_storage().reader().workers(&stored).await;
            let rows = rows.map_err(|error| read_error(&error))?;
            read.extend(rows.into_iter().map(|worker| (worker.id, worker)));
        }
        let epoch = self.inner.epoch;
        let snapshot = |found| match found {
            Found::Snapshot(worker) => Some(*worker),
            Found::Stored(id, stored) => {
                let cursor = Cursor::new(epoch, stored.latest_event);
                let worker = read.remove(&id)?;
                Some(WorkerSnapshot::of_stored(worker, cursor))
            }
        };
        let workers = found.into_iter().filter_map(snapshot).collect();
        Ok(WorkerPage { workers, next })
    }
}

/// A worker of a page.
enum Found {
    /// It is in memory.
    Snapshot(Box<WorkerSnapshot>),
    /// It is to be read from the store.
    Stored(WorkerId, Stored),
}

impl Found {
    fn stored_id(&self) -> Option<WorkerId> {
        match self {
            Self::Snapshot(_) => None,
            Self::Stored(id, _) => Some(*id),
        }
    }
}

impl Inner {
    /// The workers of a page, and where the next one continues.
    fn find(&self, query: ListQuery, limit: usize, scan: usize) -> (Vec<Found>, Option<WorkerId>) {
        // One more than is examined, to know whether there is a next page.
        let most = scan.saturating_add(1);
        let places: Vec<(WorkerId, Place)> = self.directory.with(|directory| {
            let older = directory.older_than(query.after).take(most);
            older.map(|(id, place)| (id, place.clone())).collect()
        });
        let (mut found, mut last, mut next) = (Vec::new(), None, None);
        for (examined, (id, place)) in places.into_iter().enumerate() {
            if examined == scan || found.len() == limit {
                next = last;
                break;
            }
            last = Some(id);
            match place {
                Place::Resident(slot) => {
                    let snapshot = slot.snapshot_if(query.state);
                    found.extend(snapshot.map(Box::new).map(Found::Snapshot));
                }
                Place::Stored(stored) | Place::Loading(stored, _) => {
                    let matches = query.state.is_none_or(|state| state == stored.state);
                    found.extend(matches.then_some(Found::Stored(id, stored)));
                }
            }
        }
        (found, next)
    }
}
