//! What the server is for: workers that are created, talked to, watched and stopped.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::client::{EMBEDDED, output};
use testkit::deadline::in_time;
use testkit::json::{each, find, items, strings, text};
use testkit::server::{TestServer, long_input, offline};

/// A server whose offline engine pauses so long between two words.
async fn server_with_pace(pause_ms: u64) -> TestServer {
    let engine = offline(Duration::from_millis(pause_ms));
    TestServer::start_with(|config| config.engine = engine).await
}

#[tokio::test]
async fn both_runtimes_are_listed_with_their_capabilities_and_limits() {
    let server = TestServer::start().await;
    server.create_worker().await;
    let list = server.get("/api/runtimes").await.expect(200);
    let ids = each(&list["items"], "runtime_id");
    assert_eq!(ids, ["backend-internal", "local-compat"]);

    let embedded = &list["items"][0];
    assert_eq!(embedded["implementation_kind"], "embedded");
    assert_eq!(embedded["status"], "available");
    assert_eq!(items(&embedded["capabilities"]).len(), 10);
    assert_eq!(embedded["counts"]["workers"]["idle"], 1);
    let no_facility =
        json!({ "tools": false, "workspace_fs": false, "shell": false, "git": false });
    assert_eq!(embedded["facilities"], no_facility);
    find(&embedded["profiles"], "profile_id", "builtin:default");
    let workers = find(&embedded["limits"], "name", "workers");
    assert_eq!(
        (&workers["unit"], &workers["value"]),
        (&json!("count"), &json!(10_000))
    );

    let local = &list["items"][1];
    assert_eq!(local["implementation_kind"], "local_compat");
    assert_eq!(local["status"], "available");
    assert_eq!(local["capabilities"], json!(["list_workers", "get_worker"]));
    assert_eq!(local["counts"]["workers"]["recorded"], 0);
    assert!(!items(&local["limits"]).is_empty());

    for listed in items(&list["items"]) {
        let path = format!("/api/runtimes/{}", text(&listed["runtime_id"]));
        let without_time = |mut summary: Value| {
            summary
                .as_object_mut()
                .unwrap()
                .remove("observed_at")
                .unwrap();
            summary
        };
        let one = server.get(&path).await.expect(200);
        assert_eq!(without_time(one), without_time(listed.clone()));
    }
    for text in strings(embedded) {
        let lower = text.to_lowercase();
        let internal = ["endpoint", "token", "://", "/", "socket", "\\"];
        assert!(!internal.iter().any(|word| lower.contains(word)), "{text}");
    }
}

#[tokio::test]
async fn a_worker_is_created_talked_to_watched_and_stopped() {
    let server = TestServer::start().await;
    let body = json!({ "display_name": "Reviewer", "profile": "builtin:companion" });
    let response = server.post(&format!("{EMBEDDED}/workers"), &body).await;
    let created = response.expect(201);
    let worker = server.worker(text(&created["worker_id"]));
    assert_eq!(response.header("location"), Some(worker.path.as_str()));
    assert_eq!(created["state"], "idle");
    assert_eq!(created["profile"], "builtin:companion");
    let display_ref = format!("{}@backend-internal", worker.id);
    assert_eq!(created["display_ref"], display_ref);
    assert_eq!(worker.detail().await, created);

    let accepted = worker.send("What is a run?").await;
    let events = worker.run_events_after(text(&accepted["cursor"])).await;
    let (finished, deltas) = events.split_last().unwrap();
    assert!(deltas.iter().all(|event| event["kind"] == "output_delta"));
    assert_eq!(finished["outcome"], "completed");
    assert_eq!(finished["run_id"], accepted["run_id"]);
    let reply = output(deltas);
    assert!(
        reply.contains("What is a run?"),
        "it quotes the input: {reply}"
    );

    let page = worker.transcript("").await;
    assert_eq!(each(&page["entries"], "role"), ["user", "assistant"]);
    let contents = each(&page["entries"], "content");
    assert_eq!(contents, ["What is a run?", reply.as_str()]);
    assert_eq!(page["cursor"], finished["cursor"]);
    let conversation = worker.detail().await["conversation"].clone();
    assert_eq!(conversation["last_run"]["outcome"], "completed");
    assert!(conversation["usage"]["output_tokens"].as_u64() > Some(0));

    let stopped = worker.stop().await.expect(200);
    assert_eq!(stopped["state"], "stopped");
    assert_eq!(worker.stop().await.expect(200), stopped);
    let all = server
        .get(&format!("{}/events?limit=200", worker.path))
        .await;
    let all = all.expect(200);
    let kinds = each(&all["events"], "kind");
    assert_eq!(*kinds.first().unwrap(), "worker_created");
    assert_eq!(*kinds.last().unwrap(), "worker_stopped");
}

#[tokio::test]
async fn a_long_poll_is_answered_when_something_happens() {
    let server = TestServer::start().await;
    let worker = server.create_worker().await;
    let cursor = worker.latest_cursor().await;
    let (page, accepted) = tokio::join!(worker.events_after(&cursor), worker.send("hello"));
    let first = &page["events"][0];
    assert_eq!(first["kind"], "input_accepted");
    assert_eq!(first["run_id"], accepted["run_id"]);
    assert_eq!(first["sequence"], accepted["sequence"]);
}

#[tokio::test]
async fn a_poll_without_news_ends_empty_where_it_began() {
    let server = TestServer::start().await;
    let worker = server.create_worker().await;
    let cursor = worker.latest_cursor().await;
    let path = format!("{}/events?after={cursor}&wait_ms=20", worker.path);
    let empty = json!({ "events": [], "next_cursor": cursor, "caught_up": true });
    assert_eq!(server.get(&path).await.expect(200), empty);
}

#[tokio::test]
async fn a_cancelled_run_keeps_its_text_and_leaves_the_worker_usable() {
    let server = server_with_pace(20).await;
    let worker = server.create_worker().await;
    let accepted = worker.send(&long_input()).await;
    let cursor = text(&accepted["cursor"]);
    worker.events_after(cursor).await;

    let run_id = &accepted["run_id"];
    assert_eq!(worker.transcript("").await["in_flight"]["run_id"], *run_id);
    assert_eq!(worker.detail().await["active_run"], *run_id);
    let cancelled = worker
        .cancel(&json!({ "run_id": run_id }))
        .await
        .expect(200);
    assert_eq!(
        cancelled,
        json!({ "result": "cancelled", "run_id": run_id })
    );
    let again = worker.cancel(&json!({})).await.expect(200);
    assert_eq!(again, json!({ "result": "not_running" }));

    let events = worker.run_events_after(cursor).await;
    let (end, before) = events.split_last().unwrap();
    assert!(before.iter().all(|event| event["kind"] != "run_finished"));
    assert_eq!(end["outcome"], "cancelled");
    let page = worker.transcript("").await;
    let reply = &page["entries"][1];
    assert_eq!(
        (&reply["partial"], &reply["sequence"]),
        (&json!(true), &end["sequence"])
    );
    assert!(page.get("in_flight").is_none());
    worker.send("and now?").await;
}

#[tokio::test]
async fn stopping_a_busy_worker_ends_its_run_first() {
    let server = server_with_pace(20).await;
    let worker = server.create_worker().await;
    let accepted = worker.send(&long_input()).await;
    assert_eq!(worker.stop().await.expect(200)["state"], "stopped");
    let events = worker.run_events_after(text(&accepted["cursor"])).await;
    let kinds: Vec<_> = events.iter().map(|event| text(&event["kind"])).collect();
    assert_eq!(kinds[kinds.len() - 2..], ["run_finished", "worker_stopped"]);
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_nothing_but_its_own_wait() {
    let server = server_with_pace(5).await;
    let worker = server.create_worker().await;
    let accepted = worker.send("one two three").await;
    let cursor = text(&accepted["cursor"]);
    let path = format!("{}/events?after={cursor}&wait_ms=30000", worker.path);
    let poll = server.request("GET", &path);
    drop(poll.timeout(Duration::from_millis(1)).send().await);
    let events = worker.run_events_after(cursor).await;
    assert_eq!(events.last().unwrap()["outcome"], "completed");
}

#[tokio::test]
async fn a_transcript_is_read_in_bounded_pages_in_both_directions() {
    let server = server_with_pace(0).await;
    let worker = server.create_worker().await;
    for n in 1..=3 {
        worker.run(&format!("question {n}")).await;
    }
    let bounds = ["first_sequence", "last_sequence"];
    let more = ["has_earlier", "has_later"];
    for (query, sequences, has_more) in [
        ("?limit=2", vec![5, 6], [true, false]),
        ("?limit=2&before=5", vec![3, 4], [true, true]),
        ("?limit=4&after=2", vec![3, 4, 5, 6], [true, false]),
    ] {
        let page = worker.transcript(query).await;
        assert_eq!(each(&page["entries"], "sequence"), sequences, "{query}");
        assert_eq!(bounds.map(|bound| &page[bound]), [1, 6], "{query}");
        assert_eq!(more.map(|more| &page[more]), has_more, "{query}");
    }
    let both = format!("{}/transcript?before=3&after=1", worker.path);
    server.get(&both).await.expect_problem(400, "invalid_query");
}

#[tokio::test]
async fn repeating_a_request_with_its_key_does_nothing_twice() {
    let server = TestServer::start().await;
    let replayed = "idempotency-replayed";
    let path = format!("{EMBEDDED}/workers");
    let body = json!({ "display_name": "a" });
    let first = server.post_with_key(&path, "create-1", &body).await;
    let again = server.post_with_key(&path, "create-1", &body).await;
    let created = first.expect(201);
    assert_eq!(again.expect(201)["worker_id"], created["worker_id"]);
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(
        (first.header(replayed), again.header(replayed)),
        (None, Some("true"))
    );
    let body = json!({ "display_name": "b" });
    let other = server.post_with_key(&path, "create-1", &body).await;
    other.expect_problem(422, "idempotency_conflict");

    let worker = server.worker(text(&created["worker_id"]));
    let path = format!("{}/input", worker.path);
    let body = json!({ "content": "hi" });
    let first = server.post_with_key(&path, "input-1", &body).await;
    let accepted = first.expect(202);
    worker.run_events_after(text(&accepted["cursor"])).await;
    let again = server.post_with_key(&path, "input-1", &body).await;
    assert_eq!(again.expect(202), accepted);
    assert_eq!(again.header(replayed), Some("true"));
    let body = json!({ "content": "ho" });
    let other = server.post_with_key(&path, "input-1", &body).await;
    other.expect_problem(422, "idempotency_conflict");
    assert_eq!(worker.transcript("").await["last_sequence"], 2);
}

#[tokio::test]
async fn fifty_workers_reply_at_the_same_time_without_mixing_their_replies() {
    let server = TestServer::start().await;
    let conversation = async |n: usize| {
        let worker = server.create_worker().await;
        let events = worker.run(&format!("only for number {n}!")).await;
        let reply = output(&events);
        assert!(reply.contains(&format!("number {n}!")), "{reply}");
    };
    in_time(join_all((0..50).map(conversation))).await;
    let counts = server.get(EMBEDDED).await.expect(200)["counts"].clone();
    assert_eq!(counts["workers"]["idle"], 50);
    assert_eq!(counts["active_runs"], 0);
}

#[tokio::test]
async fn the_server_describes_itself_and_its_health() {
    let server = TestServer::start().await;
    let workspace = server.get("/api/workspace").await.expect(200);
    assert_eq!(workspace["display_name"], "Workspace");
    assert_eq!(workspace["server_version"], env!("CARGO_PKG_VERSION"));
    find(&workspace["limits"], "name", "body_bytes");
    for path in ["/healthz", "/readyz"] {
        server.send(server.anonymous("GET", path)).await.expect(200);
    }
    let metrics = server.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(
        metrics.text().contains("backend-internal"),
        "{}",
        metrics.text()
    );
    let document = server.get("/api/openapi.json").await.expect(200);
    assert_eq!(document["openapi"], "3.1.0");
}
