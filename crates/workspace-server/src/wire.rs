//! Which parts make the server: the only place that names concrete adapters.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use adapter_embedded::EmbeddedSource;
use adapter_local::{LocalConfig, LocalLimits, LocalSource};
use registry_core::RuntimeRegistry;
use worker_runtime::{OfflineEngine, Runtime};

use crate::config::ServerConfig;
use crate::server::StartError;

/// The parts behind the HTTP API.
pub(crate) struct Parts {
    /// The embedded runtime, to be shut down at the end.
    pub(crate) runtime: Runtime,
    /// Every runtime, for the API.
    pub(crate) registry: Arc<RuntimeRegistry>,
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
        .engine(Arc::new(OfflineEngine::new(config.offline_pace)))
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
