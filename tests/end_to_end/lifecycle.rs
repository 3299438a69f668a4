//! Renaming and deleting workers, whatever they are doing.

use std::time::Duration;

use serde_json::json;
use testkit::client::EMBEDDED;
use testkit::deadline::in_time;
use testkit::json::{items, text};
use testkit::server::{TestServer, long_input, offline};

/// A server whose runs stay active until they are cancelled.
async fn slow_server() -> TestServer {
    let engine = offline(Duration::from_millis(50));
    TestServer::start_with(|config| config.engine = engine).await
}

#[tokio::test]
async fn a_new_name_shows_in_the_answer_the_detail_and_the_list() {
    let server = slow_server().await;
    let worker = server.create_worker().await;
    let mut expected = worker.detail().await;
    expected["display_name"] = "Zweiter".into();
    assert_eq!(worker.rename("Zweiter").await.expect(200), expected);
    assert_eq!(worker.detail().await, expected);
    let page = server.get("/api/workers").await.expect(200);
    assert_eq!(page["items"][0]["display_name"], "Zweiter");

    worker.send(&long_input()).await;
    let running = worker.rename("While it runs").await.expect(200);
    assert_eq!(running["state"], "running");
    worker.stop().await.expect(200);
    let stopped = worker.rename("Once it is stopped").await.expect(200);
    assert_eq!(stopped["state"], "stopped");
    assert_eq!(worker.detail().await["display_name"], "Once it is stopped");
}

#[tokio::test]
async fn a_name_that_is_none_changes_nothing() {
    let server = TestServer::start().await;
    let worker = server.create_worker().await;
    let before = worker.detail().await;
    for name in ["", " ", "a\nb", "\u{202e}", "\u{1b}[2J", &"x".repeat(81)] {
        let response = worker.rename(name).await;
        let problem = response.expect_problem(400, "invalid_body");
        assert_eq!(problem["field"], "display_name");
    }
    for body in [
        json!({}),
        json!({"display_name": null}),
        json!({"display_name": "a", "state": "idle"}),
    ] {
        let request = server.request("PATCH", &worker.path).json(&body);
        let response = server.send(request).await;
        response.expect_problem(400, "invalid_body");
    }
    let bare = server.request("PATCH", &worker.path);
    let undeclared = server.send(bare.body(r#"{"display_name":"a"}"#)).await;
    undeclared.expect_problem(415, "unsupported_media_type");
    assert_eq!(worker.detail().await, before);
}

#[tokio::test]
async fn a_deleted_worker_is_unknown_to_everything() {
    let server = TestServer::start().await;
    let (worker, other) = (server.create_worker().await, server.create_worker().await);
    worker.run("hello").await;
    let deleted = worker.delete().await;
    assert_eq!(deleted.status, 204);
    assert_eq!(deleted.text(), "");
    for response in [
        server.get(&worker.path).await,
        worker.try_send("hello?").await,
        worker.cancel(&json!({})).await,
        worker.stop().await,
        worker.rename("A name").await,
        worker.delete().await,
        server.get(&format!("{}/transcript", worker.path)).await,
        server.get(&format!("{}/events", worker.path)).await,
    ] {
        let problem = response.expect_problem(404, "unknown_worker");
        assert_eq!(problem["worker_id"], worker.id);
    }
    let page = server.get("/api/workers").await.expect(200);
    assert_eq!(items(&page["items"]).len(), 1);
    assert_eq!(page["items"][0]["worker_id"], other.id);

    other.stop().await.expect(200);
    assert_eq!(other.delete().await.status, 204);
    let runtime = server.get(EMBEDDED).await.expect(200);
    let workers = runtime["counts"]["workers"].as_object().unwrap();
    assert!(workers.values().all(|count| *count == 0), "{workers:?}");
    assert_eq!(runtime["counts"]["held_bytes"], 0);
}

#[tokio::test]
async fn deleting_a_running_worker_ends_its_run_and_the_wait_of_its_readers() {
    let server = slow_server().await;
    let worker = server.create_worker().await;
    let accepted = worker.send(&long_input()).await;
    let mut after = text(&accepted["cursor"]).to_owned();
    let reader = {
        let (client, worker) = (server.recording(), worker.clone());
        tokio::spawn(async move {
            loop {
                let events = format!("{}/events?after={after}&wait_ms=30000", worker.path);
                let response = client.get(&events).await;
                if response.status != 200 {
                    return response;
                }
                text(&response.expect(200)["next_cursor"]).clone_into(&mut after);
            }
        })
    };
    // Cancelled, stopped and gone; `long_input` alone would take more than half a minute.
    assert_eq!(in_time(worker.delete()).await.status, 204);
    let last = in_time(reader).await.unwrap();
    last.expect_problem(404, "unknown_worker");
    let runtime = server.get(EMBEDDED).await.expect(200);
    assert_eq!(runtime["counts"]["active_runs"], 0);
    assert_eq!(runtime["counts"]["waiting_pollers"], 0);
}

#[tokio::test]
async fn the_key_of_a_deleted_worker_creates_another_one() {
    let server = TestServer::start().await;
    let create = format!("{EMBEDDED}/workers");
    let body = json!({});
    let again = || server.post_with_key(&create, "key-1", &body);
    let first = again().await.expect(201);
    let id = text(&first["worker_id"]);
    assert_eq!(server.worker(id).delete().await.status, 204);
    let second = again().await;
    assert_eq!(second.header("idempotency-replayed"), None);
    let second = second.expect(201);
    assert_ne!(second["worker_id"], first["worker_id"]);
    let replayed = again().await;
    assert_eq!(replayed.header("idempotency-replayed"), Some("true"));
    assert_eq!(replayed.expect(201)["worker_id"], second["worker_id"]);
}

/// Both answer, and one of them deletes.
#[tokio::test]
async fn of_two_deletes_at_once_one_finds_nothing() {
    let server = slow_server().await;
    let worker = server.create_worker().await;
    worker.send(&long_input()).await;
    let (one, two) = tokio::join!(worker.delete(), worker.delete());
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404]);
}
