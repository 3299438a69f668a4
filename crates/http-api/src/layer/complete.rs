//! What every answer says besides its own: the headers that keep it where it belongs, and the
//! request's id.

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response};

use super::SECURITY_HEADERS;
use super::origin::Sharing;
use crate::answer::Answer;
use crate::request_id::RequestId;
use crate::wire::MEDIA_TYPE_JSON;
use crate::wire::header;

static X_REQUEST_ID: HeaderName = HeaderName::from_static(header::X_REQUEST_ID);

/// Headers that an answer may have before the table that finds them has to grow.
const HEADERS_MAX: usize = 12;

/// The headers of most answers, with an empty request id. To copy a map is less effort than to
/// fill one.
static USUAL: LazyLock<HeaderMap> = LazyLock::new(|| {
    let mut headers = HeaderMap::with_capacity(HEADERS_MAX);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE_JSON));
    for (name, value) in &SECURITY_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(&X_REQUEST_ID, HeaderValue::from_static(""));
    headers
});

/// The answer to the request `id` as it is sent.
pub(super) fn complete(answer: Answer, sharing: Option<Sharing>, id: RequestId) -> Response<Bytes> {
    let mut headers = USUAL.clone();
    match answer.media_type {
        Some(MEDIA_TYPE_JSON) => {}
        Some(other) => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(other));
        }
        None => {
            headers.remove(CONTENT_TYPE);
        }
    }
    let id = id.with_text(HeaderValue::from_str);
    let id = id.expect("digits and hyphens may stand in a header");
    headers.insert(&X_REQUEST_ID, id);
    for (name, value) in answer.headers {
        debug_assert!(
            !headers.contains_key(&name),
            "every answer says its own {name}"
        );
        headers.insert(name, value);
    }
    if let Some(sharing) = sharing {
        sharing.mark(&mut headers);
    }
    let mut complete = Response::new(answer.body);
    *complete.status_mut() = answer.status;
    *complete.headers_mut() = headers;
    complete
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;
    use http::header::{LOCATION, RETRY_AFTER};

    fn completed(answer: Answer) -> HeaderMap {
        complete(answer, None, RequestId::new())
            .into_parts()
            .0
            .headers
    }

    #[test]
    fn an_answer_names_its_own_media_type_or_none() {
        let ok = StatusCode::OK;
        for media_type in [MEDIA_TYPE_JSON, "text/plain"] {
            let headers = completed(Answer::whole(ok, media_type, "x"));
            assert_eq!(headers[CONTENT_TYPE], media_type);
        }
        let headers = completed(Answer::without_body(ok));
        assert!(!headers.contains_key(CONTENT_TYPE));
    }

    #[test]
    fn an_answer_has_its_own_headers_beside_those_of_every_answer_and_none_of_another_one() {
        let usual = completed(Answer::without_body(StatusCode::OK)).len();
        let mut answer = Answer::without_body(StatusCode::CREATED);
        answer.say(LOCATION, HeaderValue::from_static("/there"));
        answer.say(RETRY_AFTER, HeaderValue::from(1));
        let headers = completed(answer);
        assert_eq!(headers[LOCATION], "/there");
        assert_eq!(headers.len(), usual + 2);
        assert_eq!(completed(Answer::without_body(StatusCode::OK)).len(), usual);
    }
}
