//! The open connections: how many there may be, and which one makes room for the next.
//!
//! Whoever has no credentials holds at most a part of the slots, so that a client with credentials
//! always finds one: a new connection closes the oldest that has shown none. When all slots are in
//! use, the one that has been idle for longest is closed.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

use super::Connection;
use crate::locked::Locked;

/// The open connections. A cheap `Clone` handle.
#[derive(Clone)]
pub(crate) struct ConnectionTable(Arc<Shared>);

struct Shared {
    slots: Arc<Semaphore>,
    unauthenticated_max: usize,
    open: Locked<Open>,
    /// Notified when an authenticated connection may have become idle.
    became_idle: Notify,
    /// Counts the connections that made room for others.
    evicted: Counter,
}

/// The connections that were not evicted, each list in the order of accepting.
#[derive(Default)]
struct Open {
    next_number: u64,
    unauthenticated: BTreeMap<u64, Entry>,
    authenticated: BTreeMap<u64, Entry>,
}

struct Entry {
    connection: Connection,
    accepted_at: Instant,
    /// Evicts the connection when it is dropped.
    _evict: oneshot::Sender<Infallible>,
}

/// A connection and its slot, which is free again when this is dropped.
pub(crate) struct OpenConnection {
    pub(crate) connection: Connection,
    /// Completes when the connection has to make room for another.
    pub(crate) evicted: oneshot::Receiver<Infallible>,
    _slot: OwnedSemaphorePermit,
}

impl ConnectionTable {
    /// A table of `connections` slots, of which those without credentials hold at most
    /// `unauthenticated_max`.
    pub(crate) fn new(connections: usize, unauthenticated_max: usize, evicted: Counter) -> Self {
        Self(Arc::new(Shared {
            slots: Arc::new(Semaphore::new(connections)),
            unauthenticated_max,
            open: Locked::default(),
            became_idle: Notify::new(),
            evicted,
        }))
    }

    /// A slot for a connection that was accepted. Waits only while all slots are in use and no
    /// connection may be closed: all have credentials and a request under way.
    ///
    /// # Cancellation
    /// Nothing is taken. A connection may have been evicted.
    pub(crate) async fn open(&self) -> OpenConnection {
        let slot = self.slot().await;
        let (evict, evicted) = oneshot::channel();
        let connection = self.0.open.with(|open| {
            let number = open.next_number;
            open.next_number += 1;
            let connection = Connection::new(number, self.clone());
            let entry = Entry {
                connection: connection.clone(),
                accepted_at: Instant::now(),
                _evict: evict,
            };
            open.unauthenticated.insert(number, entry);
            if open.unauthenticated.len() > self.0.unauthenticated_max {
                open.unauthenticated.pop_first();
                self.0.evicted.inc();
            }
            connection
        });
        OpenConnection {
            connection,
            evicted,
            _slot: slot,
        }
    }

    /// Closes the connection that is to make room next; returns false if there is none.
    pub(crate) fn evict(&self) -> bool {
        let victim = self
            .0
            .open
            .with(|open| open.take_victim(self.0.unauthenticated_max));
        if victim.is_some() {
            self.0.evicted.inc();
        }
        victim.is_some()
    }

    async fn slot(&self) -> OwnedSemaphorePermit {
        let mut has_evicted = false;
        loop {
            if let Ok(slot) = Arc::clone(&self.0.slots).try_acquire_owned() {
                return slot;
            }
            has_evicted = has_evicted || self.evict();
            // Dropping either arm loses nothing: a notification is kept for the next wait.
            tokio::select! {
                slot = Arc::clone(&self.0.slots).acquire_owned() => {
                    return slot.expect("the semaphore is never closed");
                }
                () = self.0.became_idle.notified(), if !has_evicted => {}
            }
        }
    }

    pub(super) fn authenticated(&self, number: u64) {
        self.0.open.with(|open| {
            // One that was evicted is in neither list.
            if let Some(entry) = open.unauthenticated.remove(&number) {
                open.authenticated.insert(number, entry);
            }
        });
    }

    pub(super) fn became_idle(&self) {
        self.0.became_idle.notify_one();
    }
}

impl Open {
    /// Takes out the connection that makes room: the oldest without credentials when these have all
    /// that they may have, else the oldest of them or the one with credentials that has been
    /// idle for longest, whichever is longer ago. One without credentials is never waited for:
    /// half a request would be enough to stay.
    fn take_victim(&mut self, unauthenticated_max: usize) -> Option<Entry> {
        let oldest = self.unauthenticated.first_key_value();
        let oldest = oldest.map(|(_, entry)| entry.accepted_at);
        if self.unauthenticated.len() < unauthenticated_max {
            let idle = self.authenticated.iter();
            let idle = idle.filter_map(|(number, entry)| {
                let since = entry.connection.idle_since()?;
                Some((since, *number))
            });
            if let Some((since, number)) = idle.min()
                && oldest.is_none_or(|oldest| since < oldest)
            {
                return self.authenticated.remove(&number);
            }
        }
        self.unauthenticated.pop_first().map(|(_, entry)| entry)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let Connection(shared) = &self.connection;
        shared.table.0.open.with(|open| {
            open.unauthenticated.remove(&shared.number);
            open.authenticated.remove(&shared.number);
        });
    }
}

#[cfg(test)]
mod tests;
