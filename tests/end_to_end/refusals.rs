//! Every typed refusal, provoked through the whole stack.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use testkit::client::{EMBEDDED, LOCAL};
use testkit::json::{items, text};
use testkit::server::{TestServer, long_input, offline};

use crate::identity::UNUSED_ID;
use crate::sources::{Fault, FaultySource};

/// A pause between words that keeps a run active until it is cancelled.
const SLOW: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_busy_worker_names_its_run_and_when_to_retry() {
    let server = TestServer::start_with(|config| config.engine = offline(SLOW)).await;
    let worker = server.create_worker().await;
    let accepted = worker.send(&long_input()).await;
    let response = worker.try_send("too soon").await;
    let problem = response.expect_problem(409, "worker_busy");
    assert_eq!(problem["active_run_id"], accepted["run_id"]);
    assert_eq!(problem["worker_id"], worker.id);
    assert_eq!(problem["retryable"], true);
    assert!(response.header("retry-after").is_some());
    assert_eq!(worker.transcript("").await["last_sequence"], 1);
}

#[tokio::test]
async fn a_stopped_worker_accepts_nothing() {
    let server = TestServer::start().await;
    let worker = server.create_worker().await;
    worker.stop().await.expect(200);
    let response = worker.try_send("hello?").await;
    let problem = response.expect_problem(409, "worker_stopped");
    assert_eq!(problem["worker_id"], worker.id);
    let cancelled = worker.cancel(&json!({})).await.expect(200);
    assert_eq!(cancelled, json!({ "result": "not_running" }));
}

#[tokio::test]
async fn a_cancel_of_another_run_is_a_mismatch_and_cancels_nothing() {
    let server = TestServer::start_with(|config| config.engine = offline(SLOW)).await;
    let worker = server.create_worker().await;
    let accepted = worker.send(&long_input()).await;
    for other in [UNUSED_ID, "not-a-uuid"] {
        let response = worker.cancel(&json!({ "run_id": other })).await;
        let problem = response.expect_problem(409, "run_mismatch");
        assert_eq!(problem["active_run_id"], accepted["run_id"]);
    }
    assert_eq!(worker.detail().await["state"], "running");
}

#[tokio::test]
async fn an_unknown_profile_is_refused_not_replaced() {
    let server = TestServer::start().await;
    let body = json!({ "profile": "builtin:nobody" });
    let response = server.post(&format!("{EMBEDDED}/workers"), &body).await;
    response.expect_problem(422, "unknown_profile");
    let page = server.get("/api/workers").await.expect(200);
    assert_eq!(page["items"], json!([]));
}

#[tokio::test]
async fn inputs_that_are_empty_or_too_large_commit_nothing() {
    let server = TestServer::start_with(|config| config.limits.input_bytes = 100).await;
    let worker = server.create_worker().await;
    for content in ["", " ", "\n\t\u{a0}"] {
        let response = worker.try_send(content).await;
        response.expect_problem(422, "input_empty");
    }
    let response = worker.try_send(&"é".repeat(51)).await;
    let problem = response.expect_problem(413, "input_too_large");
    assert_eq!(problem["limit_bytes"], 100);
    assert_eq!(worker.transcript("").await["entries"], json!([]));
    worker.send(&"é".repeat(50)).await;
}

#[tokio::test]
async fn refused_cursors_come_with_those_to_continue_from() {
    // The events of one reply fit, however fast it is, and those of two don't.
    let events_max = 40;
    let server = TestServer::start_with(|config| {
        config.engine = offline(Duration::ZERO);
        config.limits.events = events_max;
    })
    .await;
    let other = TestServer::start().await;
    let worker = server.create_worker().await;
    let overwritten = worker.latest_cursor().await;
    for _ in 0..2 {
        worker.run("half of what is kept").await;
    }
    let of_another_server = other.create_worker().await.latest_cursor().await;
    let events = format!("{}/events?after=", worker.path);
    for expired in [&overwritten, &of_another_server] {
        let response = server.get(&format!("{events}{expired}")).await;
        let problem = response.expect_problem(410, "cursor_expired");
        let page = worker.events_after(text(&problem["oldest_cursor"])).await;
        assert_eq!(items(&page["events"]).len(), events_max);
        assert_eq!(page["next_cursor"], problem["latest_cursor"]);
        server.get(text(&problem["transcript"])).await.expect(200);
    }
    for invalid in ["x", "", "AAAAAAAAAAAAAAAAAAAAAB", "%00", "1"] {
        let response = server.get(&format!("{events}{invalid}")).await;
        response.expect_problem(400, "invalid_cursor");
    }
}

#[tokio::test]
async fn exhausted_capacity_names_its_limit() {
    let server = TestServer::start_with(|config| {
        config.engine = offline(SLOW);
        config.limits.workers = 2;
        config.limits.concurrent_runs = 1;
        config.limits.queued_runs = 0;
        config.limits.worker_pollers = 1;
    })
    .await;
    let (one, two) = (server.create_worker().await, server.create_worker().await);
    let create = format!("{EMBEDDED}/workers");
    let response = server.post(&create, &json!({})).await;
    let problem = response.expect_problem(429, "capacity_exhausted");
    assert_eq!(problem["limit"], "workers");
    assert!(response.header("retry-after").is_some());

    one.send(&long_input()).await;
    let response = two.try_send("hi").await;
    let problem = response.expect_problem(429, "capacity_exhausted");
    assert_eq!(problem["limit"], "queued_runs");

    let cursor = two.latest_cursor().await;
    let poll = format!("{}/events?after={cursor}&wait_ms=30000", two.path);
    let (first, second) = (server.get(&poll), server.get(&poll));
    // Whichever is second is refused, or, if it is late, the first makes way. Stopping the worker
    // answers the other.
    tokio::pin!(first, second);
    let (one, waiting) = tokio::select! {
        response = &mut first => (response, second),
        response = &mut second => (response, first),
    };
    if one.status == 200 {
        assert_eq!(one.json()["events"], json!([]));
    } else {
        let problem = one.expect_problem(429, "too_many_pollers");
        assert_eq!(problem["limit"], "worker_pollers");
    }
    two.stop().await.expect(200);
    let page = waiting.await.expect(200);
    assert_eq!(page["events"][0]["kind"], "worker_stopped");

    server.post(&create, &json!({})).await.expect(201);
    let evicted = server.get(&two.path).await;
    evicted.expect_problem(404, "unknown_worker");
}

#[tokio::test]
async fn a_runtime_that_hangs_or_fails_is_unavailable_never_unknown() {
    let secret = "CANARY-cause-of-the-failure";
    let server = TestServer::start_with(|config| {
        config.deadlines.read = Duration::from_millis(50);
        config.sources = vec![
            Arc::new(FaultySource::new("hanging", Fault::Hangs)),
            Arc::new(FaultySource::new("failing", Fault::Fails(secret))),
        ];
    })
    .await;
    for (runtime, reason) in [
        ("hanging", "deadline_exceeded"),
        ("failing", "source_failed"),
    ] {
        let runtime_path = format!("/api/runtimes/{runtime}");
        for path in ["/workers", "/workers/any"] {
            let response = server.get(&format!("{runtime_path}{path}")).await;
            let problem = response.expect_problem(503, "runtime_unavailable");
            assert_eq!(problem["runtime_id"], runtime);
            assert_eq!(problem["reason"], reason);
            assert_eq!(problem["retryable"], true);
            assert!(response.header("retry-after").is_some());
            assert!(!response.text().contains(secret));
        }
        let summary = server.get(&runtime_path).await.expect(200);
        assert_eq!(summary["status"], "unavailable");
        assert!(summary.get("counts").is_none());
    }
}

#[tokio::test]
async fn operations_that_the_local_source_lacks_are_unsupported() {
    let server = TestServer::start().await;
    server.workspace.write_record("pods/old", "old");
    let list = server.get(&format!("{LOCAL}/workers")).await.expect(200);
    let id = text(&list["items"][0]["worker_id"]);
    let worker = format!("{LOCAL}/workers/{id}");
    server.get(&worker).await.expect(200);
    let workers = format!("{LOCAL}/workers");
    for (method, path, capability) in [
        ("POST", workers, "create_worker"),
        ("POST", format!("{worker}/input"), "send_input"),
        ("POST", format!("{worker}/cancel"), "cancel_run"),
        ("POST", format!("{worker}/stop"), "stop_worker"),
        ("GET", format!("{worker}/transcript"), "read_transcript"),
        ("GET", format!("{worker}/events"), "read_events"),
        ("PATCH", worker.clone(), "rename_worker"),
        ("DELETE", worker.clone(), "delete_worker"),
    ] {
        let mut request = server.request(method, &path);
        if path.ends_with("/input") {
            request = request.json(&json!({ "content": "hi" }));
        } else if method == "PATCH" {
            request = request.json(&json!({ "display_name": "new" }));
        } else if method == "POST" {
            request = request.json(&json!({}));
        }
        let response = server.send(request).await;
        let problem = response.expect_problem(405, "operation_unsupported");
        assert_eq!(problem["capability"], capability);
        assert!(response.header("allow").is_some(), "RFC 9110 §15.5.6");
    }
    let detail = server.get(&worker).await.expect(200);
    assert_eq!(detail["display_name"], "old");
    assert_eq!(detail["capabilities"], json!(["get_worker"]));
}
