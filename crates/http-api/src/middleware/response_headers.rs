//! The headers of every response, errors included.

use axum::response::Response;
use http::header::{CACHE_CONTROL, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue};

use crate::request_id::RequestId;
use crate::wire::header::X_REQUEST_ID;

/// Keeps responses out of caches, and out of the reach of other sites. A handler whose response may be
/// kept sets its own `Cache-Control`.
pub(crate) static SECURITY_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// Adds the security headers and the request's id.
pub(super) fn add_response_headers(response: &mut Response, request_id: RequestId) {
    let headers = response.headers_mut();
    headers.reserve(SECURITY_HEADERS.len() + 1);
    for (name, value) in &SECURITY_HEADERS {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    headers.insert(X_REQUEST_ID, request_id.into());
}
