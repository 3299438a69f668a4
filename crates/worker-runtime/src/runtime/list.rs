//! Listing workers.

use std::collections::HashMap;

use super::directory::{Place, Stored};
use super::residency::Lookup;
use super::storage::read_error;
use super::{Inner, Runtime};
use crate::core::WorkerSnapshot;
use crate::cursor::Cursor;
use crate::error::{StoreUnavailable, UnknownWorker};
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
        let (mut page, stored) = self.inner.find(query, limit, scan);
        if !stored.is_empty() {
            let inner = &self.inner;
            inner
                .insert_stored(&mut page.workers, stored, query.state)
                .await?;
        }
        Ok(page)
    }
}

/// A worker of a page that is to be read from the store.
struct StoredOnPage {
    id: WorkerId,
    stored: Stored,
    /// How many workers in memory come before it.
    position: usize,
}

impl Inner {
    /// A page with the workers that are in memory, and what is to be read from the store.
    fn find(&self, query: ListQuery, limit: usize, scan: usize) -> (WorkerPage, Vec<StoredOnPage>) {
        // One more than is examined, to know whether there is a next page.
        let most = scan.saturating_add(1);
        let places: Vec<(WorkerId, Place)> = self.directory.with(|directory| {
            let older = directory.older_than(query.after).take(most);
            older.map(|(id, place)| (id, place.clone())).collect()
        });
        let (mut workers, mut on_page) = (Vec::new(), Vec::new());
        let (mut last, mut next) = (None, None);
        for (examined, (id, place)) in places.into_iter().enumerate() {
            if examined == scan || workers.len() + on_page.len() == limit {
                next = last;
                break;
            }
            last = Some(id);
            match place {
                Place::Resident(slot) => workers.extend(slot.snapshot_if(query.state)),
                Place::Stored(stored) | Place::Loading(stored, _) => {
                    if query.state.is_none_or(|state| state == stored.state) {
                        let position = workers.len();
                        on_page.push(StoredOnPage {
                            id,
                            stored,
                            position,
                        });
                    }
                }
            }
        }
        (WorkerPage { workers, next }, on_page)
    }

    /// Reads the workers of a page that are in the store, and puts them where they belong.
    async fn insert_stored(
        &self,
        workers: &mut Vec<WorkerSnapshot>,
        stored: Vec<StoredOnPage>,
        state: Option<WorkerState>,
    ) -> Result<(), StoreUnavailable> {
        let ids: Vec<WorkerId> = stored.iter().map(|worker| worker.id).collect();
        let rows = self.expect_storage().reader().workers(&ids).await;
        let rows = rows.map_err(|error| read_error(&error))?;
        let mut rows: HashMap<_, _> = rows.into_iter().map(|row| (row.id, row)).collect();
        let mut resident = std::mem::take(workers).into_iter();
        let mut taken = 0;
        for StoredOnPage {
            id,
            stored,
            position,
        } in stored
        {
            workers.extend(resident.by_ref().take(position - taken));
            taken = position;
            let cursor = Cursor::new(self.epoch, stored.latest_event);
            let row = rows.remove(&id);
            // It may have been loaded, changed or deleted while the row was read.
            let shown = match self.lookup(id) {
                Ok(Lookup::Resident(slot)) => slot.snapshot_if(state),
                Ok(Lookup::Stored(..)) => row
                    .map(|row| WorkerSnapshot::of_stored(row, cursor))
                    .filter(|worker| state.is_none_or(|state| state == worker.state)),
                Err(UnknownWorker { .. }) => None,
            };
            workers.extend(shown);
        }
        workers.extend(resident);
        Ok(())
    }
}
