//! The advice about errors.

use registry_core::projection::{RunErrorCode, RunErrorDetail, RunOutcome};

use yoi_workspace_server::store::Side;

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
fn the_hint_about_a_full_store_says_how_there_is_room_again() {
    let at_limit = |limit: &'static str| {
        let mut problem = problem(ProblemCode::CapacityExhausted);
        problem.limit = Some(limit.into());
        hint(&api_error(problem)).unwrap()
    };
    assert_eq!(
        at_limit("stored_workers"),
        "delete workers, or raise `yoi serve --limit stored_workers=N`"
    );
    assert_eq!(
        at_limit("workers"),
        "workers is reached; `yoi runtimes --json` shows the limits"
    );
}

#[test]
fn the_hint_about_a_failed_run_says_what_happened_what_to_do_and_when() {
    let end = |change: fn(&mut RunEnd)| {
        let mut end = run_end();
        end.error_code = None;
        change(&mut end);
        hint(&Error::RunEnded(end))
    };
    assert_eq!(end(|_| {}), None);
    let limited = end(|end| {
        end.error_code = Some(RunErrorCode::RateLimited);
        end.retry_after_s = Some(90);
    });
    assert_eq!(
        limited.unwrap(),
        "the model's provider asks for fewer requests; wait a little, then send the message \
         again; the provider accepts requests again in 1 min 30 s"
    );
    let no_key = end(|end| {
        end.error_code = Some(RunErrorCode::Unauthorized);
        end.error_detail = Some(RunErrorDetail::NoKeySent);
    });
    assert!(no_key.unwrap().contains("the server has none"));
    let too_long = end(|end| end.outcome = Some(RunOutcome::TimedOut));
    assert!(too_long.unwrap().contains("--limit run_time_ms=N"));
}

#[test]
fn the_hint_about_a_store_says_what_to_do_and_stands_in_the_documentation() {
    let document = include_str!("../../../../docs/failures.md");
    for (reason, cause, advice) in STORE_REASONS {
        let mut unavailable = problem(ProblemCode::RuntimeUnavailable);
        unavailable.reason = Some(reason.into());
        let expected = format!("{cause}; {advice}");
        assert_eq!(hint(&api_error(unavailable)).unwrap(), expected);
        let row = format!("| `{reason}` | {cause} | {advice} |\n");
        assert!(document.contains(&row), "docs/failures.md lacks {row}");
    }
    let mut ending = problem(ProblemCode::RuntimeUnavailable);
    ending.reason = Some("run_still_ending".into());
    assert_eq!(hint(&api_error(ending)).unwrap(), RUN_STILL_ENDING);
    let mut standby = problem(ProblemCode::RuntimeUnavailable);
    standby.reason = Some("standby".into());
    assert_eq!(hint(&api_error(standby)).unwrap(), STANDING_BY);
    let document = document.replace('\n', " ");
    for words in [RUN_STILL_ENDING, STANDING_BY] {
        assert!(document.contains(words), "docs/failures.md lacks {words}");
    }
    let mut other = problem(ProblemCode::RuntimeUnavailable);
    other.reason = Some("source_failed".into());
    assert_eq!(hint(&api_error(other)).unwrap(), "reason: source_failed");
}

#[test]
fn the_hint_about_a_file_is_there_where_the_error_itself_gives_no_advice() {
    let denied = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    for (error, part) in [
        (MaintenanceError::Missing, "`yoi serve` creates it"),
        (MaintenanceError::Target(denied()), "is there space"),
        (StoreOpenError::Io(denied()).into(), "may you read"),
        (StoreOpenError::NotAStore.into(), "`yoi store path`"),
    ] {
        let error = Error::Store(error);
        assert_eq!(error.exit(), crate::error::Exit::Failed);
        let advice = hint(&error).unwrap();
        assert!(advice.contains(part), "{error}: {advice}");
    }
    let in_use = Error::Store(StoreOpenError::InUse.into());
    assert_eq!(hint(&in_use), None);
    assert!(in_use.message().contains("stop that server"));
    // Only a database has leases.
    let in_use = Error::StoreCopy(StoreCopyError::InUse(Side::From));
    assert_eq!(hint(&in_use), None);
    let leased = Error::StoreCopy(StoreCopyError::Leased(Side::To));
    assert!(hint(&leased).unwrap().contains("--store-lease"));
}
