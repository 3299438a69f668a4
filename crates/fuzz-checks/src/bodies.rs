//! Bodies of an authorised client: what the schema allows is done with exactly the values that
//! were sent, and everything else is refused with the documented status.

mod expected;
mod generated;

use arbitrary::{Arbitrary as _, Unstructured};
use http_body_util::Full;
use serde_json::Value;
use testkit::http::Response;
use testkit::json::find;

use crate::names::grammar;
use crate::server::{ServerFixture, WORKERS_PATH};
use expected::Expected;
use generated::{GeneratedBody, Operation};

/// The most bytes of a body.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Checks the body that is made of these bytes, if they are enough for one.
///
/// # Panics
/// When a rule is broken.
pub fn check(server: &ServerFixture, bytes: &[u8]) {
    let Ok(generated) = GeneratedBody::arbitrary(&mut Unstructured::new(bytes)) else {
        return;
    };
    let worker = server.temporary_worker();
    let worker = worker.path.as_str();
    let path = match generated.operation {
        Operation::Create => WORKERS_PATH.to_owned(),
        Operation::Input => format!("{worker}/input"),
        Operation::Cancel => format!("{worker}/cancel"),
        Operation::Stop => format!("{worker}/stop"),
        Operation::Rename => worker.to_owned(),
        Operation::Session => "/api/session".to_owned(),
    };
    let body = generated.body();
    let key = generated.key(server);
    let send = || {
        let mut request = server.authorised(generated.operation.method(), &path);
        if let Some(key) = &key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Full::from(body.clone()));
        server.respond_checked(request.expect("a request"))
    };
    let response = send();
    let created = response.header("location");
    let _created = created.map(|path| server.stop_later(path));
    let takes_key = matches!(generated.operation, Operation::Create | Operation::Input);
    let is_key = |key: &[u8]| std::str::from_utf8(key).is_ok_and(grammar::key);
    let expected = match &key {
        _ if body.len() > BODY_BYTES_MAX => Expected::Refused(413, "body_too_large"),
        Some(key) if takes_key && !is_key(key.as_bytes()) => {
            Expected::Refused(400, "invalid_identifier")
        }
        Some(_) | None => Expected::of(generated.operation, &body),
    };
    match expected {
        Expected::Refused(status, code) => {
            response.expect_problem(status, code);
        }
        Expected::Done(status) => {
            assert_eq!(response.status, status, "{response:?}");
            check_effect(server, generated.operation, worker, &body, &response);
            if takes_key && key.is_some() {
                check_replay(&response, &send());
            }
        }
    }
}

/// The values that were sent, and no others, are there now.
fn check_effect(
    server: &ServerFixture,
    operation: Operation,
    worker: &str,
    body: &[u8],
    response: &Response,
) {
    let sent = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(body).expect("an accepted body is JSON")
    };
    let result = response.expect(response.status);
    match operation {
        Operation::Create => {
            let (name, profile) = (&sent["display_name"], &sent["profile"]);
            let has_name = name.is_null() || *name == result["display_name"];
            assert!(has_name, "{sent} made {result}");
            let profile = profile.as_str().unwrap_or("builtin:default");
            assert_eq!(result["profile"], profile);
            assert_eq!(result["state"], "idle");
        }
        Operation::Input => {
            let page = server.get(&format!("{worker}/transcript")).expect(200);
            let entry = find(&page["entries"], "role", "user");
            assert_eq!(entry["content"], sent["content"]);
            assert_eq!(entry["sequence"], result["sequence"]);
            assert_eq!(entry["run_id"], result["run_id"]);
        }
        Operation::Cancel => assert_eq!(result["result"], "not_running", "{result}"),
        Operation::Stop => assert_eq!(result["state"], "stopped"),
        Operation::Rename => {
            assert_eq!(result["display_name"], sent["display_name"]);
            let shown = server.get(worker).expect(200);
            assert_eq!(shown["display_name"], sent["display_name"]);
        }
        Operation::Session => {
            let cookie = response.header("set-cookie").expect("a session's cookie");
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
            assert!(response.body.is_empty());
        }
    }
}

/// A repeated request has the same response, marked as replayed.
fn check_replay(first: &Response, again: &Response) {
    assert_eq!(first.header("idempotency-replayed"), None);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.status, first.status);
    for id in ["worker_id", "run_id", "sequence"] {
        assert_eq!(again.json()[id], first.json()[id]);
    }
}
