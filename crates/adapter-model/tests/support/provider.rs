//! A provider that plays a script: one answer a request, byte for byte.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// What the provider does with a request, in this order, before it closes the connection.
pub(crate) type Answer = Vec<Step>;

pub(crate) enum Step {
    Send(Vec<u8>),
    /// Goes on when it is told to.
    Wait(Arc<Notify>),
    /// Keeps the connection alive with comments, and says nothing, until it is closed.
    Murmur,
    /// Says nothing more, and notes when the other side hangs up.
    Stall,
}

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Request line and headers.
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl Request {
    /// A header's value, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }
}

/// A listening provider. Dropping it closes everything.
pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    script: Arc<Mutex<VecDeque<Answer>>>,
    requests: Arc<Mutex<Vec<Request>>>,
    hang_ups: mpsc::UnboundedReceiver<Instant>,
    listening: JoinHandle<()>,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap()).await
    }

    pub(crate) async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (script, requests) = (Arc::<Mutex<VecDeque<Answer>>>::default(), Arc::default());
        let (hung_up, hang_ups) = mpsc::unbounded_channel();
        let (answers, seen) = (Arc::clone(&script), Arc::clone(&requests));
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, seen) = (Arc::clone(&answers), Arc::clone(&seen));
                tokio::spawn(serve(stream, answers, seen, hung_up.clone()));
            }
        });
        Self {
            address,
            script,
            requests,
            hang_ups,
            listening,
        }
    }

    /// An address at which nobody listens.
    pub(crate) async fn nowhere() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    }

    pub(crate) fn will(&self, answer: Answer) {
        self.script.lock().unwrap().push_back(answer);
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn last_request(&self) -> Request {
        self.requests().pop().unwrap()
    }

    /// When the other side hung up on a stalled answer.
    pub(crate) async fn hung_up(&mut self) -> Instant {
        self.hang_ups.recv().await.unwrap()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    script: Arc<Mutex<VecDeque<Answer>>>,
    requests: Arc<Mutex<Vec<Request>>>,
    hung_up: mpsc::UnboundedSender<Instant>,
) {
    let Some(request) = receive(&mut stream).await else {
        return;
    };
    requests.lock().unwrap().push(request);
    let answer = script.lock().unwrap().pop_front();
    for step in answer.unwrap_or_else(|| vec![head(418, &[])]) {
        match step {
            Step::Send(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Step::Murmur => {
                while stream.write_all(b": still here\n\n").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                return;
            }
            Step::Wait(told) => told.notified().await,
            Step::Stall => {
                while !matches!(stream.read(&mut [0; 64]).await, Ok(0) | Err(_)) {}
                let _ = hung_up.send(Instant::now());
                return;
            }
        }
    }
    // What was sent must not be lost to a reset.
    let _ = stream.shutdown().await;
    while !matches!(stream.read(&mut [0; 64]).await, Ok(0) | Err(_)) {}
}

async fn receive(stream: &mut TcpStream) -> Option<Request> {
    let mut received = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&received);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut request = Request {
                head: head.to_owned(),
                body: Value::Null,
            };
            let length: usize = request.header("content-length")?.parse().ok()?;
            if body.len() >= length {
                request.body = serde_json::from_str(body).ok()?;
                return Some(request);
            }
        }
        if stream.read_buf(&mut received).await.ok()? == 0 {
            return None;
        }
    }
}

/// The head of an answer whose body ends with the connection.
pub(crate) fn head(status: u16, headers: &[(&str, &str)]) -> Step {
    let headers = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"));
    let headers: String = headers.collect();
    Step::Send(format!("HTTP/1.1 {status} x\r\nconnection: close\r\n{headers}\r\n").into_bytes())
}

/// A whole answer that is no reply.
pub(crate) fn refusal(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    vec![head(status, headers), Step::Send(body.as_bytes().to_vec())]
}

/// One event of a stream.
pub(crate) fn event(data: &Value) -> Step {
    Step::Send(format!("data: {data}\n\n").into_bytes())
}

/// A piece of a reply as OpenAI sends it.
pub(crate) fn delta(text: &str) -> Step {
    event(&json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]}))
}

/// The end of a reply as OpenAI sends it.
pub(crate) fn end(input_tokens: u64, output_tokens: u64) -> [Step; 3] {
    [
        event(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})),
        event(&json!({"choices": [], "usage": {
            "prompt_tokens": input_tokens, "completion_tokens": output_tokens}})),
        Step::Send(b"data: [DONE]\n\n".to_vec()),
    ]
}

/// A whole reply as OpenAI sends it.
pub(crate) fn reply(pieces: &[&str]) -> Answer {
    let mut answer = vec![head(200, &[("content-type", "text/event-stream")])];
    answer.extend(pieces.iter().map(|piece| delta(piece)));
    answer.extend(end(7, 3));
    answer
}
