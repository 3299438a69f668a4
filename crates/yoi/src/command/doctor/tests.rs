//! The report about servers in every state.

use serde_json::{Value, json};

use yoi_workspace_server::args::{StoreAccess, StoreArgs};

use super::*;
use crate::error::Unreachable;
use crate::output::StreamKind;
use crate::output::tests::Captured;
use crate::scripted_server::{
    Scripted, ScriptedServer, accepted, assert_contains, batch, deleted, delta, finished,
    finished_with_usage, problem, worker,
};

/// The rows about a scripted server.
async fn report(script: impl IntoIterator<Item = Scripted>) -> (Vec<Check>, Result<(), Error>) {
    let server = ScriptedServer::start(script).await;
    let mut checks = Vec::new();
    let doctor = DoctorArgs {
        quiet: false,
        ask_model: false,
        model: None,
        place: StoreArgs {
            store: None,
            access: StoreAccess {
                workspace: ".".into(),
                store_workspace: None,
                store_password_file: None,
            },
        },
        client: ClientArgs::default(),
    };
    let place = store::Place::Memory;
    let result = check(server.target(), &place, &doctor, &mut checks).await;
    (checks, result)
}

/// A server that accepts the token and has `runtimes`.
fn serving(runtimes: &Value) -> Vec<Scripted> {
    vec![
        Scripted::Json(200, json!({"status": "ok"})),
        Scripted::Json(200, json!({"status": "ready"})),
        workspace(http_api::wire::API_VERSION),
        Scripted::Json(200, json!({ "items": runtimes })),
    ]
}

fn workspace(api_version: u32) -> Scripted {
    let workspace = json!({
        "display_name": "W", "server_version": "9.9.9", "api_version": api_version,
        "started_at": "2026-01-01T00:00:00Z", "limits": [],
    });
    Scripted::Json(200, workspace)
}

fn runtime(status: &str, workers: u64) -> Value {
    json!({
        "runtime_id": "backend-internal", "display_name": "R", "status": status,
        "implementation_kind": "embedded", "capabilities": ["create_worker"],
        "facilities": {"tools": false, "workspace_fs": false, "shell": false, "git": false},
        "models": [], "profiles": [], "diagnostics": [], "observed_at": "2026-01-01T00:00:00Z",
        "limits": [{"name": "workers", "unit": "count", "value": 2}],
        "counts": {
            "workers": {
                "idle": workers, "running": 0, "cancelling": 0, "stopped": 7, "recorded": 0,
            },
            "active_runs": 0, "resident_workers": workers + 7,
        },
    })
}

fn row<'a>(checks: &'a [Check], name: &str) -> &'a Check {
    let row = checks.iter().find(|check| check.check == name);
    row.unwrap_or_else(|| panic!("no {name} in {checks:?}"))
}

#[track_caller]
fn assert_row(checks: &[Check], name: &str, outcome: Outcome, detail: &str) {
    let row = row(checks, name);
    assert_eq!((row.outcome, row.detail.as_str()), (outcome, detail));
}

#[tokio::test]
async fn models_and_profiles_are_named_and_their_absence_is_no_error() {
    let model = |name: &str| json!({"name": name, "offline": name == "offline"});
    for (models, check, outcome, detail) in [
        (json!([model("m")]), "model", Outcome::Ok, "m"),
        (
            json!([model("m"), model("n")]),
            "models",
            Outcome::Ok,
            "m, n; the first is the default",
        ),
        (
            json!([model("offline")]),
            "model",
            Outcome::Noted,
            "none: the offline engine replies",
        ),
        (
            json!([]),
            "model",
            Outcome::Noted,
            "not reported by this server",
        ),
    ] {
        let mut runtime = runtime("available", 0);
        runtime["models"] = models;
        runtime["profiles"] = json!([
            {"profile_id": "builtin:default", "description": "D"},
            {"profile_id": "local:mine", "description": "M", "model": "m"},
        ]);
        let (checks, result) = report(serving(&json!([runtime]))).await;
        result.unwrap();
        assert_row(&checks, check, outcome, detail);
        let profiles = "builtin:default, local:mine";
        assert_row(&checks, "profiles", Outcome::Ok, profiles);
    }
}

#[tokio::test]
async fn a_limit_that_is_reached_fails_and_stopped_workers_do_not_count() {
    for (workers, outcome) in [(1, Outcome::Ok), (2, Outcome::Failed)] {
        let runtimes = json!([runtime("available", workers)]);
        let (checks, _) = report(serving(&runtimes)).await;
        assert_row(&checks, "workers", outcome, &format!("{workers} of 2"));
    }
}

#[tokio::test]
async fn with_a_store_the_limit_is_on_what_is_stored() {
    for (stored, outcome) in [(9, Outcome::Ok), (3, Outcome::Failed)] {
        let mut runtime = runtime("available", 2);
        let limit = json!({"name": "stored_workers", "unit": "count", "value": stored});
        runtime["limits"].as_array_mut().unwrap().push(limit);
        // Not all of them are in memory, so there is a store.
        runtime["counts"]["workers"]["stopped"] = 1.into();
        runtime["counts"]["resident_workers"] = 1.into();
        let (checks, _) = report(serving(&json!([runtime]))).await;
        assert_row(&checks, "workers", outcome, &format!("3 of {stored}"));
    }
}

#[tokio::test]
async fn a_store_that_accepts_nothing_fails_with_the_advice_of_its_reason() {
    for (code, advice) in [
        ("store_full", "free space"),
        ("store_failed", "log"),
        ("store_lost", "log"),
    ] {
        let mut runtime = runtime("degraded", 0);
        runtime["diagnostics"] =
            json!([{"code": code, "severity": "error", "message": "Nothing.", "count": 1}]);
        let (checks, _) = report(serving(&json!([runtime]))).await;
        let row = row(&checks, "store");
        assert_eq!(row.outcome, Outcome::Failed);
        assert_contains(&row.detail, &format!("Nothing. [{code}]"));
        assert_contains(row.advice.as_deref().unwrap(), advice);
    }
    let mut runtime = runtime("available", 0);
    runtime["diagnostics"] = json!([{
        "code": "store_unreadable_worker", "severity": "warning", "message": "Some.", "count": 3,
    }]);
    let (checks, _) = report(serving(&json!([runtime]))).await;
    assert_row(
        &checks,
        "stored workers",
        Outcome::Failed,
        "Some. ×3 [store_unreadable_worker]",
    );
    assert_eq!(row(&checks, "store").outcome, Outcome::Noted);
}

#[tokio::test]
async fn the_row_of_a_runtime_has_its_status_and_diagnostics() {
    for (status, outcome) in [
        ("available", Outcome::Ok),
        ("degraded", Outcome::Noted),
        ("unavailable", Outcome::Failed),
        ("stopping", Outcome::Failed),
    ] {
        let mut runtime = runtime(status, 0);
        runtime["diagnostics"] =
            json!([{"code": "c", "severity": "warning", "message": "Some.", "count": 3}]);
        let (checks, _) = report(serving(&json!([runtime]))).await;
        let detail = format!("backend-internal is {status}; Some. ×3 [c]");
        assert_row(&checks, "runtime", outcome, &detail);
    }
}

#[tokio::test]
async fn checks_that_an_earlier_failure_makes_impossible_are_left_out() {
    let (checks, result) = report([Scripted::Text(200, "<html>")]).await;
    assert_eq!(result.unwrap_err().exit(), Exit::Failed);
    assert_eq!(checks.len(), 1);

    let mut script = serving(&json!([]));
    script[1] = problem(503, "shutting_down");
    script[2] = problem(401, "unauthorized");
    let (checks, result) = report(script).await;
    result.unwrap_err();
    let failed = |check: &&Check| check.outcome == Outcome::Failed;
    let failed: Vec<_> = checks.iter().filter(failed).map(|row| row.check).collect();
    assert_eq!(failed, ["ready", "token"]);
    let advice = row(&checks, "token").advice.as_deref().unwrap();
    assert_contains(advice, "--token-file");
}

#[tokio::test]
async fn another_version_of_the_api_fails_and_another_of_the_server_does_not() {
    for (api, outcome) in [(1, Outcome::Ok), (2, Outcome::Failed)] {
        let mut script = serving(&json!([]));
        script[2] = workspace(api);
        let (checks, _) = report(script).await;
        let detail = format!("server 9.9.9, API {api}");
        assert_row(&checks, "version", outcome, &detail);
    }
}

#[test]
fn a_reply_is_waited_for_as_long_as_the_server_waits() {
    for (limit, seconds) in [("run_time_ms", 7), ("other", 300)] {
        let mut runtime = runtime("available", 0);
        runtime["limits"] = json!([{"name": limit, "unit": "milliseconds", "value": 7000}]);
        let run_time = model::run_time(&serde_json::from_value(runtime).unwrap());
        assert_eq!(run_time.as_secs(), seconds);
    }
}

/// The row about the reply, and the requests to the server.
async fn ask(end: Value) -> (Check, Vec<String>) {
    let reply = batch(4, [delta("ready"), end]);
    let script = [worker("idle"), accepted(1, 2), reply, deleted()];
    let server = ScriptedServer::start(script).await;
    let runtime = serde_json::from_value(runtime("available", 0)).unwrap();
    let model = Some("a-model".parse().unwrap());
    let row = model::ask(&server.client(), &runtime, model, |_| {
        Some("no room".to_owned())
    })
    .await
    .unwrap();
    assert_contains(&server.requests()[0], r#""model":"a-model""#);
    (row, server.request_lines())
}

#[tokio::test]
async fn a_model_is_asked_once_and_its_worker_is_deleted() {
    let (row, requests) = ask(finished_with_usage()).await;
    assert_eq!(row.outcome, Outcome::Ok);
    assert_contains(&row.detail, " ms, 3 input tokens, 4 output tokens");
    assert_eq!(requests.len(), 4);
    let delete = "DELETE /api/runtimes/backend-internal/workers/w1";
    assert_eq!(requests[3], delete);
}

#[tokio::test]
async fn a_worker_that_can_t_be_deleted_is_stopped_or_named() {
    let stop = "POST /api/runtimes/backend-internal/workers/w1/stop";
    for (stopped, left_behind) in [
        (worker("stopped"), false),
        (problem(409, "worker_busy"), true),
    ] {
        let refused = problem(405, "operation_unsupported");
        let script = [
            worker("idle"),
            problem(429, "capacity_exhausted"),
            refused,
            stopped,
        ];
        let server = ScriptedServer::start(script).await;
        let runtime = serde_json::from_value(runtime("available", 0)).unwrap();
        let asked = model::ask(&server.client(), &runtime, None, |_| None).await;
        let detail = asked.unwrap().detail;
        assert_contains(&server.request_lines()[3], stop);
        let named = detail.contains("`yoi delete w1` removes its worker");
        assert_eq!(named, left_behind, "{detail}");
    }
}

#[tokio::test]
async fn a_model_that_fails_to_reply_has_advice() {
    let mut end = finished("failed");
    end["error_code"] = "unauthorized".into();
    end["error_detail"] = "key_refused".into();
    let (row, requests) = ask(end).await;
    assert_eq!(row.outcome, Outcome::Failed);
    let failed = "run run-1 failed [unauthorized/key_refused]; the provider said: no room";
    assert_eq!(row.detail, failed);
    assert_contains(&row.advice.unwrap(), "replace the key");
    assert!(requests[3].starts_with("DELETE "), "{requests:?}");
}

#[test]
fn a_row_in_json_has_every_field() {
    let check = server::not_found(&Unreachable::NoneFound.into()).unwrap();
    let row = serde_json::to_value(&check).unwrap();
    assert_eq!(row["outcome"], "failed");
    assert_contains(row["advice"].as_str().unwrap(), "`yoi serve`");
    let row = serde_json::to_value(Check::ok("server", "")).unwrap();
    assert_eq!(row.as_object().unwrap().len(), 4);
}

#[test]
fn a_report_fits_its_width_and_breaks_between_words() {
    let advice = "a sentence of several words about what there is to do in this case";
    let checks = [
        Check::ok("server", "runs at http://127.0.0.1:8787"),
        Check::failed("local records", advice).advise(advice),
    ];
    for width in [80, 40, 24] {
        let (captured, mut terminal) = Captured::new(StreamKind::Redirected);
        let table = Table::within(width, check::COLUMNS, &checks);
        terminal.table(&table).unwrap();
        let out = captured.out();
        let widest = out.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(width.into()), "{width}: {out}");
        let words: Vec<_> = out.split_whitespace().collect();
        assert_contains(&words.join(" "), &format!("→ {}", &advice[..20]));
        assert!(
            width < 80 || out.contains("✓  server         runs at http"),
            "{out}"
        );
    }
}
