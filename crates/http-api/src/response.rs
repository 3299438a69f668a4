//! JSON responses.

use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use http::{HeaderValue, StatusCode};
use registry_core::port::Replay;
use serde::Serialize;

use crate::entity_tag::EntityTag;
use crate::error::ApiError;
use crate::extract::IfNoneMatch;
use crate::wire::MEDIA_TYPE_JSON;
use crate::wire::header::IDEMPOTENCY_REPLAYED;

/// What a 304 means, for the document.
pub(crate) const NOT_MODIFIED: &str = "The client has the answer already.";

/// Buffer for a response about one thing, in bytes.
pub(crate) const ONE_BYTES: usize = 1_024;
/// Buffer for what a page has besides its items, in bytes.
pub(crate) const PAGE_BYTES: usize = 256;

/// A response with `value` as JSON. The buffer of `capacity` bytes grows when that is too small.
pub(crate) fn json(
    status: StatusCode,
    value: &impl Serialize,
    capacity: usize,
) -> Result<Response, ApiError> {
    let body = to_json(value, capacity)?;
    Ok(json_response(status, body))
}

/// The answer to a read that is repeated: `value` as JSON with its entity tag, or 304 where the
/// client has it already.
pub(crate) fn json_unless_known(
    known: &IfNoneMatch,
    value: &impl Serialize,
    capacity: usize,
) -> Result<Response, ApiError> {
    let body = to_json(value, capacity)?;
    let tag = EntityTag::of(&body);
    Ok(unless_known(known, &tag, body))
}

/// A JSON text with this entity tag, or 304 where the client has it already.
pub(crate) fn unless_known(known: &IfNoneMatch, tag: &EntityTag, body: Vec<u8>) -> Response {
    let mut response = if known.names(tag) {
        not_modified(body.len())
    } else {
        json_response(StatusCode::OK, body)
    };
    response.headers_mut().insert(ETAG, tag.header());
    response
}

/// 304 in place of a response with so many bytes. A response to HEAD would say that they are none
/// otherwise, and a cache would take its copy for stale (RFC 9110 §8.6, RFC 9111 §4.3.5).
pub(crate) fn not_modified(bytes: usize) -> Response {
    let length = [(CONTENT_LENGTH, HeaderValue::from(bytes))];
    (StatusCode::NOT_MODIFIED, length).into_response()
}

/// `value` as JSON, written into a buffer of `capacity` bytes, which grows when that is too small.
pub(crate) fn to_json(value: &impl Serialize, capacity: usize) -> Result<Vec<u8>, ApiError> {
    let mut body = Vec::with_capacity(capacity);
    serde_json::to_writer(&mut body, value).map_err(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "response does not serialise");
        ApiError::internal()
    })?;
    Ok(body)
}

fn json_response(status: StatusCode, body: Vec<u8>) -> Response {
    let media_type = HeaderValue::from_static(MEDIA_TYPE_JSON);
    (status, [(CONTENT_TYPE, media_type)], body).into_response()
}

/// Marks the response to a mutation that was carried out before under the same key.
pub(crate) fn mark_replay(response: &mut Response, replay: Replay) {
    match replay {
        Replay::First => {}
        Replay::Replayed => {
            let value = HeaderValue::from_static("true");
            response.headers_mut().insert(IDEMPOTENCY_REPLAYED, value);
        }
    }
}
