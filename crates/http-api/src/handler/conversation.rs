//! Talking to workers. A client that goes away drops its handler's future, and so ends its
//! own wait; the ports promise that it ends nothing else.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use registry_core::port::{CancelTarget, EventsQuery, Input, TranscriptQuery};

use super::{json, mark};
use crate::api::Api;
use crate::extract::{AtWorker, Attempt, JsonBody, Query};
use crate::problem::Refusal;
use crate::wire::{CancelRunBody, SendInputBody};

pub(crate) async fn send_input(
    State(api): State<Api>,
    AtWorker(worker): AtWorker,
    Attempt(idempotency_key): Attempt,
    JsonBody(body): JsonBody<SendInputBody>,
) -> Result<Response, Refusal> {
    let input = Input {
        content: body.content,
        idempotency_key,
    };
    let sent = api.registry().send_input(&worker, input).await?;
    let response = json(StatusCode::ACCEPTED, &sent.accepted)?;
    Ok(mark(response, sent.replay))
}

pub(crate) async fn cancel(
    State(api): State<Api>,
    AtWorker(worker): AtWorker,
    JsonBody(body): JsonBody<CancelRunBody>,
) -> Result<Response, Refusal> {
    let target = body
        .run_id
        .map_or(CancelTarget::ActiveRun, CancelTarget::Run);
    let answer = api.registry().cancel(&worker, target).await?;
    json(StatusCode::OK, &answer)
}

pub(crate) async fn transcript(
    State(api): State<Api>,
    AtWorker(worker): AtWorker,
    query: Query,
) -> Result<Response, Refusal> {
    let query = TranscriptQuery {
        range: query.transcript_range()?,
        limit: query.limit()?,
    };
    let page = api.registry().transcript(&worker, &query).await?;
    json(StatusCode::OK, &page)
}

pub(crate) async fn events(
    State(api): State<Api>,
    AtWorker(worker): AtWorker,
    query: Query,
) -> Result<Response, Refusal> {
    let query = EventsQuery {
        after: query.after_cursor()?,
        limit: query.limit()?,
        wait: query.wait()?,
    };
    let batch = api.registry().events(&worker, &query).await?;
    json(StatusCode::OK, &batch)
}
