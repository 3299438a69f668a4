//! Secrets planted in every place that a leak could come from, and a search for them in
//! everything that leaves the server: responses, headers, events, metrics, logs.

use rustix::process::Signal;
use serde_json::{Value, json};
use testkit::canary::assert_absent;
use testkit::client::{Client, EMBEDDED, LOCAL};
use testkit::http::{RequestBuilder, send};
use testkit::json::{items, text};
use testkit::local_records::{SECRETS, record, write, write_bytes};

use crate::process::ServerProcess;

/// A client that records every response.
pub(crate) struct Recorder {
    client: Client,
    recorded: String,
}

impl Recorder {
    pub(crate) fn new(server: &ServerProcess) -> Self {
        Self {
            client: server.client.clone(),
            recorded: String::new(),
        }
    }

    /// Status, headers and bodies of all responses.
    pub(crate) fn into_recorded(self) -> String {
        self.recorded
    }

    async fn send(&mut self, request: RequestBuilder) -> Value {
        let response = send(request).await;
        self.recorded += &response.whole();
        serde_json::from_slice(&response.body).unwrap_or_default()
    }

    async fn get(&mut self, path: &str) -> Value {
        self.send(self.client.request("GET", path)).await
    }

    async fn post(&mut self, path: &str, body: Value) -> Value {
        self.send(self.client.request("POST", path).json(&body))
            .await
    }
}

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

    let variables = [
        ("OPENAI_API_KEY", "CANARY-openai-key"),
        ("ANTHROPIC_API_KEY", "CANARY-anthropic-key"),
        ("YOI_DATA_DIR", data.to_str().unwrap()),
        ("YOI_WORKSPACE", workspace.to_str().unwrap()),
        ("YOI_SECRET", "CANARY-environment"),
    ];
    let args = "--log trace --log-format json --offline-pace-ms 0";
    let args: Vec<_> = args.split(' ').collect();
    let server = ServerProcess::start(home.path(), &args, &variables).await;
    let mut recorder = Recorder::new(&server);
    let content = "CONTENT-of-a-conversation";
    use_local_records(&mut recorder, content).await;
    use_embedded_runtime(&mut recorder, content).await;
    provoke_refusals(&mut recorder).await;
    let (responses, line) = (recorder.into_recorded(), server.line.clone());
    let token = server.client.token.clone();
    server.signal(Signal::TERM);
    let ended = server.ended().await;
    assert!(ended.status.success());

    assert!(responses.contains("readable name") && responses.contains(content));
    assert!(ended.log.contains("yoi::audit"), "{}", ended.log);
    let mut secrets = vec!["canary"];
    secrets.extend(SECRETS);
    assert_absent("the line", &line, &secrets);
    secrets.push(&token);
    assert_absent("the responses", &responses, &secrets);
    secrets.push(content);
    assert_absent("the log", &ended.log, &secrets);
}

/// Every operation on the local records, of which there are two.
async fn use_local_records(recorder: &mut Recorder, content: &str) {
    let local = recorder.get(&format!("{LOCAL}/workers")).await;
    assert_eq!(items(&local["items"]).len(), 2, "{local}");
    for worker in items(&local["items"]) {
        let path = format!("{LOCAL}/workers/{}", text(&worker["worker_id"]));
        recorder.get(&path).await;
        recorder.get(&format!("{path}/transcript")).await;
        let body = json!({ "content": content });
        recorder.post(&format!("{path}/input"), body).await;
    }
}

/// Every operation on the server and on a worker of the embedded runtime.
pub(crate) async fn use_embedded_runtime(recorder: &mut Recorder, content: &str) {
    let server = ["/api/workspace", "/api/runtimes", "/api/workers"];
    for path in server.into_iter().chain([LOCAL, EMBEDDED, "/metrics"]) {
        recorder.get(path).await;
    }
    let workers = format!("{EMBEDDED}/workers");
    let worker = recorder.post(&workers, json!({})).await;
    let path = format!("{EMBEDDED}/workers/{}", text(&worker["worker_id"]));
    let body = json!({ "content": content });
    let accepted = recorder.post(&format!("{path}/input"), body).await;
    let mut cursor = text(&accepted["cursor"]).to_owned();
    loop {
        let events = format!("{path}/events?after={cursor}&wait_ms=30000");
        let page = recorder.get(&events).await;
        let mut events = items(&page["events"]).iter();
        if events.any(|event| event["kind"] == "run_finished") {
            break;
        }
        text(&page["next_cursor"]).clone_into(&mut cursor);
    }
    recorder.get(&path).await;
    recorder.get(&format!("{path}/transcript")).await;
    recorder.post(&format!("{path}/cancel"), json!({})).await;
    recorder.post(&format!("{path}/stop"), json!({})).await;
}

/// Requests that are refused, with secrets in every part of them.
async fn provoke_refusals(recorder: &mut Recorder) {
    for path in [
        "/CANARY-route",
        "/api/runtimes/CANARY-runtime",
        "/api/runtimes/canary%00/workers",
        "/api/workers?CANARY-parameter=1",
        "/api/workers?page_token=CANARY-token",
        "/api/workers?state=CANARY-state",
        "/api/runtimes/backend-internal/workers/x/events?after=CANARY-cursor",
    ] {
        recorder.get(path).await;
        recorder
            .send(recorder.client.anonymous("DELETE", path))
            .await;
        recorder.send(recorder.client.request("DELETE", path)).await;
    }
    for body in [
        json!({ "CANARY-field": 1 }),
        json!({ "profile": "CANARY profile" }),
        json!({ "display_name": "CANARY\u{1b}" }),
        json!(["CANARY-array"]),
        json!("CANARY-text"),
    ] {
        recorder.post(&format!("{EMBEDDED}/workers"), body).await;
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
        let request = recorder.client.anonymous("GET", "/api/workspace");
        recorder.send(request.header(name, value)).await;
    }
    let request = recorder.client.anonymous("POST", "/api/workspace");
    let request = request.header("content-type", "CANARY/type");
    recorder.send(request.body("CANARY-body")).await;
}
