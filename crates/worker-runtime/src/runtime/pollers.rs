//! The readers that wait for events, and which of them makes way when there are too many.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::error::CapacityExhausted;
use crate::id::WorkerId;
use crate::limits::{LimitName, Limits};
use crate::sync::{self, Instant, Mutex, Notify};

/// How long a reader waits before it has to make way for another. Bounds how often readers that poll
/// again at once can take each other's places.
const LEAST_WAIT: Duration = Duration::from_millis(250);

/// The waiting readers of all workers. Where a limit leaves no place for another one, the reader that
/// has waited for longest under that limit makes way, so that nobody can take all places for long.
#[derive(Debug)]
pub(super) struct Pollers {
    waiting: Mutex<Waiting>,
    per_worker: usize,
    of_all: usize,
}

/// Readers, numbered in the order in which they came.
#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    all: BTreeMap<u64, Arc<Waiter>>,
    of_workers: HashMap<WorkerId, BTreeSet<u64>>,
}

#[derive(Debug)]
struct Waiter {
    worker: WorkerId,
    since: Instant,
    /// The limit under which it has to make way.
    displaced: Mutex<Option<LimitName>>,
    changed: Notify,
}

/// A reader that waits. It is counted until it is dropped or has to make way.
#[derive(Debug)]
pub(super) struct Poller {
    pollers: Arc<Pollers>,
    number: u64,
    waiter: Arc<Waiter>,
}

impl Pollers {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            waiting: Mutex::default(),
            per_worker: limits.worker_pollers,
            of_all: limits.pollers,
        })
    }

    /// How many readers wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.with(|waiting| waiting.all.len())
    }

    /// Whether readers wait for this worker's next event.
    pub(super) fn wait_for(&self, worker: WorkerId) -> bool {
        self.waiting
            .with(|waiting| waiting.of_workers.contains_key(&worker))
    }

    /// Counts a reader that is about to wait.
    ///
    /// # Errors
    /// When another would have to make way that has not waited for [`LEAST_WAIT`].
    pub(super) fn enter(self: &Arc<Self>, worker: WorkerId) -> Result<Poller, CapacityExhausted> {
        let waiter = Arc::new(Waiter {
            worker,
            since: sync::now(),
            displaced: Mutex::new(None),
            changed: Notify::new(),
        });
        let number = self.waiting.with(|waiting| {
            if let Some((oldest, limit)) = self.to_make_way(waiting, worker) {
                if !sync::has_passed(waiting.all[&oldest].since, LEAST_WAIT) {
                    return Err(CapacityExhausted { limit });
                }
                if let Some(oldest) = waiting.remove(oldest) {
                    oldest.displace(limit);
                }
            }
            Ok(waiting.insert(Arc::clone(&waiter)))
        })?;
        Ok(Poller {
            pollers: Arc::clone(self),
            number,
            waiter,
        })
    }

    /// The reader that has to make way for another one of this worker, and the limit that says so.
    fn to_make_way(&self, waiting: &Waiting, worker: WorkerId) -> Option<(u64, LimitName)> {
        let others = waiting.of_workers.get(&worker);
        let others = others.filter(|others| others.len() >= self.per_worker);
        if let Some(oldest) = others.and_then(BTreeSet::first) {
            return Some((*oldest, LimitName::WorkerPollers));
        }
        let oldest = waiting.all.keys().next();
        let oldest = oldest.filter(|_| waiting.all.len() >= self.of_all);
        oldest.map(|oldest| (*oldest, LimitName::Pollers))
    }
}

impl Waiting {
    fn insert(&mut self, waiter: Arc<Waiter>) -> u64 {
        let number = self.next;
        self.next += 1;
        let of_worker = self.of_workers.entry(waiter.worker).or_default();
        of_worker.insert(number);
        self.all.insert(number, waiter);
        number
    }

    fn remove(&mut self, number: u64) -> Option<Arc<Waiter>> {
        let waiter = self.all.remove(&number)?;
        if let Some(others) = self.of_workers.get_mut(&waiter.worker) {
            others.remove(&number);
            if others.is_empty() {
                self.of_workers.remove(&waiter.worker);
            }
        }
        Some(waiter)
    }
}

impl Waiter {
    fn displace(&self, limit: LimitName) {
        self.displaced.with(|displaced| *displaced = Some(limit));
        self.changed.notify_waiters();
    }
}

impl Poller {
    /// Waits until it has to make way; returns the limit that leaves it no place.
    pub(super) async fn displaced(&self) -> LimitName {
        loop {
            let changed = self.waiter.changed.notified();
            if let Some(limit) = self.waiter.displaced.with(|displaced| *displaced) {
                return limit;
            }
            changed.await;
        }
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.pollers
            .waiting
            .with(|waiting| drop(waiting.remove(self.number)));
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn pollers(per_worker: usize, of_all: usize) -> Arc<Pollers> {
        Pollers::new(&Limits {
            worker_pollers: per_worker,
            pollers: of_all,
            ..Limits::default()
        })
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_waited_for_longest_makes_way_but_not_at_once() {
        let (one, two) = (WorkerId::generate(), WorkerId::generate());
        let pollers = pollers(2, 3);
        let first = pollers.enter(one).unwrap();
        let second = pollers.enter(one).unwrap();
        let full = |limit| Some(CapacityExhausted { limit });
        assert_eq!(pollers.enter(one).err(), full(LimitName::WorkerPollers));
        let third = pollers.enter(two).unwrap();
        assert_eq!(pollers.enter(two).err(), full(LimitName::Pollers));
        assert_eq!(first.displaced().now_or_never(), None);

        tokio::time::sleep(LEAST_WAIT).await;
        let fourth = pollers.enter(one).unwrap();
        assert_eq!(first.displaced().await, LimitName::WorkerPollers);
        let fifth = pollers.enter(two).unwrap();
        assert_eq!(second.displaced().await, LimitName::Pollers);
        for still in [&third, &fourth, &fifth] {
            assert_eq!(still.displaced().now_or_never(), None);
        }
        // Whoever made way is no longer counted, also when it goes.
        drop((first, second));
        assert_eq!(pollers.waiting(), 3);
        drop((third, fifth));
        assert!(pollers.wait_for(one) && !pollers.wait_for(two));
        drop(fourth);
        assert_eq!(pollers.waiting(), 0);
        assert!(!pollers.wait_for(one));
    }
}
