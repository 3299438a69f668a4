//! JSON bodies.

use std::fmt;

use axum::body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_path_to_error::Segment;

use super::{HeaderCount, single_header};
use crate::error::ApiError;
use crate::wire::{
    CancelRunBody, CreateSessionBody, CreateSessionCodeBody, CreateWorkerBody, MEDIA_TYPE_JSON,
    ProblemCode, RenameWorkerBody, SendInputBody, StopWorkerBody,
};

/// The JSON body of a request that declares `Content-Type: application/json`. The middleware has
/// bounded and buffered it before.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: BodyFields> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (headers, bytes) = headers_and_body(request).await?;
        require_json(&headers)?;
        parse(&bytes).map(Self)
    }
}

/// The JSON body of an operation that needs none: no body, whatever its media type, is the same as
/// an empty object. So is `null`, which some generated clients send for a body that they are not
/// given.
pub(crate) struct OptionalJsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: BodyFields + Default> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (headers, bytes) = headers_and_body(request).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        require_json(&headers)?;
        // `()` is read from `null` alone.
        match serde_json::from_slice(&bytes) {
            Ok(()) => Ok(Self(T::default())),
            Err(_) => parse(&bytes).map(Self),
        }
    }
}

async fn headers_and_body(request: Request) -> Result<(HeaderMap, Bytes), ApiError> {
    let (parts, body) = request.into_parts();
    let bytes = body::to_bytes(body, usize::MAX).await;
    Ok((parts.headers, bytes.map_err(|_| ApiError::internal())?))
}

fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    if is_json(headers) {
        Ok(())
    } else {
        Err(ApiError::new(ProblemCode::UnsupportedMediaType))
    }
}

/// The fields of a body, so that an error can name the wrong one without repeating its value.
pub(crate) trait BodyFields: DeserializeOwned {
    /// The name of each field, and what an error says of a value that doesn't fit.
    const FIELDS: &'static [(&'static str, &'static str)] = &[];
    /// What an error says of a field that is none of these.
    const UNKNOWN_FIELD: &'static str;
}

impl BodyFields for CreateWorkerBody {
    const FIELDS: &'static [(&'static str, &'static str)] = &[
        DISPLAY_NAME_FIELD,
        (
            "profile",
            "It is not 1 to 64 characters of a-z 0-9 - _ : . starting with a letter or digit.",
        ),
        (
            "model",
            "It is not one line of 1 to 80 printable characters.",
        ),
    ];
    const UNKNOWN_FIELD: &'static str =
        "It has another field than `display_name`, `profile` and `model`.";
}

impl BodyFields for RenameWorkerBody {
    const FIELDS: &'static [(&'static str, &'static str)] = &[DISPLAY_NAME_FIELD];
    const UNKNOWN_FIELD: &'static str = "It has another field than `display_name`.";
}

const DISPLAY_NAME_FIELD: (&str, &str) = (
    "display_name",
    "It is not one line of 1 to 80 printable characters.",
);

impl BodyFields for SendInputBody {
    const FIELDS: &'static [(&'static str, &'static str)] = &[("content", "It is not a text.")];
    const UNKNOWN_FIELD: &'static str = "It has another field than `content`.";
}

impl BodyFields for CancelRunBody {
    const FIELDS: &'static [(&'static str, &'static str)] = &[(
        "run_id",
        "It is not 1 to 64 characters of a-z 0-9 - _ starting with a letter or digit.",
    )];
    const UNKNOWN_FIELD: &'static str = "It has another field than `run_id`.";
}

impl BodyFields for StopWorkerBody {
    const UNKNOWN_FIELD: &'static str = NO_FIELD;
}

impl BodyFields for CreateSessionBody {
    const FIELDS: &'static [(&'static str, &'static str)] = &[("code", "It is not a text.")];
    const UNKNOWN_FIELD: &'static str = "It has another field than `code`.";
}

impl BodyFields for CreateSessionCodeBody {
    const UNKNOWN_FIELD: &'static str = NO_FIELD;
}

const NO_FIELD: &str = "It has a field, and must have none.";

pub(super) fn parse<T: BodyFields>(bytes: &[u8]) -> Result<T, ApiError> {
    // serde also reads a struct from an array, which the API does not document.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(ApiError::invalid_body(None, "It is not a JSON object."));
    }
    serde_json::from_slice(bytes).map_err(|_| explain::<T>(bytes))
}

/// Why these bytes are no `T`. They are read again for it: to keep the way to each value costs as
/// much as reading it.
fn explain<T: BodyFields>(bytes: &[u8]) -> ApiError {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let Err(error) = serde_path_to_error::deserialize::<_, T>(&mut json) else {
        // Something follows it.
        return ApiError::invalid_body(None, NOT_JSON);
    };
    let within = match error.path().iter().next() {
        Some(Segment::Map { key }) => T::FIELDS.iter().find(|(field, _)| field == key),
        _ => None,
    };
    match (error.inner().classify(), within) {
        (Category::Syntax | Category::Eof | Category::Io, field) => {
            ApiError::invalid_body(field.map(|(field, _)| *field), NOT_JSON)
        }
        (Category::Data, Some((field, reason))) => ApiError::invalid_body(*field, reason),
        (Category::Data, None) => wrong_fields::<T>(bytes),
    }
}

/// The error of an object whose values are right, as far as they were read, but not its fields: one
/// is repeated, unknown or missing. An unknown one is not named, because nothing that a client
/// sent is repeated.
fn wrong_fields<T: BodyFields>(bytes: &[u8]) -> ApiError {
    let Ok(FieldNames(names)) = serde_json::from_slice(bytes) else {
        return ApiError::invalid_body(None, NOT_JSON);
    };
    let times = |field: &str| names.iter().filter(|name| *name == field).count();
    let mut fields = T::FIELDS.iter().map(|(field, _)| *field);
    let is_known = |name: &String| fields.clone().any(|field| field == name);
    if let Some(repeated) = fields.clone().find(|field| times(field) > 1) {
        return ApiError::invalid_body(repeated, "It stands more than once.");
    }
    if !names.iter().all(is_known) {
        return ApiError::invalid_body(None, T::UNKNOWN_FIELD);
    }
    let missing = fields.find(|field| times(field) == 0);
    ApiError::invalid_body(missing, "It is missing.")
}

/// The names of an object's fields, repeated ones included.
struct FieldNames(Vec<String>);

impl<'de> Deserialize<'de> for FieldNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldNamesVisitor)
    }
}

struct FieldNamesVisitor;

impl<'de> Visitor<'de> for FieldNamesVisitor {
    type Value = FieldNames;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FieldNames, A::Error> {
        let mut names = Vec::new();
        while let Some((name, IgnoredAny)) = map.next_entry()? {
            names.push(name);
        }
        Ok(FieldNames(names))
    }
}

const NOT_JSON: &str = "It is not JSON.";

/// Whether the headers declare `application/json`, in UTF-8 if they name a charset.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let HeaderCount::One(value) = single_header(headers, CONTENT_TYPE) else {
        return false;
    };
    let Ok(value) = str::from_utf8(value) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let is_utf_8 = |parameter: &str| {
        parameter.split_once('=').is_some_and(|(name, charset)| {
            let quoted = charset
                .strip_prefix('"')
                .and_then(|it| it.strip_suffix('"'));
            name.eq_ignore_ascii_case("charset")
                && quoted.unwrap_or(charset).eq_ignore_ascii_case("utf-8")
        })
    };
    // A parameter may be empty (RFC 9110 §5.6.6).
    let mut parameters = parts.filter(|parameter| !parameter.is_empty());
    media_type.eq_ignore_ascii_case(MEDIA_TYPE_JSON) && parameters.all(is_utf_8)
}
