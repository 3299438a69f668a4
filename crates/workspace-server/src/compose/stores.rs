//! Where workers are kept: the stores that a server can have, and how each is opened.

pub(crate) mod copy;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adapter_store_postgres::{Candidate, PostgresStore};
use adapter_store_sqlite::{NetworkFileSystems, Options, PendingStore, SqliteStore};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use worker_runtime::store::{StoreMetrics, WorkerStore};

use super::{ComposeError, StoreOpenError};

/// Where the workers of the embedded runtime are kept.
#[derive(Clone)]
pub enum StoreSetting {
    /// In memory: the end of the server forgets them.
    Memory,
    /// In a file, and over restarts.
    File {
        /// The file, which is created if it isn't there.
        path: PathBuf,
        /// Whether it may be on a network file system, where it can be damaged.
        on_network_file_system: bool,
    },
    /// In a database, and over restarts, also on another machine.
    Database(Box<DatabaseSetting>),
    /// In the embedding program's own store.
    Own(Arc<dyn WorkerStore>),
}

/// A workspace in a database.
#[derive(Debug, Clone)]
pub struct DatabaseSetting {
    /// The database.
    pub database: adapter_store_postgres::Database,
    /// The workspace's name there.
    pub workspace: String,
    /// How long the workspace belongs to a server that doesn't say anything.
    pub lease: adapter_store_postgres::LeaseTime,
}

/// A store, and what the server does with it beside the runtime.
#[derive(Default)]
pub(crate) struct OpenedStore {
    /// None keeps the workers in memory.
    pub(crate) store: Option<Arc<dyn WorkerStore>>,
    /// None where nothing is counted.
    pub(crate) metrics: Option<ReadMetrics>,
    /// None of a store that no other server can take over.
    pub(crate) ownership: Option<Ownership>,
}

/// Reads what a store has counted; nothing once it is closed.
pub(crate) type ReadMetrics = Box<dyn Fn() -> Option<StoreMetrics> + Send + Sync>;

/// That this server owns its workspace, until another takes it over.
pub(crate) struct Ownership(Arc<PostgresStore>);

impl Ownership {
    /// Longest time that [`give_back`](Self::give_back) takes.
    pub(crate) const GIVE_BACK_TIMEOUT: Duration = PostgresStore::CLOSE_TIMEOUT;

    /// Ends when the workspace belongs to another server, or may.
    pub(crate) fn lost(&self) -> impl Future<Output = ()> + Send + 'static {
        self.0.lost()
    }

    /// Gives the workspace to the next server. The runtime has ended.
    pub(crate) async fn give_back(self) {
        self.0.close().await;
    }
}

/// Opens a store, in as many attempts as it takes.
pub(crate) struct StoreOpener {
    setting: StoreSetting,
    /// Of a database: a connection that is kept between two attempts.
    candidate: Option<Mutex<Candidate>>,
}

impl StoreOpener {
    pub(crate) fn new(setting: StoreSetting) -> Self {
        let candidate = match &setting {
            StoreSetting::Database(setting) => Some(Mutex::new(candidate(setting))),
            StoreSetting::Memory | StoreSetting::File { .. } | StoreSetting::Own(_) => None,
        };
        Self { setting, candidate }
    }

    /// How long a store may still be another server's after that has ended; none of one whose owner
    /// gives it back at once.
    pub(crate) fn lease(&self) -> Option<Duration> {
        match &self.setting {
            StoreSetting::Database(setting) => Some(setting.lease.get()),
            StoreSetting::Memory | StoreSetting::File { .. } | StoreSetting::Own(_) => None,
        }
    }

    /// Tries once.
    ///
    /// # Errors
    /// One of which [`ComposeError::is_worth_waiting_for`] holds may be gone at the next attempt.
    pub(crate) async fn attempt(&self) -> Result<OpenedStore, ComposeError> {
        if let Some(candidate) = &self.candidate {
            let store = Arc::new(candidate.lock().await.acquire().await?);
            return Ok(OpenedStore {
                ownership: Some(Ownership(Arc::clone(&store))),
                ..counted(store, |store| Some(store.metrics()))
            });
        }
        match &self.setting {
            StoreSetting::File {
                path,
                on_network_file_system,
            } => open_file(path.clone(), *on_network_file_system).await,
            StoreSetting::Own(store) => Ok(OpenedStore {
                store: Some(Arc::clone(store)),
                ..OpenedStore::default()
            }),
            StoreSetting::Memory | StoreSetting::Database(_) => Ok(OpenedStore::default()),
        }
    }
}

fn candidate(setting: &DatabaseSetting) -> Candidate {
    Candidate::new(
        setting.database.clone(),
        setting.workspace.clone(),
        owner(),
        setting.lease,
    )
}

/// What operators see of this server in the database.
fn owner() -> String {
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy();
    format!("{name}, process {}", std::process::id())
}

async fn open_file(
    path: PathBuf,
    on_network_file_system: bool,
) -> Result<OpenedStore, ComposeError> {
    let options = Options {
        network_file_systems: if on_network_file_system {
            NetworkFileSystems::Allowed
        } else {
            NetworkFileSystems::Refused
        },
        ..Options::default()
    };
    let to_open = path.clone();
    let opened = spawn_blocking(move || SqliteStore::open(&to_open, options)).await;
    match opened.map_err(|_| ComposeError::Interrupted)? {
        Ok(store) => Ok(counted(Arc::new(store), |store| Some(store.metrics()))),
        // As on a disk that fills up later: what can't be kept is refused, until it can.
        Err(StoreOpenError::NoSpace) => {
            tracing::warn!("the store has no space: nothing is accepted until it has");
            let store = PendingStore::new(path, options);
            Ok(counted(Arc::new(store), PendingStore::metrics))
        }
        Err(error) => Err(error.into()),
    }
}

/// A store, and what it counts. That doesn't keep the store open when the runtime has ended.
fn counted<S: WorkerStore + 'static>(
    store: Arc<S>,
    metrics: fn(&S) -> Option<StoreMetrics>,
) -> OpenedStore {
    let counted = Arc::downgrade(&store);
    OpenedStore {
        store: Some(store),
        metrics: Some(Box::new(move || metrics(&*counted.upgrade()?))),
        ownership: None,
    }
}
