//! What must hold of every response.

use http::Method;
use http_api::wire::Problem;
use testkit::canary::assert_absent;
use testkit::http::Response;

use crate::marker::assert_not_repeated;

const SECURITY_HEADERS: [(&str, &str); 3] = [
    ("x-content-type-options", "nosniff"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
];

/// Whether the response to a request with this method must have a body. One to `HEAD` may have
/// lost it already.
pub(crate) fn has_body(method: &Method, response: &Response) -> bool {
    method != Method::HEAD || !response.body.is_empty()
}

/// Checks a response of a server that isn't ending and whose sources don't fail, so that no server
/// error is expected.
pub(crate) fn check(method: &Method, response: &Response, secrets: &[String]) {
    assert!(response.status < 500, "{response:?}");
    for (name, value) in SECURITY_HEADERS {
        assert_eq!(response.header(name), Some(value), "{name}: {response:?}");
    }
    // The page's files may be kept, and only they have a policy.
    let is_file = response.header("content-security-policy").is_some();
    let caching = if is_file { "no-cache" } else { "no-store" };
    assert_eq!(
        response.header("cache-control"),
        Some(caching),
        "{response:?}"
    );
    let request_id = response.header("x-request-id");
    assert_eq!(request_id.map(str::len), Some(36), "{response:?}");
    let whole = response.whole();
    assert_absent("a response", &whole, secrets);
    if response.status >= 400 {
        assert_not_repeated(&whole);
    }
    if response.status >= 400 && has_body(method, response) {
        let json = response.problem();
        let problem: Problem = serde_json::from_slice(&response.body).expect("a problem");
        assert_eq!(problem.code.status(), response.status);
        assert_eq!(problem.problem_type.as_str(), problem.code.urn());
        let again = serde_json::to_value(&problem).expect("a problem is JSON");
        assert_eq!(again, json, "a problem has the documented fields alone");
    }
}
