//! JSON bodies. serde's own error texts repeat what was sent, so none of them is kept.

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::{Only, only};
use crate::problem::EdgeRefusal;
use crate::wire::{
    CancelRunBody, CreateSessionBody, CreateWorkerBody, MEDIA_TYPE_JSON, SendInputBody,
    StopWorkerBody,
};

/// What a body may consist of, to say which part is wrong without repeating it.
pub(crate) trait BodyFields: DeserializeOwned {
    /// The fields, each with what it must be.
    const FIELDS: &'static [(&'static str, &'static str)];
}

impl BodyFields for CreateWorkerBody {
    const FIELDS: &'static [(&'static str, &'static str)] = &[
        (
            "display_name",
            "It is not one line of 1 to 80 printable characters.",
        ),
        (
            "profile",
            "It is not 1 to 64 characters of a-z 0-9 - _ : . starting with a letter or digit.",
        ),
    ];
}

impl BodyFields for SendInputBody {
    const FIELDS: &'static [(&'static str, &'static str)] = &[("content", "It is not a text.")];
}

impl BodyFields for CancelRunBody {
    const FIELDS: &'static [(&'static str, &'static str)] = &[(
        "run_id",
        "It is not 1 to 64 characters of a-z 0-9 - _ starting with a letter or digit.",
    )];
}

impl BodyFields for StopWorkerBody {
    const FIELDS: &'static [(&'static str, &'static str)] = &[];
}

impl BodyFields for CreateSessionBody {
    const FIELDS: &'static [(&'static str, &'static str)] = &[];
}

/// Parses a body, or says what is wrong with it in words of ours.
pub(super) fn parse<T: BodyFields>(bytes: &[u8]) -> Result<T, EdgeRefusal> {
    let whole = |reason| EdgeRefusal::InvalidBody {
        field: None,
        reason,
    };
    // serde reads a struct from an array as well, which no client has a reason to send.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(whole("It is not a JSON object."));
    }
    match serde_json::from_slice(bytes) {
        Ok(parsed) => Ok(parsed),
        Err(error) => Err(match error.classify() {
            Category::Syntax | Category::Eof | Category::Io => whole("It is not JSON."),
            Category::Data => blamed_field::<T>(bytes).unwrap_or_else(|| {
                whole(
                    "It is not an object with the documented fields: one is missing, repeated or \
                     unknown.",
                )
            }),
        }),
    }
}

/// The field of ours that is to blame for a body that is no `T`. To know that, the way through
/// the body has to be noted, which is not worth its cost before something is wrong.
fn blamed_field<T: BodyFields>(bytes: &[u8]) -> Option<EdgeRefusal> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let error = serde_path_to_error::deserialize::<_, T>(&mut json).err()?;
    field_of_path::<T>(error.path())
}

/// The field of ours that the path leads to. A path that leads elsewhere was the client's.
fn field_of_path<T: BodyFields>(path: &serde_path_to_error::Path) -> Option<EdgeRefusal> {
    let mut segments = path.iter();
    let Some(serde_path_to_error::Segment::Map { key }) = segments.next() else {
        return None;
    };
    let (field, reason) = T::FIELDS.iter().find(|(field, _)| field == key)?;
    Some(EdgeRefusal::InvalidBody {
        field: Some(field),
        reason,
    })
}

/// Whether the headers declare `application/json`, in UTF-8 if they name a charset.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Only::One(value) = only(headers, CONTENT_TYPE) else {
        return false;
    };
    // What nearly all clients send needs no taking apart.
    if value == MEDIA_TYPE_JSON.as_bytes() {
        return true;
    }
    let Ok(value) = std::str::from_utf8(value) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let charset_fits = |parameter: &str| {
        parameter.split_once('=').is_some_and(|(name, charset)| {
            name.eq_ignore_ascii_case("charset")
                && charset.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
    };
    media_type.eq_ignore_ascii_case(MEDIA_TYPE_JSON) && parts.all(charset_fits)
}
