//! Secrets planted in every place that a leak could come from, and a search for them in
//! everything that leaves the server: answers, headers, events, metrics, logs.

use std::fmt::Write as _;

use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::fixture::{EMBEDDED, LOCAL, client};
use crate::process::ServerProcess;
use crate::records::{SECRETS, record, write, write_bytes};

/// Everything that was heard of the server.
pub(crate) struct Ear<'a> {
    server: &'a ServerProcess,
    http: reqwest::Client,
    heard: String,
}

impl<'a> Ear<'a> {
    /// An ear that has heard nothing yet.
    pub(crate) fn at(server: &'a ServerProcess) -> Self {
        Self {
            server,
            http: client(),
            heard: String::new(),
        }
    }

    /// Everything that was heard.
    pub(crate) fn into_heard(self) -> String {
        self.heard
    }

    async fn hear(&mut self, method: Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}{path}", self.server.base);
        let mut request = self
            .http
            .request(method, url)
            .bearer_auth(&self.server.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status();
        let headers = format!("{:?}", response.headers());
        let text = response.text().await.expect("a body");
        writeln!(self.heard, "{status} {headers} {text}").expect("a string");
        serde_json::from_str(&text).unwrap_or_default()
    }

    async fn get(&mut self, path: &str) -> Value {
        self.hear(Method::GET, path, None).await
    }

    async fn post(&mut self, path: &str, body: Value) -> Value {
        self.hear(Method::POST, path, Some(body)).await
    }
}

#[tokio::test]
async fn nothing_planted_is_ever_heard_of_again() {
    let home = tempfile::Builder::new()
        .prefix("CANARY-home")
        .tempdir()
        .unwrap();
    let workspace = home.path().join("CANARY-workspace");
    let data = home.path().join("CANARY-data");
    std::fs::create_dir_all(&workspace).unwrap();
    write(
        &data,
        "workers/CANARY-directory",
        &record("readable name", &workspace),
    );
    let mut odd = record("~/CANARY-path/of/somebody", &workspace);
    odd["resolved_manifest_snapshot"]["profile"]["source"]["provenance"] = json!("canary-profile");
    write(&data, "pods/CANARY-pod", &odd);
    write(
        &data,
        "workers/CANARY-other",
        &record("CANARY-other-workspace", home.path()),
    );
    write_bytes(
        &data.join("workers/CANARY-broken"),
        b"{\"worker_name\":\"CANARY-broken",
    );

    let workspace_text = workspace.to_str().unwrap();
    let variables = [
        ("OPENAI_API_KEY", "CANARY-openai-key"),
        ("ANTHROPIC_API_KEY", "CANARY-anthropic-key"),
        ("YOI_DATA_DIR", data.to_str().unwrap()),
        ("YOI_WORKSPACE", workspace_text),
        ("YOI_SECRET", "CANARY-environment"),
    ];
    let args = [
        "--log",
        "trace",
        "--log-format",
        "json",
        "--offline-pace-ms",
        "0",
    ];
    let server = ServerProcess::start(home.path(), &args, &variables).await;
    let mut ear = Ear::at(&server);
    let content = "CONTENT-of-a-conversation";
    read_local_records(&mut ear, content).await;
    converse(&mut ear, content).await;
    provoke(&mut ear).await;
    let (heard, line) = (ear.into_heard(), server.line.clone());
    let token = server.token.clone();
    server.signal(Signal::TERM);
    let ended = server.ended().await;
    assert!(ended.status.success());

    assert!(
        heard.contains("readable name") && heard.contains(content),
        "the test saw answers"
    );
    assert!(
        ended.log.contains("yoi::audit"),
        "the test saw the log: {}",
        ended.log
    );
    for (place, text) in [("answers", &heard), ("log", &ended.log), ("line", &line)] {
        let lower = text.to_lowercase();
        if let Some(at) = lower.find("canary") {
            let around = at.saturating_sub(120)..(at + 60).min(lower.len());
            panic!("in {place}: {}", &lower[around]);
        }
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} in {place}");
        }
    }
    assert!(
        !ended.log.contains(&token) && !heard.contains(&token),
        "the token is shown once"
    );
    assert!(!ended.log.contains(content), "content belongs in no log");
}

/// Everything that a client can do with the local records, of which there are two.
async fn read_local_records(ear: &mut Ear<'_>, content: &str) {
    let local = ear.get(&format!("{LOCAL}/workers")).await;
    assert_eq!(local["items"].as_array().unwrap().len(), 2, "{local}");
    for worker in local["items"].as_array().unwrap() {
        let path = format!("{LOCAL}/workers/{}", worker["worker_id"].as_str().unwrap());
        ear.get(&path).await;
        ear.get(&format!("{path}/transcript")).await;
        ear.post(&format!("{path}/input"), json!({ "content": content }))
            .await;
    }
}

/// Everything that a client can do with the server and a worker of the embedded runtime.
pub(crate) async fn converse(ear: &mut Ear<'_>, content: &str) {
    for path in [
        "/api/workspace",
        "/api/runtimes",
        LOCAL,
        EMBEDDED,
        "/api/workers",
        "/metrics",
    ] {
        ear.get(path).await;
    }
    let worker = ear.post(&format!("{EMBEDDED}/workers"), json!({})).await;
    let path = format!(
        "{EMBEDDED}/workers/{}",
        worker["worker_id"].as_str().unwrap()
    );
    let sent = ear
        .post(&format!("{path}/input"), json!({ "content": content }))
        .await;
    let mut cursor = sent["cursor"].as_str().unwrap().to_owned();
    loop {
        let batch = ear
            .get(&format!("{path}/events?after={cursor}&wait_ms=30000"))
            .await;
        let events = batch["events"].as_array().unwrap();
        if events.iter().any(|event| event["kind"] == "run_finished") {
            break;
        }
        cursor = batch["next_cursor"].as_str().unwrap().to_owned();
    }
    ear.get(&path).await;
    ear.get(&format!("{path}/transcript")).await;
    ear.post(&format!("{path}/cancel"), json!({})).await;
    ear.post(&format!("{path}/stop"), json!({})).await;
}

/// Requests that are refused, with secrets in every part of them.
async fn provoke(ear: &mut Ear<'_>) {
    for path in [
        "/CANARY-route",
        "/api/runtimes/CANARY-runtime",
        "/api/runtimes/canary%00/workers",
        "/api/workers?CANARY-parameter=1",
        "/api/workers?page_token=CANARY-token",
        "/api/workers?state=CANARY-state",
        "/api/runtimes/backend-internal/workers/x/events?after=CANARY-cursor",
    ] {
        ear.get(path).await;
        ear.hear(Method::DELETE, path, None).await;
    }
    let workers = format!("{EMBEDDED}/workers");
    for body in [
        json!({ "CANARY-field": 1 }),
        json!({ "profile": "CANARY profile" }),
        json!({ "display_name": "CANARY\u{1b}" }),
        json!(["CANARY-array"]),
        json!("CANARY-text"),
    ] {
        ear.post(&workers, body).await;
    }
    let url = format!("{}/api/workspace", ear.server.base);
    for request in [
        ear.http
            .get(&url)
            .bearer_auth("CANARY-wrong-token-CANARY-wrong"),
        ear.http.get(&url).header("host", "CANARY-host"),
        ear.http.get(&url).header("origin", "http://CANARY-origin"),
        ear.http
            .get(&url)
            .header("cookie", "yoi_session=CANARY-cookie"),
        ear.http
            .post(&url)
            .header("content-type", "CANARY/type")
            .body("CANARY-body"),
        ear.http
            .get(&url)
            .header("x-request-id", "CANARY-request-id"),
        ear.http
            .get(&url)
            .header("user-agent", "CANARY-agent")
            .header("referer", "CANARY"),
    ] {
        let response = request.send().await.expect("an answer");
        let headers = format!("{:?}", response.headers());
        let text = response.text().await.expect("a body");
        writeln!(ear.heard, "{headers} {text}").expect("a string");
    }
}
