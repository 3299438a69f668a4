//! Talking to workers. A client that goes away drops its handler's future, and so ends its
//! own wait; the ports promise that it ends nothing else.

use http::StatusCode;
use registry_core::port::{CancelTarget, EventsQuery, Input, TranscriptQuery};

use super::{BYTES_OF_PAGE, json, json_of, mark, serialised};
use crate::answer::Answer;
use crate::api::Api;
use crate::extract::Asked;
use crate::problem::Refusal;
use crate::wire::{CancelRunBody, SendInputBody};

/// Room for an entry without its words, in bytes.
const BYTES_OF_ENTRY: usize = 192;
/// Room for an event with a word or two, in bytes.
const BYTES_OF_EVENT: usize = 192;

pub(super) async fn send_input(api: &Api, asked: Asked<'_>) -> Result<Answer, Refusal> {
    let worker = asked.worker()?;
    let idempotency_key = asked.idempotency_key()?;
    let SendInputBody { content } = asked.body()?;
    drop(asked);
    let input = Input {
        content,
        idempotency_key,
    };
    let sent = api.registry().send_input(&worker, input).await?;
    let answer = json(StatusCode::ACCEPTED, &sent.accepted);
    Ok(mark(answer, sent.replay))
}

pub(super) async fn cancel(api: &Api, asked: Asked<'_>) -> Result<Answer, Refusal> {
    let worker = asked.worker()?;
    let CancelRunBody { run_id } = asked.body()?;
    drop(asked);
    let target = run_id.map_or(CancelTarget::ActiveRun, CancelTarget::Run);
    let answer = api.registry().cancel(&worker, target).await?;
    serialised(StatusCode::OK, &answer)
}

pub(super) async fn transcript(api: &Api, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let worker = asked.worker()?;
    let query = TranscriptQuery {
        range: asked.query.transcript_range()?,
        limit: asked.query.limit()?,
    };
    let page = api.registry().transcript(&worker, &query).await?;
    let said: usize = page.entries.iter().map(|entry| entry.content.len()).sum();
    let expected_bytes = BYTES_OF_PAGE + page.entries.len() * BYTES_OF_ENTRY + said;
    Ok(json_of(StatusCode::OK, &page, expected_bytes))
}

pub(super) async fn events(api: &Api, asked: Asked<'_>) -> Result<Answer, Refusal> {
    let worker = asked.worker()?;
    let query = EventsQuery {
        after: asked.query.after_cursor()?,
        limit: asked.query.limit()?,
        wait: asked.query.wait()?,
    };
    drop(asked);
    let batch = api.registry().events(&worker, &query).await?;
    let expected_bytes = BYTES_OF_PAGE + batch.events.len() * BYTES_OF_EVENT;
    Ok(json_of(StatusCode::OK, &batch, expected_bytes))
}
