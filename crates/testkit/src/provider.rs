//! A scripted model provider on loopback: one response per request, byte for byte.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

/// What is done with a request. The connection is closed after the last step.
#[derive(Debug, Clone, Default)]
pub struct ScriptedResponse {
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    Send(Vec<u8>),
    Delay(Duration),
    WaitFor(Arc<Notify>),
    RepeatUntil(Vec<u8>, Duration, Arc<Notify>),
    RepeatUntilClosed(Vec<u8>, Duration),
    StallUntilClosed,
}

impl ScriptedResponse {
    /// Starts a response with these headers and a body that ends with the connection.
    pub fn new(status: u16, headers: &[(&str, &str)]) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"));
        let headers: String = headers.collect();
        let head = format!("HTTP/1.1 {status} x\r\nconnection: close\r\n{headers}\r\n");
        Self::raw(head)
    }

    /// Starts with these bytes instead of HTTP headers.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::default().send(bytes)
    }

    /// Closes the connection without a byte.
    pub fn disconnect() -> Self {
        Self::default()
    }

    /// Neither answers nor closes the connection.
    pub fn no_answer() -> Self {
        Self::default().stall()
    }

    /// The beginning of a stream of server-sent events.
    pub fn event_stream() -> Self {
        Self::new(200, &[("content-type", "text/event-stream")])
    }

    /// A whole reply in OpenAI's protocol: a chunk for each delta, then its usage.
    pub fn openai(deltas: &[&str]) -> Self {
        let deltas = deltas.iter();
        let reply = deltas.fold(Self::event_stream(), |it, text| it.delta(text));
        reply.end("stop")
    }

    /// A whole reply in OpenAI's protocol: the numbers from 0 to below `count`, one after each
    /// `pause`. Its usage is a token for each message of the request and for each number.
    pub fn openai_numbers(request: &RecordedRequest, count: u32, pause: Duration) -> Self {
        assert_eq!(request.body["stream"], true, "{}", request.body);
        let response = (0..count).fold(Self::event_stream(), |response, number| {
            response.delay(pause).delta(&format!("{number} "))
        });
        let messages = request.body["messages"].as_array().map_or(0, Vec::len);
        response.end_with_usage("stop", messages, count)
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Sends these bytes.
    pub fn send(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.step(Step::Send(bytes.into()))
    }

    /// Sends a server-sent event.
    pub fn event(self, data: &Value) -> Self {
        self.send(event(data))
    }

    /// Sends a piece of a reply in OpenAI's protocol.
    pub fn delta(self, text: &str) -> Self {
        self.event(&delta(text))
    }

    /// Sends the end of a reply in OpenAI's protocol, with a usage of 7 and 3 tokens.
    pub fn end(self, reason: &str) -> Self {
        self.end_with_usage(reason, 7, 3)
    }

    fn end_with_usage(self, reason: &str, input_tokens: usize, output_tokens: u32) -> Self {
        let usage = json!({"prompt_tokens": input_tokens, "completion_tokens": output_tokens});
        self.event(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}))
            .event(&json!({"choices": [], "usage": usage}))
            .send("data: [DONE]\n\n")
    }

    /// Waits this long.
    pub fn delay(self, delay: Duration) -> Self {
        self.step(Step::Delay(delay))
    }

    /// Waits for this signal.
    pub fn wait_for(self, signal: &Arc<Notify>) -> Self {
        self.step(Step::WaitFor(Arc::clone(signal)))
    }

    /// Sends a piece of a reply in OpenAI's protocol at this interval until this signal.
    pub fn deltas_until(self, text: &str, interval: Duration, signal: &Arc<Notify>) -> Self {
        let bytes = event(&delta(text)).into_bytes();
        self.step(Step::RepeatUntil(bytes, interval, Arc::clone(signal)))
    }

    /// Sends these bytes at this interval until the client closes the connection.
    pub fn repeat(self, bytes: &str, interval: Duration) -> Self {
        self.step(Step::RepeatUntilClosed(bytes.into(), interval))
    }

    /// Sends nothing more until the client closes the connection, and records when it did:
    /// see [`ScriptedProvider::client_disconnected`].
    pub fn stall(self) -> Self {
        self.step(Step::StallUntilClosed)
    }
}

fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

fn delta(text: &str) -> Value {
    let delta = json!({"content": text});
    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

/// A request as it was received.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// Request line and headers.
    pub head: String,
    /// The body.
    pub body: Value,
}

impl RecordedRequest {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }
}

/// A listening provider. Dropping it closes all its connections.
pub struct ScriptedProvider {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    disconnects: mpsc::UnboundedReceiver<Instant>,
    accepting: JoinHandle<()>,
}

struct Shared {
    default_response: Mutex<Box<MakeResponse>>,
    responses: Mutex<VecDeque<ScriptedResponse>>,
    requests: Mutex<Vec<RecordedRequest>>,
    disconnected: mpsc::UnboundedSender<Instant>,
}

type MakeResponse = dyn Fn(&RecordedRequest) -> ScriptedResponse + Send;

impl ScriptedProvider {
    /// A provider at a free port.
    pub async fn start() -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// A provider at this address.
    pub async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let (disconnected, disconnects) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            default_response: Mutex::new(Box::new(|_| ScriptedResponse::new(418, &[]))),
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

    /// Makes the response to every request for which none is queued, in place of status 418.
    pub fn respond_with(
        &self,
        response: impl Fn(&RecordedRequest) -> ScriptedResponse + Send + 'static,
    ) {
        let default = self.shared.default_response.lock();
        *default.expect("no panic holds it") = Box::new(response);
    }

    /// Queues the response to the next request.
    pub fn enqueue(&self, response: ScriptedResponse) {
        let mut responses = self.shared.responses.lock().expect("no panic holds it");
        responses.push_back(response);
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        let requests = self.shared.requests.lock();
        requests.expect("no panic holds it").clone()
    }

    /// The latest request.
    pub fn last_request(&self) -> RecordedRequest {
        self.requests().pop().expect("a request was received")
    }

    /// Waits until a client closes a stalled connection, and returns when it did.
    pub async fn client_disconnected(&mut self) -> Instant {
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
    let queued = shared.responses.lock();
    let queued = queued.expect("no panic holds it").pop_front();
    let response = queued.unwrap_or_else(|| {
        let default = shared.default_response.lock();
        default.expect("no panic holds it")(&request)
    });
    let requests = shared.requests.lock();
    requests.expect("no panic holds it").push(request);
    for step in response.steps {
        match step {
            Step::Send(bytes) => stream.write_all(&bytes).await?,
            Step::Delay(delay) => sleep(delay).await,
            Step::WaitFor(signal) => signal.notified().await,
            Step::RepeatUntil(bytes, interval, signal) => {
                while timeout(interval, signal.notified()).await.is_err() {
                    stream.write_all(&bytes).await?;
                }
            }
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

/// The text of a reply of [`ScriptedResponse::openai_numbers`].
pub fn numbers(count: u32) -> String {
    (0..count).map(|number| format!("{number} ")).collect()
}
