//! Workers: listing, creating, showing, stopping.

use axum::extract::State;
use axum::response::Response;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use registry_core::WorkerRef;
use registry_core::port::CreateWorker;
use registry_core::registry::{WorkerFilter, WorkerListQuery};

use super::{json, mark};
use crate::api::Api;
use crate::extract::{AtRuntime, AtWorker, Attempt, JsonBody, Query};
use crate::problem::{EdgeRefusal, Refusal};
use crate::wire::{CreateWorkerBody, StopWorkerBody, path};

pub(crate) async fn list(State(api): State<Api>, query: Query) -> Result<Response, Refusal> {
    let query = WorkerListQuery {
        filter: WorkerFilter {
            runtime_id: query.runtime_id()?,
            implementation_kind: query.named("implementation_kind")?,
            state: query.named("state")?,
        },
        page_token: query.page_token()?,
        limit: query.limit()?,
    };
    let page = api.registry().list_workers(&query).await?;
    json(StatusCode::OK, &page)
}

pub(crate) async fn list_of_runtime(
    State(api): State<Api>,
    AtRuntime(runtime_id): AtRuntime,
    query: Query,
) -> Result<Response, Refusal> {
    let (state, page_token) = (query.named("state")?, query.page_token()?);
    let limit = query.limit()?;
    let page = api
        .registry()
        .list_runtime_workers(&runtime_id, state, page_token.as_ref(), limit)
        .await?;
    json(StatusCode::OK, &page)
}

pub(crate) async fn create(
    State(api): State<Api>,
    AtRuntime(runtime_id): AtRuntime,
    Attempt(idempotency_key): Attempt,
    JsonBody(body): JsonBody<CreateWorkerBody>,
) -> Result<Response, Refusal> {
    let request = CreateWorker {
        display_name: body.display_name,
        profile: body.profile,
        idempotency_key,
    };
    let created = api.registry().create_worker(&runtime_id, request).await?;
    let worker_id = created.worker.summary.worker_id.clone();
    let location = path::worker(&WorkerRef::new(runtime_id, worker_id));
    let location = HeaderValue::try_from(location).map_err(|_| EdgeRefusal::Internal)?;
    let mut response = json(StatusCode::CREATED, &created.worker)?;
    response.headers_mut().insert(LOCATION, location);
    Ok(mark(response, created.replay))
}

pub(crate) async fn get(
    State(api): State<Api>,
    AtWorker(worker): AtWorker,
) -> Result<Response, Refusal> {
    let worker = api.registry().worker(&worker).await?;
    json(StatusCode::OK, &worker)
}

pub(crate) async fn stop(
    State(api): State<Api>,
    AtWorker(worker): AtWorker,
    JsonBody(StopWorkerBody {}): JsonBody<StopWorkerBody>,
) -> Result<Response, Refusal> {
    let worker = api.registry().stop(&worker).await?;
    json(StatusCode::OK, &worker)
}
