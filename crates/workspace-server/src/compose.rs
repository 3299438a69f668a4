//! The composition root: the only file that names concrete adapters. It builds the embedded
//! runtime and the registry of sources that `server` puts behind the HTTP API.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adapter_embedded::EmbeddedSource;
use adapter_local::{LocalConfig, LocalLimits, LocalSource};
use adapter_model::{ModelSet, ModelSetError};
use adapter_store_sqlite::{NetworkFileSystems, Options, PendingStore, SqliteStore};
use registry_core::port::RuntimeSource;
use registry_core::registry::DuplicateRuntime;
use registry_core::{Deadlines, RuntimeRegistry};
use tokio::task::spawn_blocking;
use worker_runtime::store::WorkerStore;
use worker_runtime::{
    BuildError, Limits, OfflineEngine, OpenError, ProfileSet, Runtime, TurnEngine,
};

pub(crate) use adapter_local::untrusted_file;
pub(crate) use adapter_model::RunFailure;
pub(crate) use adapter_model::SILENCED_TARGETS as MODEL_CLIENT_TARGETS;
pub(crate) use adapter_model::secret_file;
pub use adapter_model::{
    InvalidNamedModel, ModelConfig, ModelConfigError, NamedModel, SecretFileError,
};
pub use adapter_store_sqlite::OpenError as StoreOpenError;
pub(crate) use adapter_store_sqlite::maintenance as store_maintenance;
pub(crate) use adapter_store_sqlite::{
    BATCH_SIZE_BUCKETS, Histogram, LATENCY_BUCKETS, StoreMetrics,
};

/// The turn engine of the embedded runtime.
#[derive(Clone)]
pub enum EngineSetting {
    /// The built-in engine that needs no model.
    Offline {
        /// The pause between two words; zero turns pacing off.
        pace: Duration,
    },
    /// Models of providers, the default one first.
    Models(Vec<(NamedModel, ModelConfig)>),
    /// The embedding program's own engine.
    Own(Arc<dyn TurnEngine>),
}

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
    /// In the embedding program's own store.
    Own(Arc<dyn WorkerStore>),
}

/// Why the parts of a server can't be built. Carries no path and no secret.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The models can't be used.
    #[error("the model can't be used")]
    Model(#[source] ModelSetError),
    /// The embedded runtime can't be built.
    #[error("the embedded runtime can't be built")]
    Runtime(#[source] BuildError),
    /// The store can't be opened.
    #[error(transparent)]
    Store(#[from] StoreOpenError),
    /// The embedded runtime can't read its store.
    #[error("the workers can't be read from the store")]
    Restore(#[source] OpenError),
    /// The start was interrupted.
    #[error("the start was interrupted")]
    Interrupted,
    /// A source has the id of another.
    #[error(transparent)]
    Duplicate(#[from] DuplicateRuntime),
}

impl ComposeError {
    /// Whether another server has the store, so that opening it may succeed once that has ended.
    pub(crate) fn is_store_in_use(&self) -> bool {
        matches!(self, Self::Store(StoreOpenError::InUse))
    }
}

/// The directory of local records: the flag, or else what the environment names.
pub(crate) fn local_data_dir(
    flag: Option<PathBuf>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Option<PathBuf> {
    adapter_local::data_dir::resolve(flag, variable)
}

/// Builds the turn engine. `on_failure` gets what a provider said of each run that failed.
pub(crate) fn engine(
    setting: &EngineSetting,
    on_failure: impl Fn(RunFailure) + Send + Sync + 'static,
) -> Result<Arc<dyn TurnEngine>, ComposeError> {
    Ok(match setting {
        EngineSetting::Offline { pace } => Arc::new(OfflineEngine::new(*pace)),
        EngineSetting::Models(models) => {
            let models = ModelSet::new(models).map_err(ComposeError::Model)?;
            Arc::new(models.observing_failures(on_failure))
        }
        EngineSetting::Own(engine) => Arc::clone(engine),
    })
}

/// A store, and what it has counted.
#[derive(Default)]
pub(crate) struct OpenedStore {
    /// None keeps the workers in memory.
    pub(crate) store: Option<Arc<dyn WorkerStore>>,
    /// None where nothing is counted.
    pub(crate) metrics: Option<ReadMetrics>,
}

/// Reads what a store has counted; nothing once it is closed.
pub(crate) type ReadMetrics = Box<dyn Fn() -> Option<StoreMetrics> + Send + Sync>;

/// Opens a store, in as many attempts as it takes.
pub(crate) struct StoreOpener {
    setting: StoreSetting,
}

impl StoreOpener {
    pub(crate) fn new(setting: StoreSetting) -> Self {
        Self { setting }
    }

    /// Tries once.
    ///
    /// # Errors
    /// One of which [`ComposeError::is_store_in_use`] holds may be gone at the next attempt.
    pub(crate) async fn attempt(&self) -> Result<OpenedStore, ComposeError> {
        open_store(self.setting.clone()).await
    }
}

async fn open_store(setting: StoreSetting) -> Result<OpenedStore, ComposeError> {
    let (path, on_network_file_system) = match setting {
        StoreSetting::Memory => return Ok(OpenedStore::default()),
        StoreSetting::Own(store) => {
            return Ok(OpenedStore {
                store: Some(store),
                metrics: None,
            });
        }
        StoreSetting::File {
            path,
            on_network_file_system,
        } => (path, on_network_file_system),
    };
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
        Ok(store) => Ok(counted(store, |store| Some(store.metrics()))),
        // As on a disk that fills up later: what can't be kept is refused, until it can.
        Err(StoreOpenError::NoSpace) => {
            tracing::warn!("the store has no space: nothing is accepted until it has");
            let store = PendingStore::new(path, options);
            Ok(counted(store, PendingStore::metrics))
        }
        Err(error) => Err(error.into()),
    }
}

/// A store, and what it counts. That doesn't keep the file open when the runtime has ended.
fn counted<S: WorkerStore + 'static>(
    store: S,
    metrics: fn(&S) -> Option<StoreMetrics>,
) -> OpenedStore {
    let store = Arc::new(store);
    let counted = Arc::downgrade(&store);
    OpenedStore {
        store: Some(store),
        metrics: Some(Box::new(move || metrics(&*counted.upgrade()?))),
    }
}

/// Builds the embedded runtime, with the workers of `store`.
pub(crate) async fn runtime(
    engine: Arc<dyn TurnEngine>,
    profiles: ProfileSet,
    limits: Limits,
    store: Option<Arc<dyn WorkerStore>>,
    delete_stopped_after: Option<Duration>,
) -> Result<Runtime, ComposeError> {
    let mut builder = Runtime::builder()
        .engine(engine)
        .profiles(profiles)
        .limits(limits);
    if let Some(age) = delete_stopped_after {
        builder = builder.delete_stopped_after(age);
    }
    match store {
        None => builder.build().map_err(ComposeError::Runtime),
        Some(store) => builder.open(store).await.map_err(ComposeError::Restore),
    }
}

/// Registers the embedded runtime first, the local records second, then the sources that an
/// embedding program adds.
pub(crate) fn registry(
    runtime: Runtime,
    local_data_dir: Option<&Path>,
    workspace_root: &Path,
    deadlines: Deadlines,
    sources: &[Arc<dyn RuntimeSource>],
) -> Result<RuntimeRegistry, ComposeError> {
    let local = LocalSource::new(LocalConfig {
        // The source reports an empty path as a directory that is missing.
        data_dir: local_data_dir.unwrap_or(Path::new("")).to_owned(),
        workspace_roots: spellings(workspace_root),
        limits: LocalLimits::default(),
    });
    let mut builder = RuntimeRegistry::builder()
        .deadlines(deadlines)
        .register(Arc::new(EmbeddedSource::new(runtime)))?
        .register(Arc::new(local))?;
    for source in sources {
        builder = builder.register(Arc::clone(source))?;
    }
    Ok(builder.build())
}

/// The workspace's root as it was given, and with links resolved.
fn spellings(root: &Path) -> Vec<PathBuf> {
    let given = std::path::absolute(root);
    given.into_iter().chain(root.canonicalize()).collect()
}
