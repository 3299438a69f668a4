//! Workers: listing, creating, showing, stopping.

use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use registry_core::WorkerRef;
use registry_core::port::CreateWorker;
use registry_core::projection::WorkerPage;
use registry_core::registry::{WorkerFilter, WorkerListQuery};

use super::{BYTES_OF_PAGE, json, json_of, mark};
use crate::answer::Answer;
use crate::api::Api;
use crate::extract::Asked;
use crate::problem::{EdgeRefusal, Refusal};
use crate::wire::{CreateWorkerBody, StopWorkerBody, path};

/// Room for a worker in a list, in bytes.
const BYTES_OF_WORKER: usize = 512;

pub(super) async fn list(api: &Api, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let query = &asked.query;
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
    Ok(json_of_page(&page))
}

pub(super) async fn list_of_runtime(api: &Api, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let runtime_id = asked.runtime_id()?;
    let (state, page_token) = (asked.query.named("state")?, asked.query.page_token()?);
    let limit = asked.query.limit()?;
    let page = api
        .registry()
        .list_runtime_workers(&runtime_id, state, page_token.as_ref(), limit)
        .await?;
    Ok(json_of_page(&page))
}

fn json_of_page(page: &WorkerPage) -> Answer {
    let expected_bytes = BYTES_OF_PAGE + page.items.len() * BYTES_OF_WORKER;
    json_of(StatusCode::OK, page, expected_bytes)
}

pub(super) async fn create(api: &Api, asked: Asked<'_>) -> Result<Answer, Refusal> {
    let runtime_id = asked.runtime_id()?;
    let idempotency_key = asked.idempotency_key()?;
    let CreateWorkerBody {
        display_name,
        profile,
    } = asked.body()?;
    drop(asked);
    let request = CreateWorker {
        display_name,
        profile,
        idempotency_key,
    };
    let created = api.registry().create_worker(&runtime_id, request).await?;
    let worker_id = created.worker.summary.worker_id.clone();
    let location = path::worker(&WorkerRef::new(runtime_id, worker_id));
    let location = HeaderValue::try_from(location).map_err(|_| EdgeRefusal::Internal)?;
    let mut answer = json(StatusCode::CREATED, &created.worker);
    answer.say(LOCATION, location);
    Ok(mark(answer, created.replay))
}

pub(super) async fn get(api: &Api, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let worker = api.registry().worker(&asked.worker()?).await?;
    Ok(json(StatusCode::OK, &worker))
}

pub(super) async fn stop(api: &Api, asked: Asked<'_>) -> Result<Answer, Refusal> {
    let worker = asked.worker()?;
    let StopWorkerBody {} = asked.body()?;
    drop(asked);
    let worker = api.registry().stop(&worker).await?;
    Ok(json(StatusCode::OK, &worker))
}
