//! What handlers get of a request: parsed values of ours, or a refusal of ours. axum's own
//! extractors are not used where they can fail, because their texts repeat the input.

mod body;
mod query;

#[cfg(test)]
mod tests;

pub(crate) use body::{JsonBody, is_json};
pub(crate) use query::Query;

use axum::extract::{FromRequestParts, RawPathParams};
use http::HeaderMap;
use http::request::Parts;
use registry_core::id::IdError;
use registry_core::{IdempotencyKey, RuntimeId, WorkerId, WorkerRef};

use crate::problem::{EdgeRefusal, Refusal};
use crate::wire::header::IDEMPOTENCY_KEY;

/// The runtime that the path names.
pub(crate) struct AtRuntime(pub(crate) RuntimeId);

/// The worker that the path names.
pub(crate) struct AtWorker(pub(crate) WorkerRef);

/// The client's key for one attempt at a mutation.
pub(crate) struct Attempt(pub(crate) Option<IdempotencyKey>);

impl<S: Send + Sync> FromRequestParts<S> for AtRuntime {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let parameters = path_parameters(parts, state).await?;
        Ok(Self(path_id(&parameters, "runtime_id")?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AtWorker {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let parameters = path_parameters(parts, state).await?;
        let runtime_id: RuntimeId = path_id(&parameters, "runtime_id")?;
        let worker_id: WorkerId = path_id(&parameters, "worker_id")?;
        Ok(Self(WorkerRef::new(runtime_id, worker_id)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Attempt {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        Ok(Self(idempotency_key(&parts.headers)?))
    }
}

/// The path's parameters, percent-decoded. Fails when they are not UTF-8.
async fn path_parameters<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
) -> Result<RawPathParams, Refusal> {
    RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| {
            EdgeRefusal::InvalidIdentifier {
                field: "path",
                reason: "It is not UTF-8.",
            }
            .into()
        })
}

fn path_id<T>(parameters: &RawPathParams, field: &'static str) -> Result<T, EdgeRefusal>
where
    T: std::str::FromStr<Err = IdError>,
{
    let text = parameters
        .iter()
        .find_map(|(name, value)| (name == field).then_some(value))
        .ok_or(EdgeRefusal::Internal)?;
    text.parse().map_err(|error| EdgeRefusal::id(field, error))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, EdgeRefusal> {
    const FIELD: &str = "Idempotency-Key";
    let text = match only(headers, IDEMPOTENCY_KEY) {
        Only::Absent => return Ok(None),
        Only::One(text) => text,
        Only::Repeated => {
            return Err(EdgeRefusal::InvalidIdentifier {
                field: FIELD,
                reason: "It stands more than once.",
            });
        }
    };
    let text = std::str::from_utf8(text).map_err(|_| EdgeRefusal::InvalidIdentifier {
        field: FIELD,
        reason: "It is not ASCII.",
    })?;
    let key = text
        .parse()
        .map_err(|error| EdgeRefusal::id(FIELD, error))?;
    Ok(Some(key))
}

/// How often a header stands in a request.
pub(crate) enum Only<'a> {
    /// Not at all.
    Absent,
    /// Once, with this value.
    One(&'a [u8]),
    /// More than once: nobody knows which one an intermediary looked at.
    Repeated,
}

/// The header's only value.
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: impl http::header::AsHeaderName) -> Only<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Only::Absent,
        (Some(value), None) => Only::One(value.as_bytes()),
        (Some(_), Some(_)) => Only::Repeated,
    }
}
