//! The files of the browser page. They hold no data, so they need no credentials, and they are no
//! operations of the API: the OpenAPI document does not have them.

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use web_page::{Asset, Representation};

use crate::entity_tag;
use crate::response::not_modified;
use crate::state::ApiState;

/// On every response with a file, and on every 304 in its place (RFC 9110 §15.4.5). A browser keeps
/// the files and asks each time whether they are still the same: a server of another version may
/// be at the address by then.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(web_page::CONTENT_SECURITY_POLICY),
    ),
    (VARY, HeaderValue::from_static("accept-encoding")),
    // A page of another site that opened the tab has no hold on it.
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// The routes of the page's files.
pub(crate) fn page_routes() -> Router<ApiState> {
    let assets = web_page::assets().iter();
    assets.fold(Router::new(), |routes, asset| {
        let respond = async move |headers: HeaderMap| asset_response(asset, &headers);
        routes.route(asset.path, get(respond))
    })
}

/// Whether a file of the page is at `path`.
pub(crate) fn has_asset(path: &str) -> bool {
    web_page::assets().iter().any(|asset| asset.path == path)
}

fn asset_response(asset: &'static Asset, request: &HeaderMap) -> Response {
    let is_compressed = accepts_gzip(request);
    let Representation { bytes, etag } = if is_compressed {
        &asset.gzip
    } else {
        &asset.identity
    };
    let mut response = if is_current(etag, request) {
        not_modified(bytes.len())
    } else {
        let media_type = HeaderValue::from_static(asset.media_type);
        let mut response = ([(CONTENT_TYPE, media_type)], bytes.as_slice()).into_response();
        if is_compressed {
            let gzip = HeaderValue::from_static("gzip");
            response.headers_mut().insert(CONTENT_ENCODING, gzip);
        }
        response
    };
    response.headers_mut().extend(HEADERS);
    let etag = HeaderValue::from_static(etag);
    response.headers_mut().insert(ETAG, etag);
    response
}

/// Whether the client has this representation already.
fn is_current(etag: &str, request: &HeaderMap) -> bool {
    let mut known = request.get_all(IF_NONE_MATCH).iter();
    known.any(|field| entity_tag::names(field.as_bytes(), etag.as_bytes()))
}

/// Whether the client takes gzip: it names it, and not with a weight of 0.
fn accepts_gzip(request: &HeaderMap) -> bool {
    let values = request.get_all(ACCEPT_ENCODING).iter();
    let values = values.filter_map(|value| value.to_str().ok());
    let mut codings = values.flat_map(|value| value.split(',')).map(str::trim);
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().trim_start_matches(['q', 'Q', '=']);
        name.trim_end().eq_ignore_ascii_case("gzip") && weight.parse() != Ok(0.0)
    })
}
