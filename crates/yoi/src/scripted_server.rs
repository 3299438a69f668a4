//! A server for unit tests: sends prepared responses, one per connection, and records the
//! requests.

use std::sync::{Arc, Mutex};

use registry_core::{Cursor, WorkerRef};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::args::ServerUrl;
use crate::client::Client;
use crate::connect::Target;

/// The run that prepared events belong to.
pub(crate) const RUN: &str = "run-1";
pub(crate) const TOKEN: &str = "a-token-of-at-least-22-characters";

/// What the server does with one connection, once it has read the request.
pub(crate) enum Scripted {
    Json(u16, Value),
    /// With a `retry-after` header of so many seconds.
    JsonRetryAfter(u16, u32, Value),
    Text(u16, &'static str),
    Redirect(String),
    /// Closes the connection without a response.
    Close,
    /// Closes the connection in the middle of a response.
    Truncated,
    /// Sends a body without an end.
    Endless,
}

/// Refuses connections once its script has ended.
pub(crate) struct ScriptedServer {
    url: ServerUrl,
    requests: Arc<Mutex<Vec<String>>>,
}

impl ScriptedServer {
    pub(crate) async fn start(script: impl IntoIterator<Item = Scripted>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let recorded = Arc::clone(&requests);
        let script: Vec<_> = script.into_iter().collect();
        tokio::spawn(async move {
            for scripted in script {
                let (mut connection, _) = listener.accept().await.unwrap();
                let request = read_request(&mut connection).await;
                recorded.lock().unwrap().push(request);
                respond(scripted, connection).await;
            }
        });
        Self {
            url: url.parse().unwrap(),
            requests,
        }
    }

    pub(crate) fn url(&self) -> &ServerUrl {
        &self.url
    }

    pub(crate) fn target(&self) -> Target {
        Target::named(self.url.clone(), Some(TOKEN.parse().unwrap()))
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.target()).unwrap()
    }

    /// Every request, from its method to the end of its body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Method and target of every request.
    pub(crate) fn request_lines(&self) -> Vec<String> {
        let line = |request: &String| request.lines().next().unwrap().replace(" HTTP/1.1", "");
        self.requests().iter().map(line).collect()
    }
}

async fn read_request(connection: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return String::from_utf8(bytes).unwrap();
            }
        }
        let read = connection.read_buf(&mut bytes).await.unwrap();
        assert_ne!(read, 0, "half a request");
    }
}

async fn respond(scripted: Scripted, mut connection: TcpStream) {
    let (status, headers, body) = match scripted {
        Scripted::Json(status, body) => (status, String::new(), body.to_string()),
        Scripted::JsonRetryAfter(status, seconds, body) => {
            let headers = format!("retry-after: {seconds}\r\n");
            (status, headers, body.to_string())
        }
        Scripted::Text(status, body) => (status, String::new(), body.to_owned()),
        Scripted::Redirect(to) => (307, format!("location: {to}\r\n"), String::new()),
        Scripted::Close => return,
        Scripted::Truncated => {
            let head = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{";
            let _ = connection.write_all(head).await;
            return;
        }
        Scripted::Endless => {
            let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
            let mut sent = connection.write_all(head).await;
            while sent.is_ok() {
                sent = connection.write_all(&[b' '; 64 * 1024]).await;
            }
            return;
        }
    };
    let length = body.len();
    let response = format!(
        "HTTP/1.1 {status} -\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    let _ = connection.write_all(response.as_bytes()).await;
}

#[track_caller]
pub(crate) fn assert_contains(text: &str, part: &str) {
    assert!(text.contains(part), "no {part:?} in {text:?}");
}

/// The worker that prepared responses are about.
pub(crate) fn w1() -> WorkerRef {
    WorkerRef::new("backend-internal".parse().unwrap(), "w1".parse().unwrap())
}

pub(crate) fn cursor(sequence: u64) -> String {
    Cursor::new(1, sequence).to_string()
}

/// An accepted input, as entry `sequence`; its events begin after event `after`.
pub(crate) fn accepted(sequence: u64, after: u64) -> Scripted {
    let accepted = json!({"run_id": RUN, "sequence": sequence, "cursor": cursor(after)});
    Scripted::Json(202, accepted)
}

/// A batch of events that ends at `sequence`.
pub(crate) fn batch(sequence: u64, events: impl IntoIterator<Item = Value>) -> Scripted {
    let events: Vec<_> = events
        .into_iter()
        .map(|mut event| {
            event["cursor"] = cursor(sequence).into();
            if event.get("at").is_none() {
                event["at"] = "2026-01-01T00:00:00Z".into();
            }
            event
        })
        .collect();
    let batch = json!({"events": events, "next_cursor": cursor(sequence), "caught_up": true});
    Scripted::Json(200, batch)
}

pub(crate) fn delta(text: &str) -> Value {
    json!({"kind": "output_delta", "run_id": RUN, "text": text})
}

pub(crate) fn thought(text: &str) -> Value {
    json!({"kind": "reasoning_delta", "run_id": RUN, "text": text})
}

pub(crate) fn finished(outcome: &str) -> Value {
    json!({"kind": "run_finished", "run_id": RUN, "outcome": outcome})
}

/// A completed run that used 3 input tokens and 4 output tokens.
pub(crate) fn finished_with_usage() -> Value {
    let mut end = finished("completed");
    end["usage"] = json!({"input_tokens": 3, "output_tokens": 4});
    end
}

pub(crate) fn problem_json(status: u16, code: &str) -> Value {
    json!({
        "type": format!("urn:yoi:problem:{code}"), "title": "Title", "status": status,
        "code": code, "detail": "Detail.", "retryable": status >= 500, "request_id": "r",
    })
}

pub(crate) fn problem(status: u16, code: &str) -> Scripted {
    Scripted::Json(status, problem_json(status, code))
}

/// A read is refused because too many responses are in flight; it may be repeated after
/// `seconds`.
pub(crate) fn response_budget_exhausted(seconds: u32) -> Scripted {
    let mut problem = problem_json(429, "capacity_exhausted");
    problem["retryable"] = true.into();
    problem["limit"] = "unread_response_bytes".into();
    Scripted::JsonRetryAfter(429, seconds, problem)
}

/// A transcript page of the instant of event `sequence`, with the text so far of the run in
/// flight.
pub(crate) fn transcript(sequence: u64, entries: &Value, in_flight: Option<&str>) -> Scripted {
    Scripted::Json(200, transcript_json(sequence, entries, in_flight))
}

pub(crate) fn transcript_json(sequence: u64, entries: &Value, in_flight: Option<&str>) -> Value {
    let mut page = json!({
        "entries": entries, "has_earlier": true, "has_later": false, "cursor": cursor(sequence),
    });
    if let Some(text) = in_flight {
        page["in_flight"] = json!({"run_id": RUN, "phase": "answering", "text": text});
    }
    page
}

/// The entry of the run's reply.
pub(crate) fn reply_entry(content: &str, partial: bool) -> Value {
    json!({
        "sequence": 4, "role": "assistant", "content": content, "run_id": RUN,
        "created_at": "2026-01-01T00:00:00Z", "partial": partial,
    })
}

/// A worker was deleted.
pub(crate) fn deleted() -> Scripted {
    Scripted::Text(204, "")
}

/// A worker in `state`.
pub(crate) fn worker(state: &str) -> Scripted {
    worker_after(state, &Value::Null)
}

/// A worker in `state`, with the end of its last run.
pub(crate) fn worker_after(state: &str, last_run: &Value) -> Scripted {
    let mut worker = worker_summary("w1", state);
    worker["conversation"] = json!({
        "transcript": {"entries": 0}, "latest_cursor": cursor(9),
        "usage": {"input_tokens": 0, "output_tokens": 0, "incomplete_runs": 0},
        "last_run": last_run,
    });
    Scripted::Json(200, worker)
}

pub(crate) fn worker_summary(id: &str, state: &str) -> Value {
    json!({
        "runtime_id": "backend-internal", "worker_id": id,
        "display_ref": format!("{id}@backend-internal"), "display_name": "Worker",
        "implementation_kind": "embedded", "state": state, "capabilities": [],
        "diagnostics": [],
    })
}
