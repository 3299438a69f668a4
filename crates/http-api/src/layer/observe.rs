//! Around everything else: it names the request, catches panics, writes problems, adds the
//! headers of every answer, counts and logs.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Method, Request, Response};
use hyper::body::Body;

use super::BoxError;
use super::complete::complete;
use super::pass::{Passed, pass};
use crate::api::Api;
use crate::problem::EdgeRefusal;
use crate::request_id::RequestId;

/// The target of the access log, so that a log filter can keep it apart.
pub(crate) const ACCESS_TARGET: &str = "yoi::access";

/// The answer to any request.
pub(crate) fn observe<B>(api: &Api, request: Request<B>) -> impl Future<Output = Response<Bytes>>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let request_id = RequestId::new();
    request_id.scope(observed(api, request, request_id))
}

async fn observed<B>(api: &Api, request: Request<B>, request_id: RequestId) -> Response<Bytes>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let began = Instant::now();
    let (mut head, body) = request.into_parts();
    let target = api.router().target(&head.method, head.uri.path());
    let (method, route) = (method_label(&head.method), target.route);
    let counted = api.metrics().begin(method, target);

    // What a panic leaves half done is dropped with the handler's future; nothing that
    // outlives it is reached but through locks, which poison or recover by themselves.
    let passed = AssertUnwindSafe(pass(api, target, &mut head, body)).catch_unwind();
    let Passed { answer, sharing } = passed
        .await
        .unwrap_or_else(|_| Passed::alone(Err(EdgeRefusal::Internal.into())));

    let (answer, code) = match answer {
        Ok(answer) => (answer, None),
        Err(refusal) => {
            let code = refusal.code().as_str();
            (refusal.render(request_id.to_string()), Some(code))
        }
    };
    let status = answer.status.as_u16();
    let answer = complete(answer, sharing, request_id);

    let took = began.elapsed();
    counted.finish(status, took);
    tracing::info!(
        target: ACCESS_TARGET,
        method,
        route,
        status,
        code,
        duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "answered"
    );
    answer
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
