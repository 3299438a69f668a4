//! The report about servers in every state.

use serde_json::{Value, json};

use super::*;
use crate::error::Unreachable;
use crate::scripted_server::{
    Scripted, ScriptedServer, accepted, batch, delta, finished, finished_with_usage, problem,
    worker,
};

/// The rows about a scripted server.
async fn report(
    ask_model: bool,
    script: impl IntoIterator<Item = Scripted>,
) -> (Vec<Check>, Result<(), Error>) {
    let server = ScriptedServer::start(script).await;
    let mut checks = Vec::new();
    let result = check(server.target(), ask_model, &mut checks).await;
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
    Scripted::Json(
        200,
        json!({
            "display_name": "W", "server_version": "9.9.9", "api_version": api_version,
            "started_at": "2026-01-01T00:00:00Z", "limits": [],
        }),
    )
}

fn runtime(status: &str, workers: u64) -> Value {
    json!({
        "runtime_id": "backend-internal", "display_name": "R", "status": status,
        "implementation_kind": "embedded", "capabilities": ["create_worker"],
        "facilities": {"tools": false, "workspace_fs": false, "shell": false, "git": false},
        "profiles": [], "diagnostics": [], "observed_at": "2026-01-01T00:00:00Z",
        "limits": [{"name": "workers", "unit": "count", "value": 2}],
        "counts": {
            "workers": {
                "idle": workers, "running": 0, "cancelling": 0, "stopped": 7, "recorded": 0,
            },
            "active_runs": 0,
        },
    })
}

fn row<'a>(checks: &'a [Check], name: &str) -> &'a Check {
    let row = checks.iter().find(|check| check.check == name);
    row.unwrap_or_else(|| panic!("no {name} in {checks:?}"))
}

#[tokio::test]
async fn a_model_is_named_and_its_absence_is_no_error() {
    for (model, outcome, detail) in [
        (
            json!({"name": "gpt-5-mini", "offline": false}),
            Outcome::Ok,
            "gpt-5-mini",
        ),
        (
            json!({"name": "offline", "offline": true}),
            Outcome::Noted,
            "none: the offline engine replies",
        ),
        (Value::Null, Outcome::Noted, "not reported by this server"),
    ] {
        let mut runtime = runtime("available", 0);
        runtime["model"] = model;
        let (checks, result) = report(false, serving(&json!([runtime]))).await;
        result.unwrap();
        let model = row(&checks, "model");
        assert_eq!((model.outcome, model.detail.as_str()), (outcome, detail));
    }
}

#[tokio::test]
async fn a_limit_that_is_reached_fails_and_stopped_workers_do_not_count() {
    for (workers, outcome) in [(1, Outcome::Ok), (2, Outcome::Failed)] {
        let runtimes = json!([runtime("available", workers)]);
        let (checks, _) = report(false, serving(&runtimes)).await;
        assert_eq!(row(&checks, "workers").outcome, outcome);
        assert_eq!(row(&checks, "workers").detail, format!("{workers} of 2"));
    }
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
        let diagnostic =
            json!({"code": "c", "severity": "warning", "message": "Some.", "count": 3});
        runtime["diagnostics"] = json!([diagnostic]);
        let (checks, _) = report(false, serving(&json!([runtime]))).await;
        let row = row(&checks, "runtime");
        assert_eq!(row.outcome, outcome);
        assert_eq!(
            row.detail,
            format!("backend-internal is {status}; Some. ×3 [c]")
        );
    }
}

#[tokio::test]
async fn checks_that_an_earlier_failure_makes_impossible_are_left_out() {
    let health = || Scripted::Json(200, json!({"status": "ok"}));
    let (checks, result) = report(false, [Scripted::Text(200, "<html>")]).await;
    assert_eq!(result.unwrap_err().exit(), Exit::Failed);
    assert_eq!(checks.len(), 1);

    let script = [
        health(),
        problem(503, "shutting_down"),
        problem(401, "unauthorized"),
    ];
    let (checks, result) = report(false, script).await;
    result.unwrap_err();
    let failed = |check: &&Check| check.outcome == Outcome::Failed;
    let failed: Vec<_> = checks.iter().filter(failed).map(|row| row.check).collect();
    assert_eq!(failed, ["ready", "token"]);
    let advice = row(&checks, "token").advice.as_deref().unwrap();
    assert!(advice.contains("--token-file"), "{advice}");
}

#[tokio::test]
async fn another_version_of_the_api_fails_and_another_of_the_server_does_not() {
    for (api, outcome) in [(1, Outcome::Ok), (2, Outcome::Failed)] {
        let mut script = serving(&json!([]));
        script[2] = workspace(api);
        let (checks, _) = report(false, script).await;
        assert_eq!(row(&checks, "version").outcome, outcome);
        assert_eq!(
            row(&checks, "version").detail,
            format!("server 9.9.9, API {api}")
        );
    }
}

/// The row about the reply, and the requests to the server.
async fn ask(end: Value) -> (Check, Vec<String>) {
    let server = ScriptedServer::start([
        worker("idle"),
        accepted(1, 2),
        batch(4, [delta("ready"), end]),
        worker("stopped"),
    ])
    .await;
    let runtime = "backend-internal".parse().unwrap();
    let row = model::ask(&server.client(), &runtime).await.unwrap();
    (row, server.request_lines())
}

#[tokio::test]
async fn a_model_is_asked_once_and_its_worker_is_stopped() {
    let (row, requests) = ask(finished_with_usage()).await;
    assert_eq!(row.outcome, Outcome::Ok);
    assert!(
        row.detail.ends_with(" ms, 3 input tokens, 4 output tokens"),
        "{}",
        row.detail
    );
    assert_eq!(requests.len(), 4);
    assert!(requests[3].ends_with("/workers/w1/stop"), "{requests:?}");
}

#[tokio::test]
async fn a_model_that_fails_to_reply_has_advice() {
    let mut end = finished("failed");
    end["error_code"] = "unauthorized".into();
    let (row, requests) = ask(end).await;
    assert_eq!(row.outcome, Outcome::Failed);
    assert_eq!(row.detail, "run run-1 failed [unauthorized]");
    assert!(row.advice.unwrap().contains("key"));
    assert!(requests[3].ends_with("/stop"), "{requests:?}");
}

#[test]
fn a_row_in_json_has_every_field() {
    let check = server::not_found(&Unreachable::NoneFound.into()).unwrap();
    let mut row = serde_json::to_value(check.clone()).unwrap();
    assert_eq!(row["outcome"], "failed");
    assert!(row["advice"].as_str().unwrap().contains("`yoi serve`"));
    row = serde_json::to_value(Check {
        advice: None,
        ..check
    })
    .unwrap();
    assert_eq!(row.as_object().unwrap().len(), 4);
}
