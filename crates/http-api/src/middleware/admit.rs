//! Admits a request, or refuses it by the first rule that it breaks: host, instance, origin,
//! credentials, body.

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::COOKIE;
use tracing::Instrument as _;

use super::authorise::{Access, identify};
use super::buffer_body::buffer_body;
use super::check_host::check_host;
use super::check_instance::check_instance;
use super::check_origin::{Source, is_followed_link, preflight_response, share_with, source};
use super::run_to_completion::run_to_completion;
use crate::config::ApiConfig;
use crate::connection::Connection;
use crate::current_request;
use crate::error::ApiError;
use crate::handler::page::has_asset;
use crate::principal::Principal;
use crate::state::ApiState;
use crate::wire::ProblemCode;

/// One function for all of them, so that their order stands in one place.
pub(super) async fn admit(state: &ApiState, mut request: Request, next: Next) -> Response {
    let origin = match check_source(&state.config, &request) {
        Ok(origin) => origin,
        Err(error) => return error.into_response(),
    };
    if origin.is_some() {
        // Browsers keep the cookie back where credentials are not allowed; this does not rely on it.
        request.headers_mut().remove(COOKIE);
    }
    let principal = identify(state, request.headers());
    if !matches!(principal, Principal::Anonymous)
        && let Some(connection) = request.extensions().get::<Connection>()
    {
        connection.authenticate();
    }
    if let Some(client) = principal.client() {
        client.requests.inc();
    }
    let span = current_request::id().span(principal.client());
    current_request::identify(principal.clone());
    let preflight = origin.as_ref().and_then(|_| preflight_response(&request));
    let path = request.extensions().get::<MatchedPath>();
    let access = Access::to(request.method(), path.map(MatchedPath::as_str));
    let mut response = match preflight {
        Some(response) => response,
        None => {
            let handled = handle(state, &principal, access, request, next);
            handled.instrument(span).await.into_response()
        }
    };
    if let Some(origin) = origin {
        share_with(origin, &mut response);
    }
    response
}

/// The same of a server that stands by. Credentials are not looked at: the answer is the same for
/// everybody and tells nothing, and those that this server read at its start may be out of date until
/// it takes over.
pub(super) async fn admit_to_standby(config: &ApiConfig, request: Request, next: Next) -> Response {
    let origin = match check_source(config, &request) {
        Ok(origin) => origin,
        Err(error) => return error.into_response(),
    };
    let preflight = origin.as_ref().and_then(|_| preflight_response(&request));
    let mut response = match preflight {
        Some(response) => response,
        None => next.run(request).await,
    };
    if let Some(origin) = origin {
        share_with(origin, &mut response);
    }
    response
}

/// Handles a request of somebody who may send it. Nothing of its body is read before that is known. One
/// that changes workers is handled to its end once its body is there.
async fn handle(
    state: &ApiState,
    principal: &Principal,
    access: Access,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    access.check(principal)?;
    let request = buffer_body(state, principal, access, request).await?;
    if access.changes_workers() {
        let handled = current_request::inherit_scope(next.run(request).in_current_span());
        return Ok(run_to_completion(handled).await);
    }
    Ok(next.run(request).await)
}

/// Refuses a request for another server or from a page that may not send it. The origin that the
/// response is shared with, if it is another than this server's.
fn check_source(config: &ApiConfig, request: &Request) -> Result<Option<HeaderValue>, ApiError> {
    check_host(&config.allowed_hosts, request)?;
    check_instance(config.instance.as_ref(), request.headers())?;
    let public = config.public_origin.as_ref();
    match source(public, &config.allowed_origins, request.headers()) {
        Source::Own => Ok(None),
        Source::Allowed(origin) => Ok(Some(origin)),
        // A link in a chat or a wiki leads to the page, whose files hold no data.
        Source::Other if has_asset(request.uri().path()) && is_followed_link(request) => Ok(None),
        Source::Other => Err(ApiError::new(ProblemCode::CrossOriginRejected)),
    }
}
