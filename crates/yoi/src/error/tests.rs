//! Exit codes and messages.

use std::io;

use serde_json::json;

use super::*;

pub(crate) fn problem(code: ProblemCode) -> Problem {
    serde_json::from_value(json!({
        "type": "urn:yoi:problem:test", "title": "What it is", "status": code.status(),
        "code": code, "detail": "What to do.", "retryable": false, "request_id": "r-1",
    }))
    .unwrap()
}

pub(crate) fn api_error(problem: Problem) -> Error {
    Error::Api(Box::new(ApiError {
        json: serde_json::to_string(&problem).unwrap(),
        problem,
        retry_after: None,
    }))
}

/// The end of a run that failed.
pub(crate) fn run_end() -> RunEnd {
    RunEnd {
        run_id: "run-1".parse().unwrap(),
        outcome: Some(RunOutcome::Failed),
        error_code: Some(RunErrorCode::EnginePanicked),
        error_detail: None,
        retry_after_s: None,
        usage: None,
        diagnostics: Vec::new(),
    }
}

#[test]
fn the_exit_code_says_whose_fault_it_is() {
    let server: ServerUrl = "http://127.0.0.1:1".parse().unwrap();
    assert_eq!(Error::from(UsageError::InputNotText).exit(), Exit::Usage);
    let (timed_out, lost) = (server.clone(), server.clone());
    for unreachable in [
        Unreachable::NoneFound,
        Unreachable::TimedOut { server: timed_out },
        Unreachable::Lost { server: lost },
    ] {
        assert_eq!(Error::from(unreachable).exit(), Exit::Unreachable);
    }
    for code in ProblemCode::ALL {
        assert_eq!(api_error(problem(*code)).exit(), Exit::Failed);
    }
    let defect = ResponseDefect::Json;
    let invalid = Error::InvalidResponse { server, defect };
    assert_eq!(invalid.exit(), Exit::Failed);
    assert_eq!(Error::Interrupted.exit() as u8, 130);
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let output = |kind: io::ErrorKind| Error::Output(kind.into());
    assert_eq!(output(io::ErrorKind::BrokenPipe).exit(), Exit::Success);
    assert_eq!(output(io::ErrorKind::StorageFull).exit(), Exit::Failed);
}

#[test]
fn a_message_is_one_line_with_its_cause() {
    let server = "http://127.0.0.1:1".parse().unwrap();
    let source = Some(io::ErrorKind::ConnectionRefused.into());
    let error = Error::from(Unreachable::Refused { server, source });
    assert_eq!(error.exit(), Exit::Unreachable);
    let expected = "no server responds at http://127.0.0.1:1: connection refused";
    assert_eq!(error.message(), expected);
    let error = api_error(problem(ProblemCode::WorkerBusy));
    assert_eq!(error.message(), "What it is. What to do. [worker_busy]");
}

#[test]
fn the_end_of_a_run_is_printed_with_its_code() {
    let mut end = run_end();
    assert_eq!(end.to_string(), "run run-1 failed [engine_panicked]");
    end.error_code = Some(RunErrorCode::TimedOut);
    end.error_detail = Some(RunErrorDetail::IdleTimeout);
    assert_eq!(end.to_string(), "run run-1 failed [timed_out/idle_timeout]");
    end.outcome = None;
    end.error_code = None;
    let unknown = "run run-1 has ended, but its outcome is no longer known";
    assert_eq!(end.to_string(), unknown);
}
