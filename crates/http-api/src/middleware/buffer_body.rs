//! Reads the body before the handler runs, bounded in bytes and time.

use axum::BoxError;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use http::Method;
use http_body::Body as HttpBody;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::authorise::Access;
use crate::config::ConnectionLimits;
use crate::error::ApiError;
use crate::state::ApiState;
use crate::wire::ProblemCode;

/// Whether the bytes of a body are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// A handler may read them.
    Bytes,
    /// No handler reads the body, so its bytes are dropped as they come. A client without
    /// credentials can have none kept.
    Nothing,
}

/// Buffers the body, whatever the path and method, so that no body is read without a bound.
pub(crate) async fn buffer_body(
    State(state): State<ApiState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let route = request.extensions().get::<MatchedPath>();
    let access = Access::to(route.map(MatchedPath::as_str));
    let takes_body = matches!(*request.method(), Method::POST | Method::PATCH);
    let keep = if route.is_some() && access != Access::Open && takes_body {
        Keep::Bytes
    } else {
        Keep::Nothing
    };
    let (parts, body) = request.into_parts();
    let bytes = buffer(body, keep, &state.config.connection).await?;
    let request = Request::from_parts(parts, Body::from(bytes));
    Ok(next.run(request).await)
}

async fn buffer<B>(body: B, keep: Keep, limits: &ConnectionLimits) -> Result<Bytes, ApiError>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let limit_bytes = u64::try_from(limits.body_bytes).unwrap_or(u64::MAX);
    // A declared length is enough to refuse: nothing is read, no `100 Continue` sent.
    if body.size_hint().lower() > limit_bytes {
        return Err(ApiError::body_too_large(limit_bytes));
    }
    let read = read(Limited::new(body, limits.body_bytes), keep);
    let Ok(read) = tokio::time::timeout(limits.body_timeout, read).await else {
        return Err(ApiError::new(ProblemCode::RequestTimeout));
    };
    read.map_err(|error| {
        if error.is::<LengthLimitError>() {
            ApiError::body_too_large(limit_bytes)
        } else {
            ApiError::invalid_body(None, "It could not be read to its end.")
        }
    })
}

/// The body as one buffer. A list of its chunks, as `BodyExt::collect` keeps it, would cost far
/// more than its bytes when a client sends them one by one.
async fn read<B>(mut body: Limited<B>, keep: Keep) -> Result<Bytes, BoxError>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await.transpose()? {
        // Trailers are dropped.
        if let (Ok(chunk), Keep::Bytes) = (frame.into_data(), keep) {
            bytes.extend_from_slice(&chunk);
        }
    }
    Ok(bytes.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    use http_body::Frame;
    use http_body_util::StreamBody;

    const CHUNKS: usize = 1_000;

    /// A body that comes byte by byte.
    fn chunked() -> impl HttpBody<Data = Bytes, Error = Infallible> + Unpin {
        let chunks = (0..CHUNKS).map(|_| Ok(Frame::data(Bytes::from_static(b"x"))));
        StreamBody::new(futures_util::stream::iter(chunks))
    }

    #[tokio::test]
    async fn a_body_is_kept_for_a_method_that_takes_one_alone() {
        let limits = ConnectionLimits::default();
        let kept = buffer(chunked(), Keep::Bytes, &limits).await.unwrap();
        assert_eq!(kept, "x".repeat(CHUNKS));
        let dropped = buffer(chunked(), Keep::Nothing, &limits).await.unwrap();
        assert!(dropped.is_empty());
    }

    #[tokio::test]
    async fn a_body_that_is_dropped_counts_against_the_limit_all_the_same() {
        let limits = ConnectionLimits {
            body_bytes: CHUNKS - 1,
            ..ConnectionLimits::default()
        };
        for keep in [Keep::Bytes, Keep::Nothing] {
            let refused = buffer(chunked(), keep, &limits).await.unwrap_err();
            assert_eq!(refused.code(), crate::wire::ProblemCode::BodyTooLarge);
        }
    }
}
