//! Who gets in, and who does not: HTTP.md's rules 2–5, on the head of a request.

use http::request::Parts;

use crate::server::{FRIEND, TOKEN, World};

/// What becomes of a request before any operation sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is meant for another server: 421.
    Misdirected,
    /// A page of another origin asks: 403.
    CrossOrigin,
    /// An allowed origin's browser asks whether it may: 204.
    Preflight,
    /// Whoever asks has not shown that they may: 401.
    Unauthorised,
    /// An operation, or the lack of one, answers.
    Through,
}

/// The verdict on a request.
pub(super) fn verdict(world: &World, head: &Parts) -> Verdict {
    if !is_meant_for_us(world, head) {
        return Verdict::Misdirected;
    }
    match (friend(head), is_own_page(head)) {
        (None, false) => return Verdict::CrossOrigin,
        (Some(_), _) if is_preflight(head) => return Verdict::Preflight,
        (None | Some(_), _) => {}
    }
    let is_open = matches!(head.uri.path(), "/healthz" | "/readyz");
    if is_open || has_token(head) || has_session(world, head) {
        Verdict::Through
    } else {
        Verdict::Unauthorised
    }
}

/// The allowed origin that the request says it comes from.
pub(super) fn friend(head: &Parts) -> Option<&'static str> {
    let origins = values(head, "origin");
    (origins == [FRIEND.as_bytes()]).then_some(FRIEND)
}

fn is_meant_for_us(world: &World, head: &Parts) -> bool {
    let hosts = values(head, "host");
    let [host] = hosts.as_slice() else {
        return false;
    };
    let names = ["127.0.0.1", "localhost", "[::1]"];
    let is_ours = names.iter().any(|name| {
        format!("{name}:{}", world.port)
            .as_bytes()
            .eq_ignore_ascii_case(host)
    });
    let target = head
        .uri
        .authority()
        .map(|target| target.as_str().as_bytes());
    is_ours && target.is_none_or(|target| target.eq_ignore_ascii_case(host))
}

/// Whether no page asks, or a page of this very host.
fn is_own_page(head: &Parts) -> bool {
    let (hosts, origins) = (values(head, "host"), values(head, "origin"));
    let is_own_origin = match origins.as_slice() {
        [] => true,
        [origin] => ["http://", "https://"].iter().any(|scheme| {
            let host = origin.strip_prefix(scheme.as_bytes());
            host.is_some_and(|host| host.eq_ignore_ascii_case(hosts[0]))
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

fn is_preflight(head: &Parts) -> bool {
    head.method == "OPTIONS" && !values(head, "access-control-request-method").is_empty()
}

fn has_token(head: &Parts) -> bool {
    let given = values(head, "authorization");
    let [given] = given.as_slice() else {
        return false;
    };
    let scheme = given.get(..6).unwrap_or_default();
    let rest = given.get(6..).unwrap_or_default();
    let spaces = rest.iter().take_while(|byte| b" \t".contains(byte)).count();
    scheme.eq_ignore_ascii_case(b"bearer") && spaces > 0 && rest[spaces..] == *TOKEN.as_bytes()
}

/// A cookie opens everything but a further session, mends no wrong token, and is worth nothing
/// from another origin.
fn has_session(world: &World, head: &Parts) -> bool {
    let pair = format!("yoi_session_{}={}", world.port, world.session);
    let is_there = values(head, "cookie").iter().any(|cookies| {
        let mut pairs = cookies.split(|byte| *byte == b';');
        pairs.any(|cookie| cookie.trim_ascii() == pair.as_bytes())
    });
    is_there
        && values(head, "authorization").is_empty()
        && friend(head).is_none()
        && head.uri.path() != "/api/session"
}

fn values<'a>(head: &'a Parts, name: &str) -> Vec<&'a [u8]> {
    let values = head.headers.get_all(name).iter();
    values.map(http::HeaderValue::as_bytes).collect()
}
