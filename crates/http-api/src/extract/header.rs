//! Request headers.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::header::{AsHeaderName, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use registry_core::IdempotencyKey;
use utoipa::IntoParams;

use crate::entity_tag::EntityTag;
use crate::error::ApiError;
use crate::wire::header::IDEMPOTENCY_KEY;

/// How often a header is in a request.
pub(crate) enum HeaderCount<'a> {
    None,
    One(&'a [u8]),
    /// More than once: it is not known which one an intermediary looked at.
    Many,
}

/// The value of a header that may be in a request once.
pub(crate) fn single_header<'a>(
    headers: &'a HeaderMap,
    name: impl AsHeaderName,
) -> HeaderCount<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => HeaderCount::None,
        (Some(value), None) => HeaderCount::One(value.as_bytes()),
        (Some(_), Some(_)) => HeaderCount::Many,
    }
}

/// The client's key for one attempt at a mutation.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct IdempotencyKeyHeader {
    /// Makes a repetition of the same request harmless: the first answer comes again. A key is
    /// used for one request and its repetitions, for instance a random UUID.
    #[param(rename = "Idempotency-Key", nullable = false)]
    pub(crate) key: Option<IdempotencyKey>,
}

impl<S: Sync> FromRequestParts<S> for IdempotencyKeyHeader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        idempotency_key(&parts.headers).map(|key| Self { key })
    }
}

/// Which answers the client has already.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct IfNoneMatch {
    /// The `ETag` of an answer that the client has, or several. If one of them is still right, the
    /// answer is 304 without a body. What is no entity tag counts for nothing.
    // Any text is valid; the request's head bounds it.
    #[param(
        rename = "If-None-Match", value_type = String, required = false,
        example = "W/\"5d41402abc4b2a76b9719d911017c592\"",
    )]
    fields: Vec<HeaderValue>,
}

impl IfNoneMatch {
    /// Whether the client has the answer with this tag.
    pub(crate) fn names(&self, tag: &EntityTag) -> bool {
        let mut fields = self.fields.iter();
        fields.any(|field| tag.is_named_in(field.as_bytes()))
    }
}

impl<S: Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let fields = parts.headers.get_all(IF_NONE_MATCH).into_iter();
        Ok(Self {
            fields: fields.cloned().collect(),
        })
    }
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, ApiError> {
    const FIELD: &str = "Idempotency-Key";
    let text = match single_header(headers, IDEMPOTENCY_KEY) {
        HeaderCount::None => return Ok(None),
        HeaderCount::One(text) => text,
        HeaderCount::Many => {
            let reason = "It stands more than once.";
            return Err(ApiError::invalid_identifier(FIELD, reason));
        }
    };
    let text = str::from_utf8(text)
        .map_err(|_| ApiError::invalid_identifier(FIELD, "It is not ASCII."))?;
    let key = text.parse().map_err(|error| ApiError::id(FIELD, error))?;
    Ok(Some(key))
}
