//! Bodies of a client that may: what the documented schema takes is carried out with exactly
//! the values that were sent, and what it does not take is refused with the documented status.

mod expected;
mod shape;

use arbitrary::{Arbitrary as _, Unstructured};
use http_body_util::Full;
use serde_json::Value;

use crate::answer::Answer;
use crate::server::{WORKERS_PATH, World};
use expected::Expected;
use shape::{Operation, Shape};

/// The most bytes of a body.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Checks the body that is made of these bytes, if one is.
///
/// # Panics
/// When a rule is broken.
pub fn check(world: &World, bytes: &[u8]) {
    let Ok(shape) = Shape::arbitrary(&mut Unstructured::new(bytes)) else {
        return;
    };
    let guest = world.guest();
    let worker = guest.path.as_str();
    let path = match shape.operation {
        Operation::Create => WORKERS_PATH.to_owned(),
        Operation::Input => format!("{worker}/input"),
        Operation::Cancel => format!("{worker}/cancel"),
        Operation::Stop => format!("{worker}/stop"),
        Operation::Session => "/api/session".to_owned(),
    };
    let body = shape.body();
    let key = shape.key(world);
    let send = || {
        let mut request = world.allowed("POST", &path);
        if let Some(key) = &key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Full::from(body.clone()));
        let answer = world.ask(request.expect("a path and a body of bytes"));
        answer.keeps_the_rules(world);
        answer
    };
    let answer = send();
    let _created = answer.header("location").map(|path| world.guest_at(path));
    let takes_key = matches!(shape.operation, Operation::Create | Operation::Input);
    let expected = match &key {
        _ if body.len() > BODY_BYTES_MAX => Expected::Refused(413, "body_too_large"),
        Some(key) if takes_key && !expected::is_key(key.as_bytes()) => {
            Expected::Refused(400, "invalid_identifier")
        }
        Some(_) | None => Expected::of(&shape.operation, &body),
    };
    match &expected {
        Expected::Refused(status, code) => {
            assert_eq!(answer.status, *status, "{expected:?}: {answer:?}");
            assert_eq!(answer.problem().code.as_str(), *code, "{answer:?}");
        }
        Expected::Done(status) => {
            assert_eq!(answer.status, *status, "{answer:?}");
            has_what_was_sent(world, &shape.operation, worker, &body, &answer);
            if takes_key && key.is_some() {
                is_done_once(&answer, &send());
            }
        }
    }
}

/// The fields that were sent, and no others, are what there is now.
fn has_what_was_sent(
    world: &World,
    operation: &Operation,
    worker: &str,
    body: &[u8],
    answer: &Answer,
) {
    let sent: Value = serde_json::from_slice(body).expect("what was taken is JSON");
    let now = answer.json();
    match operation {
        Operation::Create => {
            let name = &sent["display_name"];
            let is_kept = name.is_null() || *name == now["display_name"];
            assert!(is_kept, "{sent} made {now}");
            let profile = &sent["profile"];
            let default = Value::from("builtin:default");
            let profile = if profile.is_null() { &default } else { profile };
            assert_eq!(*profile, now["profile"]);
            assert_eq!(now["state"], "idle");
        }
        Operation::Input => {
            let page = world.get(&format!("{worker}/transcript")).json();
            let entry = page["entries"]
                .as_array()
                .and_then(|entries| entries.iter().find(|entry| entry["role"] == "user"));
            let entry = entry.expect("an accepted input is in the transcript");
            assert_eq!(entry["content"], sent["content"]);
            assert_eq!(entry["sequence"], now["sequence"]);
            assert_eq!(entry["run_id"], now["run_id"]);
        }
        Operation::Cancel => assert_eq!(now["result"], "not_running", "{now}"),
        Operation::Stop => assert_eq!(now["state"], "stopped"),
        Operation::Session => {
            let cookie = answer.header("set-cookie").expect("a session's cookie");
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
            assert!(answer.body.is_empty());
        }
    }
}

/// The same request again is answered the same, and says that it was done before.
fn is_done_once(first: &Answer, again: &Answer) {
    assert_eq!(first.header("idempotency-replayed"), None);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.status, first.status);
    for id in ["worker_id", "run_id", "sequence"] {
        assert_eq!(again.json()[id], first.json()[id]);
    }
}
