//! Answers on their way out: what large ones hold until they are sent is bounded over all
//! connections.

use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse, Response};

use crate::api::Api;
use crate::problem::{EdgeRefusal, Refusal};
use crate::wire::limit::ANSWER_BYTES;

/// Counts an answer that may be large until it is sent, or refuses it when too much waits
/// already. Not for writes: what they answer is small, and must not be refused once they are
/// done.
pub(super) async fn hold_answer(api: &Api, response: Response) -> Response {
    let (parts, body) = response.into_parts();
    // Every answer is whole by now: nothing is waited for, and nothing can fail.
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return Refusal::from(EdgeRefusal::Internal).into_response();
    };
    match api.answer_bytes().hold(bytes) {
        Some(bytes) => Response::from_parts(parts, Body::from(bytes)),
        None => {
            let limit = ANSWER_BYTES;
            Refusal::from(EdgeRefusal::CapacityExhausted { limit }).into_response()
        }
    }
}
