//! Who may do what, judged by the head of a request alone.

use http::request::Parts;

use crate::server::{ALLOWED_ORIGIN, ServerFixture, TOKEN};

/// The paths that need no authorisation.
const OPEN_PATHS: [&str; 3] = ["/healthz", "/readyz", "/api/openapi.json"];

/// Where sessions are opened and ended.
const SESSION_PATH: &str = "/api/session";

/// The paths that answer whatever the `Host`.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// What becomes of a request before its route matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// The `Host` isn't this server: 421.
    Misdirected,
    /// It comes from a page of another origin: 403.
    CrossOrigin,
    /// It is a preflight of the allowed origin: 204.
    Preflight,
    /// It has no valid token or session: 401.
    Unauthorised,
    /// It asks for a session without a token: its body is looked at for a code, which nobody can guess.
    Exchange,
    /// Its route decides.
    Granted,
}

/// The access of a request.
pub(super) fn of(server: &ServerFixture, head: &Parts) -> Access {
    let is_probe = PROBES.contains(&head.uri.path());
    if !is_probe && !has_right_host(server, head) {
        return Access::Misdirected;
    }
    let origin = allowed_origin(head);
    if origin.is_none() && !is_same_origin(head) && !is_link_to_page(head) {
        return Access::CrossOrigin;
    }
    let asks_for_method = !values(head, "access-control-request-method").is_empty();
    if origin.is_some() && head.method == "OPTIONS" && asks_for_method {
        return Access::Preflight;
    }
    let is_open = OPEN_PATHS.contains(&head.uri.path()) || is_page(head);
    if is_open || has_token(head) || has_session(server, head) && !needs_token(head) {
        Access::Granted
    } else if is_exchange(head) {
        Access::Exchange
    } else {
        Access::Unauthorised
    }
}

/// Whether a file of the page is at the path.
pub(super) fn is_page(head: &Parts) -> bool {
    let mut assets = web_page::assets().iter();
    assets.any(|asset| asset.path == head.uri.path())
}

/// Whether the request is a person's who follows a link of another site to the page.
fn is_link_to_page(head: &Parts) -> bool {
    let is_navigation = values(head, "sec-fetch-mode") == [b"navigate"];
    let is_tab = values(head, "sec-fetch-dest") == [b"document"];
    let is_get = head.method == "GET" && values(head, "origin").is_empty();
    is_get && is_navigation && is_tab && is_page(head)
}

/// Whether the request ends the session that the other requests are sent with.
pub(super) fn ends_session(server: &ServerFixture, head: &Parts) -> bool {
    let is_delete = head.method == "DELETE" && head.uri.path() == SESSION_PATH;
    is_delete && has_session_cookie(server, head)
}

fn is_exchange(head: &Parts) -> bool {
    head.method == "POST" && head.uri.path() == SESSION_PATH
}

/// Whether a session is not enough: for a further session, and for a code.
fn needs_token(head: &Parts) -> bool {
    let is_code = head.uri.path() == "/api/session-codes" && !head.method.is_safe();
    is_code || is_exchange(head)
}

/// The allowed origin, if the request comes from it.
pub(super) fn allowed_origin(head: &Parts) -> Option<&'static str> {
    let origins = values(head, "origin");
    (origins == [ALLOWED_ORIGIN.as_bytes()]).then_some(ALLOWED_ORIGIN)
}

fn has_right_host(server: &ServerFixture, head: &Parts) -> bool {
    let hosts = values(head, "host");
    let [host] = hosts.as_slice() else {
        return false;
    };
    let is_ours = ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| {
        let name = format!("{name}:{}", server.port);
        name.as_bytes().eq_ignore_ascii_case(host)
    });
    let target = head
        .uri
        .authority()
        .map(|target| target.as_str().as_bytes());
    is_ours && target.is_none_or(|target| target.eq_ignore_ascii_case(host))
}

/// Whether the request comes from no page, or from one of the server itself.
fn is_same_origin(head: &Parts) -> bool {
    let (hosts, origins) = (values(head, "host"), values(head, "origin"));
    let is_own_origin = match origins.as_slice() {
        [] => true,
        [origin] => ["http://", "https://"].iter().any(|scheme| {
            let host = origin.strip_prefix(scheme.as_bytes());
            let own = |host: &[u8]| matches!(*hosts, [own] if host.eq_ignore_ascii_case(own));
            host.is_some_and(own)
        }),
        _ => false,
    };
    let sites = values(head, "sec-fetch-site");
    let is_own_site = match sites.as_slice() {
        [] => true,
        [site] => matches!(*site, b"same-origin" | b"none"),
        _ => false,
    };
    is_own_origin && is_own_site
}

fn has_token(head: &Parts) -> bool {
    let credentials = values(head, "authorization");
    let [credentials] = credentials.as_slice() else {
        return false;
    };
    let (scheme, rest) = credentials.split_at(credentials.len().min(6));
    let spaces = rest.iter().take_while(|byte| b" \t".contains(byte)).count();
    scheme.eq_ignore_ascii_case(b"bearer") && spaces > 0 && rest[spaces..] == *TOKEN.as_bytes()
}

/// A session does not count beside an `Authorization` header or from the allowed origin.
fn has_session(server: &ServerFixture, head: &Parts) -> bool {
    has_session_cookie(server, head)
        && values(head, "authorization").is_empty()
        && allowed_origin(head).is_none()
}

fn has_session_cookie(server: &ServerFixture, head: &Parts) -> bool {
    let pair = format!("yoi_session_{}={}", server.port, server.session);
    values(head, "cookie").iter().any(|cookies| {
        let mut cookies = cookies.split(|byte| *byte == b';');
        cookies.any(|cookie| cookie.trim_ascii() == pair.as_bytes())
    })
}

fn values<'a>(head: &'a Parts, name: &str) -> Vec<&'a [u8]> {
    let values = head.headers.get_all(name).iter();
    values.map(http::HeaderValue::as_bytes).collect()
}
