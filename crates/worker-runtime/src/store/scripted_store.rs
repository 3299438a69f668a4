//! A store that fails, hangs, dawdles and tears as a test tells it to, around one that works.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    Change, Index, StoreError, StoreErrorKind, StoredConversation, StoredPage, StoredWorker,
    Window, WorkerStore,
};
use crate::id::WorkerId;
use crate::sync::{Mutex, Notify, yield_now};
use crate::transcript::TranscriptPosition;

/// A [`WorkerStore`] with faults in front of another.
///
/// Without a fault it does what the store behind it does.
pub struct ScriptedStore {
    inner: Arc<dyn WorkerStore>,
    pub(super) script: Mutex<Script>,
    /// Woken whenever something begins to hang or is released.
    changed: Notify,
}

/// What can be disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A commit.
    Commit,
    /// A read of any kind.
    Read,
}

/// Which operations of a kind are disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The one with this number; 1 is the next to begin.
    Nth(usize),
    /// Every one, until [`ScriptedStore::clear`].
    Every,
}

/// What goes wrong with an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails and nothing has happened.
    Fail(StoreErrorKind),
    /// It waits for a [release](ScriptedStore::release) before it does anything.
    Hang,
    /// It does its work, and waits for a [release](ScriptedStore::release) before it returns.
    HangAfterwards,
    /// It lets other tasks run this often before it does anything, so that later ones overtake it.
    Yield(usize),
    /// It does its work and fails nevertheless. A store must not do that.
    FailAfterwards(StoreErrorKind),
    /// Only the first so many changes are made, and it succeeds; a read finds nothing. A store
    /// must not do that.
    Tear(usize),
}

#[derive(Debug, Default)]
pub(super) struct Script {
    commits: Rules,
    reads: Rules,
    /// Everything that was passed on and succeeded, in that order.
    committed: Vec<Change>,
    tickets: u64,
    pub(super) hanging: BTreeSet<u64>,
}

/// The faults of one kind of operation, the first that fits wins.
#[derive(Debug, Default)]
struct Rules {
    /// How many operations have begun.
    begun: usize,
    /// Number of the operation, or none for every one.
    faults: Vec<(Option<usize>, Fault)>,
}

impl Rules {
    fn add(&mut self, when: When, fault: Fault) {
        let number = match when {
            When::Nth(number) => Some(self.begun + number),
            When::Every => None,
        };
        self.faults.push((number, fault));
    }

    fn begin(&mut self) -> Option<Fault> {
        self.begun += 1;
        let fits = |(number, _): &&(Option<usize>, Fault)| number.is_none_or(|it| it == self.begun);
        self.faults.iter().find(fits).map(|(_, fault)| *fault)
    }
}

impl ScriptedStore {
    /// The store `inner`, without faults.
    #[must_use]
    pub fn new(inner: Arc<dyn WorkerStore>) -> Self {
        Self {
            inner,
            script: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Adds a fault. Where two fit, the first added has its way.
    pub fn disturb(&self, operation: Operation, when: When, fault: Fault) {
        self.script.with(|script| match operation {
            Operation::Commit => script.commits.add(when, fault),
            Operation::Read => script.reads.add(when, fault),
        });
    }

    /// Removes all faults. What hangs goes on hanging.
    pub fn clear(&self) {
        self.script.with(|script| {
            script.commits.faults.clear();
            script.reads.faults.clear();
        });
    }

    /// Lets everything go on that hangs now.
    pub fn release(&self) {
        self.script.with(|script| script.hanging.clear());
        self.changed.notify_waiters();
    }

    /// Lets the latest go on that hangs now, so that it overtakes those before it.
    pub fn release_newest(&self) {
        self.script.with(|script| script.hanging.pop_last());
        self.changed.notify_waiters();
    }

    /// Waits until this many operations hang.
    pub async fn hanging(&self, count: usize) {
        loop {
            let changed = self.changed.notified();
            if self.script.with(|script| script.hanging.len() >= count) {
                return;
            }
            changed.await;
        }
    }

    /// How many commits have begun.
    pub fn commits(&self) -> usize {
        self.script.with(|script| script.commits.begun)
    }

    /// Every change that was made, in the order in which the commits returned.
    pub fn committed(&self) -> Vec<Change> {
        self.script.with(|script| script.committed.clone())
    }

    async fn hang(&self) {
        let hanging = self.script.with(|script| {
            script.tickets += 1;
            script.hanging.insert(script.tickets);
            Hanging {
                store: self,
                ticket: script.tickets,
            }
        });
        self.changed.notify_waiters();
        loop {
            let changed = self.changed.notified();
            if !hanging.is_held() {
                return;
            }
            changed.await;
        }
    }

    async fn commit_all(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        self.inner.commit(changes.clone()).await?;
        self.script.with(|script| script.committed.extend(changes));
        Ok(())
    }

    /// Does `read`, or what the script says. A torn read gives `nothing`.
    async fn read<T>(
        &self,
        read: impl Future<Output = Result<T, StoreError>> + Send,
        nothing: T,
    ) -> Result<T, StoreError> {
        let fault = self.script.with(|script| script.reads.begin());
        match fault {
            None => {}
            Some(Fault::Fail(kind)) => return Err(StoreError::new(kind)),
            Some(Fault::Hang) => self.hang().await,
            Some(Fault::Yield(times)) => yield_often(times).await,
            Some(Fault::Tear(_)) => return Ok(nothing),
            Some(Fault::HangAfterwards) => {
                let found = read.await;
                self.hang().await;
                return found;
            }
            Some(Fault::FailAfterwards(kind)) => {
                read.await?;
                return Err(StoreError::new(kind));
            }
        }
        read.await
    }
}

/// An operation that hangs until its ticket is gone. One that is dropped hangs no longer.
struct Hanging<'a> {
    store: &'a ScriptedStore,
    ticket: u64,
}

impl Hanging<'_> {
    fn is_held(&self) -> bool {
        let script = &self.store.script;
        script.with(|script| script.hanging.contains(&self.ticket))
    }
}

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        let script = &self.store.script;
        script.with(|script| script.hanging.remove(&self.ticket));
    }
}

async fn yield_often(times: usize) {
    for _ in 0..times {
        yield_now().await;
    }
}

#[async_trait]
impl WorkerStore for ScriptedStore {
    async fn commit(&self, mut changes: Vec<Change>) -> Result<(), StoreError> {
        let fault = self.script.with(|script| script.commits.begin());
        match fault {
            None => {}
            Some(Fault::Fail(kind)) => return Err(StoreError::new(kind)),
            Some(Fault::Hang) => self.hang().await,
            Some(Fault::Yield(times)) => yield_often(times).await,
            Some(Fault::Tear(count)) => changes.truncate(count),
            Some(Fault::HangAfterwards) => {
                let committed = self.commit_all(changes).await;
                self.hang().await;
                return committed;
            }
            Some(Fault::FailAfterwards(kind)) => {
                self.commit_all(changes).await?;
                return Err(StoreError::new(kind));
            }
        }
        self.commit_all(changes).await
    }

    async fn index(&self) -> Result<Index, StoreError> {
        self.read(self.inner.index(), Index::default()).await
    }

    async fn workers(&self, ids: &[WorkerId]) -> Result<Vec<StoredWorker>, StoreError> {
        self.read(self.inner.workers(ids), Vec::new()).await
    }

    async fn load(
        &self,
        id: WorkerId,
        window: Window,
        input_keys: usize,
    ) -> Result<Option<StoredConversation>, StoreError> {
        let read = self.inner.load(id, window, input_keys);
        self.read(read, None).await
    }

    async fn transcript(
        &self,
        id: WorkerId,
        position: TranscriptPosition,
        window: Window,
    ) -> Result<Option<StoredPage>, StoreError> {
        let read = self.inner.transcript(id, position, window);
        self.read(read, None).await
    }

    async fn stopped_before(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<WorkerId>, StoreError> {
        let read = self.inner.stopped_before(before, limit);
        self.read(read, Vec::new()).await
    }
}

impl fmt::Debug for ScriptedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedStore").finish_non_exhaustive()
    }
}
