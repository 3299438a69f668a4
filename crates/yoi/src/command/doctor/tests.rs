//! Reports about servers of every kind.

use serde_json::{Value, json};

use super::*;
use crate::failure::Unreachable;
use crate::scripted_server::{
    Does, RUN, ScriptedServer, batch, cursor, delta, finished, problem, worker,
};

/// The rows about a server that does what `script` says.
async fn examined(
    ask_model: bool,
    script: impl IntoIterator<Item = Does>,
) -> (Vec<Check>, Result<(), Failure>) {
    let server = ScriptedServer::start(script).await;
    let found = Found {
        server: server.url().clone(),
        token: Some("a-token-of-at-least-22-characters".parse().unwrap()),
        choice: crate::connect::Choice::Named,
    };
    let mut checks = Vec::new();
    let result = examine(found, ask_model, &mut checks).await;
    (checks, result)
}

/// A server that lets us in, with `runtimes` and what comes `then`.
fn serving(runtimes: &Value, then: impl IntoIterator<Item = Does>) -> Vec<Does> {
    let mut script = vec![
        Does::Answers(200, json!({"status": "ok"})),
        Does::Answers(200, json!({"status": "ready"})),
        workspace(http_api::wire::API_VERSION),
        Does::Answers(200, json!({ "items": runtimes })),
    ];
    script.extend(then);
    script
}

fn workspace(api_version: u32) -> Does {
    Does::Answers(
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
async fn a_model_is_named_and_its_absence_is_no_failure() {
    for (model, outcome, detail) in [
        (
            json!({"name": "gpt-5-mini", "offline": false}),
            Outcome::Ok,
            "gpt-5-mini",
        ),
        (
            json!({"name": "offline", "offline": true}),
            Outcome::Noted,
            "none: the offline engine repeats",
        ),
        (Value::Null, Outcome::Noted, "not said by this server"),
    ] {
        let mut runtime = runtime("available", 0);
        runtime["model"] = model;
        let (checks, result) = examined(false, serving(&json!([runtime]), [])).await;
        result.unwrap();
        let model = row(&checks, "model");
        assert_eq!((model.outcome, model.detail.as_str()), (outcome, detail));
    }
}

#[tokio::test]
async fn a_limit_that_is_reached_is_a_failure_and_stopped_workers_do_not_count() {
    for (workers, outcome) in [(1, Outcome::Ok), (2, Outcome::Failed)] {
        let runtimes = json!([runtime("available", workers)]);
        let (checks, _) = examined(false, serving(&runtimes, [])).await;
        assert_eq!(row(&checks, "workers").outcome, outcome);
        assert_eq!(row(&checks, "workers").detail, format!("{workers} of 2"));
    }
}

#[tokio::test]
async fn a_runtime_is_as_well_as_it_says() {
    for (status, outcome) in [
        ("available", Outcome::Ok),
        ("degraded", Outcome::Noted),
        ("unavailable", Outcome::Failed),
        ("stopping", Outcome::Failed),
    ] {
        let mut runtime = runtime(status, 0);
        let remark = json!({"code": "c", "severity": "warning", "message": "Some.", "count": 3});
        runtime["diagnostics"] = json!([remark]);
        let (checks, _) = examined(false, serving(&json!([runtime]), [])).await;
        let row = row(&checks, "runtime");
        assert_eq!(row.outcome, outcome);
        assert_eq!(
            row.detail,
            format!("backend-internal is {status}; Some. ×3 [c]")
        );
    }
}

#[tokio::test]
async fn what_comes_after_a_failure_is_left_out() {
    let health = || Does::Answers(200, json!({"status": "ok"}));
    let (checks, result) = examined(false, [Does::Says(200, "<html>")]).await;
    assert_eq!(result.unwrap_err().exit(), Exit::Failed);
    assert_eq!(checks.len(), 1);

    let script = [
        health(),
        problem(503, "shutting_down"),
        problem(401, "unauthorized"),
    ];
    let (checks, result) = examined(false, script).await;
    result.unwrap_err();
    let failed = |check: &&Check| check.outcome == Outcome::Failed;
    let failed: Vec<_> = checks.iter().filter(failed).map(|row| row.check).collect();
    assert_eq!(failed, ["ready", "token"]);
    let advice = row(&checks, "token").advice.as_deref().unwrap();
    assert!(advice.contains("--token-file"), "{advice}");
}

#[tokio::test]
async fn another_version_of_the_api_is_a_failure_and_another_of_the_server_is_not() {
    for (api, outcome) in [(1, Outcome::Ok), (2, Outcome::Failed)] {
        let mut script = serving(&json!([]), []);
        script[2] = workspace(api);
        let (checks, _) = examined(false, script).await;
        assert_eq!(row(&checks, "version").outcome, outcome);
        assert_eq!(
            row(&checks, "version").detail,
            format!("server 9.9.9, API {api}")
        );
    }
}

/// The row about the answer to the question, and what was asked of the server.
async fn asked(end: Value) -> (Check, Vec<String>) {
    let accepted = json!({"run_id": RUN, "sequence": 1, "cursor": cursor(2)});
    let server = ScriptedServer::start([
        worker("idle", Value::Null),
        Does::Answers(202, accepted),
        batch(4, [delta("ready"), end]),
        worker("stopped", Value::Null),
    ])
    .await;
    let runtime = "backend-internal".parse().unwrap();
    let row = answer::ask(&server.client(), &runtime).await.unwrap();
    (row, server.asked())
}

#[tokio::test]
async fn a_model_that_answers_does_so_once_and_its_worker_is_stopped() {
    let mut end = finished("completed");
    end["usage"] = json!({"input_tokens": 3, "output_tokens": 1});
    let (row, asked) = asked(end).await;
    assert_eq!(row.outcome, Outcome::Ok);
    assert!(
        row.detail.ends_with(" ms, 3 tokens read, 1 written"),
        "{}",
        row.detail
    );
    assert_eq!(asked.len(), 4);
    assert!(asked[3].ends_with("/workers/w1/stop"), "{asked:?}");
}

#[tokio::test]
async fn a_model_that_does_not_answer_comes_with_what_to_do() {
    let mut end = finished("failed");
    end["error_code"] = "unauthorized".into();
    let (row, asked) = asked(end).await;
    assert_eq!(row.outcome, Outcome::Failed);
    assert_eq!(row.detail, "run run-1 failed [unauthorized]");
    assert!(row.advice.unwrap().contains("key"));
    assert!(asked[3].ends_with("/stop"), "{asked:?}");
}

#[test]
fn a_row_for_programs_has_every_field() {
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
