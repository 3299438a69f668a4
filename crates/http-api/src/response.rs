//! JSON responses.

use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use registry_core::port::Replay;
use serde::Serialize;

use crate::error::ApiError;
use crate::wire::MEDIA_TYPE_JSON;
use crate::wire::header::IDEMPOTENCY_REPLAYED;

/// Buffer for a response about one thing, in bytes.
pub(crate) const ONE_BYTES: usize = 1_024;
/// Buffer for what a page has besides its items, in bytes.
pub(crate) const PAGE_BYTES: usize = 256;

/// `value` as JSON, written into a buffer of `capacity` bytes, which grows when that is too small.
pub(crate) fn json(
    status: StatusCode,
    value: &impl Serialize,
    capacity: usize,
) -> Result<Response, ApiError> {
    let mut body = Vec::with_capacity(capacity);
    serde_json::to_writer(&mut body, value).map_err(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "response does not serialise");
        ApiError::internal()
    })?;
    let media_type = HeaderValue::from_static(MEDIA_TYPE_JSON);
    Ok((status, [(CONTENT_TYPE, media_type)], body).into_response())
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
