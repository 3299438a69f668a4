//! Tells pages of other origins apart, and shares responses with those that the operator allowed.
//! Browsers name the page's origin in `Origin` and
//! `Sec-Fetch-Site`; other clients send neither. A person may follow a link of any page.
//!
//! tower-http's CORS layer does not fit: it answers every `OPTIONS` request, and lets requests of
//! origins that are not allowed through to the handler.

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HOST,
    ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::extract::{HeaderCount, single_header};
use crate::origin::AllowedOrigin;

/// How the page's site is related to this one (Fetch Metadata §2.3).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Whether the request opens a document, and where (Fetch Metadata §2.2, §2.1).
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
/// How long a browser may cache the answer to a preflight request, in seconds.
const PREFLIGHT_MAX_AGE_S: u16 = 600;
const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PATCH, DELETE");
const ALLOWED_HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, content-type, idempotency-key, if-none-match");
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "allow, etag, idempotency-replayed, location, retry-after, www-authenticate, x-request-id",
);

/// Where a request comes from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A page of this server, or no page at all.
    Own,
    /// A page of an origin that the operator allowed.
    Allowed(HeaderValue),
    /// A page of any other origin.
    Other,
}

/// The answer to the preflight request of an allowed origin; `None` for any other request.
///
/// Credentials are never allowed for another origin: it uses the token, never the cookie.
pub(super) fn preflight_response(request: &Request) -> Option<Response> {
    let is_preflight = request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    is_preflight.then(|| {
        let mut response = StatusCode::NO_CONTENT.into_response();
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE_S.into());
        response
    })
}

/// Lets the page of an allowed origin read the response, errors included.
pub(super) fn share_with(origin: HeaderValue, response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
    headers.append(VARY, HeaderValue::from_static("origin"));
}

/// Where a request with these headers comes from. Its `Host` was checked before.
pub(super) fn source(
    public: Option<&AllowedOrigin>,
    allowed: &[AllowedOrigin],
    headers: &HeaderMap,
) -> Source {
    match single_header(headers, ORIGIN) {
        HeaderCount::None => {}
        HeaderCount::Many => return Source::Other,
        HeaderCount::One(origin) => {
            // First, because the server's own pages keep their cookie though their origin is
            // allowed as well.
            if !is_own(origin, public, headers) {
                let known = allowed.iter().find(|o| o.as_str().as_bytes() == origin);
                let known = known.and_then(|origin| HeaderValue::try_from(origin.as_str()).ok());
                return known.map_or(Source::Other, Source::Allowed);
            }
        }
    }
    match single_header(headers, SEC_FETCH_SITE) {
        // `none` is a person: a typed address, a bookmark.
        HeaderCount::None | HeaderCount::One(b"same-origin" | b"none") => Source::Own,
        HeaderCount::One(_) | HeaderCount::Many => Source::Other,
    }
}

/// Whether a person follows a link: the request opens a whole tab, and no other page gets to see the
/// response.
pub(super) fn is_followed_link(request: &Request) -> bool {
    let has = |name, value| match single_header(request.headers(), name) {
        HeaderCount::One(found) => found == value,
        HeaderCount::None | HeaderCount::Many => false,
    };
    request.method() == Method::GET
        && !request.headers().contains_key(ORIGIN)
        && has(SEC_FETCH_MODE, b"navigate".as_slice())
        && has(SEC_FETCH_DEST, b"document")
}

/// Whether `origin` is the server's public one, or the very host that the request was sent to. A page
/// of the public host over another scheme is none of the server's: whoever is on its way could
/// have written it.
fn is_own(origin: &[u8], public: Option<&AllowedOrigin>, headers: &HeaderMap) -> bool {
    if public.is_some_and(|public| public.as_str().as_bytes() == origin) {
        return true;
    }
    let host = ["http://", "https://"]
        .iter()
        .find_map(|scheme| origin.strip_prefix(scheme.as_bytes()));
    match (host, single_header(headers, HOST)) {
        (Some(host), HeaderCount::One(named)) => {
            host.eq_ignore_ascii_case(named)
                && public.is_none_or(|public| !public.host().matches(named))
        }
        (_, HeaderCount::None | HeaderCount::One(_) | HeaderCount::Many) => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn source_of(pairs: &[(&'static str, &'static str)]) -> Source {
        let allowed = ["https://app.example", "http://localhost:8787"];
        let allowed = allowed.map(|origin| origin.parse().unwrap());
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("localhost:8787"));
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        source(None, &allowed, &headers)
    }

    #[test]
    fn this_server_s_own_pages_and_clients_without_a_page_get_in() {
        assert_eq!(source_of(&[]), Source::Own);
        assert_eq!(
            source_of(&[("origin", "http://localhost:8787")]),
            Source::Own
        );
        assert_eq!(source_of(&[("sec-fetch-site", "same-origin")]), Source::Own);
        assert_eq!(source_of(&[("sec-fetch-site", "none")]), Source::Own);
    }

    #[test]
    fn an_allowed_origin_gets_in_though_it_is_another_site() {
        let pairs = [
            ("origin", "https://app.example"),
            ("sec-fetch-site", "cross-site"),
        ];
        let origin = HeaderValue::from_static("https://app.example");
        assert_eq!(source_of(&pairs), Source::Allowed(origin));
    }

    #[test]
    fn the_public_origin_is_the_server_s_own_whatever_the_proxy_makes_of_the_host_and_plain_http_is_not()
     {
        let public: AllowedOrigin = "https://yoi.example".parse().unwrap();
        let source_at = |host, origin| {
            let (host, origin) = [host, origin].map(HeaderValue::from_static).into();
            let headers = HeaderMap::from_iter([(HOST, host), (ORIGIN, origin)]);
            source(Some(&public), &[], &headers)
        };
        for host in ["yoi.example", "127.0.0.1:8787"] {
            assert_eq!(
                source_at(host, "https://yoi.example"),
                Source::Own,
                "{host}"
            );
            assert_eq!(
                source_at(host, "http://yoi.example"),
                Source::Other,
                "{host}"
            );
        }
        let loopback = "http://127.0.0.1:8787";
        assert_eq!(source_at("127.0.0.1:8787", loopback), Source::Own);
    }

    #[test]
    fn a_followed_link_opens_a_tab_and_is_sent_by_no_script() {
        let is_followed_link = |method, pairs: &[(&str, &str)]| {
            let request = Request::builder().method(method);
            let request = pairs
                .iter()
                .fold(request, |r, (name, value)| r.header(*name, *value));
            is_followed_link(&request.body(Body::empty()).unwrap())
        };
        let mode = ("sec-fetch-mode", "navigate");
        let dest = ("sec-fetch-dest", "document");
        assert!(is_followed_link("GET", &[mode, dest]));
        for (method, pairs) in [
            ("POST", &[mode, dest][..]),
            ("HEAD", &[mode, dest]),
            ("GET", &[]),
            ("GET", &[mode]),
            ("GET", &[dest]),
            ("GET", &[mode, mode, dest]),
            ("GET", &[mode, dest, ("origin", "https://evil.example")]),
            ("GET", &[mode, ("sec-fetch-dest", "iframe")]),
            ("GET", &[("sec-fetch-mode", "no-cors"), dest]),
        ] {
            assert!(!is_followed_link(method, pairs), "{method} {pairs:?}");
        }
    }

    #[test]
    fn every_other_page_is_of_another_origin() {
        for origin in [
            "null",
            "",
            "http://evil.example",
            "http://localhost:8788",
            "http://127.0.0.1:8787",
            "http://localhost:8787.evil.example",
            "http://localhost:8787/",
            "http://app.example",
            "https://app.example.evil.example",
            "https://APP.example",
            "localhost:8787",
            "file://",
        ] {
            assert_eq!(source_of(&[("origin", origin)]), Source::Other, "{origin}");
        }
        for site in ["cross-site", "same-site", "", "SAME-ORIGIN", "x"] {
            assert_eq!(
                source_of(&[("sec-fetch-site", site)]),
                Source::Other,
                "{site}"
            );
        }
        let own = ("origin", "http://localhost:8787");
        assert_eq!(source_of(&[own, own]), Source::Other);
        assert_eq!(
            source_of(&[own, ("sec-fetch-site", "cross-site")]),
            Source::Other
        );
        let twice = [("sec-fetch-site", "none"), ("sec-fetch-site", "none")];
        assert_eq!(source_of(&twice), Source::Other);
    }
}
