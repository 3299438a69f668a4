//! What handlers get of a request: parsed values of ours, or a refusal of ours, whose text
//! never repeats the input.

mod body;
mod query;

#[cfg(test)]
mod tests;

pub(crate) use body::is_json;
pub(crate) use query::Query;

use std::str::FromStr;

use bytes::Bytes;
use http::header::AsHeaderName;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Uri};
use percent_encoding::percent_decode_str;
use registry_core::id::IdError;
use registry_core::{IdempotencyKey, RuntimeId, WorkerRef};

use body::BodyFields;

use crate::problem::EdgeRefusal;
use crate::wire::header;
use crate::wire::path::Address;

static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static(header::IDEMPOTENCY_KEY);

/// A request to an operation, past every check. When it is dropped, its URI, its headers and
/// its body are given up, so that nothing that waits holds them. The head is borrowed, because
/// to move one costs more than to look at it.
pub(crate) struct Asked<'a> {
    head: &'a mut Parts,
    /// The query, its names checked against the operation's.
    pub(crate) query: Query,
    body: Bytes,
}

impl<'a> Asked<'a> {
    /// A request whose path is one of the table's.
    pub(crate) fn new(head: &'a mut Parts, query: Query, body: Bytes) -> Self {
        Self { head, query, body }
    }

    /// The runtime that the path names.
    pub(crate) fn runtime_id(&self) -> Result<RuntimeId, EdgeRefusal> {
        path_id("runtime_id", self.address().runtime_id)
    }

    /// The worker that the path names.
    pub(crate) fn worker(&self) -> Result<WorkerRef, EdgeRefusal> {
        let address = self.address();
        let runtime_id = path_id("runtime_id", address.runtime_id)?;
        let worker_id = path_id("worker_id", address.worker_id)?;
        Ok(WorkerRef::new(runtime_id, worker_id))
    }

    fn address(&self) -> Address<'_> {
        Address::of(self.head.uri.path())
    }

    /// The client's key for one attempt at a mutation.
    pub(crate) fn idempotency_key(&self) -> Result<Option<IdempotencyKey>, EdgeRefusal> {
        idempotency_key(&self.head.headers)
    }

    /// What was sent along.
    pub(crate) fn body<T: BodyFields>(&self) -> Result<T, EdgeRefusal> {
        body::parse(&self.body)
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.head.uri = Uri::default();
        self.head.headers = HeaderMap::new();
    }
}

/// The id that a segment of the path is, percent-encoded or not.
fn path_id<T: FromStr<Err = IdError>>(
    field: &'static str,
    segment: Option<&str>,
) -> Result<T, EdgeRefusal> {
    let segment = segment.ok_or(EdgeRefusal::Internal)?;
    // No id has a `%`: a segment that is one has nothing encoded.
    segment.parse().or_else(|_| encoded_path_id(field, segment))
}

#[cold]
fn encoded_path_id<T: FromStr<Err = IdError>>(
    field: &'static str,
    segment: &str,
) -> Result<T, EdgeRefusal> {
    let text = percent_decode_str(segment).decode_utf8();
    let text = text.map_err(|_| EdgeRefusal::InvalidIdentifier {
        field: "path",
        reason: "It is not UTF-8.",
    })?;
    text.parse().map_err(|error| EdgeRefusal::id(field, error))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, EdgeRefusal> {
    const FIELD: &str = "Idempotency-Key";
    let text = match only(headers, &IDEMPOTENCY_KEY) {
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
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: impl AsHeaderName) -> Only<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Only::Absent,
        (Some(value), None) => Only::One(value.as_bytes()),
        (Some(_), Some(_)) => Only::Repeated,
    }
}
