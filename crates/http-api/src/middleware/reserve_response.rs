//! Bounds what slow readers keep in memory; see [`ResponseBudget`](crate::byte_budget::ResponseBudget).

use axum::body::{self, Body};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;

use crate::byte_budget::NoRoom;
use crate::current_request;
use crate::error::ApiError;
use crate::state::ApiState;
use crate::wire::limit::{TOKEN_BYTES, UNREAD_RESPONSE_BYTES};

/// Reserves the bytes of a response to a `GET`, or refuses it once the budget is used up. Not for
/// routes that change something: their responses are small, and must not be refused once the work is
/// done. The body of a response to `HEAD` is not sent.
pub(crate) async fn reserve_response(
    State(state): State<ApiState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let is_get = request.method() == Method::GET;
    let response = next.run(request).await;
    if !is_get {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    // Handlers build their bodies whole: this waits for nothing.
    let bytes = body::to_bytes(body, usize::MAX).await;
    let bytes = bytes.map_err(|_| ApiError::internal())?;
    let principal = current_request::principal();
    let usage = principal.quota_usage();
    let reserved = state
        .response_budget
        .reserve(bytes, usage.map(|usage| &usage.bytes));
    let bytes = reserved.map_err(|no_room| match no_room {
        NoRoom::Server => ApiError::capacity_exhausted(UNREAD_RESPONSE_BYTES),
        NoRoom::Client => ApiError::quota_exhausted(TOKEN_BYTES),
    })?;
    Ok(Response::from_parts(parts, Body::from(bytes)))
}
