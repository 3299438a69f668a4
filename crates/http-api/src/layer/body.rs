//! Bodies: collected before the handler, bounded in bytes and time, and declared as JSON
//! where the operation takes one.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body as _;

use crate::api::Api;
use crate::config::ConnectionLimits;
use crate::extract::{Query, is_json};
use crate::problem::{EdgeRefusal, Refusal};
use crate::routes::Operation;

/// Collects the body, whatever the path and method: nobody's is read without a bound.
pub(crate) async fn collect_body(State(api): State<Api>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match collected(body, &api.config().connection).await {
        Ok(bytes) => {
            next.run(Request::from_parts(parts, Body::from(bytes)))
                .await
        }
        Err(refusal) => Refusal::from(refusal).into_response(),
    }
}

async fn collected(body: Body, limits: &ConnectionLimits) -> Result<Bytes, EdgeRefusal> {
    let limit_bytes = u64::try_from(limits.body_bytes).unwrap_or(u64::MAX);
    let too_large = EdgeRefusal::BodyTooLarge { limit_bytes };
    // A declared length is enough to refuse; nothing is read, no `100 Continue` sent.
    if body.size_hint().lower() > limit_bytes {
        return Err(too_large);
    }
    let whole = Limited::new(body, limits.body_bytes).collect();
    let Ok(whole) = tokio::time::timeout(limits.body_timeout, whole).await else {
        return Err(EdgeRefusal::RequestTimeout);
    };
    match whole {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large),
        Err(_) => Err(EdgeRefusal::InvalidBody {
            field: None,
            reason: "It could not be read to its end.",
        }),
    }
}

/// Checks what the table says of the operation: its query parameters and its media type.
pub(crate) async fn admit(
    operation: &'static Operation,
    mut request: Request,
    next: Next,
) -> Response {
    if operation.body.is_some() && !is_json(request.headers()) {
        return Refusal::from(EdgeRefusal::UnsupportedMediaType).into_response();
    }
    match Query::parse(operation, request.uri().query()) {
        Ok(query) => {
            request.extensions_mut().insert(query);
            next.run(request).await
        }
        Err(refusal) => Refusal::from(refusal).into_response(),
    }
}
