//! A server on a free port, and a client that speaks the domain's verbs.

use std::path::Path;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use yoi_workspace_server::ShutdownReport;
use yoi_workspace_server::config::EngineSetting;
use yoi_workspace_server::{Server, ServerConfig};

use crate::records;

/// Longest wait of a test for anything: far beyond what it should take, so that a hang is a
/// failure and not a stuck gate.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The embedded runtime, in every path.
pub(crate) const EMBEDDED: &str = "/api/runtimes/backend-internal";
/// The local records, in every path.
pub(crate) const LOCAL: &str = "/api/runtimes/local-compat";

/// A worker id and a run id that nothing has.
pub(crate) const NOBODY: &str = "0190a3c0-0000-7000-8000-000000000000";

/// A running server, and a client that may use it.
pub(crate) struct TestServer {
    pub(crate) base: String,
    pub(crate) token: String,
    pub(crate) http: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<ShutdownReport>,
    workspace: TempDir,
    data: TempDir,
}

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl TestServer {
    /// A server as it is by default, with a fast offline engine.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A server whose configuration was adapted.
    pub(crate) async fn start_with(adapt: impl FnOnce(&mut ServerConfig)) -> Self {
        let workspace = tempfile::tempdir().expect("a workspace");
        let mut config = ServerConfig::new(workspace.path().to_owned());
        config.engine = offline(Duration::from_millis(1));
        let data = tempfile::tempdir().expect("a data directory");
        config.local_data_dir = Some(data.path().to_owned());
        adapt(&mut config);
        let server = Server::bind(config).await.expect("the server starts");
        let base = format!("http://{}", server.address());
        let token = server
            .token()
            .map(|token| token.reveal().to_owned())
            .unwrap_or_default();
        let (stop, stops) = oneshot::channel();
        let running = tokio::spawn(server.serve(async {
            let _ = stops.await;
        }));
        let http = client();
        Self {
            base,
            token,
            http,
            stop: Some(stop),
            running,
            workspace,
            data,
        }
    }

    /// The workspace's root, for records that belong to it.
    pub(crate) fn workspace(&self) -> &Path {
        self.workspace.path()
    }

    /// The directory of local records.
    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    /// Writes a local record of this server's workspace.
    pub(crate) fn has_record(&self, directory: &str, name: &str) {
        records::write(
            self.data(),
            directory,
            &records::record(name, self.workspace()),
        );
    }

    /// Asks the server to end, and waits until it has.
    pub(crate) async fn end(mut self) -> ShutdownReport {
        let _ = self.stop.take().expect("ended once").send(());
        tokio::time::timeout(PATIENCE, self.running)
            .await
            .expect("an end")
            .expect("no panic")
    }

    /// A request with the token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::to(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn post_keyed(&self, path: &str, key: &str, body: &Value) -> Answer {
        Answer::to(
            self.request(Method::POST, path)
                .header("idempotency-key", key)
                .json(body),
        )
        .await
    }

    /// Waits until the server has `requests` requests in hand.
    pub(crate) async fn until_in_hand(&self, requests: usize) {
        until_in_hand(&self.http, &self.base, &self.token, requests).await;
    }

    /// A new worker of the embedded runtime.
    pub(crate) async fn create_worker(&self) -> TestWorker<'_> {
        let created = self
            .post(&format!("{EMBEDDED}/workers"), &json!({}))
            .await
            .expect(201);
        self.worker(created["worker_id"].as_str().expect("an id"))
    }

    /// A worker of the embedded runtime by its id.
    pub(crate) fn worker(&self, id: &str) -> TestWorker<'_> {
        TestWorker {
            server: self,
            id: id.to_owned(),
            path: format!("{EMBEDDED}/workers/{id}"),
        }
    }
}

/// A client that reuses no connection of another test and gives up in time.
pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .timeout(PATIENCE + PATIENCE)
        .build()
        .expect("a client")
}

/// Waits until the server at `base` has `requests` requests in hand, as its metrics say.
pub(crate) async fn until_in_hand(
    http: &reqwest::Client,
    base: &str,
    token: &str,
    requests: usize,
) {
    // The one that asks is in hand, too.
    let wanted = format!("yoi_http_requests_in_flight {}", requests + 1);
    let asked = async {
        loop {
            let metrics = Answer::to(http.get(format!("{base}/metrics")).bearer_auth(token)).await;
            if metrics.text.lines().any(|line| line == wanted) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asked)
        .await
        .expect("the requests arrive in time");
}

impl Answer {
    /// The answer to `request`.
    pub(crate) async fn to(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.expect("a body of text");
        Self {
            status,
            headers,
            text,
        }
    }

    /// The body, if the status is the expected one.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    /// The body, if the answer is a problem with this code and its status.
    #[track_caller]
    pub(crate) fn expect_problem(&self, status: u16, code: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["type"], format!("urn:yoi:problem:{code}"));
        assert_eq!(problem["status"], status);
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"));
        problem
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(name)
            .map(|value| value.to_str().expect("a header of text"))
    }
}

/// A worker of the embedded runtime.
pub(crate) struct TestWorker<'a> {
    server: &'a TestServer,
    pub(crate) id: String,
    pub(crate) path: String,
}

impl TestWorker<'_> {
    pub(crate) async fn detail(&self) -> Value {
        self.server.get(&self.path).await.expect(200)
    }

    /// Sends an input that must be accepted.
    pub(crate) async fn hears(&self, content: &str) -> Value {
        self.send(content).await.expect(202)
    }

    /// Sends an input.
    pub(crate) async fn send(&self, content: &str) -> Answer {
        self.server
            .post(
                &format!("{}/input", self.path),
                &json!({ "content": content }),
            )
            .await
    }

    /// Sends an input and reads its events until the run has ended.
    pub(crate) async fn answers(&self, content: &str) -> Vec<Value> {
        let accepted = self.hears(content).await;
        self.events_until_finished(accepted["cursor"].as_str().expect("a cursor"))
            .await
    }

    /// Reads events after `cursor` until a run has ended.
    pub(crate) async fn events_until_finished(&self, cursor: &str) -> Vec<Value> {
        let mut cursor = cursor.to_owned();
        let mut events = Vec::new();
        loop {
            let path = format!("{}/events?after={cursor}&wait_ms=30000", self.path);
            let batch = self.server.get(&path).await.expect(200);
            let new = batch["events"].as_array().expect("events").clone();
            assert!(!new.is_empty(), "the run ends within the longest wait");
            events.extend(new);
            if events.iter().any(|event| event["kind"] == "run_finished") {
                return events;
            }
            cursor = batch["next_cursor"].as_str().expect("a cursor").to_owned();
        }
    }

    pub(crate) async fn cancel(&self, body: &Value) -> Answer {
        self.server
            .post(&format!("{}/cancel", self.path), body)
            .await
    }

    pub(crate) async fn stop(&self) -> Answer {
        self.server
            .post(&format!("{}/stop", self.path), &json!({}))
            .await
    }

    pub(crate) async fn transcript(&self, query: &str) -> Value {
        self.server
            .get(&format!("{}/transcript{query}", self.path))
            .await
            .expect(200)
    }
}

/// The offline engine at this pace.
pub(crate) fn offline(pace: Duration) -> EngineSetting {
    EngineSetting::Offline { pace }
}

/// An input that keeps the offline engine busy: it quotes 200 words, one at a time.
pub(crate) fn long_input() -> String {
    "word ".repeat(200)
}

/// Every string in a JSON document, keys included.
pub(crate) fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(fields) => {
            for (name, field) in fields {
                found.push(name.clone());
                strings(field, found);
            }
        }
    }
}
