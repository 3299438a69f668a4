//! An embedding program's own engine, and what the runtime reports of its load.

use std::future::pending;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use testkit::client::EMBEDDED;
use testkit::deadline::in_time;
use testkit::json::text;
use testkit::server::TestServer;
use worker_runtime::{EngineError, Output, Turn, TurnEngine};
use yoi_workspace_server::config::EngineSetting;

/// Writes one thing and never ends.
struct EndlessEngine;

#[async_trait]
impl TurnEngine for EndlessEngine {
    async fn run(&self, _turn: Turn, output: Output) -> Result<(), EngineError> {
        output.push("words of the embedding program").await?;
        pending().await
    }
}

#[tokio::test]
async fn an_embedding_program_brings_its_own_engine() {
    let engine = EngineSetting::Own(Arc::new(EndlessEngine));
    let server = TestServer::start_with(|config| config.engine = engine).await;
    let worker = server.create_worker().await;
    let accepted = worker.send("hello").await;
    let page = worker.events_after(text(&accepted["cursor"])).await;
    assert_eq!(page["events"][0]["kind"], "output_delta");
    worker.cancel(&json!({})).await.expect(200);
    let reply = &worker.transcript("").await["entries"][1];
    assert_eq!(reply["content"], "words of the embedding program");
}

#[tokio::test]
async fn the_runtime_reports_how_many_pollers_wait_and_how_many_bytes_are_held() {
    let server = TestServer::start().await;
    let counts = async || server.get(EMBEDDED).await.expect(200)["counts"].clone();
    let before = counts().await;
    let load = (&before["waiting_pollers"], &before["held_bytes"]);
    assert_eq!(load, (&Value::from(0), &Value::from(0)));

    let worker = server.create_worker().await;
    assert!(counts().await["held_bytes"].as_u64() > Some(0));
    let cursor = worker.latest_cursor().await;
    let poll = tokio::spawn({
        let worker = worker.clone();
        async move { worker.events_after(&cursor).await }
    });
    in_time(async { while counts().await["waiting_pollers"] != 1 {} }).await;
    let metrics = server.get("/metrics").await;
    for line in [
        "yoi_runtime_waiting_pollers{runtime=\"backend-internal\"} 1\n",
        "yoi_runtime_held_bytes{runtime=\"backend-internal\"} ",
    ] {
        assert!(metrics.text().contains(line), "{}", metrics.text());
    }
    worker.stop().await.expect(200);
    poll.await.unwrap();
    assert_eq!(counts().await["waiting_pollers"], 0);
}
