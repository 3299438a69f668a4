//! Workers: listing, creating, showing, renaming, stopping, deleting.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use registry_core::port::CreateWorker;
use registry_core::projection::{WorkerDetail, WorkerPage};
use registry_core::{RuntimeRegistry, WorkerRef};

use crate::error::ApiError;
use crate::extract::{
    IdempotencyKeyHeader, IfNoneMatch, JsonBody, NoParameters, OptionalJsonBody, Query,
    RuntimePath, RuntimeWorkersParameters, WorkerPath, WorkersParameters,
};
use crate::response::{NOT_MODIFIED, ONE_BYTES, PAGE_BYTES, json, json_unless_known, mark_replay};
use crate::wire::{CreateWorkerBody, RenameWorkerBody, StopWorkerBody, path};

/// Buffer for a worker in a list, in bytes.
const WORKER_BYTES: usize = 640;

/// The workers of all runtimes
///
/// Read-only; runtimes in registration order, newest first within each. A runtime that fails is
/// left out with a diagnostic. Every operation on a worker is reached below its runtime.
#[utoipa::path(
    get,
    path = "/api/workers",
    tag = "workers",
    params(WorkersParameters, IfNoneMatch),
    responses(
        (status = 200, description = "A page of workers.", body = WorkerPage),
        (status = 304, description = NOT_MODIFIED),
        (status = 404),
        (status = 429),
    ),
)]
pub(crate) async fn list_workers(
    State(registry): State<Arc<RuntimeRegistry>>,
    Query(parameters): Query<WorkersParameters>,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let page = registry.list_workers(&parameters.into()).await?;
    page_response(&known, &page)
}

/// The workers of one runtime
///
/// Newest first. A page may hold fewer workers than its limit; the last one has no
/// `next_page_token`.
#[utoipa::path(
    get,
    path = "/api/runtimes/{runtime_id}/workers",
    tag = "workers",
    params(RuntimePath, RuntimeWorkersParameters, IfNoneMatch),
    responses(
        (status = 200, description = "A page of workers.", body = WorkerPage),
        (status = 304, description = NOT_MODIFIED),
        (status = 429),
        (status = 503),
    ),
)]
pub(crate) async fn list_runtime_workers(
    State(registry): State<Arc<RuntimeRegistry>>,
    RuntimePath { runtime_id }: RuntimePath,
    Query(parameters): Query<RuntimeWorkersParameters>,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let RuntimeWorkersParameters {
        limit,
        page_token,
        state,
    } = parameters;
    let page = registry
        .list_runtime_workers(&runtime_id, state, page_token.as_ref(), limit)
        .await?;
    page_response(&known, &page)
}

fn page_response(known: &IfNoneMatch, page: &WorkerPage) -> Result<Response, ApiError> {
    let capacity = PAGE_BYTES + page.items.len() * WORKER_BYTES;
    json_unless_known(known, page, capacity)
}

/// Create a worker
///
/// The worker is idle and takes input at once. A profile or model that the runtime does not have
/// is refused, never replaced.
///
/// A repetition under the same `Idempotency-Key` gets the first answer again: the worker as it was
/// created, whatever became of it since. Its cursor may have expired. Deleting the worker forgets the
/// key, so that a repetition after that creates another one.
#[utoipa::path(
    post,
    path = "/api/runtimes/{runtime_id}/workers",
    tag = "workers",
    params(RuntimePath, IdempotencyKeyHeader),
    request_body = CreateWorkerBody,
    responses(
        (status = 201, description = "The new worker.", body = WorkerDetail),
        (status = 405),
        (status = 422),
        (status = 429),
        (status = 503),
    ),
)]
pub(crate) async fn create_worker(
    State(registry): State<Arc<RuntimeRegistry>>,
    RuntimePath { runtime_id }: RuntimePath,
    _: Query<NoParameters>,
    IdempotencyKeyHeader { key }: IdempotencyKeyHeader,
    JsonBody(body): JsonBody<CreateWorkerBody>,
) -> Result<Response, ApiError> {
    let request = CreateWorker {
        display_name: body.display_name,
        profile: body.profile,
        model: body.model,
        idempotency_key: key,
    };
    let created = registry.create_worker(&runtime_id, request).await?;
    let worker_id = created.worker.summary.worker_id.clone();
    let location = path::worker(&WorkerRef::new(runtime_id, worker_id));
    let location = HeaderValue::try_from(location).map_err(|_| ApiError::internal())?;
    let mut response = json(StatusCode::CREATED, &created.worker, ONE_BYTES)?;
    response.headers_mut().insert(LOCATION, location);
    mark_replay(&mut response, created.replay);
    Ok(response)
}

/// One worker
///
/// Its state, and where its conversation stands.
#[utoipa::path(
    get,
    path = "/api/runtimes/{runtime_id}/workers/{worker_id}",
    tag = "workers",
    params(WorkerPath),
    responses(
        (status = 200, description = "The worker.", body = WorkerDetail),
        (status = 429),
        (status = 503),
    ),
)]
pub(crate) async fn get_worker(
    State(registry): State<Arc<RuntimeRegistry>>,
    path: WorkerPath,
    _: Query<NoParameters>,
) -> Result<Response, ApiError> {
    let worker = registry.worker(&path.into()).await?;
    json(StatusCode::OK, &worker, ONE_BYTES)
}

/// Rename a worker
///
/// Whatever its state. The name is for people: two workers may have the same.
#[utoipa::path(
    patch,
    path = "/api/runtimes/{runtime_id}/workers/{worker_id}",
    tag = "workers",
    params(WorkerPath),
    request_body = RenameWorkerBody,
    responses(
        (status = 200, description = "The worker with its new name.", body = WorkerDetail),
        (status = 405),
        (status = 503),
    ),
)]
pub(crate) async fn rename_worker(
    State(registry): State<Arc<RuntimeRegistry>>,
    path: WorkerPath,
    _: Query<NoParameters>,
    JsonBody(RenameWorkerBody { display_name }): JsonBody<RenameWorkerBody>,
) -> Result<Response, ApiError> {
    let worker = registry.rename(&path.into(), display_name).await?;
    json(StatusCode::OK, &worker, ONE_BYTES)
}

/// Delete a worker with its conversation
///
/// Cancels an active run first. Afterwards the worker is unknown, also to a second delete. A body
/// is not read.
#[utoipa::path(
    delete,
    path = "/api/runtimes/{runtime_id}/workers/{worker_id}",
    tag = "workers",
    params(WorkerPath),
    responses(
        (status = 204, description = "The worker is deleted."),
        (status = 405),
        (status = 503),
    ),
)]
pub(crate) async fn delete_worker(
    State(registry): State<Arc<RuntimeRegistry>>,
    path: WorkerPath,
    _: Query<NoParameters>,
) -> Result<Response, ApiError> {
    registry.delete(&path.into()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Stop a worker for good
///
/// Cancels an active run first. Stopping a stopped worker answers the same. No body, or `null`, is
/// the same as an empty object.
#[utoipa::path(
    post,
    path = "/api/runtimes/{runtime_id}/workers/{worker_id}/stop",
    tag = "workers",
    params(WorkerPath),
    request_body = StopWorkerBody,
    responses(
        (status = 200, description = "The stopped worker.", body = WorkerDetail),
        (status = 405),
        (status = 503),
    ),
)]
pub(crate) async fn stop_worker(
    State(registry): State<Arc<RuntimeRegistry>>,
    path: WorkerPath,
    _: Query<NoParameters>,
    _: OptionalJsonBody<StopWorkerBody>,
) -> Result<Response, ApiError> {
    let worker = registry.stop(&path.into()).await?;
    json(StatusCode::OK, &worker, ONE_BYTES)
}
