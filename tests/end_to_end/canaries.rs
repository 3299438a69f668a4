//! Secrets planted in every place that a leak could come from, and a search for them in
//! everything that leaves the server: responses, headers, events, metrics, logs.

use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};
use testkit::canary::assert_absent;
use testkit::client::{Client, EMBEDDED, LOCAL};
use testkit::json::{items, text};
use testkit::local_records::{SECRETS, record, write, write_bytes};

use crate::process::ServerProcess;

#[tokio::test]
async fn no_planted_secret_is_in_any_response_or_log_line() {
    let home = tempfile::Builder::new()
        .prefix("CANARY-home")
        .tempdir()
        .unwrap();
    let workspace = home.path().join("CANARY-workspace");
    let data = home.path().join("CANARY-data");
    std::fs::create_dir_all(&workspace).unwrap();
    let readable = record("readable name", &workspace);
    write(&data.join("workers/CANARY-directory"), &readable);
    let mut odd = record("~/CANARY-path/of/somebody", &workspace);
    odd["resolved_manifest_snapshot"]["profile"]["source"]["provenance"] = json!("canary-profile");
    write(&data.join("pods/CANARY-pod"), &odd);
    let other = record("CANARY-other-workspace", home.path());
    write(&data.join("workers/CANARY-other"), &other);
    let broken = b"{\"worker_name\":\"CANARY-broken";
    write_bytes(&data.join("workers/CANARY-broken"), broken);

    let profiles = home.path().join("CANARY-profiles");
    std::fs::create_dir(&profiles).unwrap();
    let profile = "id: safe\ndescription: A safe profile\n\nCANARY-instructions";
    std::fs::write(profiles.join("CANARY-file"), profile).unwrap();

    let variables = [
        ("YOI_PROFILE_DIR", profiles.to_str().unwrap()),
        ("OPENAI_API_KEY", "CANARY-openai-key"),
        ("ANTHROPIC_API_KEY", "CANARY-anthropic-key"),
        ("YOI_DATA_DIR", data.to_str().unwrap()),
        ("YOI_WORKSPACE", workspace.to_str().unwrap()),
        ("YOI_SECRET", "CANARY-environment"),
    ];
    let args = "--log trace --log-format json --offline-pace-ms 0";
    let args: Vec<_> = args.split(' ').collect();
    let server = ServerProcess::start(home.path(), &args, &variables).await;
    let client = server.client.recording();
    let content = "CONTENT-of-a-conversation";
    use_local_records(&client, content).await;
    use_embedded_runtime(&client, content).await;
    use_profile(&client, content).await;
    provoke_refusals(&client).await;
    let (responses, line) = (client.recorded(), server.line.clone());
    let token = server.client.token.clone();
    let of_the_file = secrets_of_server_file(home.path());
    server.signal(Signal::TERM);
    let ended = server.ended().await;
    assert!(ended.status.success());

    assert!(responses.contains("readable name") && responses.contains(content));
    assert!(ended.log.contains("yoi::audit"), "{}", ended.log);
    let mut secrets = vec!["canary"];
    secrets.extend(SECRETS);
    assert_absent("the line", &line, &secrets);
    secrets.push(&token);
    secrets.extend(of_the_file.iter().map(String::as_str));
    assert_absent("the responses", &responses, &secrets);
    secrets.push(content);
    assert_absent("the log", &ended.log, &secrets);
}

/// What says which workspace a server file is of, and the key that it is made with.
fn secrets_of_server_file(home: &Path) -> [String; 2] {
    let directory = home.join("yoi");
    let entries = std::fs::read_dir(&directory).unwrap();
    let mut names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let name = names.find(|name| name.starts_with("server-")).unwrap();
    let file = std::fs::read(directory.join(name)).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    let key = std::fs::read(directory.join("workspace-key")).unwrap();
    assert_eq!(key.len(), 32);
    let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    [text(&file["workspace_hash"]).to_owned(), key]
}

/// Every operation on the local records, of which there are two.
async fn use_local_records(client: &Client, content: &str) {
    let local = client.get(&format!("{LOCAL}/workers")).await.expect(200);
    assert_eq!(items(&local["items"]).len(), 2, "{local}");
    for worker in items(&local["items"]) {
        let path = format!("{LOCAL}/workers/{}", text(&worker["worker_id"]));
        client.get(&path).await;
        client.get(&format!("{path}/transcript")).await;
        let body = json!({ "content": content });
        client.post(&format!("{path}/input"), &body).await;
    }
}

/// A worker with a profile of one's own.
async fn use_profile(client: &Client, content: &str) {
    let body = json!({ "profile": "local:safe" });
    let created = client.post(&format!("{EMBEDDED}/workers"), &body).await;
    let worker = client.worker(text(&created.expect(201)["worker_id"]));
    worker.run(content).await;
    worker.transcript("").await;
}

/// Every operation on the server and on a worker of the embedded runtime.
pub(crate) async fn use_embedded_runtime(client: &Client, content: &str) {
    let server = ["/api/workspace", "/api/runtimes", "/api/workers"];
    for path in server.into_iter().chain([LOCAL, EMBEDDED, "/metrics"]) {
        client.get(path).await;
    }
    let worker = client.create_worker().await;
    worker.run(content).await;
    worker.detail().await;
    worker.transcript("").await;
    worker.cancel(&json!({})).await;
    worker.stop().await;
}

/// Requests that are refused, with secrets in every part of them.
async fn provoke_refusals(client: &Client) {
    for path in [
        "/CANARY-route",
        "/api/runtimes/CANARY-runtime",
        "/api/runtimes/canary%00/workers",
        "/api/workers?CANARY-parameter=1",
        "/api/workers?page_token=CANARY-token",
        "/api/workers?state=CANARY-state",
        "/api/runtimes/backend-internal/workers/x/events?after=CANARY-cursor",
    ] {
        client.get(path).await;
        client.send(client.anonymous("DELETE", path)).await;
        client.send(client.request("DELETE", path)).await;
    }
    for body in [
        json!({ "CANARY-field": 1 }),
        json!({ "profile": "CANARY profile" }),
        json!({ "display_name": "CANARY\u{1b}" }),
        json!(["CANARY-array"]),
        json!("CANARY-text"),
    ] {
        client.post(&format!("{EMBEDDED}/workers"), &body).await;
    }
    for (name, value) in [
        ("authorization", "Bearer CANARY-wrong-token-CANARY-wrong"),
        ("host", "CANARY-host"),
        ("origin", "http://CANARY-origin"),
        ("cookie", "yoi_session=CANARY-cookie"),
        ("x-request-id", "CANARY-request-id"),
        ("user-agent", "CANARY-agent"),
        ("referer", "CANARY"),
    ] {
        let request = client.anonymous("GET", "/api/workspace");
        client.send(request.header(name, value)).await;
    }
    let request = client.anonymous("POST", "/api/workspace");
    let request = request.header("content-type", "CANARY/type");
    client.send(request.body("CANARY-body")).await;
}
