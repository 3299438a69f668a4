//! Whose page a request comes from. Browsers say so in `Origin` and `Sec-Fetch-Site`; other
//! clients say nothing. By default no other origin gets in, and none gets CORS headers.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, COOKIE,
    HOST, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::answer::Answer;
use crate::api::Api;
use crate::extract::{Only, only};
use crate::origin::AllowedOrigin;
use crate::problem::EdgeRefusal;

/// How the page's site is related to this one (Fetch Metadata §2.3).
static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// How long a browser may remember a preflight's answer, in seconds.
const PREFLIGHT_MAX_AGE_S: u16 = 600;
const ALLOWED_METHODS: &str = "GET, HEAD, POST";
const ALLOWED_HEADERS: &str = "authorization, content-type, idempotency-key";
const EXPOSED_HEADERS: &str =
    "allow, idempotency-replayed, location, retry-after, www-authenticate, x-request-id";

/// Where a request comes from.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    /// A page of this server, or no page at all.
    Own,
    /// A page of an origin that the operator allowed.
    Allowed(HeaderValue),
    /// A page of any other origin.
    Foreign,
}

/// How a request goes on that no foreign page made.
pub(super) enum Visit {
    /// The answer is for a page of this server, or for no page at all.
    Own,
    /// The answer is shared with the page of this origin.
    Shared(Sharing),
    /// A browser asks for the page of an allowed origin what may be sent: this is the answer.
    Preflight(Answer),
}

/// Which origin an answer is shared with.
pub(super) struct Sharing(HeaderValue);

/// Lets a request pass that no foreign page made; answers preflights of allowed origins.
///
/// No answer allows credentials: another origin uses the token, never the cookie.
pub(super) fn check_origin(api: &Api, head: &mut Parts) -> Result<Visit, EdgeRefusal> {
    match source(&api.config().allowed_origins, &head.headers) {
        Source::Own => Ok(Visit::Own),
        Source::Foreign => Err(EdgeRefusal::CrossOriginRejected),
        Source::Allowed(origin) if is_preflight(head) => {
            Ok(Visit::Preflight(preflight_answer(origin)))
        }
        Source::Allowed(origin) => {
            // Browsers keep the cookie back where credentials are not allowed; we do not
            // rely on it.
            head.headers.remove(COOKIE);
            Ok(Visit::Shared(Sharing(origin)))
        }
    }
}

impl Sharing {
    /// Lets the origin's page read the answer that has these headers.
    pub(super) fn mark(self, headers: &mut HeaderMap) {
        headers.extend(shared_with(self.0));
        let names = HeaderValue::from_static(EXPOSED_HEADERS);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, names);
    }
}

fn preflight_answer(origin: HeaderValue) -> Answer {
    let mut answer = Answer::without_body(StatusCode::NO_CONTENT);
    answer.headers.extend(shared_with(origin));
    let methods = HeaderValue::from_static(ALLOWED_METHODS);
    answer.say(ACCESS_CONTROL_ALLOW_METHODS, methods);
    let names = HeaderValue::from_static(ALLOWED_HEADERS);
    answer.say(ACCESS_CONTROL_ALLOW_HEADERS, names);
    let max_age = HeaderValue::from(PREFLIGHT_MAX_AGE_S);
    answer.say(ACCESS_CONTROL_MAX_AGE, max_age);
    answer
}

fn is_preflight(head: &Parts) -> bool {
    head.method == Method::OPTIONS && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn shared_with(origin: HeaderValue) -> [(HeaderName, HeaderValue); 2] {
    [
        (ACCESS_CONTROL_ALLOW_ORIGIN, origin),
        (VARY, HeaderValue::from_static("origin")),
    ]
}

/// Judges the headers of a request whose `Host` was found to be this server's.
fn source(allowed: &[AllowedOrigin], headers: &HeaderMap) -> Source {
    match only(headers, ORIGIN) {
        Only::Absent => {}
        Only::Repeated => return Source::Foreign,
        Only::One(origin) => {
            let known = allowed.iter().find(|o| o.as_str().as_bytes() == origin);
            if let Some(known) = known {
                return HeaderValue::try_from(known.as_str())
                    .map_or(Source::Foreign, Source::Allowed);
            }
            if !is_own(origin, headers) {
                return Source::Foreign;
            }
        }
    }
    match only(headers, &SEC_FETCH_SITE) {
        // `none` is a person: a typed address, a bookmark.
        Only::Absent | Only::One(b"same-origin" | b"none") => Source::Own,
        Only::One(_) | Only::Repeated => Source::Foreign,
    }
}

/// Whether `origin` is the very host that the request was sent to.
fn is_own(origin: &[u8], headers: &HeaderMap) -> bool {
    let host = ["http://", "https://"]
        .iter()
        .find_map(|scheme| origin.strip_prefix(scheme.as_bytes()));
    match (host, only(headers, HOST)) {
        (Some(host), Only::One(asked)) => host.eq_ignore_ascii_case(asked),
        (_, Only::Absent | Only::One(_) | Only::Repeated) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(pairs: &[(&'static str, &'static str)]) -> Source {
        let allowed = ["https://app.example".parse().unwrap()];
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("localhost:8787"));
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        source(&allowed, &headers)
    }

    #[test]
    fn this_server_s_own_pages_and_clients_without_a_page_get_in() {
        assert_eq!(judge(&[]), Source::Own);
        assert_eq!(judge(&[("origin", "http://localhost:8787")]), Source::Own);
        assert_eq!(judge(&[("sec-fetch-site", "same-origin")]), Source::Own);
        assert_eq!(judge(&[("sec-fetch-site", "none")]), Source::Own);
    }

    #[test]
    fn an_allowed_origin_gets_in_though_it_is_another_site() {
        let pairs = [
            ("origin", "https://app.example"),
            ("sec-fetch-site", "cross-site"),
        ];
        let origin = HeaderValue::from_static("https://app.example");
        assert_eq!(judge(&pairs), Source::Allowed(origin));
    }

    #[test]
    fn every_other_page_is_foreign() {
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
            assert_eq!(judge(&[("origin", origin)]), Source::Foreign, "{origin}");
        }
        for site in ["cross-site", "same-site", "", "SAME-ORIGIN", "x"] {
            assert_eq!(
                judge(&[("sec-fetch-site", site)]),
                Source::Foreign,
                "{site}"
            );
        }
        let own = ("origin", "http://localhost:8787");
        assert_eq!(judge(&[own, own]), Source::Foreign);
        assert_eq!(
            judge(&[own, ("sec-fetch-site", "cross-site")]),
            Source::Foreign
        );
        let twice = [("sec-fetch-site", "none"), ("sec-fetch-site", "none")];
        assert_eq!(judge(&twice), Source::Foreign);
    }
}
