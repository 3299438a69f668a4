//! Exit codes, and what is said about a failure.

use std::io;

use http_api::wire::{Problem, ProblemCode};
use serde_json::json;

use super::*;
use crate::args::DEFAULT_RUNTIME;

fn problem(code: ProblemCode) -> Problem {
    serde_json::from_value(json!({
        "type": "urn:yoi:problem:test", "title": "What it is", "status": code.status(),
        "code": code, "detail": "What to do.", "retryable": false, "request_id": "r-1",
    }))
    .unwrap()
}

fn refused(problem: Problem) -> Failure {
    Failure::Refused(Box::new(Refusal {
        problem,
        json: String::new(),
        retry_after: None,
    }))
}

fn output(kind: io::ErrorKind) -> Failure {
    Failure::Output(kind.into())
}

#[test]
fn the_exit_code_says_whose_fault_it_is() {
    let server: ServerUrl = "http://127.0.0.1:1".parse().unwrap();
    assert_eq!(Failure::from(UsageError::InputNotText).exit(), Exit::Usage);
    for unreachable in [
        Unreachable::NoneFound,
        Unreachable::Refused {
            server: server.clone(),
            source: None,
        },
        Unreachable::TimedOut {
            server: server.clone(),
        },
        Unreachable::Lost {
            server: server.clone(),
        },
    ] {
        assert_eq!(Failure::from(unreachable).exit(), Exit::Unreachable);
    }
    for code in ProblemCode::ALL {
        assert_eq!(refused(problem(*code)).exit(), Exit::Failed);
    }
    let not_ours = Failure::NotOurAnswer {
        server,
        what: NotOurs::Json,
    };
    assert_eq!(not_ours.exit(), Exit::Failed);
    assert_eq!(Failure::Interrupted.exit() as u8, 130);
}

#[test]
fn a_reader_that_has_read_enough_is_no_failure() {
    assert_eq!(output(io::ErrorKind::BrokenPipe).exit(), Exit::Done);
    assert_eq!(output(io::ErrorKind::StorageFull).exit(), Exit::Failed);
}

#[test]
fn a_failure_is_told_in_one_line_with_its_cause() {
    let server = "http://127.0.0.1:1".parse().unwrap();
    let source = Some(io::ErrorKind::ConnectionRefused.into());
    let failure = Failure::from(Unreachable::Refused { server, source });
    assert_eq!(
        failure.line(),
        "no server answers at http://127.0.0.1:1: connection refused"
    );
    let refused = refused(problem(ProblemCode::WorkerBusy));
    assert_eq!(refused.line(), "What it is. What to do. [worker_busy]");
}

#[test]
fn a_busy_worker_comes_with_the_command_that_ends_its_run() {
    let mut busy = problem(ProblemCode::WorkerBusy);
    busy.active_run_id = Some("run-1".parse().unwrap());
    busy.worker_id = Some("w1".parse().unwrap());
    busy.runtime_id = Some(DEFAULT_RUNTIME.parse().unwrap());
    let advice = hint(&refused(busy.clone())).unwrap();
    assert_eq!(advice, "run run-1 is active; `yoi cancel w1` ends it");
    busy.runtime_id = Some("other".parse().unwrap());
    let advice = hint(&refused(busy)).unwrap();
    assert_eq!(
        advice,
        "run run-1 is active; `yoi cancel w1 --runtime other` ends it"
    );
}

#[test]
fn a_wrong_field_is_named() {
    let mut wrong = problem(ProblemCode::InvalidQuery);
    wrong.field = Some("limit".into());
    wrong.reason = Some("outside 1 to 200".into());
    assert_eq!(hint(&refused(wrong)).unwrap(), "limit: outside 1 to 200");
}

#[test]
fn a_run_that_did_not_complete_is_told_with_its_code() {
    let mut end = RunEnd {
        run_id: "run-1".parse().unwrap(),
        outcome: Some(RunOutcome::Failed),
        error_code: Some(RunErrorCode::EnginePanicked),
    };
    assert_eq!(end.to_string(), "run run-1 failed [engine_panicked]");
    end.outcome = None;
    end.error_code = None;
    assert_eq!(
        end.to_string(),
        "run run-1 has ended, but how is no longer known"
    );
}

#[test]
fn a_run_that_failed_comes_with_what_to_do() {
    let end = |error_code| {
        Failure::RunEnded(RunEnd {
            run_id: "run-1".parse().unwrap(),
            outcome: Some(RunOutcome::Failed),
            error_code,
        })
    };
    let advice = hint(&end(Some(RunErrorCode::Misconfigured))).unwrap();
    assert!(advice.contains("YOI_MODEL"), "{advice}");
    assert_eq!(hint(&end(None)), None);
}
