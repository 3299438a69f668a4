//! Admits a request, or refuses it by the first rule that it breaks: host, instance, origin,
//! credentials.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::COOKIE;

use super::authorise::authorise;
use super::check_host::check_host;
use super::check_instance::check_instance;
use super::check_origin::{Source, preflight_response, share_with, source};
use crate::error::ApiError;
use crate::state::ApiState;
use crate::wire::ProblemCode;

/// One middleware for all four rules, so that their order stands in one place.
pub(crate) async fn admit(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    check_host(&state.config.allowed_hosts, &request)?;
    check_instance(state.config.instance.as_ref(), request.headers())?;
    let origin = match source(&state.config.allowed_origins, request.headers()) {
        Source::Own => None,
        Source::Allowed(origin) => Some(origin),
        Source::Other => return Err(ApiError::new(ProblemCode::CrossOriginRejected)),
    };
    let Some(origin) = origin else {
        authorise(&state, &request)?;
        return Ok(next.run(request).await);
    };
    // Browsers keep the cookie back where credentials are not allowed; this does not rely on it.
    request.headers_mut().remove(COOKIE);
    let mut response = match (preflight_response(&request), authorise(&state, &request)) {
        (Some(response), _) => response,
        (None, Ok(())) => next.run(request).await,
        (None, Err(error)) => error.into_response(),
    };
    share_with(origin, &mut response);
    Ok(response)
}
