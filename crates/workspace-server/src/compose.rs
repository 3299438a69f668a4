//! The composition root: the only file that names concrete adapters. It builds the embedded
//! runtime and the registry of sources that `server` puts behind the HTTP API.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adapter_embedded::EmbeddedSource;
use adapter_local::{LocalConfig, LocalLimits, LocalSource};
use adapter_model::ModelEngine;
use registry_core::port::RuntimeSource;
use registry_core::registry::DuplicateRuntime;
use registry_core::{Deadlines, RuntimeRegistry};
use worker_runtime::{BuildError, Limits, OfflineEngine, ProfileSet, Runtime, TurnEngine};

use crate::profile_dir::{self, ProfileDirError};

pub(crate) use adapter_local::untrusted_file;
pub(crate) use adapter_model::SILENCED_TARGETS as MODEL_CLIENT_TARGETS;
pub(crate) use adapter_model::secret_file;
pub use adapter_model::{ModelConfig, ModelConfigError, SecretFileError};

/// The turn engine of the embedded runtime.
#[derive(Clone)]
pub enum EngineSetting {
    /// The built-in engine that needs no model.
    Offline {
        /// The pause between two words; zero turns pacing off.
        pace: Duration,
    },
    /// A model of a provider.
    Model(Box<ModelConfig>),
    /// The embedding program's own engine.
    Own(Arc<dyn TurnEngine>),
}

/// Why the parts of a server can't be built. Carries no path and no secret.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The model can't be used.
    #[error("the model can't be used")]
    Model(#[source] ModelConfigError),
    /// The profiles of one's own can't be used.
    #[error(transparent)]
    Profiles(#[from] ProfileDirError),
    /// The embedded runtime can't be built.
    #[error("the embedded runtime can't be built")]
    Runtime(#[source] BuildError),
    /// A source has the id of another.
    #[error(transparent)]
    Duplicate(#[from] DuplicateRuntime),
}

/// The directory of local records: the flag, or else what the environment names.
pub(crate) fn local_data_dir(
    flag: Option<PathBuf>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Option<PathBuf> {
    adapter_local::data_dir::resolve(flag, variable)
}

/// Builds the embedded runtime.
pub(crate) fn runtime(
    engine: &EngineSetting,
    profile_dir: Option<&Path>,
    limits: Limits,
) -> Result<Runtime, ComposeError> {
    let engine: Arc<dyn TurnEngine> = match engine {
        EngineSetting::Offline { pace } => Arc::new(OfflineEngine::new(*pace)),
        EngineSetting::Model(model) => {
            Arc::new(ModelEngine::new(model).map_err(ComposeError::Model)?)
        }
        EngineSetting::Own(engine) => Arc::clone(engine),
    };
    let profiles = match profile_dir {
        Some(directory) => profile_dir::load(directory, &engine.models())?,
        None => ProfileSet::builtin(),
    };
    Runtime::builder()
        .engine(engine)
        .profiles(profiles)
        .limits(limits)
        .build()
        .map_err(ComposeError::Runtime)
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
        workspace_root: workspace_root.to_owned(),
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
