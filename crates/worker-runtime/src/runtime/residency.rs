//! Which workers are in memory: loading them from the store, and putting them out again.

use std::sync::Arc;

use tracing::debug;

use super::Inner;
use super::capacity::Capacity;
use super::commit::{Committed, commit_and_apply};
use super::directory::{Place, Stored};
use super::slot::Slot;
use super::storage::{Storage, read_error};
use crate::core::{OlderEntries, RunEnd, Worker, WorkerMetadata};
use crate::error::{AccessError, CapacityExhausted, StoreUnavailable, UnknownWorker};
use crate::id::WorkerId;
use crate::profile::Profile;
use crate::run::RunErrorCode;
use crate::store::{Change, StoreErrorKind, StoredConversation, Window};
use crate::sync::{Executor, Notify};

/// Where a worker is to be read.
pub(super) enum Lookup {
    /// In memory.
    Resident(Arc<Slot>),
    /// In the store, and what is notified when nobody loads or deletes it any more, if somebody
    /// does.
    Stored(Stored, Option<Arc<Notify>>),
}

impl Lookup {
    /// Whether the worker is still in the store, as it was.
    pub(super) fn is(&self, before: Stored) -> bool {
        match self {
            Self::Resident(_) => false,
            Self::Stored(stored, _) => *stored == before,
        }
    }
}

/// Whether the runtime is being opened, so that nobody has a cursor of it yet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opening {
    Now,
    Done,
}

/// The duty to end the loading of a worker.
pub(super) struct LoadGuard {
    inner: Arc<Inner>,
    id: WorkerId,
}

impl LoadGuard {
    /// The worker is in memory now.
    fn end(self, slot: Arc<Slot>) {
        self.inner
            .directory
            .with(|directory| directory.end_loading(self.id, Some(slot)));
    }
}

impl Drop for LoadGuard {
    fn drop(&mut self) {
        // Does nothing after `end`.
        self.inner
            .directory
            .with(|directory| directory.end_loading(self.id, None));
    }
}

impl Inner {
    /// The slot of a worker, which is loaded if it isn't in memory.
    ///
    /// # Cancellation
    /// Dropping the future gives up the loading; others that wait for it begin it again.
    pub(super) async fn slot(self: &Arc<Self>, id: WorkerId) -> Result<Arc<Slot>, AccessError> {
        loop {
            let place = self.directory.with(|directory| directory.get(id).cloned());
            match place.ok_or(UnknownWorker { worker_id: id })? {
                Place::Resident(slot) => {
                    slot.mark_used();
                    return Ok(slot);
                }
                Place::Stored(_) => {
                    // Boxed, because it is seldom needed, and would make every operation's future
                    // three times as large.
                    if let Some(slot) = Box::pin(self.load(id)).await? {
                        return Ok(slot);
                    }
                }
                Place::Loading(_, loading) => self.loading_ended(id, &loading).await,
            }
        }
    }

    /// Waits until nobody loads or deletes a worker any more.
    pub(super) async fn loading_ended(&self, id: WorkerId, loading: &Arc<Notify>) {
        let ended = loading.notified();
        if self.is_loading(id, loading) {
            ended.await;
        }
    }

    /// Ends the run that the end of an earlier process cut off, if the worker still has it.
    pub(super) async fn end_interrupted_run(
        self: &Arc<Self>,
        id: WorkerId,
    ) -> Result<(), AccessError> {
        if let Some((guard, latest_event)) = self.begin_loading(id)? {
            self.read_worker(guard, latest_event, Opening::Now).await?;
        }
        Ok(())
    }

    /// Keeps everybody else from loading a worker that is in the store alone; nothing when it isn't,
    /// or somebody is about to.
    pub(super) fn reserve_stored(self: &Arc<Self>, id: WorkerId) -> Option<LoadGuard> {
        let begun = self.directory.with(|directory| directory.begin_loading(id));
        begun.map(|_| LoadGuard {
            inner: Arc::clone(self),
            id,
        })
    }

    /// Where a worker is to be read. That doesn't load it.
    pub(super) fn lookup(&self, id: WorkerId) -> Result<Lookup, UnknownWorker> {
        self.directory.with(|directory| match directory.get(id) {
            None => Err(UnknownWorker { worker_id: id }),
            Some(Place::Resident(slot)) => Ok(Lookup::Resident(Arc::clone(slot))),
            Some(Place::Stored(stored)) => Ok(Lookup::Stored(*stored, None)),
            Some(Place::Loading(stored, loading)) => {
                Ok(Lookup::Stored(*stored, Some(Arc::clone(loading))))
            }
        })
    }

    /// The store of a runtime of which something is stored.
    pub(super) fn expect_storage(&self) -> &Arc<Storage> {
        let storage = self.storage.as_ref();
        storage.expect("only a runtime with a store has something to store or to load")
    }

    /// Whether this loading of a worker goes on. Another one may have begun since.
    fn is_loading(&self, id: WorkerId, loading: &Arc<Notify>) -> bool {
        self.directory.with(|directory| match directory.get(id) {
            Some(Place::Loading(_, current)) => Arc::ptr_eq(current, loading),
            Some(Place::Resident(_) | Place::Stored(_)) | None => false,
        })
    }

    /// Reserves a place in memory for a worker, and the right to load it. Nothing when somebody else
    /// has loaded it, is about to, or has deleted it.
    fn begin_loading(
        self: &Arc<Self>,
        id: WorkerId,
    ) -> Result<Option<(LoadGuard, u64)>, CapacityExhausted> {
        let place = Capacity {
            workers: 1,
            bytes: 0,
        };
        loop {
            let begun = self.directory.with(|directory| {
                let is_full = directory.resident() >= self.limits.workers;
                (!is_full).then(|| directory.begin_loading(id))
            });
            match begun {
                Some(stored) => {
                    return Ok(stored.map(|stored| {
                        let inner = Arc::clone(self);
                        (LoadGuard { inner, id }, stored.latest_event)
                    }));
                }
                None => self.make_room(place)?,
            }
        }
    }

    /// Loads a worker. Nothing when its place has to be looked up again.
    async fn load(self: &Arc<Self>, id: WorkerId) -> Result<Option<Arc<Slot>>, AccessError> {
        let Some((guard, latest_event)) = self.begin_loading(id)? else {
            return Ok(None);
        };
        let read = self.read_worker(guard, latest_event, Opening::Done);
        let Some((guard, metadata, worker, profile)) = read.await? else {
            return Ok(None);
        };
        let held = worker.held_bytes();
        let bytes = loop {
            match self.totals.bytes.reserve(held) {
                Some(bytes) => break bytes,
                None => self.make_room(Capacity::bytes(held))?,
            }
        };
        let slot = Slot::new(metadata, worker, profile, &self.shared, bytes);
        let slot = Arc::new(slot);
        guard.end(Arc::clone(&slot));
        debug!(worker_id = %id, "worker loaded");
        Ok(Some(slot))
    }

    /// Reads a worker from the store. If it has a run that was cut off, that is ended, and nothing
    /// returned: the next reading finds it ended.
    async fn read_worker(
        &self,
        guard: LoadGuard,
        latest_event: u64,
        opening: Opening,
    ) -> Result<Option<(LoadGuard, Arc<WorkerMetadata>, Worker, Profile)>, AccessError> {
        let storage = self.expect_storage();
        let limits = &self.limits;
        let window = Window {
            entries: limits.transcript_entries,
            bytes: limits.transcript_bytes,
        };
        let read = storage.reader().load(guard.id, window, limits.input_keys);
        let conversation = read.await.map_err(|error| read_error(&error))?;
        let conversation = conversation.filter(StoredConversation::is_consistent);
        let conversation = conversation.ok_or(StoreUnavailable {
            kind: StoreErrorKind::Failed,
        })?;
        let stored = &conversation.worker;
        let profile = self.share_profile(stored.profile.clone());
        let metadata = Arc::new(WorkerMetadata {
            id: guard.id,
            epoch: self.epoch,
            profile: profile.id().clone(),
            model: stored.model.clone(),
            key: stored.create_key.clone(),
            created_at: stored.created_at,
            older_entries: OlderEntries::Stored,
        });
        let (limits, cut_off) = (Arc::clone(limits), conversation.active_run.is_some());
        let mut worker = Worker::restore(Arc::clone(&metadata), limits, conversation, latest_event);
        if !cut_off {
            return Ok(Some((guard, metadata, worker, profile)));
        }
        let finished = worker.active_run().and_then(|run_id| {
            let end = RunEnd::Failed(RunErrorCode::Interrupted.into());
            worker.decide_end(run_id, end, self.shared.clock.now())
        });
        let changes = finished.map(|run| Change::Finish(Box::new(run)));
        let changes = changes.into_iter().collect();
        let apply = move |committed: Committed| {
            if committed.is_ok() && opening == Opening::Done {
                // Readers with a cursor of before have missed the event.
                let inner = &guard.inner;
                inner
                    .directory
                    .with(|directory| directory.skip_event(guard.id));
            }
            drop(guard);
            committed
        };
        commit_and_apply(&Executor::current(), storage, changes, apply).await?;
        Ok(None)
    }

    /// The same profile, sharing its texts with the one that new workers get, if it hasn't changed.
    fn share_profile(&self, profile: Profile) -> Profile {
        let profiles = self.profiles.with(|profiles| Arc::clone(profiles));
        let same = profiles.get(profile.id().as_str());
        same.filter(|same| **same == profile)
            .cloned()
            .unwrap_or(profile)
    }
}
