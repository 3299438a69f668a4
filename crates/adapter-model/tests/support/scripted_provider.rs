//! A scripted model provider on loopback: one queued response per request, byte for byte.
//!
//! Self-contained: it knows nothing of the tests that use it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};

/// What is done with a request. The connection is closed after the last step.
#[derive(Clone, Default)]
pub(crate) struct ScriptedResponse {
    steps: Vec<Step>,
}

#[derive(Clone)]
enum Step {
    Send(Vec<u8>),
    Delay(Duration),
    WaitFor(Arc<Notify>),
    RepeatUntilClosed(Vec<u8>, Duration),
    StallUntilClosed,
}

impl ScriptedResponse {
    /// Starts a response with these headers and a body that ends with the connection.
    pub(crate) fn new(status: u16, headers: &[(&str, &str)]) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"));
        let headers: String = headers.collect();
        let head = format!("HTTP/1.1 {status} x\r\nconnection: close\r\n{headers}\r\n");
        Self::raw(head)
    }

    /// Starts with these bytes instead of HTTP headers.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::default().send(bytes)
    }

    /// Closes the connection without a byte.
    pub(crate) fn disconnect() -> Self {
        Self::default()
    }

    /// Neither answers nor closes the connection.
    pub(crate) fn no_answer() -> Self {
        Self::default().stall()
    }

    /// A whole reply in OpenAI's protocol: a chunk for each delta, then its usage.
    pub(crate) fn openai(deltas: &[&str]) -> Self {
        let headers = [("content-type", "text/event-stream")];
        let response = Self::new(200, &headers);
        let deltas = deltas.iter();
        deltas.fold(response, |it, text| it.delta(text)).end("stop")
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    pub(crate) fn send(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.step(Step::Send(bytes.into()))
    }

    /// Sends a server-sent event.
    pub(crate) fn event(self, data: &Value) -> Self {
        self.send(format!("data: {data}\n\n"))
    }

    /// Sends a piece of a reply in OpenAI's protocol.
    pub(crate) fn delta(self, text: &str) -> Self {
        let delta = json!({"content": text});
        self.event(&json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]}))
    }

    /// Sends the end of a reply in OpenAI's protocol, with a usage of 7 and 3 tokens.
    pub(crate) fn end(self, reason: &str) -> Self {
        self.event(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}))
            .event(&json!({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}))
            .send("data: [DONE]\n\n")
    }

    pub(crate) fn delay(self, delay: Duration) -> Self {
        self.step(Step::Delay(delay))
    }

    pub(crate) fn wait_for(self, signal: &Arc<Notify>) -> Self {
        self.step(Step::WaitFor(Arc::clone(signal)))
    }

    /// Sends these bytes at this interval until the client closes the connection.
    pub(crate) fn repeat(self, bytes: &str, interval: Duration) -> Self {
        self.step(Step::RepeatUntilClosed(bytes.into(), interval))
    }

    /// Sends nothing more until the client closes the connection, and records when it did:
    /// see [`ScriptedProvider::client_disconnected`].
    pub(crate) fn stall(self) -> Self {
        self.step(Step::StallUntilClosed)
    }
}

/// A request as it was received.
#[derive(Debug, Clone)]
pub(crate) struct RecordedRequest {
    /// Request line and headers.
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl RecordedRequest {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }
}

/// A listening provider. Dropping it closes all its connections.
pub(crate) struct ScriptedProvider {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    disconnects: mpsc::UnboundedReceiver<Instant>,
    accepting: JoinHandle<()>,
}

struct Shared {
    responses: Mutex<VecDeque<ScriptedResponse>>,
    requests: Mutex<Vec<RecordedRequest>>,
    disconnected: mpsc::UnboundedSender<Instant>,
}

impl ScriptedProvider {
    pub(crate) async fn start() -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    pub(crate) async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let (disconnected, disconnects) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            responses: Mutex::default(),
            requests: Mutex::default(),
            disconnected,
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            disconnects,
            accepting,
        }
    }

    /// An address at which nothing listens.
    pub(crate) async fn unused_address() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        listener.local_addr().expect("a bound socket")
    }

    /// Queues the response to the next request. A request without one gets status 418.
    pub(crate) fn enqueue(&self, response: ScriptedResponse) {
        let mut responses = self.shared.responses.lock().expect("no panic holds it");
        responses.push_back(response);
    }

    pub(crate) fn requests(&self) -> Vec<RecordedRequest> {
        let requests = self.shared.requests.lock();
        requests.expect("no panic holds it").clone()
    }

    pub(crate) fn last_request(&self) -> RecordedRequest {
        self.requests().pop().expect("a request was received")
    }

    /// Waits until a client closes a stalled connection, and returns when it did.
    pub(crate) async fn client_disconnected(&mut self) -> Instant {
        let disconnect = self.disconnects.recv().await;
        disconnect.expect("the sender lives as long as the provider")
    }
}

impl Drop for ScriptedProvider {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Owns the tasks of all connections, which end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // A client that disconnects needs no report.
            let _ = serve(stream, &shared).await;
        });
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let Some(request) = receive(&mut stream).await? else {
        return Ok(());
    };
    let requests = shared.requests.lock();
    requests.expect("no panic holds it").push(request);
    let response = shared
        .responses
        .lock()
        .expect("no panic holds it")
        .pop_front();
    let response = response.unwrap_or_else(|| ScriptedResponse::new(418, &[]));
    for step in response.steps {
        match step {
            Step::Send(bytes) => stream.write_all(&bytes).await?,
            Step::Delay(delay) => sleep(delay).await,
            Step::WaitFor(signal) => signal.notified().await,
            Step::RepeatUntilClosed(bytes, interval) => loop {
                stream.write_all(&bytes).await?;
                sleep(interval).await;
            },
            Step::StallUntilClosed => {
                drain(&mut stream).await;
                let _ = shared.disconnected.send(Instant::now());
                return Ok(());
            }
        }
    }
    // Closing a socket with unread bytes would reset it, and lose what was sent.
    stream.shutdown().await?;
    drain(&mut stream).await;
    Ok(())
}

async fn drain(stream: &mut TcpStream) {
    while !matches!(stream.read(&mut [0; 64]).await, Ok(0) | Err(_)) {}
}

/// Receives a request; `None` if it is incomplete or has no JSON body.
async fn receive(stream: &mut TcpStream) -> std::io::Result<Option<RecordedRequest>> {
    let mut received = Vec::new();
    while stream.read_buf(&mut received).await? > 0 {
        let text = String::from_utf8_lossy(&received);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let mut request = RecordedRequest {
            head: head.to_owned(),
            body: Value::Null,
        };
        let length = request.header("content-length");
        let length: Option<usize> = length.and_then(|length| length.parse().ok());
        if length.is_some_and(|length| body.len() >= length) {
            request.body = serde_json::from_str(body)?;
            return Ok(Some(request));
        }
    }
    Ok(None)
}
