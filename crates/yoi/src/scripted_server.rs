//! A server for tests: gives prepared answers, one a connection, and remembers what it heard.

use std::sync::{Arc, Mutex};

use registry_core::Cursor;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::args::ServerUrl;
use crate::client::Client;

/// The run that prepared events are about.
pub(crate) const RUN: &str = "run-1";

/// What the server does with one connection, once it has read the request.
pub(crate) enum Does {
    /// Answers with JSON.
    Answers(u16, Value),
    /// Answers with JSON, and asks for a pause of so many seconds.
    AnswersLater(u16, u32, Value),
    /// Answers with this text.
    Says(u16, &'static str),
    /// Sends the client to another address.
    Redirects(String),
    /// Closes the connection without a word.
    HangsUp,
    /// Closes the connection in the middle of an answer.
    BreaksOff,
    /// Sends a body without an end.
    NeverStops,
}

/// Closed, when its script has ended: nobody answers then.
pub(crate) struct ScriptedServer {
    url: ServerUrl,
    heard: Arc<Mutex<Vec<String>>>,
}

impl ScriptedServer {
    /// Starts on a free port of this machine.
    pub(crate) async fn start(script: impl IntoIterator<Item = Does>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        let script: Vec<_> = script.into_iter().collect();
        tokio::spawn(async move {
            for does in script {
                let (mut connection, _) = listener.accept().await.unwrap();
                let request = request(&mut connection).await;
                ears.lock().unwrap().push(request);
                carry_out(does, connection).await;
            }
        });
        Self { url, heard }
    }

    /// Where it answers.
    pub(crate) fn url(&self) -> &ServerUrl {
        &self.url
    }

    /// A client of this server, with a token.
    pub(crate) fn client(&self) -> Client {
        let token = "a-token-of-at-least-22-characters".parse().unwrap();
        Client::new(self.url.clone(), Some(token)).unwrap()
    }

    /// Every request, from its method to the end of its body.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// The first line of every request, without the version.
    pub(crate) fn asked(&self) -> Vec<String> {
        let first = |request: &String| request.lines().next().unwrap_or_default().to_owned();
        let heard = self.heard();
        heard
            .iter()
            .map(first)
            .map(|line| line.replace(" HTTP/1.1", ""))
            .collect()
    }
}

async fn request(connection: &mut TcpStream) -> String {
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
        assert_ne!(
            connection.read_buf(&mut bytes).await.unwrap(),
            0,
            "half a request"
        );
    }
}

async fn carry_out(does: Does, mut connection: TcpStream) {
    let (status, pause, body) = match does {
        Does::Answers(status, body) => (status, None, body.to_string()),
        Does::AnswersLater(status, pause, body) => (status, Some(pause), body.to_string()),
        Does::Says(status, body) => (status, None, body.to_owned()),
        Does::Redirects(to) => {
            let head = format!("HTTP/1.1 307 -\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
            let _ = connection.write_all(head.as_bytes()).await;
            return;
        }
        Does::HangsUp => return,
        Does::BreaksOff => {
            let _ = connection
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{")
                .await;
            return;
        }
        Does::NeverStops => {
            let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
            let mut sent = connection.write_all(head).await;
            while sent.is_ok() {
                sent = connection.write_all(&[b' '; 64 * 1024]).await;
            }
            return;
        }
    };
    let length = body.len();
    let pause = pause.map(|seconds| format!("retry-after: {seconds}\r\n"));
    let pause = pause.unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status} -\r\nconnection: close\r\n{pause}content-length: {length}\r\n\r\n"
    );
    let _ = connection
        .write_all(format!("{head}{body}").as_bytes())
        .await;
}

/// A cursor's text.
pub(crate) fn cursor(sequence: u64) -> String {
    Cursor::new(1, sequence).to_string()
}

/// A batch of events that ends at `sequence`.
pub(crate) fn batch(sequence: u64, events: impl IntoIterator<Item = Value>) -> Does {
    let events: Vec<_> = events
        .into_iter()
        .map(|mut event| {
            event["cursor"] = cursor(sequence).into();
            event["at"] = "2026-01-01T00:00:00Z".into();
            event
        })
        .collect();
    let batch = json!({"events": events, "next_cursor": cursor(sequence), "caught_up": true});
    Does::Answers(200, batch)
}

/// Text of the reply.
pub(crate) fn delta(text: &str) -> Value {
    json!({"kind": "output_delta", "run_id": RUN, "text": text})
}

/// The end of the run.
pub(crate) fn finished(outcome: &str) -> Value {
    json!({"kind": "run_finished", "run_id": RUN, "outcome": outcome})
}

/// A refusal.
pub(crate) fn problem(status: u16, code: &str) -> Does {
    let retryable = status >= 500;
    Does::Answers(
        status,
        json!({
            "type": format!("urn:yoi:problem:{code}"), "title": "Title", "status": status,
            "code": code, "detail": "Detail.", "retryable": retryable, "request_id": "r",
        }),
    )
}

/// A read is refused because too many answers wait; it may be repeated after `seconds`.
pub(crate) fn no_room(seconds: u32) -> Does {
    let problem = json!({
        "type": "urn:yoi:problem:capacity_exhausted", "title": "Title", "status": 429,
        "code": "capacity_exhausted", "detail": "Detail.", "retryable": true,
        "request_id": "r", "limit": "answer_bytes",
    });
    Does::AnswersLater(429, seconds, problem)
}

/// A transcript at the instant of event `sequence`; `more` are its other fields.
pub(crate) fn transcript(sequence: u64, entries: &Value, in_flight: Value) -> Does {
    let mut page = json!({
        "entries": entries, "has_earlier": true, "has_later": false, "cursor": cursor(sequence),
    });
    if !in_flight.is_null() {
        page["in_flight"] = in_flight;
    }
    Does::Answers(200, page)
}

/// A committed reply of the run.
pub(crate) fn reply(content: &str, partial: bool) -> Value {
    json!({
        "sequence": 4, "role": "assistant", "content": content, "run_id": RUN,
        "created_at": "2026-01-01T00:00:00Z", "partial": partial,
    })
}

/// The worker, with the end of its last run.
pub(crate) fn worker(state: &str, last_run: Value) -> Does {
    let mut conversation = json!({
        "transcript": {"entries": 0}, "latest_cursor": cursor(9),
        "usage": {"input_tokens": 0, "output_tokens": 0},
    });
    if !last_run.is_null() {
        conversation["last_run"] = last_run;
    }
    Does::Answers(
        200,
        json!({
            "runtime_id": "backend-internal", "worker_id": "w1",
            "display_ref": "w1@backend-internal", "display_name": "Worker",
            "implementation_kind": "embedded", "state": state, "capabilities": [],
            "diagnostics": [], "conversation": conversation,
        }),
    )
}
