//! Gives each request an id, counts it, and logs its response.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::header::CONNECTION;
use http::{HeaderValue, Method, StatusCode};
use http_body::Body as _;
use tracing::Level;

use super::admit::admit;
use super::refusal_log;
use super::response_headers::add_response_headers;
use crate::client::Client;
use crate::connection::{Connection, RequestUnderWay};
use crate::current_request;
use crate::error::ApiError;
use crate::request_id::RequestId;
use crate::state::ApiState;
use crate::wire::ProblemCode;

/// The target of the access log, so that a filter can select it.
pub(super) const ACCESS_TARGET: &str = "yoi::access";
/// The route of a path that no operation has.
const UNMATCHED: &str = "unmatched";

/// Gives the request an id, counts it, has it admitted and handled, adds the headers of every response,
/// that in place of a panic among them, ends the connection after a body that was not read, and logs:
/// successes, polls among them, at `debug`, because a mutation has its audit event; refusals at
/// `info`; failures of the server at `warn`. Of refusals to clients without credentials only some
/// are logged, and all are counted.
pub(crate) async fn access_log(
    State(state): State<ApiState>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = method_label(request.method());
    // The template, never the path itself: that may hold anything.
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or(UNMATCHED, MatchedPath::as_str).to_owned();
    let state = &state;
    let in_flight = state.metrics.request_started(method, &route);
    let has_body = !request.body().is_end_stream();
    let connection = request.extensions().get::<Connection>();
    let under_way = connection.map(Connection::begin_request);
    let request_id = RequestId::new();
    let respond = async move {
        // The panic hook has logged a panic.
        let handled = AssertUnwindSafe(admit(state, request, next)).catch_unwind();
        let internal = |_| ApiError::internal().into_response();
        let mut response = handled.await.unwrap_or_else(internal);
        add_response_headers(&mut response, request_id);
        let is_body_read = under_way.as_ref().is_none_or(RequestUnderWay::is_body_read);
        if has_body && !is_body_read {
            // No request can be read behind the rest of the body.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        let duration = started.elapsed();
        in_flight.finish(response.status(), duration);
        let principal = current_request::principal();
        let client = principal.client();
        if is_logged(state, client, &response) {
            log(request_id, client, method, &route, &response, duration);
        }
        drop(under_way);
        response
    };
    current_request::scope(request_id, respond).await
}

/// Counts a refusal to a client without credentials or at its quota; whether the response is to be
/// logged.
fn is_logged(state: &ApiState, client: Option<&Client>, response: &Response) -> bool {
    match (response.extensions().get::<ProblemCode>(), client) {
        // A success, or a failure of ours, a panic among them.
        (None | Some(ProblemCode::Internal), _) => true,
        (Some(code), Some(client)) => {
            if *code == ProblemCode::QuotaExhausted {
                client.refusals.inc();
            }
            true
        }
        (Some(code), None) => {
            state.metrics.refused(code.as_str());
            refusal_log::is_logged(state)
        }
    }
}

fn log(
    request_id: RequestId,
    client: Option<&Client>,
    method: &'static str,
    route: &str,
    response: &Response,
    duration: Duration,
) {
    let status = response.status();
    let code = response.extensions().get().copied();
    let code = code.map(ProblemCode::as_str);
    let duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    macro_rules! log {
        ($log:ident, $level:ident) => {
            // Most lines are not written, and a span costs more than the question.
            if tracing::enabled!(target: ACCESS_TARGET, Level::$level) {
                request_id.span(client).in_scope(|| {
                    tracing::$log!(
                        target: ACCESS_TARGET,
                        method,
                        route,
                        status = status.as_u16(),
                        code,
                        duration_us,
                        "response"
                    );
                });
            }
        };
    }
    if status.is_server_error() {
        log!(warn, WARN);
    } else if status.is_success() || status == StatusCode::NOT_MODIFIED {
        log!(debug, DEBUG);
    } else {
        log!(info, INFO);
    }
}

/// The method as a label: a client can send any text as one.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::TRACE => "TRACE",
        Method::CONNECT => "CONNECT",
        _ => "OTHER",
    }
}
