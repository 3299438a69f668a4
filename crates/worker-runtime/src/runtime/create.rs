//! Creating workers.

use std::sync::Arc;

use jiff::Timestamp;
use tracing::debug;

use super::capacity::Capacity;
use super::commit::{Committed, commit_and_apply};
use super::directory::KeyHolder;
use super::residency::Lookup;
use super::slot::{Persistence, Slot};
use super::storage::read_error;
use super::{Inner, Runtime};
use crate::command::CreateWorker;
use crate::core::{OlderEntries, Worker, WorkerMetadata, WorkerSnapshot};
use crate::cursor::Epoch;
use crate::display_name::DisplayName;
use crate::error::{CapacityExhausted, CreateError, ReadError};
use crate::fingerprint::Fingerprint;
use crate::id::{IdempotencyKey, WorkerId};
use crate::limits::LimitName;
use crate::profile::{Profile, ProfileSet};
use crate::run::{RunDiagnostics, UsageTotals};
use crate::store::{Change, StoredState, StoredWorker};
use crate::sync::Executor;

/// A validated request to create a worker.
struct NewWorker<'a> {
    display_name: Option<DisplayName>,
    /// Its profile and the name of its model. An error counts only if the worker isn't there
    /// already: its profile may have gone since it was created.
    choice: Result<(&'a Profile, Option<Arc<str>>), CreateError>,
    key: Option<IdempotencyKey>,
    fingerprint: Fingerprint,
}

/// A worker that exists now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The worker as it was right after its creation, also when that was earlier. Its cursor is
    /// expired then if the runtime was opened since.
    pub worker: WorkerSnapshot,
    /// Whether an earlier request with the same key created it.
    pub replayed: bool,
}

/// What becomes of a request to create a worker.
enum CreateStep {
    /// This worker was created under the same key, in this epoch, if it is of the same request.
    Known(WorkerId, Epoch),
    /// The worker is there.
    Created(Arc<Slot>),
    /// A place is reserved for the worker; [`Inner::apply_create`] follows the commit.
    Commit(Arc<Slot>, Change),
    /// A worker is being created under the same key.
    Wait,
    /// There is no capacity for all of this.
    Lacks(Capacity),
}

impl Runtime {
    /// Creates a worker, or finds the one that was created under the same key. With a store, the
    /// worker is durable when this returns. If there is no capacity, and that helps, other workers are
    /// put out of memory, or, without a store, those that have been stopped for longest are forgotten.
    ///
    /// # Errors
    /// See [`CreateError`]; no worker is created then.
    ///
    /// # Cancellation
    /// Without a store there is nothing to wait for. With one, a worker that is being stored is
    /// created all the same when the future is dropped; its idempotency key finds it.
    ///
    /// # Panics
    /// With a store, outside of a tokio runtime.
    pub async fn create(&self, request: CreateWorker) -> Result<Created, CreateError> {
        let profiles = self.profiles();
        let (name, profile) = (request.display_name.as_deref(), request.profile.as_deref());
        let model = request.model.as_deref();
        let request = NewWorker {
            display_name: name.map(str::parse).transpose()?,
            choice: self.inner.choose(&profiles, profile, model),
            fingerprint: Fingerprint::new(&[name, profile, model]),
            key: request.idempotency_key,
        };
        loop {
            match self.inner.begin_create(&request) {
                Err(error) => return Err(error),
                Ok(CreateStep::Lacks(room)) => self.inner.make_room(room)?,
                Ok(CreateStep::Known(id, epoch)) => {
                    if let Some(created) = self.replay(id, epoch, &request).await? {
                        return Ok(created);
                    }
                }
                Ok(CreateStep::Created(slot)) => return Ok(Created::new(&slot)),
                Ok(CreateStep::Wait) => self.inner.wait_for_creation(request.key.as_ref()).await,
                Ok(CreateStep::Commit(slot, change)) => {
                    let inner = Arc::clone(&self.inner);
                    let apply = move |committed| inner.apply_create(&slot, committed);
                    let (executor, storage) = (Executor::current(), self.inner.expect_storage());
                    return commit_and_apply(&executor, storage, vec![change], apply).await;
                }
            }
        }
    }

    /// The first result of a request again, if it is the one that created this worker; none if that
    /// has been deleted since. Nothing is kept for it: what the worker was then follows from what
    /// never changes and from the request, which is the same.
    async fn replay(
        &self,
        id: WorkerId,
        epoch: Epoch,
        request: &NewWorker<'_>,
    ) -> Result<Option<Created>, CreateError> {
        let found = async {
            let first = self.inner.create_fingerprint(id).await?;
            Ok((first, self.get(id).await?))
        };
        match found.await {
            Ok((first, _)) if first != Some(request.fingerprint) => {
                Err(CreateError::IdempotencyConflict)
            }
            Ok((_, worker)) => Ok(Some(Created {
                worker: worker.at_creation(request.name_for(id), epoch),
                replayed: true,
            })),
            Err(ReadError::UnknownWorker(_)) => Ok(None),
            Err(ReadError::Store(error)) => Err(error.into()),
        }
    }
}

impl NewWorker<'_> {
    /// The name of the worker with this id that it creates.
    fn name_for(&self, id: WorkerId) -> DisplayName {
        let named = self.display_name.clone();
        named.unwrap_or_else(|| DisplayName::default_for(id))
    }
}

impl Created {
    fn new(slot: &Slot) -> Self {
        debug!(worker_id = %slot.id(), "worker created");
        Self {
            worker: slot.snapshot(),
            replayed: false,
        }
    }
}

impl Inner {
    /// The profile and the model of a new worker.
    fn choose<'a>(
        &self,
        profiles: &'a ProfileSet,
        profile: Option<&str>,
        model: Option<&str>,
    ) -> Result<(&'a Profile, Option<Arc<str>>), CreateError> {
        let profile = match profile {
            None => profiles.default_profile(),
            Some(id) => profiles.get(id).ok_or(CreateError::UnknownProfile)?,
        };
        Ok((profile, self.model(model.or(profile.model()))?))
    }

    /// The name of a worker's model: the one that is wanted, or the default one.
    fn model(&self, wanted: Option<&str>) -> Result<Option<Arc<str>>, CreateError> {
        let found = match wanted {
            None => self.models.first(),
            Some(name) => {
                let found = self.models.iter().find(|model| model.name == name);
                Some(found.ok_or(CreateError::UnknownModel)?)
            }
        };
        Ok(found.map(|model| model.name.as_str().into()))
    }

    /// Creates a worker; with a store, reserves a place for it.
    fn begin_create(&self, request: &NewWorker<'_>) -> Result<CreateStep, CreateError> {
        let created_at = self.shared.clock.now();
        self.directory.with(|directory| {
            let known = request.key.as_ref();
            match known.and_then(|key| directory.find_key(key)) {
                None => {}
                Some(KeyHolder::Worker(id)) => return Ok(CreateStep::Known(id, self.epoch)),
                Some(KeyHolder::Restored(id)) => return Ok(CreateStep::Known(id, Epoch::PAST)),
                Some(KeyHolder::Creating(other)) => {
                    return if other.fingerprint == request.fingerprint {
                        Ok(CreateStep::Wait)
                    } else {
                        Err(CreateError::IdempotencyConflict)
                    };
                }
            }
            let (profile, model) = request.choice.as_ref().map_err(|error| *error)?;
            self.accepting()?;
            let stored = directory.len_with_creating();
            if self.storage.is_some() && stored >= self.limits.stored_workers {
                let limit = LimitName::StoredWorkers;
                return Err(CapacityExhausted { limit }.into());
            }
            // Generated under the lock, so that ids have the order of the creations, also those of
            // a time when the clock was ahead.
            let newest = directory.newest();
            let id = newest.map_or_else(WorkerId::generate, WorkerId::generate_after);
            let (metadata, worker) =
                self.new_worker(id, request, profile, model.clone(), created_at);
            let needed = Capacity {
                workers: 1,
                bytes: worker.held_bytes(),
            };
            if directory.resident() >= self.limits.workers {
                return Ok(CreateStep::Lacks(needed));
            }
            let Some(bytes) = self.totals.bytes.reserve(needed.bytes) else {
                return Ok(CreateStep::Lacks(needed));
            };
            let slot = Slot::new(
                metadata,
                worker,
                Profile::clone(profile),
                &self.shared,
                bytes,
            );
            let slot = Arc::new(slot);
            Ok(match self.shared.persistence {
                Persistence::Memory => {
                    directory.insert(Arc::clone(&slot));
                    self.totals.enter(slot.read(Worker::state));
                    CreateStep::Created(slot)
                }
                Persistence::Store => {
                    directory.begin_creating(slot.key().cloned());
                    let change = create_change(&slot, profile);
                    CreateStep::Commit(slot, change)
                }
            })
        })
    }

    fn new_worker(
        &self,
        id: WorkerId,
        request: &NewWorker<'_>,
        profile: &Profile,
        model: Option<Arc<str>>,
        created_at: Timestamp,
    ) -> (Arc<WorkerMetadata>, Worker) {
        let metadata = Arc::new(WorkerMetadata {
            id,
            epoch: self.epoch,
            profile: profile.id().clone(),
            model,
            key: request.key.clone().map(|key| (key, request.fingerprint)),
            created_at,
            older_entries: match self.shared.persistence {
                Persistence::Memory => OlderEntries::Dropped,
                Persistence::Store => OlderEntries::Stored,
            },
        });
        let worker = Worker::new(
            Arc::clone(&metadata),
            request.name_for(id),
            Arc::clone(&self.limits),
        );
        (metadata, worker)
    }

    /// Adds the worker, if its commit succeeded.
    fn apply_create(&self, slot: &Arc<Slot>, committed: Committed) -> Result<Created, CreateError> {
        self.directory.with(|directory| {
            directory.end_creating(slot.key().map(|(key, _)| key));
            if committed.is_ok() {
                self.totals.enter(slot.read(Worker::state));
                directory.insert(Arc::clone(slot));
            }
        });
        committed?;
        Ok(Created::new(slot))
    }

    /// The fingerprint of the request that created a worker, if that had a key.
    async fn create_fingerprint(&self, id: WorkerId) -> Result<Option<Fingerprint>, ReadError> {
        let key = match self.lookup(id)? {
            Lookup::Resident(slot) => slot.key().cloned(),
            Lookup::Stored(..) => {
                let read = self.expect_storage().reader().workers(&[id]).await;
                let mut read = read.map_err(|error| read_error(&error))?;
                read.pop().and_then(|worker| worker.create_key)
            }
        };
        Ok(key.map(|(_, fingerprint)| fingerprint))
    }

    /// Waits until the worker that is being created under this key is there, or isn't going to be.
    async fn wait_for_creation(&self, key: Option<&IdempotencyKey>) {
        let holder = || {
            let found = |key| self.directory.with(|directory| directory.find_key(key));
            key.and_then(found)
        };
        if let Some(KeyHolder::Creating(creation)) = holder() {
            let ended = creation.ended.notified();
            // Another one may have begun since, and this one's end is past then.
            if let Some(KeyHolder::Creating(current)) = holder()
                && Arc::ptr_eq(&current, &creation)
            {
                ended.await;
            }
        }
    }
}

fn create_change(slot: &Slot, profile: &Profile) -> Change {
    let worker = slot.snapshot();
    Change::Create(Box::new(StoredWorker {
        id: worker.id,
        display_name: worker.display_name,
        profile: profile.clone(),
        model: worker.model,
        state: StoredState::Idle,
        created_at: worker.created_at,
        last_activity_at: worker.last_activity_at,
        create_key: slot.key().cloned(),
        last_sequence: 0,
        usage: UsageTotals::default(),
        last_run: None,
        diagnostics: RunDiagnostics::default(),
    }))
}
