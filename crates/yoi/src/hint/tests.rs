//! The advice about errors.

use serde_json::json;

use super::*;
use crate::error::tests::{api_error, problem, run_end};

#[test]
fn the_hint_about_a_busy_worker_is_the_command_that_ends_its_run() {
    let mut busy = problem(ProblemCode::WorkerBusy);
    busy.active_run_id = Some("run-1".parse().unwrap());
    busy.worker_id = Some("w1".parse().unwrap());
    busy.runtime_id = Some("backend-internal".parse().unwrap());
    let advice = hint(&api_error(busy.clone())).unwrap();
    assert_eq!(advice, "run run-1 is active; `yoi cancel w1` ends it");
    busy.runtime_id = Some("other".parse().unwrap());
    assert_eq!(
        hint(&api_error(busy)).unwrap(),
        "run run-1 is active; `yoi cancel w1 --runtime other` ends it"
    );
}

#[test]
fn the_hint_about_an_invalid_request_names_the_field() {
    let mut invalid = problem(ProblemCode::InvalidQuery);
    assert_eq!(hint(&api_error(invalid.clone())), None);
    invalid.field = Some("limit".into());
    assert_eq!(hint(&api_error(invalid.clone())).unwrap(), "limit");
    invalid.reason = Some("outside 1 to 200".into());
    let advice = hint(&api_error(invalid)).unwrap();
    assert_eq!(advice, "limit: outside 1 to 200");
}

#[test]
fn the_hint_about_a_failed_run_depends_on_its_error_code() {
    let end = |code: serde_json::Value| {
        let mut end = run_end();
        end.error_code = serde_json::from_value(code).unwrap();
        hint(&Error::RunEnded(end))
    };
    let advice = end(json!("misconfigured")).unwrap();
    assert!(advice.contains("YOI_MODEL"), "{advice}");
    assert_eq!(end(json!(null)), None);
}
