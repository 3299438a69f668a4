//! A disk without space.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use testkit::client::{Client, EMBEDDED};
use testkit::json::{each, text};
use testkit::provider::{ScriptedProvider, ScriptedResponse};
use tokio::sync::Notify;

use crate::process::ServerProcess;

/// Bytes of the disk: room for a new store and a few workers.
const DISK_BYTES: u32 = 1024 * 1024;

/// Writes a file that leaves no byte free.
fn fill(path: &PathBuf) {
    let mut file = File::create(path).unwrap();
    for bytes in [4_096, 1] {
        while file.write_all(&vec![0; bytes]).is_ok() {}
    }
}

async fn status(client: &Client) -> String {
    text(&client.get(EMBEDDED).await.expect(200)["status"]).to_owned()
}

#[tokio::test]
async fn a_full_disk_refuses_what_is_new_and_loses_nothing() {
    let home = tempfile::tempdir().unwrap();
    let disk = home.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let file = disk.join("workers.sqlite3");
    let provider = ScriptedProvider::start().await;
    provider.respond_with(|_| ScriptedResponse::openai(&["hello"]));
    let endpoint = format!("http://{}/v1", provider.address);
    let store = file.to_str().unwrap();
    let args = [
        "--store",
        store,
        "--model",
        "m",
        "--model-endpoint",
        &endpoint,
    ];
    let server = ServerProcess::start_with_disk(home.path(), &disk, DISK_BYTES, &args).await;
    let client = &server.client;
    let (talking, quiet) = (client.create_worker().await, client.create_worker().await);
    quiet.run("hello").await;
    let is_full = Arc::new(Notify::new());
    let reply = ScriptedResponse::event_stream();
    let reply = reply.delta("first, ").wait_for(&is_full);
    provider.enqueue(reply.delta("last").end("stop"));
    let accepted = talking.send("hello").await;

    let seen = disk.strip_prefix("/").unwrap();
    let filler = server.root().join(seen).join("filler");
    fill(&filler);
    let workers = format!("{EMBEDDED}/workers");
    let create = client.post_with_key(&workers, "once", &json!({})).await;
    let problem = create.expect_problem(503, "runtime_unavailable");
    assert_eq!(
        (&problem["reason"], &problem["retryable"]),
        (&json!("store_full"), &json!(true))
    );
    let input = quiet.try_send("more").await;
    let problem = input.expect_problem(503, "runtime_unavailable");
    assert_eq!(problem["reason"], "store_full");
    let renamed = quiet.rename("Bob").await;
    assert_eq!(
        renamed.expect_problem(503, "runtime_unavailable")["reason"],
        "store_full"
    );
    assert_eq!(status(client).await, "degraded");
    assert_eq!(
        quiet.transcript("").await["entries"]
            .as_array()
            .unwrap()
            .len(),
        2
    );

    // The reply becomes whole, but its worker runs until its end is stored.
    is_full.notify_one();
    let mut cursor = text(&accepted["cursor"]).to_owned();
    loop {
        let batch = talking.events_after(&cursor).await;
        let kinds = each(&batch["events"], "kind");
        assert!(kinds.iter().all(|kind| **kind == "output_delta"), "{batch}");
        cursor = text(&batch["next_cursor"]).to_owned();
        if text(&batch["events"].as_array().unwrap().last().unwrap()["text"]).ends_with("last") {
            break;
        }
    }
    assert_eq!(talking.detail().await["state"], "running");
    fs::remove_file(&filler).unwrap();
    let events = talking.run_events_after(&cursor).await;
    assert_eq!(events.last().unwrap()["outcome"], "completed");
    assert_eq!(status(client).await, "available");

    let created = client.post_with_key(&workers, "once", &json!({})).await;
    assert_eq!(
        (created.status, created.header("idempotency-replayed")),
        (201, None)
    );
    quiet.run("more").await;
    let contents = quiet.transcript("").await;
    let contents = each(&contents["entries"], "content");
    assert_eq!((contents.len(), contents[2]), (4, &json!("more")));
}
