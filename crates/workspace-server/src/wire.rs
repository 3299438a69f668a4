//! Which parts make the server: the only place that names concrete adapters.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use adapter_embedded::EmbeddedSource;
use adapter_local::{LocalConfig, LocalLimits, LocalSource};
use adapter_model::ModelEngine;
use registry_core::RuntimeRegistry;
use worker_runtime::{OfflineEngine, Runtime, TurnEngine};

pub use adapter_model::{ModelConfig, ModelConfigError};

use crate::config::{EngineSetting, ServerConfig};
use crate::server::StartError;

/// The parts behind the HTTP API.
pub(crate) struct Parts {
    /// The embedded runtime, to be shut down at the end.
    pub(crate) runtime: Runtime,
    /// Every runtime, for the API.
    pub(crate) registry: Arc<RuntimeRegistry>,
}

/// Whether the log may hear this target. What the model's HTTP client logs names its address.
pub(crate) fn may_be_logged(target: &str) -> bool {
    !adapter_model::SILENCED_TARGETS.iter().any(|silenced| {
        let rest = target.strip_prefix(silenced);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    })
}

/// What answers the workers of the embedded runtime.
fn engine(setting: &EngineSetting) -> Result<Arc<dyn TurnEngine>, StartError> {
    Ok(match setting {
        EngineSetting::Offline { pace } => Arc::new(OfflineEngine::new(*pace)),
        EngineSetting::Model(model) => {
            Arc::new(ModelEngine::new(model).map_err(StartError::Model)?)
        }
        EngineSetting::Own(engine) => Arc::clone(engine),
    })
}

/// The directory of local records: the flag, else what the environment says.
pub(crate) fn local_data_dir(
    flag: Option<PathBuf>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Option<PathBuf> {
    adapter_local::data_dir::resolve(flag, variable)
}

/// Builds the runtime and registers it first, the local records second, then the sources
/// that an embedding program adds.
pub(crate) fn parts(config: &ServerConfig) -> Result<Parts, StartError> {
    let runtime = Runtime::builder()
        .engine(engine(&config.engine)?)
        .limits(config.limits.clone())
        .build()
        .map_err(StartError::Runtime)?;
    let local = LocalSource::new(LocalConfig {
        // An empty path is a directory that is missing, which the source says of itself.
        data_dir: config.local_data_dir.clone().unwrap_or_default(),
        workspace_root: config.workspace_root.clone(),
        limits: LocalLimits::default(),
    });
    let mut builder = RuntimeRegistry::builder()
        .deadlines(config.deadlines)
        .register(Arc::new(EmbeddedSource::new(runtime.clone())))?
        .register(Arc::new(local))?;
    for source in &config.sources {
        builder = builder.register(Arc::clone(source))?;
    }
    Ok(Parts {
        runtime,
        registry: Arc::new(builder.build()),
    })
}
