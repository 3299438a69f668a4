//! Operations on workers: each one call to the source that the reference names.

use std::time::Duration;

use super::audit::{Audit, Effect};
use super::error_context::ErrorContext;
use super::{Registered, RuntimeRegistry, with_deadline};
use crate::capability::Capability;
use crate::error::{RegistryError, SourceError};
use crate::id::{RunId, RuntimeId, WorkerRef};
use crate::port::{
    CancelTarget, CreateWorker, EventsQuery, Input, InputReceipt, Replay, RuntimeSource,
    TranscriptQuery, WorkerDetailRecord,
};
use crate::projection::{CancelResult, EventBatch, TranscriptPage, WorkerDetail};
use crate::text::DisplayName;

/// A created worker.
#[derive(Debug, Clone)]
pub struct CreatedWorker {
    /// The worker as it was right after its creation, also when that was earlier.
    pub worker: WorkerDetail,
    /// Whether it was created now.
    pub replay: Replay,
}

impl RuntimeRegistry {
    /// One worker.
    ///
    /// # Errors
    /// [`RegistryError::UnknownRuntime`], [`RegistryError::UnknownWorker`],
    /// [`RegistryError::RuntimeUnavailable`].
    pub async fn worker(&self, worker: &WorkerRef) -> Result<WorkerDetail, RegistryError> {
        let registered = self.registered(&worker.runtime_id)?;
        let answer = registered.source.catalog().get(&worker.worker_id);
        let record = call(self.deadlines.read, worker_context(worker), answer).await?;
        Ok(project(registered, record))
    }

    /// Creates a worker in a runtime.
    ///
    /// # Errors
    /// [`RegistryError::UnknownRuntime`], [`RegistryError::OperationUnsupported`], and what
    /// [`WorkerLifecycle::create`](crate::port::WorkerLifecycle::create) lists.
    pub async fn create_worker(
        &self,
        runtime_id: &RuntimeId,
        request: CreateWorker,
    ) -> Result<CreatedWorker, RegistryError> {
        let audit = Audit::for_runtime("create_worker", runtime_id);
        let result = self.create_unaudited(runtime_id, request).await;
        let worker_id = result
            .as_ref()
            .ok()
            .map(|created| &created.worker.summary.worker_id);
        audit.finish(worker_id, None, &result, |created| created.replay.into());
        result
    }

    async fn create_unaudited(
        &self,
        runtime_id: &RuntimeId,
        request: CreateWorker,
    ) -> Result<CreatedWorker, RegistryError> {
        let registered = self.registered(runtime_id)?;
        let port = registered.port(Capability::CreateWorker, RuntimeSource::lifecycle)?;
        let (profile, model) = (request.profile.clone(), request.model.clone());
        let context = ErrorContext::Runtime {
            runtime_id,
            profile: profile.as_ref(),
            model: model.as_ref(),
        };
        let created = call(self.deadlines.mutation, context, port.create(request)).await?;
        Ok(CreatedWorker {
            worker: project(registered, created.worker),
            replay: created.replay,
        })
    }

    /// Sends a worker an input, which starts a run.
    ///
    /// # Errors
    /// [`RegistryError::UnknownRuntime`], [`RegistryError::OperationUnsupported`], and what
    /// [`WorkerInteraction::send_input`](crate::port::WorkerInteraction::send_input) lists.
    pub async fn send_input(
        &self,
        worker: &WorkerRef,
        input: Input,
    ) -> Result<InputReceipt, RegistryError> {
        let audit = Audit::for_worker("send_input", worker);
        let result = self.send_input_unaudited(worker, input).await;
        let run_id = result.as_ref().ok().map(|sent| &sent.accepted.run_id);
        audit.finish(Some(&worker.worker_id), run_id, &result, |sent| {
            sent.replay.into()
        });
        result
    }

    async fn send_input_unaudited(
        &self,
        worker: &WorkerRef,
        input: Input,
    ) -> Result<InputReceipt, RegistryError> {
        let registered = self.registered(&worker.runtime_id)?;
        let port = registered.port(Capability::SendInput, RuntimeSource::interaction)?;
        let answer = port.send_input(&worker.worker_id, input);
        call(self.deadlines.mutation, worker_context(worker), answer).await
    }

    /// Cancels a worker's active run, or only the run that the target names.
    ///
    /// # Errors
    /// [`RegistryError::UnknownRuntime`], [`RegistryError::OperationUnsupported`], and what
    /// [`WorkerLifecycle::cancel`](crate::port::WorkerLifecycle::cancel) lists.
    pub async fn cancel(
        &self,
        worker: &WorkerRef,
        target: CancelTarget,
    ) -> Result<CancelResult, RegistryError> {
        let named = target.named().cloned();
        let audit = Audit::for_worker("cancel_run", worker);
        let result = self.cancel_unaudited(worker, named.as_ref(), target).await;
        let cancelled = match &result {
            Ok(CancelResult::Cancelled { run_id }) => Some(run_id),
            Ok(CancelResult::NotRunning) | Err(_) => named.as_ref(),
        };
        audit.finish(
            Some(&worker.worker_id),
            cancelled,
            &result,
            |cancelled| match cancelled {
                CancelResult::Cancelled { .. } => Effect::Done,
                CancelResult::NotRunning => Effect::Nothing,
            },
        );
        result
    }

    async fn cancel_unaudited(
        &self,
        worker: &WorkerRef,
        expected: Option<&RunId>,
        target: CancelTarget,
    ) -> Result<CancelResult, RegistryError> {
        let registered = self.registered(&worker.runtime_id)?;
        let port = registered.port(Capability::CancelRun, RuntimeSource::lifecycle)?;
        let context = ErrorContext::Worker { worker, expected };
        call(
            self.deadlines.mutation,
            context,
            port.cancel(&worker.worker_id, target),
        )
        .await
    }

    /// Stops a worker for good.
    ///
    /// # Errors
    /// [`RegistryError::UnknownRuntime`], [`RegistryError::OperationUnsupported`], and what
    /// [`WorkerLifecycle::stop`](crate::port::WorkerLifecycle::stop) lists.
    pub async fn stop(&self, worker: &WorkerRef) -> Result<WorkerDetail, RegistryError> {
        let audit = Audit::for_worker("stop_worker", worker);
        let result = self.stop_unaudited(worker).await;
        audit.finish(Some(&worker.worker_id), None, &result, |_| Effect::Done);
        result
    }

    async fn stop_unaudited(&self, worker: &WorkerRef) -> Result<WorkerDetail, RegistryError> {
        let registered = self.registered(&worker.runtime_id)?;
        let port = registered.port(Capability::StopWorker, RuntimeSource::lifecycle)?;
        let answer = port.stop(&worker.worker_id);
        let record = call(self.deadlines.mutation, worker_context(worker), answer).await?;
        Ok(project(registered, record))
    }

    /// Gives a worker another name.
    ///
    /// # Errors
    /// [`RegistryError::UnknownRuntime`], [`RegistryError::OperationUnsupported`], and what
    /// [`WorkerLifecycle::rename`](crate::port::WorkerLifecycle::rename) lists.
    pub async fn rename(
        &self,
        worker: &WorkerRef,
        name: DisplayName,
    ) -> Result<WorkerDetail, RegistryError> {
        let audit = Audit::for_worker("rename_worker", worker);
        let result = self.rename_unaudited(worker, name).await;
        audit.finish(Some(&worker.worker_id), None, &result, |_| Effect::Done);
        result
    }

    async fn rename_unaudited(
        &self,
        worker: &WorkerRef,
        name: DisplayName,
    ) -> Result<WorkerDetail, RegistryError> {
        let registered = self.registered(&worker.runtime_id)?;
        let port = registered.port(Capability::RenameWorker, RuntimeSource::lifecycle)?;
        let answer = port.rename(&worker.worker_id, name);
        let record = call(self.deadlines.mutation, worker_context(worker), answer).await?;
        Ok(project(registered, record))
    }

    /// Deletes a worker with its conversation.
    ///
    /// # Errors
    /// [`RegistryError::UnknownRuntime`], [`RegistryError::OperationUnsupported`], and what
    /// [`WorkerLifecycle::delete`](crate::port::WorkerLifecycle::delete) lists.
    pub async fn delete(&self, worker: &WorkerRef) -> Result<(), RegistryError> {
        let audit = Audit::for_worker("delete_worker", worker);
        let result = self.delete_unaudited(worker).await;
        audit.finish(Some(&worker.worker_id), None, &result, |_| Effect::Done);
        result
    }

    async fn delete_unaudited(&self, worker: &WorkerRef) -> Result<(), RegistryError> {
        let registered = self.registered(&worker.runtime_id)?;
        let port = registered.port(Capability::DeleteWorker, RuntimeSource::lifecycle)?;
        let answer = port.delete(&worker.worker_id);
        call(self.deadlines.mutation, worker_context(worker), answer).await
    }

    /// A page of a worker's transcript.
    ///
    /// # Errors
    /// [`RegistryError::UnknownRuntime`], [`RegistryError::OperationUnsupported`],
    /// [`RegistryError::UnknownWorker`], [`RegistryError::RuntimeUnavailable`].
    pub async fn transcript(
        &self,
        worker: &WorkerRef,
        query: &TranscriptQuery,
    ) -> Result<TranscriptPage, RegistryError> {
        let registered = self.registered(&worker.runtime_id)?;
        let port = registered.port(Capability::ReadTranscript, RuntimeSource::observation)?;
        let answer = port.transcript(&worker.worker_id, query);
        call(self.deadlines.read, worker_context(worker), answer).await
    }

    /// A worker's events after a cursor; waits for the first one up to the query's wait, and gathers
    /// more within it.
    ///
    /// # Errors
    /// [`RegistryError::UnknownRuntime`], [`RegistryError::OperationUnsupported`], and what
    /// [`WorkerObservation::events`](crate::port::WorkerObservation::events) lists.
    /// # Cancellation
    /// Dropping the future ends the wait and nothing else.
    pub async fn events(
        &self,
        worker: &WorkerRef,
        query: &EventsQuery,
    ) -> Result<EventBatch, RegistryError> {
        let registered = self.registered(&worker.runtime_id)?;
        let port = registered.port(Capability::ReadEvents, RuntimeSource::observation)?;
        let answer = port.events(&worker.worker_id, query);
        call(
            self.deadlines.read.saturating_add(query.wait.get()),
            worker_context(worker),
            answer,
        )
        .await
    }
}

pub(super) fn worker_context(worker: &WorkerRef) -> ErrorContext<'_> {
    ErrorContext::Worker {
        worker,
        expected: None,
    }
}

/// Calls a source within its deadline and completes its error with ids.
pub(super) async fn call<T>(
    deadline: Duration,
    context: ErrorContext<'_>,
    answer: impl Future<Output = Result<T, SourceError>>,
) -> Result<T, RegistryError> {
    with_deadline(deadline, answer)
        .await
        .map_err(|error| context.registry_error(error))
}

fn project(registered: &Registered, record: WorkerDetailRecord) -> WorkerDetail {
    WorkerDetail::project(registered.descriptor(), registered.capabilities, record)
}
