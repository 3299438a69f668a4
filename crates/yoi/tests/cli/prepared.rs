//! A server with prepared answers, which can go away and come back at the same address.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

use serde_json::{Value, json};

const AT: &str = "2026-01-01T00:00:00Z";

/// Status and body of a response; without them the connection is closed.
pub(crate) type Answer = Option<(u16, Value)>;

/// A server that sends each answer to one connection, then goes away.
pub(crate) struct PreparedServer(JoinHandle<Vec<String>>);

impl PreparedServer {
    /// Listens at `address`.
    pub(crate) fn start(address: SocketAddr, answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let thread = std::thread::spawn(move || {
            let answer = |answer| respond(&listener.accept().unwrap().0, answer);
            answers.into_iter().map(answer).collect()
        });
        Self(thread)
    }

    /// Waits until all answers were sent; returns method and target of each request.
    pub(crate) fn requests(self) -> Vec<String> {
        self.0.join().unwrap()
    }
}

fn respond(mut stream: &TcpStream, answer: Answer) -> String {
    let mut reader = BufReader::new(stream);
    let mut request_line = String::new();
    reader.read_line(&mut request_line).unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().unwrap();
            }
            Some(_) => {}
            None => break,
        }
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    if let Some((status, body)) = answer {
        let body = body.to_string();
        let length = body.len();
        let head = format!("HTTP/1.1 {status} -\r\nconnection: close\r\ncontent-length: {length}");
        write!(stream, "{head}\r\n\r\n{body}").unwrap();
    }
    let end = request_line.find(" HTTP/").unwrap();
    request_line[..end].to_owned()
}

/// The idle worker `w1`, with the end of its last run.
pub(crate) fn worker(last_run: &Value) -> Answer {
    let worker = json!({
        "runtime_id": "backend-internal", "worker_id": "w1", "display_ref": "w1@backend-internal",
        "display_name": "Keeper", "implementation_kind": "embedded", "state": "idle",
        "capabilities": [], "diagnostics": [],
        "conversation": {
            "transcript": {"entries": 0}, "latest_cursor": cursor(9), "last_run": last_run,
            "usage": {"input_tokens": 0, "output_tokens": 0, "incomplete_runs": 0},
        },
    });
    Some((200, worker))
}

/// How the run `run` ended with its server.
pub(crate) fn interrupted(run: &str) -> Value {
    json!({
        "run_id": run, "outcome": "failed", "error_code": "interrupted", "finished_at": AT,
    })
}

pub(crate) fn accepted(run: &str) -> Answer {
    Some((
        202,
        json!({"run_id": run, "sequence": 1, "cursor": cursor(1)}),
    ))
}

/// Events that say `text`, and with an outcome that the run has ended.
pub(crate) fn events(run: &str, text: &str, outcome: Option<&str>) -> Answer {
    let said = json!({"kind": "output_delta", "run_id": run, "text": text});
    let ended = outcome.map(|o| json!({"kind": "run_finished", "run_id": run, "outcome": o}));
    let mut events: Vec<Value> = [said].into_iter().chain(ended).collect();
    for event in &mut events {
        event["cursor"] = cursor(2).into();
        event["at"] = AT.into();
    }
    let batch = json!({"events": events, "next_cursor": cursor(2), "caught_up": true});
    Some((200, batch))
}

/// A transcript with the partial reply of `run`, or without an entry.
pub(crate) fn transcript(partial: Option<(&str, &str)>) -> Answer {
    let entry = partial.map(|(run, content)| {
        json!({
            "sequence": 2, "role": "assistant", "content": content, "run_id": run,
            "created_at": AT, "partial": true,
        })
    });
    let entries: Vec<Value> = entry.into_iter().collect();
    let page = json!({
        "entries": entries, "has_earlier": false, "has_later": false, "cursor": cursor(1),
    });
    Some((200, page))
}

pub(crate) fn problem(status: u16, code: &str) -> Answer {
    let problem = json!({
        "type": format!("urn:yoi:problem:{code}"), "title": "Title", "status": status,
        "code": code, "detail": "Detail.", "retryable": false, "request_id": "r",
    });
    Some((status, problem))
}

fn cursor(sequence: u64) -> String {
    registry_core::Cursor::new(1, sequence).to_string()
}
