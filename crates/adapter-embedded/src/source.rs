//! The source: each port method is one call to the runtime, translated both ways.

use std::fmt;

use async_trait::async_trait;
use registry_core::port::{
    CancelTarget, CatalogPage, CatalogQuery, CreateWorker, CreatedWorkerRecord, EventsQuery, Input,
    InputReceipt, RuntimeDescriptor, RuntimeSource, SourceStatus, TranscriptQuery, WorkerCatalog,
    WorkerDetailRecord, WorkerInteraction, WorkerLifecycle, WorkerObservation,
};
use registry_core::projection::{
    CancelResult, EventBatch, Facilities, ImplementationKind, TranscriptPage,
};
use registry_core::{DisplayName, SourceError, WorkerId};
use worker_runtime::Runtime;

use crate::translate::{conversation, descriptor, error, id, worker};

/// The id under which the embedded runtime is registered.
pub const RUNTIME_ID: &str = "backend-internal";

/// Shown to people beside the id.
const DISPLAY_NAME: &str = "Backend internal";

/// The embedded runtime as a source of the registry.
///
/// Who embeds it keeps a clone of the [`Runtime`] handle to shut it down.
pub struct EmbeddedSource {
    descriptor: RuntimeDescriptor,
    runtime: Runtime,
}

impl EmbeddedSource {
    /// The source of `runtime`.
    pub fn new(runtime: Runtime) -> Self {
        let descriptor = RuntimeDescriptor {
            runtime_id: RUNTIME_ID.parse().expect("the constant is a runtime id"),
            display_name: DISPLAY_NAME.parse().expect("the constant can be shown"),
            implementation_kind: ImplementationKind::EMBEDDED,
            facilities: Facilities::default(),
            models: runtime
                .models()
                .iter()
                .filter_map(descriptor::model)
                .collect(),
            limits: runtime.limits().iter().map(descriptor::limit).collect(),
        };
        Self {
            descriptor,
            runtime,
        }
    }
}

impl fmt::Debug for EmbeddedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedSource").finish_non_exhaustive()
    }
}

#[async_trait]
impl RuntimeSource for EmbeddedSource {
    fn descriptor(&self) -> &RuntimeDescriptor {
        &self.descriptor
    }

    async fn status(&self) -> Result<SourceStatus, SourceError> {
        let profiles = self.runtime.profiles();
        Ok(descriptor::status(self.runtime.status(), &profiles))
    }

    fn catalog(&self) -> &dyn WorkerCatalog {
        self
    }

    fn lifecycle(&self) -> Option<&dyn WorkerLifecycle> {
        Some(self)
    }

    fn interaction(&self) -> Option<&dyn WorkerInteraction> {
        Some(self)
    }

    fn observation(&self) -> Option<&dyn WorkerObservation> {
        Some(self)
    }
}

#[async_trait]
impl WorkerCatalog for EmbeddedSource {
    async fn list(&self, query: &CatalogQuery) -> Result<CatalogPage, SourceError> {
        // A state that the runtime's workers are never in has no workers.
        match worker::list_query(query)? {
            Some(query) => {
                let page = self.runtime.list(query).await;
                page.map(|page| worker::worker_page(&page))
                    .map_err(error::store_unavailable)
            }
            None => Ok(CatalogPage::default()),
        }
    }

    async fn get(&self, worker_id: &WorkerId) -> Result<WorkerDetailRecord, SourceError> {
        let id = id::to_runtime_worker_id(worker_id)?;
        self.runtime
            .get(id)
            .await
            .map(|snapshot| worker::worker_detail(&snapshot))
            .map_err(error::read_error)
    }
}

#[async_trait]
impl WorkerLifecycle for EmbeddedSource {
    async fn create(&self, request: CreateWorker) -> Result<CreatedWorkerRecord, SourceError> {
        let request = worker::create_worker(request)?;
        self.runtime
            .create(request)
            .await
            .map(|created| worker::created(&created))
            .map_err(error::create_error)
    }

    async fn stop(&self, worker_id: &WorkerId) -> Result<WorkerDetailRecord, SourceError> {
        let id = id::to_runtime_worker_id(worker_id)?;
        self.runtime
            .stop(id)
            .await
            .map(|snapshot| worker::worker_detail(&snapshot))
            .map_err(error::stop_error)
    }

    async fn cancel(
        &self,
        worker_id: &WorkerId,
        target: CancelTarget,
    ) -> Result<CancelResult, SourceError> {
        let id = id::to_runtime_worker_id(worker_id)?;
        let Ok(expected) = worker::cancel_target(&target) else {
            // The text names no run of this runtime, so it can't be the active one.
            return self.refuse_foreign_run(id).await;
        };
        let cancelled = self.runtime.cancel(id, expected).await;
        cancelled
            .map(worker::cancellation)
            .map_err(error::cancel_error)
    }

    async fn rename(
        &self,
        worker_id: &WorkerId,
        name: DisplayName,
    ) -> Result<WorkerDetailRecord, SourceError> {
        let id = id::to_runtime_worker_id(worker_id)?;
        self.runtime
            .rename(id, name.as_str())
            .await
            .map(|snapshot| worker::worker_detail(&snapshot))
            .map_err(error::rename_error)
    }

    async fn delete(&self, worker_id: &WorkerId) -> Result<(), SourceError> {
        let id = id::to_runtime_worker_id(worker_id)?;
        self.runtime.delete(id).await.map_err(error::delete_error)
    }
}

impl EmbeddedSource {
    /// The result of cancelling a run that is none of the runtime's: the same as for any run
    /// that isn't the active one.
    async fn refuse_foreign_run(
        &self,
        id: worker_runtime::WorkerId,
    ) -> Result<CancelResult, SourceError> {
        let worker = self.runtime.get(id).await.map_err(error::read_error)?;
        match worker.active_run {
            Some(active) => Err(SourceError::RunMismatch {
                active_run: id::run_id(active),
            }),
            None => Ok(CancelResult::NotRunning),
        }
    }
}

#[async_trait]
impl WorkerInteraction for EmbeddedSource {
    async fn send_input(
        &self,
        worker_id: &WorkerId,
        input: Input,
    ) -> Result<InputReceipt, SourceError> {
        let id = id::to_runtime_worker_id(worker_id)?;
        let input = conversation::input(input)?;
        self.runtime
            .send_input(id, input)
            .await
            .map(conversation::accepted)
            .map_err(error::input_error)
    }
}

#[async_trait]
impl WorkerObservation for EmbeddedSource {
    async fn transcript(
        &self,
        worker_id: &WorkerId,
        query: &TranscriptQuery,
    ) -> Result<TranscriptPage, SourceError> {
        let id = id::to_runtime_worker_id(worker_id)?;
        let page = self
            .runtime
            .transcript(id, conversation::transcript_query(query))
            .await;
        page.map(conversation::transcript_page)
            .map_err(error::read_error)
    }

    async fn events(
        &self,
        worker_id: &WorkerId,
        query: &EventsQuery,
    ) -> Result<EventBatch, SourceError> {
        let id = id::to_runtime_worker_id(worker_id)?;
        let batch = self
            .runtime
            .events(id, conversation::events_query(query))
            .await;
        batch
            .map(conversation::event_batch)
            .map_err(error::events_error)
    }
}
