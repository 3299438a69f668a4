//! An embedding program's own engine, and what the server says that it holds.

use std::future::pending;
use std::sync::Arc;
use std::thread;

use async_trait::async_trait;
use serde_json::Value;
use worker_runtime::{EngineError, Output, Turn, TurnEngine, Usage};
use yoi_workspace_server::config::EngineSetting;

use crate::fixture::{Answer, EMBEDDED, PATIENCE, TestServer};

/// Says one thing, and then nothing for ever.
struct Speechless;

#[async_trait]
impl TurnEngine for Speechless {
    async fn run(&self, _turn: Turn, output: Output) -> Result<Usage, EngineError> {
        output.push("words of the embedding program").await?;
        pending().await
    }
}

/// Says on which thread it is.
struct NamesItsThread;

#[async_trait]
impl TurnEngine for NamesItsThread {
    async fn run(&self, _turn: Turn, output: Output) -> Result<Usage, EngineError> {
        output
            .push(thread::current().name().unwrap_or_default())
            .await?;
        Ok(Usage::default())
    }
}

#[tokio::test]
async fn a_run_is_on_a_thread_that_serves_connections() {
    let engine = EngineSetting::Own(Arc::new(NamesItsThread));
    let server = TestServer::start_with(|config| config.engine = engine).await;
    let worker = server.create_worker().await;
    worker.answers("where are you?").await;
    let transcript = worker.transcript("").await;
    let thread = transcript["entries"][1]["content"].as_str().unwrap();
    assert!(thread.starts_with("serving-"), "{thread}");
}

#[tokio::test]
async fn an_embedding_program_brings_its_own_engine() {
    let engine = EngineSetting::Own(Arc::new(Speechless));
    let server = TestServer::start_with(|config| config.engine = engine).await;
    let worker = server.create_worker().await;
    let accepted = worker.hears("hello").await;
    let after = accepted["cursor"].as_str().unwrap();
    let events = format!("{}/events?after={after}&wait_ms=30000", worker.path);
    let batch = server.get(&events).await.expect(200);
    assert_eq!(batch["events"][0]["kind"], "output_delta");
    worker.cancel(&serde_json::json!({})).await.expect(200);
    let transcript = worker.transcript("").await;
    assert_eq!(
        transcript["entries"][1]["content"],
        "words of the embedding program"
    );
}

#[tokio::test]
async fn the_runtime_says_how_many_wait_and_how_many_bytes_it_holds() {
    let server = TestServer::start().await;
    let counts = async || server.get(EMBEDDED).await.expect(200)["counts"].clone();
    assert_eq!(
        (
            &counts().await["waiting_pollers"],
            &counts().await["held_bytes"]
        ),
        (&Value::from(0), &Value::from(0))
    );

    let worker = server.create_worker().await;
    assert!(counts().await["held_bytes"].as_u64() > Some(0));
    let cursor = worker.detail().await["conversation"]["latest_cursor"].clone();
    let path = format!(
        "{}/events?after={}&wait_ms=30000",
        worker.path,
        cursor.as_str().unwrap()
    );
    let url = format!("{}{path}", server.base);
    let poll = tokio::spawn(Answer::to(server.http.get(url).bearer_auth(&server.token)));
    let waiting = async { while counts().await["waiting_pollers"] != 1 {} };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("a poller that waits");
    let metrics = server.get("/metrics").await.text;
    let line = "yoi_runtime_waiting_pollers{runtime=\"backend-internal\"} 1\n";
    assert!(metrics.contains(line), "{metrics}");
    assert!(
        metrics.contains("yoi_runtime_held_bytes{runtime=\"backend-internal\"} "),
        "{metrics}"
    );

    worker.stop().await.expect(200);
    poll.await.unwrap().expect(200);
    assert_eq!(counts().await["waiting_pollers"], 0);
}
