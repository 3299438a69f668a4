//! Any request at all, given to the wired router. Who gets in, what is found at a path, and
//! what every answer has, is judged from HTTP.md; see `gate` and `route`. Which operations there
//! are comes from the product's own table: one that is missing there is not missed here.

mod gate;
mod route;
mod shape;

use arbitrary::{Arbitrary as _, Unstructured};
use http::request::Parts;

use crate::answer::Answer;
use crate::names::grammar;
use crate::server::{EMBEDDED, World};
use gate::Verdict;
use route::Route;
use shape::Shape;

/// The largest `limit` that every list takes.
const LIMIT_OF_ALL: u16 = 100;

/// Checks the request that is made of these bytes, if one is.
///
/// # Panics
/// When a rule is broken.
pub fn check(world: &World, bytes: &[u8]) {
    let Ok(shape) = Shape::arbitrary(&mut Unstructured::new(bytes)) else {
        return;
    };
    let Some(request) = shape.request(world) else {
        return;
    };
    let (head, body) = request.into_parts();
    let answer = world.ask(http::Request::from_parts(head.clone(), body));
    answer.keeps_the_rules(world);
    gate_held(world, &head, &answer);
    if gate::verdict(world, &head) == Verdict::Through {
        found_what_is_there(&head, &answer);
        page_stays_in_its_list(&head, &answer);
        right_read_is_answered(world, &head, &answer);
    }
    clean_up(world, &head, &answer);
}

/// Nobody got further than they may, and nobody who may was turned away.
fn gate_held(world: &World, head: &Parts, answer: &Answer) {
    let verdict = gate::verdict(world, head);
    let refused = match verdict {
        Verdict::Misdirected => Some((421, "misdirected_host")),
        Verdict::CrossOrigin => Some((403, "cross_origin_rejected")),
        Verdict::Unauthorised => Some((401, "unauthorized")),
        Verdict::Preflight | Verdict::Through => None,
    };
    if let Some((status, name)) = refused {
        assert_eq!(answer.status, status, "{verdict:?} of {head:?}: {answer:?}");
        assert_eq!(answer.problem().code.as_str(), name, "{answer:?}");
        assert!(answer.header("set-cookie").is_none());
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge, (status == 401).then_some("Bearer"), "{answer:?}");
    } else {
        assert!(
            !matches!(answer.status, 401 | 403 | 421),
            "{head:?}: {answer:?}"
        );
    }
    if verdict == Verdict::Preflight {
        assert_eq!(answer.status, 204, "{answer:?}");
    }
    let shared = answer.header("access-control-allow-origin");
    let is_refused_as_foreign = matches!(verdict, Verdict::Misdirected | Verdict::CrossOrigin);
    let friend = gate::friend(head).filter(|_| !is_refused_as_foreign);
    assert_eq!(shared, friend, "{head:?}");
    assert!(answer.header("access-control-allow-credentials").is_none());
}

/// The right kind of answer for what the path and method are.
fn found_what_is_there(head: &Parts, answer: &Answer) {
    match route::route(&head.method, head.uri.path()) {
        Route::Nothing => assert_eq!(answer.status, 404, "{head:?}: {answer:?}"),
        Route::OtherMethods(methods) => {
            assert_eq!(answer.status, 405, "{head:?}: {answer:?}");
            assert_eq!(answer.header("allow"), Some(methods.as_str()), "{head:?}");
        }
        Route::Operation(operation) => {
            let is_typed = answer.status < 300 || answer.header("content-type").is_some();
            assert!(is_typed, "{head:?}: {answer:?}");
            let media_type = head.headers.get("content-type");
            let media_type = media_type.map(|value| value.as_bytes().to_ascii_lowercase());
            let is_json = media_type.is_some_and(|value| value.starts_with(b"application/json"));
            if operation.takes_body && !is_json {
                assert_eq!(answer.status, 415, "{head:?}: {answer:?}");
            }
        }
    }
}

/// A read of what is there, with no query or a `limit` that its list takes, is a 200.
fn right_read_is_answered(world: &World, head: &Parts, answer: &Answer) {
    let Route::Operation(operation) = route::route(&head.method, head.uri.path()) else {
        return;
    };
    if operation.method != "GET" {
        return;
    }
    let right = operation.path.replace("{runtime_id}", EMBEDDED);
    let right = right.replace("{worker_id}", &world.worker());
    let is_list = ["/workers", "/transcript", "/events"]
        .iter()
        .any(|list| operation.path.ends_with(list));
    let is_known = head.uri.query().is_none_or(|query| {
        let limit = query.strip_prefix("limit=");
        let limit = limit.and_then(|limit| limit.parse().ok());
        is_list && limit.is_some_and(|limit| (1..=LIMIT_OF_ALL).contains(&limit))
    });
    if head.uri.path() == right && is_known {
        assert_eq!(answer.status, 200, "{head:?}: {answer:?}");
    }
}

/// A page token of one list is none of another.
fn page_stays_in_its_list(head: &Parts, answer: &Answer) {
    let path = head.uri.path();
    let query = head.uri.query().unwrap_or_default();
    let parameter = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .clone()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    };
    let list_of = path
        .strip_prefix("/api/runtimes/")
        .and_then(|rest| rest.strip_suffix("/workers"));
    let listed = if path == "/api/workers" {
        parameter("runtime_id")
    } else {
        list_of
    };
    let token = parameter("page_token").map(grammar::page_token_runtime);
    if let (Some(listed), Some(token)) = (listed, token) {
        let fits = token.as_deref() == Some(listed);
        let is_read = matches!(head.method.as_str(), "GET" | "HEAD");
        let is_plain = !query.contains(['%', '+']);
        if is_read && is_plain && !fits {
            assert!(answer.status >= 400, "{head:?}: {answer:?}");
        }
    }
}

/// Stops a worker that the request created, so that there is always room for one.
fn clean_up(world: &World, head: &Parts, answer: &Answer) {
    if answer.status == 201 {
        let location = answer.header("location").expect("a new worker has a place");
        assert!(location.starts_with(head.uri.path()), "{location}");
        drop(world.guest_at(location));
    }
}
