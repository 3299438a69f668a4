//! What the server is for: workers that are created, talked to, watched and ended.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::{Answer, EMBEDDED, PATIENCE, TestServer, long_input, offline, strings};

#[tokio::test]
async fn both_runtimes_are_shown_with_what_they_can_and_may() {
    let server = TestServer::start().await;
    server.create_worker().await;
    let list = server.get("/api/runtimes").await.expect(200);
    let runtimes = list["items"].as_array().unwrap();
    let ids: Vec<_> = runtimes
        .iter()
        .map(|runtime| &runtime["runtime_id"])
        .collect();
    assert_eq!(ids, ["backend-internal", "local-compat"]);

    let embedded = &runtimes[0];
    assert_eq!(embedded["implementation_kind"], "embedded");
    assert_eq!(embedded["status"], "available");
    assert_eq!(embedded["capabilities"].as_array().unwrap().len(), 8);
    assert_eq!(embedded["counts"]["workers"]["idle"], 1);
    let no_facility =
        json!({ "tools": false, "workspace_fs": false, "shell": false, "git": false });
    assert_eq!(embedded["facilities"], no_facility);
    let profiles = embedded["profiles"].as_array().unwrap();
    assert!(
        profiles
            .iter()
            .any(|profile| profile["profile_id"] == "builtin:default")
    );
    let limits = embedded["limits"].as_array().unwrap();
    let workers = limits
        .iter()
        .find(|limit| limit["name"] == "workers")
        .unwrap();
    assert_eq!(
        (&workers["unit"], &workers["value"]),
        (&json!("count"), &json!(10_000))
    );

    let local = &runtimes[1];
    assert_eq!(local["implementation_kind"], "local_compat");
    assert_eq!(local["status"], "available");
    assert_eq!(local["capabilities"], json!(["list_workers", "get_worker"]));
    assert_eq!(local["counts"]["workers"]["recorded"], 0);
    assert!(!local["limits"].as_array().unwrap().is_empty());

    for runtime in runtimes {
        let path = format!("/api/runtimes/{}", runtime["runtime_id"].as_str().unwrap());
        let mut one = server.get(&path).await.expect(200);
        let mut listed = runtime.clone();
        for summary in [&mut one, &mut listed] {
            summary
                .as_object_mut()
                .unwrap()
                .remove("observed_at")
                .unwrap();
        }
        assert_eq!(one, listed);
    }
    let mut texts = Vec::new();
    strings(embedded, &mut texts);
    for text in texts {
        let lower = text.to_lowercase();
        let betrays = ["endpoint", "token", "://", "/", "socket", "\\"];
        assert!(!betrays.iter().any(|word| lower.contains(word)), "{text}");
    }
}

#[tokio::test]
async fn a_worker_is_created_talked_to_watched_and_stopped() {
    let server = TestServer::start().await;
    let body = json!({ "display_name": "Reviewer", "profile": "builtin:companion" });
    let answer = server.post(&format!("{EMBEDDED}/workers"), &body).await;
    let created = answer.expect(201);
    let worker = server.worker(created["worker_id"].as_str().unwrap());
    assert_eq!(answer.header("location"), Some(worker.path.as_str()));
    assert_eq!(created["state"], "idle");
    assert_eq!(created["profile"], "builtin:companion");
    assert_eq!(
        created["display_ref"],
        format!("{}@backend-internal", worker.id)
    );
    assert_eq!(worker.detail().await, created);

    let accepted = worker.hears("What is a run?").await;
    let events = worker
        .events_until_finished(accepted["cursor"].as_str().unwrap())
        .await;
    let (finished, deltas) = events.split_last().unwrap();
    assert!(deltas.iter().all(|event| event["kind"] == "output_delta"));
    assert_eq!(finished["outcome"], "completed");
    assert_eq!(finished["run_id"], accepted["run_id"]);
    let told: String = deltas
        .iter()
        .map(|event| event["text"].as_str().unwrap())
        .collect();

    let page = worker.transcript("").await;
    let entries = page["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(
        (&entries[0]["role"], &entries[0]["content"]),
        (&json!("user"), &json!("What is a run?"))
    );
    assert_eq!(
        (&entries[1]["role"], &entries[1]["content"]),
        (&json!("assistant"), &json!(told))
    );
    assert!(
        told.contains("What is a run?"),
        "the offline engine quotes the input: {told}"
    );
    assert_eq!(page["cursor"], finished["cursor"]);

    let detail = worker.detail().await;
    assert_eq!(detail["conversation"]["last_run"]["outcome"], "completed");
    assert!(
        detail["conversation"]["usage"]["output_tokens"]
            .as_u64()
            .unwrap()
            > 0
    );

    let stopped = worker.stop().await.expect(200);
    assert_eq!(stopped["state"], "stopped");
    assert_eq!(worker.stop().await.expect(200), stopped);
    let path = format!("{}/events?limit=200", worker.path);
    let all = server.get(&path).await.expect(200)["events"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(all.first().unwrap()["kind"], "worker_created");
    assert_eq!(all.last().unwrap()["kind"], "worker_stopped");
}

#[tokio::test]
async fn a_long_poll_is_answered_when_something_happens() {
    let server = TestServer::start().await;
    let worker = server.create_worker().await;
    let cursor = worker.detail().await["conversation"]["latest_cursor"].clone();
    let path = format!(
        "{}/events?after={}&wait_ms=30000",
        worker.path,
        cursor.as_str().unwrap()
    );
    let (batch, accepted) = tokio::join!(server.get(&path), worker.hears("hello"));
    let batch = batch.expect(200);
    let first = &batch["events"][0];
    assert_eq!(first["kind"], "input_accepted");
    assert_eq!(first["run_id"], accepted["run_id"]);
    assert_eq!(first["sequence"], accepted["sequence"]);
}

#[tokio::test]
async fn a_poll_without_news_ends_empty_where_it_began() {
    let server = TestServer::start().await;
    let worker = server.create_worker().await;
    let cursor = worker.detail().await["conversation"]["latest_cursor"].clone();
    let path = format!(
        "{}/events?after={}&wait_ms=20",
        worker.path,
        cursor.as_str().unwrap()
    );
    let batch = server.get(&path).await.expect(200);
    assert_eq!(
        batch,
        json!({ "events": [], "next_cursor": cursor, "caught_up": true })
    );
}

#[tokio::test]
async fn a_cancelled_run_keeps_what_it_said_and_leaves_the_worker_usable() {
    let server =
        TestServer::start_with(|config| config.engine = offline(Duration::from_millis(20))).await;
    let worker = server.create_worker().await;
    let accepted = worker.hears(&long_input()).await;
    let cursor = accepted["cursor"].as_str().unwrap();
    let path = format!("{}/events?after={cursor}&wait_ms=30000", worker.path);
    server.get(&path).await.expect(200);

    let page = worker.transcript("").await;
    assert_eq!(page["in_flight"]["run_id"], accepted["run_id"]);
    assert_eq!(worker.detail().await["active_run"], accepted["run_id"]);
    let named = json!({ "run_id": accepted["run_id"] });
    let answer = worker.cancel(&named).await.expect(200);
    assert_eq!(
        answer,
        json!({ "result": "cancelled", "run_id": accepted["run_id"] })
    );
    assert_eq!(
        worker.cancel(&json!({})).await.expect(200),
        json!({ "result": "not_running" })
    );

    let events = worker.events_until_finished(cursor).await;
    let ends: Vec<_> = events
        .iter()
        .filter(|event| event["kind"] == "run_finished")
        .collect();
    assert_eq!(ends.len(), 1);
    assert_eq!(ends[0]["outcome"], "cancelled");
    let page = worker.transcript("").await;
    let reply = &page["entries"][1];
    assert_eq!(
        (&reply["partial"], &reply["sequence"]),
        (&json!(true), &ends[0]["sequence"])
    );
    assert!(page.get("in_flight").is_none());
    worker.hears("and now?").await;
}

#[tokio::test]
async fn stopping_a_busy_worker_ends_its_run_first() {
    let server =
        TestServer::start_with(|config| config.engine = offline(Duration::from_millis(20))).await;
    let worker = server.create_worker().await;
    let accepted = worker.hears(&long_input()).await;
    assert_eq!(worker.stop().await.expect(200)["state"], "stopped");
    let events = worker
        .events_until_finished(accepted["cursor"].as_str().unwrap())
        .await;
    let kinds: Vec<_> = events
        .iter()
        .map(|event| event["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds[kinds.len() - 2..], ["run_finished", "worker_stopped"]);
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_nothing_but_its_own_wait() {
    let server =
        TestServer::start_with(|config| config.engine = offline(Duration::from_millis(5))).await;
    let worker = server.create_worker().await;
    let accepted = worker.hears("one two three").await;
    let cursor = accepted["cursor"].as_str().unwrap();
    let path = format!("{}/events?after={cursor}&wait_ms=30000", worker.path);
    let poll = server
        .request(Method::GET, &path)
        .timeout(Duration::from_millis(1))
        .send()
        .await;
    drop(poll);
    let events = worker.events_until_finished(cursor).await;
    assert_eq!(events.last().unwrap()["outcome"], "completed");
}

#[tokio::test]
async fn a_transcript_is_read_in_bounded_pages_in_both_directions() {
    let server = TestServer::start_with(|config| config.engine = offline(Duration::ZERO)).await;
    let worker = server.create_worker().await;
    for n in 1..=3 {
        worker.answers(&format!("question {n}")).await;
    }
    let sequences = |page: &Value| -> Vec<u64> {
        page["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["sequence"].as_u64().unwrap())
            .collect()
    };
    let newest = worker.transcript("?limit=2").await;
    assert_eq!(sequences(&newest), [5, 6]);
    assert_eq!(
        (&newest["first_sequence"], &newest["last_sequence"]),
        (&json!(1), &json!(6))
    );
    assert_eq!(
        (&newest["has_earlier"], &newest["has_later"]),
        (&json!(true), &json!(false))
    );
    let before = worker.transcript("?limit=2&before=5").await;
    assert_eq!(sequences(&before), [3, 4]);
    assert_eq!(
        (&before["has_earlier"], &before["has_later"]),
        (&json!(true), &json!(true))
    );
    let after = worker.transcript("?limit=4&after=2").await;
    assert_eq!(sequences(&after), [3, 4, 5, 6]);
    let both = server
        .get(&format!("{}/transcript?before=3&after=1", worker.path))
        .await;
    both.expect_problem(400, "invalid_query");
}

#[tokio::test]
async fn repeating_a_request_with_its_key_does_nothing_twice() {
    let server = TestServer::start().await;
    let path = format!("{EMBEDDED}/workers");
    let first = server
        .post_keyed(&path, "create-1", &json!({ "display_name": "a" }))
        .await;
    let again = server
        .post_keyed(&path, "create-1", &json!({ "display_name": "a" }))
        .await;
    assert_eq!(
        again.expect(201)["worker_id"],
        first.expect(201)["worker_id"]
    );
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(first.header("idempotency-replayed"), None);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let other = server
        .post_keyed(&path, "create-1", &json!({ "display_name": "b" }))
        .await;
    other.expect_problem(422, "idempotency_conflict");

    let worker = server.worker(first.json()["worker_id"].as_str().unwrap());
    let path = format!("{}/input", worker.path);
    let first = server
        .post_keyed(&path, "input-1", &json!({ "content": "hi" }))
        .await;
    worker
        .events_until_finished(first.expect(202)["cursor"].as_str().unwrap())
        .await;
    let again = server
        .post_keyed(&path, "input-1", &json!({ "content": "hi" }))
        .await;
    assert_eq!(again.expect(202), first.json());
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let other = server
        .post_keyed(&path, "input-1", &json!({ "content": "ho" }))
        .await;
    other.expect_problem(422, "idempotency_conflict");
    assert_eq!(worker.transcript("").await["last_sequence"], 2);
}

#[tokio::test]
async fn fifty_workers_answer_at_the_same_time_without_mixing_their_replies() {
    let server = TestServer::start().await;
    let conversation = async |n: usize| {
        let worker = server.create_worker().await;
        let events = worker.answers(&format!("only for number {n}!")).await;
        let text: String = events
            .iter()
            .filter_map(|event| event["text"].as_str())
            .collect();
        assert!(text.contains(&format!("number {n}!")), "{text}");
    };
    let all = futures_util::future::join_all((0..50).map(conversation));
    tokio::time::timeout(PATIENCE, all)
        .await
        .expect("all answers in time");
    let counts = server.get(EMBEDDED).await.expect(200)["counts"].clone();
    assert_eq!(
        (&counts["workers"]["idle"], &counts["active_runs"]),
        (&json!(50), &json!(0))
    );
}

#[tokio::test]
async fn the_server_says_what_it_is_and_that_it_is_well() {
    let server = TestServer::start().await;
    let workspace = server.get("/api/workspace").await.expect(200);
    assert_eq!(workspace["display_name"], "Workspace");
    assert_eq!(workspace["server_version"], env!("CARGO_PKG_VERSION"));
    assert!(
        workspace["limits"]
            .as_array()
            .unwrap()
            .iter()
            .any(|l| l["name"] == "body_bytes")
    );
    for path in ["/healthz", "/readyz"] {
        let open = server.http.get(format!("{}{path}", server.base));
        Answer::to(open).await.expect(200);
    }
    let metrics = server.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(
        metrics.text.contains("backend-internal"),
        "{}",
        metrics.text
    );
    let document = server.get("/api/openapi.json").await.expect(200);
    assert_eq!(document["openapi"], "3.1.0");
}
