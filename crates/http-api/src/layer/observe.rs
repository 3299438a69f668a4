//! The outermost layer: it names the request, catches panics, writes problems, adds the
//! headers of every answer, counts and logs.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use http::header::CONTENT_LENGTH;
use http::{HeaderName, HeaderValue, Method};
use tracing::Instrument as _;

use super::SECURITY_HEADERS;
use super::pass::pass;
use crate::api::Api;
use crate::problem::{EdgeRefusal, Refusal};
use crate::request_id::RequestId;
use crate::routes;
use crate::wire::header::X_REQUEST_ID;

/// The target of the access log, so that a log filter can keep it apart.
pub(crate) const ACCESS_TARGET: &str = "yoi::access";

/// See the module.
pub(crate) async fn observe(State(api): State<Api>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let request_id = RequestId::new();
    // The template, never the path itself: it may hold anything.
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or(routes::UNMATCHED, |path| routes::template(path.as_str()));
    let method = method_label(request.method());
    let counted = api.metrics().begin(method, route);

    let span = tracing::info_span!("request", %request_id, method, route);
    // What a panic leaves half done is dropped with the handler's future; nothing that
    // outlives it is reached but through locks, which poison or recover by themselves.
    let answer = AssertUnwindSafe(pass(&api, request, next)).catch_unwind();
    let answer = request_id.scope(answer.instrument(span)).await;
    let response = answer.unwrap_or_else(|_| Refusal::from(EdgeRefusal::Internal).into_response());

    let (mut response, code) = written(response, request_id);
    let headers = response.headers_mut();
    for (name, value) in &SECURITY_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::try_from(request_id.to_string()) {
        headers.insert(HeaderName::from_static(X_REQUEST_ID), id);
    }

    let took = began.elapsed();
    let status = response.status().as_u16();
    counted.finish(status, took);
    tracing::info!(
        target: ACCESS_TARGET,
        %request_id,
        method,
        route,
        status,
        code,
        duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "answered"
    );
    response
}

/// The answer with its problem written out, and the problem's code.
fn written(mut response: Response, request_id: RequestId) -> (Response, Option<&'static str>) {
    let Some(refusal) = response.extensions_mut().remove::<Refusal>() else {
        return (response, None);
    };
    let code = refusal.code().as_str();
    let mut written = refusal.render(request_id.to_string());
    // What inner layers added stays; the length was that of the empty body.
    for (name, value) in response.headers() {
        if name != CONTENT_LENGTH {
            written.headers_mut().insert(name, value.clone());
        }
    }
    (written, Some(code))
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
