//! Talking to workers. A reader that goes away drops its handler's future and so ends its own wait; the
//! ports promise that it ends nothing else. What changes a worker is followed to its end
//! (`middleware/run_to_completion.rs`).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use registry_core::RuntimeRegistry;
use registry_core::port::{CancelTarget, EventWait, EventsQuery, Input};
use registry_core::projection::{AcceptedInput, CancelResult, EventBatch, TranscriptPage};

use crate::error::ApiError;
use crate::extract::{
    EventsParameters, HalfClose, IdempotencyKeyHeader, JsonBody, NoParameters, OptionalJsonBody,
    Query, TranscriptParameters, WorkerPath,
};
use crate::principal::Principal;
use crate::response::{ONE_BYTES, PAGE_BYTES, json, mark_replay};
use crate::wire::limit::{TOKEN_POLLS, TOKEN_RUNS};
use crate::wire::{CancelRunBody, SendInputBody};

/// Buffer for an entry without its content, in bytes.
const ENTRY_BYTES: usize = 192;
/// Buffer for an event with a word or two, in bytes.
const EVENT_BYTES: usize = 192;

/// Send a worker an input
///
/// Accepted means committed to the transcript, with a run started for it. If as many runs as there
/// may be are in progress, it is queued, and the worker is `queued` until it starts. The run goes on
/// when the client goes away.
#[utoipa::path(
    post,
    path = "/api/runtimes/{runtime_id}/workers/{worker_id}/input",
    tag = "conversation",
    params(WorkerPath, IdempotencyKeyHeader),
    request_body = SendInputBody,
    responses(
        (status = 202, description = "The input is committed and its run started or queued.", body = AcceptedInput),
        (status = 405),
        (status = 409),
        (status = 422),
        (status = 429),
        (status = 503),
    ),
)]
pub(crate) async fn send_input(
    State(registry): State<Arc<RuntimeRegistry>>,
    principal: Principal,
    path: WorkerPath,
    _: Query<NoParameters>,
    IdempotencyKeyHeader { key }: IdempotencyKeyHeader,
    JsonBody(SendInputBody { content }): JsonBody<SendInputBody>,
) -> Result<Response, ApiError> {
    let worker = path.into();
    let run = match principal.quota_usage() {
        None => None,
        Some(usage) => {
            let run = usage.runs.reserve(&registry, &worker, key.as_ref()).await;
            Some(run.ok_or_else(|| ApiError::quota_exhausted(TOKEN_RUNS))?)
        }
    };
    let input = Input {
        content,
        idempotency_key: key,
    };
    let sent = registry.send_input(&worker, input).await;
    if let Some(run) = run {
        run.settle(&sent);
    }
    let receipt = sent?;
    let mut response = json(StatusCode::ACCEPTED, &receipt.accepted, ONE_BYTES)?;
    mark_replay(&mut response, receipt.replay);
    Ok(response)
}

/// Cancel a worker's active run
///
/// Answers when the run has ended. The worker stays usable. No body, or `null`, is the same as
/// an empty object.
#[utoipa::path(
    post,
    path = "/api/runtimes/{runtime_id}/workers/{worker_id}/cancel",
    tag = "conversation",
    params(WorkerPath),
    request_body = CancelRunBody,
    responses(
        (status = 200, description = "What the cancel did.", body = CancelResult),
        (status = 405),
        (status = 409),
        (status = 503),
    ),
)]
pub(crate) async fn cancel_run(
    State(registry): State<Arc<RuntimeRegistry>>,
    path: WorkerPath,
    _: Query<NoParameters>,
    OptionalJsonBody(CancelRunBody { run_id }): OptionalJsonBody<CancelRunBody>,
) -> Result<Response, ApiError> {
    let target = run_id.map_or(CancelTarget::ActiveRun, CancelTarget::Run);
    let result = registry.cancel(&path.into(), target).await?;
    json(StatusCode::OK, &result, ONE_BYTES)
}

/// A page of a worker's transcript
///
/// The newest entries, or those right before or after a sequence, in ascending order. Reading
/// events after the page's cursor gives exactly what the page lacks.
#[utoipa::path(
    get,
    path = "/api/runtimes/{runtime_id}/workers/{worker_id}/transcript",
    tag = "conversation",
    params(WorkerPath, TranscriptParameters),
    responses(
        (status = 200, description = "A page of entries.", body = TranscriptPage),
        (status = 405),
        (status = 429),
        (status = 503),
    ),
)]
pub(crate) async fn read_transcript(
    State(registry): State<Arc<RuntimeRegistry>>,
    path: WorkerPath,
    Query(parameters): Query<TranscriptParameters>,
) -> Result<Response, ApiError> {
    let query = parameters.try_into()?;
    let page = registry.transcript(&path.into(), &query).await?;
    let content: usize = page.entries.iter().map(|entry| entry.content.len()).sum();
    let capacity = PAGE_BYTES + page.entries.len() * ENTRY_BYTES + content;
    json(StatusCode::OK, &page, capacity)
}

/// A worker's events after a cursor
///
/// A batch, oldest first. With `wait_ms` the answer is held back until there is an event, or until
/// the place of this reader goes to another one. A worker that is stopped has no further events, so that
/// nothing is held back: `worker_stopped` ends a loop. With `batch_ms` the answer is held back for a little
/// longer, so that it has more events. A client that goes away ends its own wait and nothing else; one that closes its half
/// of the connection is answered at once.
#[utoipa::path(
    get,
    path = "/api/runtimes/{runtime_id}/workers/{worker_id}/events",
    tag = "conversation",
    params(WorkerPath, EventsParameters),
    responses(
        (status = 200, description = "A batch of events.", body = EventBatch),
        (status = 405),
        (status = 410),
        (status = 429),
        (status = 503),
    ),
)]
pub(crate) async fn read_events(
    State(registry): State<Arc<RuntimeRegistry>>,
    principal: Principal,
    path: WorkerPath,
    Query(parameters): Query<EventsParameters>,
    half_close: HalfClose,
) -> Result<Response, ApiError> {
    let worker = path.into();
    let query: EventsQuery = parameters.into();
    let _poll = match principal.quota_usage() {
        Some(usage) if query.wait != EventWait::default() => {
            let poll = usage.begin_poll();
            Some(poll.ok_or_else(|| ApiError::quota_exhausted(TOKEN_POLLS))?)
        }
        Some(_) | None => None,
    };
    let batch = tokio::select! {
        batch = registry.events(&worker, &query) => batch,
        // Nobody may be there any more, so the wait ends: dropping it changes nothing.
        () = half_close.wait() => registry.events(&worker, &without_wait(query)).await,
    }?;
    let capacity = PAGE_BYTES + batch.events.len() * EVENT_BYTES;
    json(StatusCode::OK, &batch, capacity)
}

fn without_wait(query: EventsQuery) -> EventsQuery {
    EventsQuery {
        wait: EventWait::default(),
        ..query
    }
}
