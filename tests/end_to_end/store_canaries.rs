//! The file of a store, its name and its language: a search for them in everything that leaves a
//! server, while the store works and after its file has gone.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::json;
use testkit::canary::assert_absent;
use testkit::client::{Client, EMBEDDED};
use testkit::json::text;

use crate::canaries::use_embedded_runtime;
use crate::process::{Ended, ServerProcess};

/// What would tell which file it is, or what kind of database.
const WORDS: [&str; 13] = [
    "canary",
    "sqlite",
    "rusqlite",
    "pragma",
    "insert into",
    "select ",
    "begin immediate",
    "database",
    "disk image",
    "disk i/o",
    "readonly",
    "-wal",
    "-shm",
];

async fn start(home: &Path) -> ServerProcess {
    let file = home.join("CANARY-store/CANARY-file");
    let variables = [("YOI_STORE", file.to_str().unwrap())];
    let args = "--log info --log-format json --offline-pace-ms 0";
    let args: Vec<_> = args.split(' ').collect();
    ServerProcess::start(home, &args, &variables).await
}

/// Everything that the runtime offers, and the events of a worker that stays.
async fn use_everything(client: &Client) -> String {
    use_embedded_runtime(client, "CONTENT-of-a-conversation").await;
    let worker = client.create_worker().await;
    worker.run("CONTENT-of-a-conversation").await;
    worker.rename("Other").await;
    let path = format!("{EMBEDDED}/workers/{}", worker.id);
    client.get(&format!("{path}/events")).await;
    worker.id.to_string()
}

/// Requests that a store that is gone can't grant, and those that it need not be asked for.
async fn use_without_store(client: &Client, worker: &str) {
    let path = format!("{EMBEDDED}/workers/{worker}");
    let refused = client
        .post(&format!("{path}/input"), &json!({"content": "x"}))
        .await;
    let problem = refused.expect_problem(503, "runtime_unavailable");
    assert_eq!(text(&problem["reason"]), "store_lost");
    let workers = format!("{EMBEDDED}/workers");
    client
        .post(&workers, &json!({}))
        .await
        .expect_problem(503, "runtime_unavailable");
    client.post(&format!("{path}/stop"), &json!({})).await;
    client.send(client.request("DELETE", &path)).await;
    for path in [
        &path,
        &format!("{path}/transcript"),
        &format!("{path}/events"),
    ] {
        client.get(path).await;
    }
    for path in [
        EMBEDDED,
        "/api/runtimes",
        "/api/workers",
        "/metrics",
        "/readyz",
    ] {
        client.get(path).await;
    }
}

async fn end(server: ServerProcess) -> Ended {
    server.signal(Signal::TERM);
    server.ended().await
}

fn search(server_line: &str, responses: &str, log: &str, home: &Path) {
    let home = home.to_str().unwrap();
    let secrets: Vec<&str> = WORDS.into_iter().chain([home]).collect();
    assert_absent("the line", server_line, &secrets);
    assert_absent("the responses", responses, &secrets);
    assert_absent("the log", log, &secrets);
}

#[tokio::test]
async fn nothing_tells_the_file_of_a_store_whether_it_works_or_fails() {
    let home = tempfile::Builder::new()
        .prefix("CANARY-home")
        .tempdir()
        .unwrap();
    let server = start(home.path()).await;
    let client = server.client.recording();
    let worker = use_everything(&client).await;
    let (responses, line) = (client.recorded(), server.line.clone());
    let ended = end(server).await;
    assert!(responses.contains("CONTENT-of-a-conversation"));
    assert!(ended.log.contains("workers restored"), "{}", ended.log);
    search(&line, &responses, &ended.log, home.path());

    // What another process left is read, then the file goes.
    let server = start(home.path()).await;
    let client = server.client.recording();
    client
        .get(&format!("{EMBEDDED}/workers/{worker}/transcript"))
        .await;
    fs::remove_file(home.path().join("CANARY-store/CANARY-file")).unwrap();
    use_without_store(&client, &worker).await;
    let (responses, line) = (client.recorded(), server.line.clone());
    let ended = end(server).await;
    assert!(responses.contains("store_lost"));
    assert!(ended.log.contains("store_lost"), "{}", ended.log);
    search(&line, &responses, &ended.log, home.path());
}
