//! Reads the body of a request before its handler runs, bounded in bytes, time and rate, and
//! together with all others in memory.

use axum::BoxError;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use bytes::{Bytes, BytesMut};
use http::Method;
use http_body::{Body as HttpBody, Frame};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::Instant;

use super::authorise::Access;
use crate::byte_budget::{BodyBudget, ByteQuota, NoRoom, Reservation};
use crate::config::ConnectionLimits;
use crate::connection::Connection;
use crate::error::ApiError;
use crate::principal::Principal;
use crate::state::ApiState;
use crate::wire::ProblemCode;
use crate::wire::limit::{BODIES_BYTES, TOKEN_BYTES};

/// Most bytes of a body that somebody without credentials sends and a handler reads: a one-time code and
/// the JSON around it.
const ANONYMOUS_BODY_BYTES_MAX: usize = 1024;

/// Whether the bytes of a body are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// A handler may read them.
    Bytes,
    /// No handler reads the body, so its bytes are dropped as they come. A client without
    /// credentials can have none kept but those of a one-time code.
    Nothing,
}

/// The request with its body in memory, whatever the path and method, so that no body is read
/// without a bound.
pub(super) async fn buffer_body(
    state: &ApiState,
    principal: &Principal,
    access: Access,
    request: Request,
) -> Result<Request, ApiError> {
    let route = request.extensions().get::<MatchedPath>();
    let takes_body = matches!(*request.method(), Method::POST | Method::PATCH);
    let keep = if route.is_some() && access != Access::Open && takes_body {
        Keep::Bytes
    } else {
        Keep::Nothing
    };
    let (parts, body) = request.into_parts();
    let mut limits = state.config.connection;
    if keep == Keep::Bytes && matches!(principal, Principal::Anonymous) {
        limits.body_bytes = limits.body_bytes.min(ANONYMOUS_BODY_BYTES_MAX);
    }
    let usage = principal.quota_usage();
    let room = Room {
        budget: &state.body_budget,
        of_client: usage.map(|usage| &usage.bytes),
    };
    let bytes = buffer(body, keep, &limits, room).await;
    let bytes = bytes.map_err(|error| {
        if let BodyError::TooSlow = error {
            state.metrics.slow_writers.inc();
        }
        error.into_api_error(&limits)
    })?;
    if let Some(connection) = parts.extensions.get::<Connection>() {
        connection.request_complete();
    }
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// What a body's bytes are reserved of.
#[derive(Clone, Copy)]
struct Room<'a> {
    budget: &'a BodyBudget,
    of_client: Option<&'a ByteQuota>,
}

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyError {
    /// It is larger than a body may be.
    TooLarge,
    /// It does not fit beside the other bodies.
    NoRoom(NoRoom),
    /// It did not come in time, or slower than it may.
    TooSlow,
    /// The client broke off, or sent no body.
    Broken,
}

impl BodyError {
    fn into_api_error(self, limits: &ConnectionLimits) -> ApiError {
        match self {
            Self::TooLarge => {
                let limit_bytes = u64::try_from(limits.body_bytes).unwrap_or(u64::MAX);
                ApiError::body_too_large(limit_bytes)
            }
            Self::NoRoom(NoRoom::Server) => ApiError::overloaded(BODIES_BYTES),
            Self::NoRoom(NoRoom::Client) => ApiError::quota_exhausted(TOKEN_BYTES),
            Self::TooSlow => ApiError::new(ProblemCode::RequestTimeout),
            Self::Broken => ApiError::invalid_body(None, "It could not be read to its end."),
        }
    }
}

/// The body, whose bytes are reserved until they are dropped: those that its head declares before
/// anything is read, else as they come. A declared length is enough to refuse it; then no `100
/// Continue` is sent.
async fn buffer<B>(
    body: B,
    keep: Keep,
    limits: &ConnectionLimits,
    room: Room<'_>,
) -> Result<Bytes, BodyError>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if declared > limits.body_bytes {
        return Err(BodyError::TooLarge);
    }
    let kept = match keep {
        Keep::Bytes => Some(Kept::new(declared, room)?),
        Keep::Nothing => None,
    };
    read(Limited::new(body, limits.body_bytes), kept, limits).await
}

/// Reads a body that comes in time and not slower than it may.
async fn read<B>(
    mut body: Limited<B>,
    mut kept: Option<Kept<'_>>,
    limits: &ConnectionLimits,
) -> Result<Bytes, BodyError>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let started = Instant::now();
    let deadline = started + limits.body_timeout;
    let mut window_ends = started + limits.rate_window;
    let mut received = 0;
    // A body of a declared length ends with its last chunk. To ask for another one would cost a
    // turn of the connection's task.
    while !body.is_end_stream() {
        // One timer for both. A frame is lost by no time-out: it stays in the body until it is taken.
        let wait_ends = window_ends.min(deadline);
        let Ok(frame) = tokio::time::timeout_at(wait_ends, body.frame()).await else {
            if wait_ends == deadline || received < limits.rate_window_bytes() {
                return Err(BodyError::TooSlow);
            }
            received = 0;
            window_ends += limits.rate_window;
            continue;
        };
        // Trailers are dropped.
        match frame
            .transpose()
            .map_err(|error| broken(&error))?
            .map(Frame::into_data)
        {
            Some(Ok(chunk)) => {
                received += chunk.len();
                if let Some(kept) = &mut kept {
                    kept.append(&chunk)?;
                }
            }
            Some(Err(_trailers)) => {}
            None => break,
        }
    }
    Ok(kept.map(Kept::into_bytes).unwrap_or_default())
}

fn broken(error: &BoxError) -> BodyError {
    if error.is::<LengthLimitError>() {
        BodyError::TooLarge
    } else {
        BodyError::Broken
    }
}

/// What has come of a body, as one buffer. A list of its chunks, as `BodyExt::collect` keeps it,
/// would cost far more than its bytes when a client sends them one by one.
struct Kept<'a> {
    bytes: BytesMut,
    reservation: Reservation,
    budget: &'a BodyBudget,
}

impl<'a> Kept<'a> {
    /// Room for `capacity` bytes.
    fn new(capacity: usize, room: Room<'a>) -> Result<Self, BodyError> {
        let reservation = room.budget.reserve(capacity, room.of_client);
        Ok(Self {
            reservation: reservation.map_err(BodyError::NoRoom)?,
            bytes: BytesMut::with_capacity(capacity),
            budget: room.budget,
        })
    }

    fn append(&mut self, chunk: &[u8]) -> Result<(), BodyError> {
        let length = self.bytes.len() + chunk.len();
        if length > self.bytes.capacity() {
            // Twice as much each time, as the buffer would grow by itself.
            let capacity = length.next_power_of_two();
            let grown = self.budget.grow(&mut self.reservation, capacity);
            grown.map_err(BodyError::NoRoom)?;
            self.bytes.reserve(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    fn into_bytes(self) -> Bytes {
        self.reservation.keep_with(self.bytes.freeze())
    }
}

#[cfg(test)]
mod tests;
