//! The source: the ports of a read-only catalog.

use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;
use registry_core::error::UnavailableReason;
use registry_core::port::{
    CatalogPage, CatalogQuery, RuntimeDescriptor, RuntimeSource, SourceStatus, WorkerCatalog,
    WorkerDetailRecord,
};
use registry_core::projection::{Facilities, ImplementationKind, WorkerState};
use registry_core::{SourceError, WorkerId};

use crate::config::LocalConfig;
use crate::identity;
use crate::refresh::Refresher;
use crate::scan::{ScanError, scan};
use crate::sort_key::SortKey;

/// The source's name in every path.
pub const RUNTIME_ID: &str = "local-compat";
/// The source's name for people.
pub const DISPLAY_NAME: &str = "Local records";

/// The local compatibility source: a catalog of recorded workers, and nothing else.
///
/// The directory is read when someone asks, at most once per refresh interval, on a thread of
/// its own. Must be used within a tokio runtime. A file system that never answers keeps that thread
/// to the end of the process; meanwhile the last records that could be read are answered at once,
/// with a diagnostic.
pub struct LocalSource {
    descriptor: RuntimeDescriptor,
    records: Refresher,
}

impl LocalSource {
    /// Reads nothing yet, so nothing can fail; [`RuntimeSource::status`] reports what is wrong
    /// with the directory.
    pub fn new(config: LocalConfig) -> Self {
        let descriptor = RuntimeDescriptor {
            runtime_id: RUNTIME_ID.parse().expect("the constant is a runtime id"),
            display_name: DISPLAY_NAME.parse().expect("the constant can be shown"),
            implementation_kind: ImplementationKind::LOCAL_COMPAT,
            facilities: Facilities::default(),
            models: Vec::new(),
            limits: config.limits.to_limits(),
        };
        let records = Refresher::new(config.limits.refresh_interval, move |previous, progress| {
            let index = scan(&config, previous, SystemTime::now(), progress)?;
            tracing::debug!(
                runtime_id = RUNTIME_ID,
                listed = index.counts().workers.recorded,
                reads = index.reads(),
                "local records refreshed"
            );
            Ok(index)
        });
        Self {
            descriptor,
            records,
        }
    }
}

/// Shows the id alone: the source knows paths, and they belong in no log.
impl fmt::Debug for LocalSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSource")
            .field("runtime_id", &self.descriptor.runtime_id)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl RuntimeSource for LocalSource {
    fn descriptor(&self) -> &RuntimeDescriptor {
        &self.descriptor
    }

    async fn status(&self) -> Result<SourceStatus, SourceError> {
        let records = self.records.current().await?;
        let diagnostics = records.diagnostic_counts();
        Ok(SourceStatus {
            status: diagnostics.status(),
            counts: records.index().counts(),
            profiles: Vec::new(),
            diagnostics: diagnostics.diagnostics(),
        })
    }

    fn catalog(&self) -> &dyn WorkerCatalog {
        self
    }
}

#[async_trait]
impl WorkerCatalog for LocalSource {
    async fn list(&self, query: &CatalogQuery) -> Result<CatalogPage, SourceError> {
        let after = query
            .after
            .as_ref()
            .map(SortKey::from_position)
            .transpose()?;
        match query.state {
            None | Some(WorkerState::Recorded) => {
                let records = self.records.current().await?;
                Ok(records.page(after.as_ref(), query.limit))
            }
            // A record is never in another state, whatever the directory holds.
            Some(
                WorkerState::Idle
                | WorkerState::Queued
                | WorkerState::Running
                | WorkerState::Cancelling
                | WorkerState::Stopped,
            ) => Ok(CatalogPage::default()),
        }
    }

    async fn get(&self, worker_id: &WorkerId) -> Result<WorkerDetailRecord, SourceError> {
        if !identity::is_local(worker_id) {
            return Err(SourceError::UnknownWorker);
        }
        let records = self.records.current().await?;
        match records.index().record(worker_id) {
            Some(record) => Ok(record.clone().into()),
            None if records.is_surely_absent(worker_id) => Err(SourceError::UnknownWorker),
            // The worker may be in what was not read.
            None => Err(ScanError::Incomplete.into()),
        }
    }
}

impl From<ScanError> for SourceError {
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Late => Self::Unavailable {
                reason: UnavailableReason::DeadlineExceeded,
                cause: Some(error.into()),
            },
            ScanError::DataDirectory(_) | ScanError::Incomplete | ScanError::Aborted => {
                Self::failed(error)
            }
        }
    }
}

#[cfg(test)]
mod tests;
