//! Any request to the wired server: who is authorised, what a path is, and what every response
//! has, is judged from the documents. The operations come from the product's own table: one that
//! is missing there is not missed here.

mod access;
mod generated;

use arbitrary::{Arbitrary as _, Unstructured};
use http::Method;
use http::request::Parts;
use http_api::{OperationInfo, operations};
use testkit::http::Response;

use crate::names::grammar;
use crate::response::has_body;
use crate::server::{EMBEDDED, ServerFixture};
use access::Access;
use generated::GeneratedRequest;

/// The largest `limit` that every list takes.
const LIMIT_OF_ALL: u16 = 100;

/// Checks the request that is made of these bytes, if they are enough for one.
///
/// # Panics
/// When a rule is broken.
pub fn check(server: &ServerFixture, bytes: &[u8]) {
    let Ok(generated) = GeneratedRequest::arbitrary(&mut Unstructured::new(bytes)) else {
        return;
    };
    let Some(request) = generated.request(server) else {
        return;
    };
    let (head, body) = request.into_parts();
    if access::ends_session(server, &head) {
        return;
    }
    let response = server.respond_checked(http::Request::from_parts(head.clone(), body));
    // Stopped at the end, so that the fuzzer doesn't run out of workers.
    let is_worker = head.uri.path() != "/api/session-codes";
    let _created = (response.status == 201 && is_worker).then(|| {
        let location = response.header("location").expect("the path of the worker");
        assert!(location.starts_with(head.uri.path()), "{location}");
        server.stop_later(location)
    });
    let access = access::of(server, &head);
    check_access(access, &head, &response);
    if access == Access::Granted {
        check_route(server, &head, &response);
        check_page_token(&head, &response);
    }
}

/// Nobody is let in who may not, and nobody is turned away who may.
fn check_access(access: Access, head: &Parts, response: &Response) {
    let is_shared = !matches!(access, Access::Misdirected | Access::CrossOrigin);
    let refusal = match access {
        Access::Misdirected => Some((421, "misdirected_host")),
        Access::CrossOrigin => Some((403, "cross_origin_rejected")),
        Access::Unauthorised => Some((401, "unauthorized")),
        Access::Exchange | Access::Preflight | Access::Granted => None,
    };
    if let Some((status, code)) = refusal {
        check_problem(head, response, status, code);
        assert!(response.header("set-cookie").is_none());
        let challenge = response.header("www-authenticate");
        assert_eq!(challenge, (status == 401).then_some("Bearer"));
    } else if access == Access::Exchange {
        assert!(response.status >= 400, "{head:?}: {response:?}");
        assert!(response.header("set-cookie").is_none());
    } else {
        let is_refused = matches!(response.status, 401 | 403 | 421);
        assert!(!is_refused, "{head:?}: {response:?}");
    }
    if access == Access::Preflight {
        assert_eq!(response.status, 204, "{response:?}");
    }
    let shared_with = response.header("access-control-allow-origin");
    let origin = access::allowed_origin(head).filter(|_| is_shared);
    assert_eq!(shared_with, origin, "{head:?}");
    let credentials = response.header("access-control-allow-credentials");
    assert_eq!(credentials, None);
}

fn check_problem(head: &Parts, response: &Response, status: u16, code: &str) {
    assert_eq!(response.status, status, "{head:?}: {response:?}");
    if has_body(&head.method, response) {
        response.expect_problem(status, code);
    }
}

/// The status is one that the path and the method can have.
fn check_route(server: &ServerFixture, head: &Parts, response: &Response) {
    let path = head.uri.path();
    let at_path: Vec<_> = operations()
        .iter()
        .filter(|operation| matches_template(&operation.path, path))
        .collect();
    let method = match head.method.as_str() {
        "HEAD" => "GET",
        method => method,
    };
    if access::is_page(head) {
        check_page(head, response);
    } else if at_path.is_empty() {
        check_problem(head, response, 404, "unknown_route");
    } else if let Some(operation) = at_path.iter().find(|known| known.method == method) {
        check_operation(server, operation, head, response);
    } else {
        let mut allowed = Vec::new();
        let methods = [
            ("GET", Some("HEAD")),
            ("POST", None),
            ("PATCH", None),
            ("DELETE", None),
        ];
        for (method, also) in methods {
            if at_path.iter().any(|known| known.method == method) {
                allowed.push(method);
                allowed.extend(also);
            }
        }
        check_problem(head, response, 405, "method_not_allowed");
        let allow = response.header("allow");
        assert_eq!(allow, Some(allowed.join(",").as_str()), "{head:?}");
    }
}

/// A file of the page can be read, and nothing else.
fn check_page(head: &Parts, response: &Response) {
    if matches!(head.method, Method::GET | Method::HEAD) {
        let is_sent = matches!(response.status, 200 | 304);
        assert!(is_sent, "{head:?}: {response:?}");
    } else {
        check_problem(head, response, 405, "method_not_allowed");
        assert_eq!(response.header("allow"), Some("GET,HEAD"), "{head:?}");
    }
}

/// Whether a path has the segments of a template. axum's router lets a parameter stand for an
/// empty segment, unless it is the last one; it is then refused as an identifier.
fn matches_template(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) =
        (template.split('/').collect(), path.split('/').collect());
    let is_match = |(wanted, found): (&&str, &&str)| wanted == found || wanted.starts_with('{');
    template.len() == path.len()
        && template.iter().zip(&path).all(is_match)
        && path.last().is_some_and(|last| !last.is_empty())
}

/// A response has a media type, a body must be JSON, and a valid read is answered.
fn check_operation(
    server: &ServerFixture,
    operation: &OperationInfo,
    head: &Parts,
    response: &Response,
) {
    let has_type = response.status < 400 || response.header("content-type").is_some();
    assert!(has_type, "{head:?}: {response:?}");
    let media_type = head.headers.get("content-type");
    let media_type = media_type.map(|value| value.as_bytes().to_ascii_lowercase());
    let is_json = media_type.is_some_and(|value| value.starts_with(b"application/json"));
    if operation.requires_body && !is_json {
        // The path, the query and the headers are read before the body.
        let status = response.status;
        assert!(matches!(status, 415 | 400), "{head:?}: {response:?}");
        if status == 400 {
            let code = response.problem()["code"].clone();
            let is_read_before = code == "invalid_identifier" || code == "invalid_query";
            assert!(is_read_before, "{head:?}: {response:?}");
        }
    }
    if operation.method != "GET" {
        return;
    }
    let existing = operation.path.replace("{runtime_id}", EMBEDDED);
    let existing = existing.replace("{worker_id}", &server.worker());
    let lists = ["/workers", "/transcript", "/events"];
    let is_list = lists.iter().any(|list| operation.path.ends_with(list));
    let is_valid_query = head.uri.query().is_none_or(|query| {
        let limit = query.strip_prefix("limit=");
        let limit = limit.and_then(|limit| limit.parse().ok());
        is_list && limit.is_some_and(|limit| (1..=LIMIT_OF_ALL).contains(&limit))
    });
    if head.uri.path() == existing && is_valid_query {
        assert_eq!(response.status, 200, "{head:?}: {response:?}");
    }
}

/// A page token of one list is refused by another.
fn check_page_token(head: &Parts, response: &Response) {
    let path = head.uri.path();
    let query = head.uri.query().unwrap_or_default();
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let pair = pairs.find(|(known, _)| *known == name);
        pair.map(|(_, value)| value)
    };
    let list = if path == "/api/workers" {
        parameter("runtime_id")
    } else {
        let runtime = path.strip_prefix("/api/runtimes/");
        runtime.and_then(|rest| rest.strip_suffix("/workers"))
    };
    let token = parameter("page_token").map(grammar::page_token_runtime);
    let is_read = matches!(head.method, Method::GET | Method::HEAD);
    let is_encoded = query.contains(['%', '+']);
    if let (Some(list), Some(token)) = (list, token)
        && is_read
        && !is_encoded
        && token.as_deref() != Some(list)
    {
        assert!(response.status >= 400, "{head:?}: {response:?}");
    }
}
