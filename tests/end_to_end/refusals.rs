//! Every typed refusal, provoked through the whole stack.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::fixture::{Answer, EMBEDDED, LOCAL, NOBODY, TestServer, long_input, offline};
use crate::sources::{Fault, Faulty};

/// Slow enough to be met in mid-run.
const SLOW: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_busy_worker_names_its_run_and_when_to_come_back() {
    let server = TestServer::start_with(|config| config.engine = offline(SLOW)).await;
    let worker = server.create_worker().await;
    let accepted = worker.hears(&long_input()).await;
    let answer = worker.send("too soon").await;
    let problem = answer.expect_problem(409, "worker_busy");
    assert_eq!(problem["active_run_id"], accepted["run_id"]);
    assert_eq!(problem["worker_id"], worker.id);
    assert_eq!(problem["retryable"], true);
    assert!(answer.header("retry-after").is_some());
    assert_eq!(worker.transcript("").await["last_sequence"], 1);
}

#[tokio::test]
async fn a_stopped_worker_accepts_nothing() {
    let server = TestServer::start().await;
    let worker = server.create_worker().await;
    worker.stop().await.expect(200);
    let problem = worker
        .send("hello?")
        .await
        .expect_problem(409, "worker_stopped");
    assert_eq!(problem["worker_id"], worker.id);
    assert_eq!(
        worker.cancel(&json!({})).await.expect(200),
        json!({ "result": "not_running" })
    );
}

#[tokio::test]
async fn a_cancel_of_another_run_is_a_mismatch_and_cancels_nothing() {
    let server = TestServer::start_with(|config| config.engine = offline(SLOW)).await;
    let worker = server.create_worker().await;
    let accepted = worker.hears(&long_input()).await;
    for other in [NOBODY, "not-a-uuid"] {
        let answer = worker.cancel(&json!({ "run_id": other })).await;
        let problem = answer.expect_problem(409, "run_mismatch");
        assert_eq!(problem["active_run_id"], accepted["run_id"]);
    }
    assert_eq!(worker.detail().await["state"], "running");
}

#[tokio::test]
async fn an_unknown_profile_is_refused_not_replaced() {
    let server = TestServer::start().await;
    let body = json!({ "profile": "builtin:nobody" });
    let answer = server.post(&format!("{EMBEDDED}/workers"), &body).await;
    answer.expect_problem(422, "unknown_profile");
    assert_eq!(
        server.get("/api/workers").await.expect(200)["items"],
        json!([])
    );
}

#[tokio::test]
async fn inputs_that_are_empty_or_too_large_commit_nothing() {
    let server = TestServer::start_with(|config| config.limits.input_bytes = 100).await;
    let worker = server.create_worker().await;
    for content in ["", " ", "\n\t\u{a0}"] {
        worker
            .send(content)
            .await
            .expect_problem(422, "input_empty");
    }
    let problem = worker
        .send(&"é".repeat(51))
        .await
        .expect_problem(413, "input_too_large");
    assert_eq!(problem["limit_bytes"], 100);
    assert!(
        worker.transcript("").await["entries"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    worker.hears(&"é".repeat(50)).await;
}

#[tokio::test]
async fn bodies_that_are_not_what_the_operation_takes_are_not_repeated() {
    let server = TestServer::start().await;
    let worker = server.create_worker().await;
    let secret = "CANARY-in-a-bad-body";
    let bodies = [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        format!("\"{secret}\""),
        format!("{{\"{secret}\":1}}"),
        format!("{{\"content\":\"a\",\"{secret}\":1}}"),
        format!("{{\"content\":[\"{secret}\"]}}"),
        format!("{{\"content\":\"{secret}"),
        "{\"content\":\"a\",\"content\":\"b\"}".to_owned(),
        "[".repeat(10_000),
    ];
    for body in bodies {
        let request = server.request(Method::POST, &format!("{}/input", worker.path));
        let answer = Answer::to(
            request
                .header("content-type", "application/json")
                .body(body),
        )
        .await;
        answer.expect_problem(400, "invalid_body");
        assert!(!answer.text.contains(secret), "{}", answer.text);
    }
    let bytes = server.request(Method::POST, &format!("{}/input", worker.path));
    let bytes = bytes
        .header("content-type", "application/json")
        .body(vec![b'"', 0xff, b'"']);
    Answer::to(bytes).await.expect_problem(400, "invalid_body");
    for (body, field) in [
        (json!({ "display_name": "a\u{1b}[2J" }), "display_name"),
        (json!({ "profile": "A b" }), "profile"),
    ] {
        let answer = server.post(&format!("{EMBEDDED}/workers"), &body).await;
        assert_eq!(answer.expect_problem(400, "invalid_body")["field"], field);
    }
}

#[tokio::test]
async fn cursors_that_are_expired_or_invalid_say_where_to_go_on() {
    // Room for what one answer writes, however fast, and not for two.
    let ring = 40;
    let server = TestServer::start_with(|config| {
        config.engine = offline(Duration::ZERO);
        config.limits.events = ring;
    })
    .await;
    let other = TestServer::start().await;
    let worker = server.create_worker().await;
    let start = worker.detail().await["conversation"]["latest_cursor"].clone();
    for _ in 0..2 {
        worker.answers("half of what the ring passes").await;
    }

    let foreign =
        other.create_worker().await.detail().await["conversation"]["latest_cursor"].clone();
    for expired in [&start, &foreign] {
        let path = format!("{}/events?after={}", worker.path, expired.as_str().unwrap());
        let problem = server
            .get(&path)
            .await
            .expect_problem(410, "cursor_expired");
        let oldest = problem["oldest_cursor"].as_str().unwrap();
        let read = server
            .get(&format!("{}/events?after={oldest}", worker.path))
            .await
            .expect(200);
        assert_eq!(read["events"].as_array().unwrap().len(), ring);
        assert_eq!(read["next_cursor"], problem["latest_cursor"]);
        let transcript = problem["transcript"].as_str().unwrap();
        server.get(transcript).await.expect(200);
    }
    for invalid in ["x", "", "AAAAAAAAAAAAAAAAAAAAAB", "%00", "1"] {
        let answer = server
            .get(&format!("{}/events?after={invalid}", worker.path))
            .await;
        answer.expect_problem(400, "invalid_cursor");
    }
}

#[tokio::test]
async fn exhausted_capacity_names_its_limit() {
    let server = TestServer::start_with(|config| {
        config.engine = offline(SLOW);
        config.limits.workers = 2;
        config.limits.concurrent_runs = 1;
        config.limits.worker_pollers = 1;
    })
    .await;
    let (one, two) = (server.create_worker().await, server.create_worker().await);
    let create = format!("{EMBEDDED}/workers");
    let answer = server.post(&create, &json!({})).await;
    assert_eq!(
        answer.expect_problem(429, "capacity_exhausted")["limit"],
        "workers"
    );
    assert!(answer.header("retry-after").is_some());

    one.hears(&long_input()).await;
    let problem = two
        .send("hi")
        .await
        .expect_problem(429, "capacity_exhausted");
    assert_eq!(problem["limit"], "concurrent_runs");

    let cursor = two.detail().await["conversation"]["latest_cursor"].clone();
    let poll = format!(
        "{}/events?after={}&wait_ms=30000",
        two.path,
        cursor.as_str().unwrap()
    );
    let (first, second) = (server.get(&poll), server.get(&poll));
    // Whichever is second is refused at once; then stopping the worker answers the first.
    tokio::pin!(first, second);
    let (refused, waiting) = tokio::select! {
        answer = &mut first => (answer, second),
        answer = &mut second => (answer, first),
    };
    let problem = refused.expect_problem(429, "too_many_pollers");
    assert_eq!(problem["limit"], "worker_pollers");
    two.stop().await.expect(200);
    let told = waiting.await.expect(200);
    assert_eq!(told["events"][0]["kind"], "worker_stopped");

    let replacement = server.post(&create, &json!({})).await;
    replacement.expect(201);
    server
        .get(&two.path)
        .await
        .expect_problem(404, "unknown_worker");
}

#[tokio::test]
async fn a_runtime_that_hangs_or_fails_is_unavailable_never_unknown() {
    let secret = "CANARY-cause-of-the-failure";
    let server = TestServer::start_with(|config| {
        config.deadlines.read = Duration::from_millis(50);
        config
            .sources
            .push(Arc::new(Faulty::new("hanging", Fault::Hangs)));
        config
            .sources
            .push(Arc::new(Faulty::new("failing", Fault::Fails(secret))));
    })
    .await;
    for (runtime, reason) in [
        ("hanging", "deadline_exceeded"),
        ("failing", "source_failed"),
    ] {
        for path in ["/workers", "/workers/any"] {
            let answer = server.get(&format!("/api/runtimes/{runtime}{path}")).await;
            let problem = answer.expect_problem(503, "runtime_unavailable");
            assert_eq!(
                (&problem["runtime_id"], &problem["reason"]),
                (&json!(runtime), &json!(reason))
            );
            assert_eq!(problem["retryable"], true);
            assert!(answer.header("retry-after").is_some());
            assert!(!answer.text.contains(secret));
        }
        let summary = server
            .get(&format!("/api/runtimes/{runtime}"))
            .await
            .expect(200);
        assert_eq!(summary["status"], "unavailable");
        assert!(summary.get("counts").is_none());
    }
}

#[tokio::test]
async fn a_panic_is_a_fixed_answer_and_the_server_goes_on() {
    let secret = "CANARY-message-of-the-panic";
    let server = TestServer::start_with(|config| {
        config
            .sources
            .push(Arc::new(Faulty::new("panicking", Fault::Panics(secret))));
    })
    .await;
    for _ in 0..3 {
        let answer = server.get("/api/runtimes/panicking/workers").await;
        let problem = answer.expect_problem(500, "internal");
        assert!(!answer.text.contains(secret));
        assert_eq!(
            problem.as_object().unwrap().len(),
            7,
            "the fixed fields alone: {problem}"
        );
    }
    server.create_worker().await.answers("still there?").await;
}

#[tokio::test]
async fn what_the_local_source_has_no_port_for_is_unsupported() {
    let server = TestServer::start().await;
    server.has_record("pods/old", "old");
    let list = server.get(&format!("{LOCAL}/workers")).await.expect(200);
    let worker = format!(
        "{LOCAL}/workers/{}",
        list["items"][0]["worker_id"].as_str().unwrap()
    );
    server.get(&worker).await.expect(200);
    let hi = json!({ "content": "hi" });
    let refusals = [
        (
            server.post(&format!("{LOCAL}/workers"), &json!({})).await,
            "create_worker",
        ),
        (
            server.post(&format!("{worker}/input"), &hi).await,
            "send_input",
        ),
        (
            server.post(&format!("{worker}/cancel"), &json!({})).await,
            "cancel_run",
        ),
        (
            server.post(&format!("{worker}/stop"), &json!({})).await,
            "stop_worker",
        ),
        (
            server.get(&format!("{worker}/transcript")).await,
            "read_transcript",
        ),
        (server.get(&format!("{worker}/events")).await, "read_events"),
    ];
    for (answer, capability) in refusals {
        let problem = answer.expect_problem(405, "operation_unsupported");
        assert_eq!(problem["capability"], capability);
        assert!(answer.header("allow").is_some(), "RFC 9110 §15.5.6");
    }
}
