//! The composition root: the only module that names concrete adapters. It builds the embedded
//! runtime and the registry of sources that `server` puts behind the HTTP API.

mod stores;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adapter_embedded::EmbeddedSource;
use adapter_local::{LocalConfig, LocalLimits, LocalSource};
use adapter_model::{ModelSet, ModelSetError};
use registry_core::port::RuntimeSource;
use registry_core::registry::DuplicateRuntime;
use registry_core::{Deadlines, RuntimeRegistry};
use worker_runtime::store::WorkerStore;
use worker_runtime::{
    BuildError, Limits, OfflineEngine, OpenError, ProfileSet, Runtime, TurnEngine,
};

pub(crate) use stores::copy as store_copy;
pub use stores::{DatabaseSetting, StoreSetting};
pub(crate) use stores::{OpenedStore, Ownership, ReadMetrics, StoreOpener};

pub(crate) use adapter_local::untrusted_file;
pub(crate) use adapter_model::RunFailure;
pub(crate) use adapter_model::SILENCED_TARGETS as MODEL_CLIENT_TARGETS;
pub(crate) use adapter_model::secret_file;
pub use adapter_model::{
    InvalidNamedModel, ModelConfig, ModelConfigError, NamedModel, SecretFileError,
};
pub use adapter_store_postgres::OpenError as DatabaseOpenError;
pub use adapter_store_postgres::{Database, InvalidAddress, LeaseTime};
pub(crate) use adapter_store_postgres::{Secrets, is_address as is_database_address};
pub use adapter_store_sqlite::OpenError as StoreOpenError;
pub(crate) use adapter_store_sqlite::maintenance as store_maintenance;

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
    /// The store in the database can't be opened.
    #[error(transparent)]
    Database(#[from] DatabaseOpenError),
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
        matches!(
            self,
            Self::Store(StoreOpenError::InUse) | Self::Database(DatabaseOpenError::InUse)
        )
    }

    /// Whether a server that stands by goes on to do so: also while the database is away.
    pub(crate) fn is_worth_waiting_for(&self) -> bool {
        self.is_store_in_use() || matches!(self, Self::Database(DatabaseOpenError::Unreachable))
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
