//! JSON bodies.

use axum::body;
use axum::extract::{FromRequest, Request};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::Segment;

use super::{HeaderCount, single_header};
use crate::error::ApiError;
use crate::wire::{
    CancelRunBody, CreateSessionBody, CreateWorkerBody, MEDIA_TYPE_JSON, ProblemCode,
    RenameWorkerBody, SendInputBody, StopWorkerBody,
};

/// The JSON body of a request that declares `Content-Type: application/json`. The middleware has
/// bounded and buffered it before.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: BodyFields> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(ApiError::new(ProblemCode::UnsupportedMediaType));
        }
        let bytes = body::to_bytes(body, usize::MAX).await;
        parse(&bytes.map_err(|_| ApiError::internal())?).map(Self)
    }
}

/// The fields of a body, so that an error can name the wrong one without repeating its value.
pub(crate) trait BodyFields: DeserializeOwned {
    /// The name of each field, and what an error says of a value that doesn't fit.
    const FIELDS: &'static [(&'static str, &'static str)] = &[];
}

impl BodyFields for CreateWorkerBody {
    const FIELDS: &'static [(&'static str, &'static str)] = &[
        DISPLAY_NAME_FIELD,
        (
            "profile",
            "It is not 1 to 64 characters of a-z 0-9 - _ : . starting with a letter or digit.",
        ),
    ];
}

impl BodyFields for RenameWorkerBody {
    const FIELDS: &'static [(&'static str, &'static str)] = &[DISPLAY_NAME_FIELD];
}

const DISPLAY_NAME_FIELD: (&str, &str) = (
    "display_name",
    "It is not one line of 1 to 80 printable characters.",
);

impl BodyFields for SendInputBody {
    const FIELDS: &'static [(&'static str, &'static str)] = &[("content", "It is not a text.")];
}

impl BodyFields for CancelRunBody {
    const FIELDS: &'static [(&'static str, &'static str)] = &[(
        "run_id",
        "It is not 1 to 64 characters of a-z 0-9 - _ starting with a letter or digit.",
    )];
}

impl BodyFields for StopWorkerBody {}

impl BodyFields for CreateSessionBody {}

pub(super) fn parse<T: BodyFields>(bytes: &[u8]) -> Result<T, ApiError> {
    // serde also reads a struct from an array, which the API does not document.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(ApiError::invalid_body(None, "It is not a JSON object."));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let body = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = match error.path().iter().next() {
            Some(Segment::Map { key }) => T::FIELDS.iter().find(|(field, _)| field == key),
            _ => None,
        };
        match (error.inner().classify(), field) {
            (Category::Syntax | Category::Eof | Category::Io, _) => {
                ApiError::invalid_body(None, NOT_JSON)
            }
            (Category::Data, Some((field, reason))) => ApiError::invalid_body(*field, reason),
            (Category::Data, None) => ApiError::invalid_body(
                None,
                "It is not an object with the documented fields: one is missing, repeated or \
                 unknown.",
            ),
        }
    })?;
    json.end()
        .map_err(|_| ApiError::invalid_body(None, NOT_JSON))?;
    Ok(body)
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
            name.eq_ignore_ascii_case("charset")
                && charset.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
    };
    media_type.eq_ignore_ascii_case(MEDIA_TYPE_JSON) && parts.all(is_utf_8)
}
