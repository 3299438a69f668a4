//! `yoi chat` with a model that thinks before it answers: the server is a script, so that the test
//! decides when the model goes on.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use registry_core::Cursor;
use serde_json::{Value, json};

use crate::fixture::TestHome;
use crate::terminal::Terminal;

const TOKEN: &str = "a-token-of-at-least-22-characters";
const RUN: &str = "run-1";

/// A server with one worker, whose events happen when the test says so. Dropping it ends it.
struct ScriptedApi {
    url: String,
    events: Sender<Vec<Value>>,
}

impl ScriptedApi {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (events, batches) = channel();
        std::thread::spawn(move || {
            let mut sequence = 1;
            // It ends with the test's process.
            for connection in listener.incoming() {
                respond(&connection.unwrap(), &batches, &mut sequence);
            }
        });
        Self { url, events }
    }

    /// Lets `events` happen, each at its second.
    fn happen(&self, events: &[(u32, Value)]) {
        let at = |(second, event): &(u32, Value)| {
            let mut event = event.clone();
            event["run_id"] = RUN.into();
            event["at"] = format!("2026-01-01T00:00:{second:02}Z").into();
            event
        };
        self.events.send(events.iter().map(at).collect()).unwrap();
    }
}

fn respond(mut connection: &TcpStream, batches: &Receiver<Vec<Value>>, sequence: &mut u64) {
    let mut reader = BufReader::new(connection);
    let mut request = String::new();
    let mut body_bytes = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(length) = line.strip_prefix("content-length: ") {
            body_bytes = length.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        request.push_str(&line);
    }
    reader
        .take(body_bytes)
        .read_to_end(&mut Vec::new())
        .unwrap();

    let path = request.split(' ').nth(1).unwrap();
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    let cursor = |sequence: u64| Cursor::new(1, sequence).to_string();
    let body = match path.rsplit('/').next().unwrap() {
        "input" => json!({"run_id": RUN, "sequence": 1, "cursor": cursor(1)}),
        "transcript" => json!({
            "entries": [], "has_earlier": false, "has_later": false, "cursor": cursor(1),
        }),
        "events" => {
            // The test has ended when no more events can happen.
            let Ok(mut events) = batches.recv() else {
                return;
            };
            *sequence += 1;
            for event in &mut events {
                event["cursor"] = cursor(*sequence).into();
            }
            json!({"events": events, "next_cursor": cursor(*sequence), "caught_up": true})
        }
        _ => json!({
            "runtime_id": "backend-internal", "worker_id": "w1",
            "display_ref": "w1@backend-internal", "display_name": "Thinker",
            "implementation_kind": "embedded", "state": "idle", "capabilities": [],
            "diagnostics": [],
        }),
    };
    let body = body.to_string();
    let length = body.len();
    let response =
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    connection.write_all(response.as_bytes()).unwrap();
}

fn thought(text: &str) -> Value {
    json!({"kind": "reasoning_delta", "text": text})
}

fn chat(api: &ScriptedApi, home: &TestHome, reasoning: &str) -> Terminal {
    let token = home.file("token", 0o600, TOKEN);
    let (url, token) = (&api.url, token.to_str().unwrap());
    let line = format!("chat --server {url} --token-file {token} --reasoning {reasoning}");
    Terminal::start(&home.command(&line))
}

/// The seconds in the next frame of what is shown while `phase` goes on.
fn seconds(chat: &mut Terminal, phase: &str) -> u32 {
    chat.wait_for(&format!("{phase} · "));
    chat.wait_for(" s").parse().unwrap()
}

fn answer() -> [(u32, Value); 2] {
    [
        (15, json!({"kind": "output_delta", "text": "A position."})),
        (16, json!({"kind": "run_finished", "outcome": "completed"})),
    ]
}

#[test]
fn phase_and_time_are_seen_and_the_answer_follows() {
    let (api, home) = (ScriptedApi::start(), TestHome::new());
    let mut chat = chat(&api, &home, "summary");
    chat.send("What is a cursor?");
    seconds(&mut chat, "waiting for the reply");
    api.happen(&[(3, thought("Let me see."))]);
    let phase = "reasoning, 11 bytes";
    let first = seconds(&mut chat, phase);
    // The time goes on while nothing comes. So many frames take more than ten seconds.
    assert!((0..100).any(|_| seconds(&mut chat, phase) > first));
    api.happen(&[(9, thought(" It is a position."))]);
    chat.wait_for("reasoning, 29 bytes · ");
    api.happen(&answer());
    chat.wait_for("thought for 12 s, 29 bytes\nA position.\n");
    chat.leave();
}

#[test]
fn a_retry_is_announced_and_reasoning_can_be_read_as_it_comes() {
    let (api, home) = (ScriptedApi::start(), TestHome::new());
    let mut chat = chat(&api, &home, "show");
    chat.send("What is a cursor?");
    chat.wait_for("waiting for the reply");
    let retrying = json!({
        "kind": "run_retrying", "error_code": "overloaded", "delay_ms": 2000,
    });
    api.happen(&[(1, retrying)]);
    chat.wait_for("[overloaded]; trying again in 2 s\n");
    seconds(&mut chat, "waiting to try again");
    api.happen(&[(3, thought("Let me"))]);
    chat.wait_for("Let me");
    api.happen(&[(9, thought(" see."))]);
    chat.wait_for(" see.");
    api.happen(&answer());
    chat.wait_for("\nA position.\n");
    chat.leave();
}
