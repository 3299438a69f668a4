//! A store that takes its time, or doesn't answer at all.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use testkit::client::EMBEDDED;
use testkit::json::{each, text};
use testkit::server::{TestServer, long_input, offline};
use worker_runtime::store::memory_store::MemoryStore;
use worker_runtime::store::scripted_store::{Fault, Operation, ScriptedStore, When};
use yoi_workspace_server::ServerConfig;
use yoi_workspace_server::config::StoreSetting;

/// A server on a store that does what it is told to.
async fn start(configure: impl FnOnce(&mut ServerConfig)) -> (TestServer, Arc<ScriptedStore>) {
    let store = Arc::new(ScriptedStore::new(Arc::new(MemoryStore::new())));
    let own = StoreSetting::Own(Arc::clone(&store) as _);
    let server = TestServer::start_with(|config| {
        config.store = own;
        config.engine = offline(Duration::from_millis(5));
        configure(config);
    });
    (server.await, store)
}

#[tokio::test]
async fn a_slow_commit_holds_up_no_reader_and_no_other_worker() {
    let (server, store) = start(|config| {
        // Twenty seconds: the reply is still being written when the test has read some of it.
        config.engine = offline(Duration::from_millis(100));
    })
    .await;
    let (talking, waiting) = (server.create_worker().await, server.create_worker().await);
    let accepted = talking.send(&long_input()).await;
    store.disturb(Operation::Commit, When::Every, Fault::Hang);
    let sender = waiting.clone();
    let sent = tokio::spawn(async move { sender.try_send("hello").await });
    store.hanging(1).await;

    let mut cursor = text(&accepted["cursor"]).to_owned();
    for _ in 0..10 {
        let batch = talking.events_after(&cursor).await;
        assert!(
            each(&batch["events"], "kind")
                .iter()
                .all(|kind| **kind == "output_delta")
        );
        cursor = text(&batch["next_cursor"]).to_owned();
    }
    assert_eq!(waiting.detail().await["state"], "idle");
    assert_eq!(waiting.transcript("").await["entries"], json!([]));
    let listed = server.get("/api/workers").await.expect(200);
    assert_eq!(each(&listed["items"], "state"), ["idle", "running"]);
    assert!(!sent.is_finished());

    store.clear();
    store.release();
    sent.await.unwrap().expect(202);
}

#[tokio::test]
async fn a_commit_that_hangs_is_answered_in_time_and_its_outcome_can_be_asked_for() {
    let (server, store) = start(|config| {
        // For the mutations that nothing holds up, too.
        config.deadlines.mutation = Duration::from_secs(5);
    })
    .await;
    let worker = server.create_worker().await;
    store.disturb(Operation::Commit, When::Nth(1), Fault::Hang);
    let path = format!("{EMBEDDED}/workers/{}/input", worker.id);
    let input = json!({"content": "hello"});
    let late = server.post_with_key(&path, "once", &input).await;
    let problem = late.expect_problem(503, "runtime_unavailable");
    assert_eq!(problem["reason"], "deadline_exceeded");
    assert_eq!(worker.detail().await["state"], "idle");
    let other = worker.try_send("another").await;
    other.expect_problem(409, "worker_busy");

    store.release();
    let again = server.post_with_key(&path, "once", &input).await;
    let accepted = again.expect(202);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let events = worker.run_events_after(text(&accepted["cursor"])).await;
    assert_eq!(events.last().unwrap()["outcome"], "completed");
    assert_eq!(
        worker.transcript("").await["entries"][0]["content"],
        "hello"
    );
}

#[tokio::test]
async fn a_run_whose_end_is_not_stored_goes_on_and_says_so_in_the_end() {
    let (server, store) = start(|_| {}).await;
    let worker = server.create_worker().await;
    let accepted = worker.send("hello").await;
    store.disturb(
        Operation::Commit,
        When::Every,
        Fault::Fail(worker_runtime::store::StoreErrorKind::Full),
    );
    let events = worker.run_events_after(text(&accepted["cursor"])).await;
    let end = events.last().unwrap();
    assert_eq!(
        (&end["outcome"], &end["error_code"]),
        (&json!("failed"), &json!("store_failed"))
    );
    let runtime = server.get(EMBEDDED).await.expect(200);
    assert_eq!(runtime["status"], "degraded");
    assert_eq!(each(&runtime["diagnostics"], "code"), ["store_full"]);
    let refused = worker.try_send("more").await;
    let problem = refused.expect_problem(503, "runtime_unavailable");
    assert_eq!(problem["reason"], "store_full");

    store.clear();
    worker.run("more").await;
    let runtime = server.get(EMBEDDED).await.expect(200);
    assert_eq!(
        (&runtime["status"], &runtime["diagnostics"]),
        (&json!("available"), &json!([]))
    );
}
