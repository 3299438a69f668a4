//! A client of the API that speaks of workers, inputs and events.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::deadline::{TIMEOUT, in_time};
use crate::http::{RequestBuilder, Response, send};
use crate::json::{items, text};

/// The path of the embedded runtime.
pub const EMBEDDED: &str = "/api/runtimes/backend-internal";
/// The path of the local records.
pub const LOCAL: &str = "/api/runtimes/local-compat";

/// A client with the token of one server. A cheap `Clone`; clones share connections.
#[derive(Debug, Clone)]
pub struct Client {
    /// `http://HOST:PORT`.
    pub base: String,
    /// The token; empty for a server that wants none.
    pub token: String,
    http: reqwest::Client,
    recorded: Option<Arc<Mutex<String>>>,
}

impl Client {
    /// A client of the server at `base`.
    pub fn new(base: String, token: String) -> Self {
        // Plain HTTP needs no certificate authorities.
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .tls_certs_only([])
            .build()
            .expect("an HTTP client");
        Self {
            base,
            token,
            http,
            recorded: None,
        }
    }

    /// The same client, which records the responses to all requests that it and its workers send.
    pub fn recording(&self) -> Self {
        Self {
            recorded: Some(Arc::default()),
            ..self.clone()
        }
    }

    /// Status, headers and bodies of the responses since [`Client::recording`].
    pub fn recorded(&self) -> String {
        let recorded = self.recorded.as_ref().expect("it records");
        recorded.lock().expect("no panic holds it").clone()
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        let address = self.base.trim_start_matches("http://").parse();
        address.expect("a socket address")
    }

    /// A request without the token.
    pub fn anonymous(&self, method: &str, path: &str) -> RequestBuilder {
        let method = method.parse().expect("a method");
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// A request with the token.
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(&self.token)
    }

    /// Sends a request.
    pub async fn send(&self, request: RequestBuilder) -> Response {
        let response = send(request).await;
        if let Some(recorded) = &self.recorded {
            *recorded.lock().expect("no panic holds it") += &response.whole();
        }
        response
    }

    /// Reads `path`.
    pub async fn get(&self, path: &str) -> Response {
        self.send(self.request("GET", path)).await
    }

    /// Posts `body` to `path`.
    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.send(self.request("POST", path).json(body)).await
    }

    /// [`Client::post`] with an `Idempotency-Key`.
    pub async fn post_with_key(&self, path: &str, key: &str, body: &Value) -> Response {
        let request = self.request("POST", path).json(body);
        self.send(request.header("idempotency-key", key)).await
    }

    /// A new worker of the embedded runtime.
    pub async fn create_worker(&self) -> Worker {
        let created = self.post(&format!("{EMBEDDED}/workers"), &json!({})).await;
        self.worker(text(&created.expect(201)["worker_id"]))
    }

    /// The worker of the embedded runtime with this id.
    pub fn worker(&self, id: &str) -> Worker {
        Worker {
            client: self.clone(),
            id: id.to_owned(),
            path: format!("{EMBEDDED}/workers/{id}"),
        }
    }

    /// Waits until `count` other requests are in flight, as the server's metrics have it.
    pub async fn until_in_flight(&self, count: usize) {
        let line = format!("yoi_http_requests_in_flight {}", count + 1);
        in_time(async { while !self.get("/metrics").await.text().lines().any(|l| l == line) {} })
            .await;
    }
}

/// A worker of the embedded runtime. A cheap `Clone`.
#[derive(Debug, Clone)]
pub struct Worker {
    /// Its id.
    pub id: String,
    /// Its path in the API.
    pub path: String,
    client: Client,
}

impl Worker {
    /// The worker itself.
    pub async fn detail(&self) -> Value {
        self.client.get(&self.path).await.expect(200)
    }

    /// The cursor behind the last event.
    pub async fn latest_cursor(&self) -> String {
        let detail = self.detail().await;
        text(&detail["conversation"]["latest_cursor"]).to_owned()
    }

    /// Sends an input that must be accepted.
    pub async fn send(&self, content: &str) -> Value {
        self.try_send(content).await.expect(202)
    }

    /// Sends an input.
    pub async fn try_send(&self, content: &str) -> Response {
        let path = format!("{}/input", self.path);
        self.client
            .post(&path, &json!({ "content": content }))
            .await
    }

    /// Sends an input and reads the events after it, up to the end of its run.
    pub async fn run(&self, content: &str) -> Vec<Value> {
        let accepted = self.send(content).await;
        self.run_events_after(text(&accepted["cursor"])).await
    }

    /// One page of the events after `cursor`. Waits until there are some, at most 30 s.
    pub async fn events_after(&self, cursor: &str) -> Value {
        let path = format!("{}/events?after={cursor}&wait_ms=30000", self.path);
        self.client.get(&path).await.expect(200)
    }

    /// The events after `cursor` up to the page with the end of a run.
    pub async fn run_events_after(&self, cursor: &str) -> Vec<Value> {
        let mut cursor = cursor.to_owned();
        let mut events = Vec::new();
        loop {
            let page = self.events_after(&cursor).await;
            let new = items(&page["events"]);
            assert!(!new.is_empty(), "the run does not end: {events:?}");
            events.extend_from_slice(new);
            if new.iter().any(|event| event["kind"] == "run_finished") {
                return events;
            }
            text(&page["next_cursor"]).clone_into(&mut cursor);
        }
    }

    /// Cancels a run with this request body.
    pub async fn cancel(&self, body: &Value) -> Response {
        self.client
            .post(&format!("{}/cancel", self.path), body)
            .await
    }

    /// Stops the worker.
    pub async fn stop(&self) -> Response {
        self.client
            .post(&format!("{}/stop", self.path), &json!({}))
            .await
    }

    /// Gives the worker another name.
    pub async fn rename(&self, name: &str) -> Response {
        let request = self.client.request("PATCH", &self.path);
        let body = json!({ "display_name": name });
        self.client.send(request.json(&body)).await
    }

    /// Deletes the worker.
    pub async fn delete(&self) -> Response {
        let request = self.client.request("DELETE", &self.path);
        self.client.send(request).await
    }

    /// A page of the transcript; `query` is empty or begins with `?`.
    pub async fn transcript(&self, query: &str) -> Value {
        let path = format!("{}/transcript{query}", self.path);
        self.client.get(&path).await.expect(200)
    }
}

/// The text of the deltas among `events`.
pub fn output(events: &[Value]) -> String {
    events
        .iter()
        .filter_map(|event| event["text"].as_str())
        .collect()
}
