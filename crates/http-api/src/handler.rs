//! What carries each operation out: take what the extractors parsed, ask the registry once,
//! answer with what it said.

pub(crate) mod conversation;
pub(crate) mod runtime;
pub(crate) mod server;
pub(crate) mod worker;

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use registry_core::port::Replay;
use serde::Serialize;

use crate::problem::{EdgeRefusal, Refusal};
use crate::wire::MEDIA_TYPE_JSON;
use crate::wire::header::IDEMPOTENCY_REPLAYED;

/// An answer of JSON, serialised once.
fn json(status: StatusCode, body: &impl Serialize) -> Result<Response, Refusal> {
    let bytes = serde_json::to_vec(body).map_err(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "answer does not serialise"
        );
        EdgeRefusal::Internal
    })?;
    let media_type = HeaderValue::from_static(MEDIA_TYPE_JSON);
    Ok((status, [(CONTENT_TYPE, media_type)], bytes).into_response())
}

/// Says on the answer that it was given before.
fn mark(mut response: Response, replay: Replay) -> Response {
    match replay {
        Replay::First => {}
        Replay::Replayed => {
            let name = HeaderName::from_static(IDEMPOTENCY_REPLAYED);
            let value = HeaderValue::from_static("true");
            response.headers_mut().insert(name, value);
        }
    }
    response
}
