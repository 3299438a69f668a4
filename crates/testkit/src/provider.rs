//! A model provider on loopback that plays a script for each request, byte for byte.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

/// Time between two comments of [`Step::SendComments`].
const COMMENT_INTERVAL: Duration = Duration::from_millis(20);

/// What the provider does with one request, in this order, before it closes the connection.
pub type Script = Vec<Step>;

/// One step of a [`Script`].
#[derive(Debug, Clone)]
pub enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Waits until this long after the beginning of the script, so that a late timer does not
    /// slow the pace of what follows.
    WaitUntil(Duration),
    /// Waits for a notification.
    WaitFor(Arc<Notify>),
    /// Sends a comment every 20 ms until the client closes the connection.
    SendComments,
    /// Sends nothing more and reports when the client closes the connection; see
    /// [`Provider::hung_up`].
    Stall,
}

/// A request that the provider received.
#[derive(Debug, Clone)]
pub struct Request {
    /// The request line and the headers.
    pub head: String,
    /// The body.
    pub body: Value,
}

impl Request {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }
}

/// A listening provider. Dropping it stops it.
pub struct Provider {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    hang_ups: mpsc::UnboundedReceiver<Instant>,
    listening: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    scripts: VecDeque<Script>,
    default: Option<Box<MakeScript>>,
    requests: Vec<Request>,
}

type MakeScript = dyn Fn(&Request) -> Script + Send;

impl Provider {
    /// A provider on a free port, which answers 418 unless it has a script.
    pub async fn start() -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// [`Provider::start`] at this address.
    pub async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::<Mutex<Shared>>::default();
        let (hung_up, hang_ups) = mpsc::unbounded_channel();
        let serving = Arc::clone(&shared);
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving), hung_up.clone()));
            }
        });
        Self {
            address,
            shared,
            hang_ups,
            listening,
        }
    }

    /// An address at which nobody listens.
    pub async fn unused_address() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.local_addr().expect("an address")
    }

    /// Queues the script for the next request that has none.
    pub fn respond(&self, script: Script) {
        self.with(|shared| shared.scripts.push_back(script));
    }

    /// Makes the script of every request for which none is queued.
    pub fn respond_always(&self, script: impl Fn(&Request) -> Script + Send + 'static) {
        self.with(|shared| shared.default = Some(Box::new(script)));
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.with(|shared| shared.requests.clone())
    }

    /// The latest request.
    pub fn last_request(&self) -> Request {
        self.requests().pop().expect("a request")
    }

    /// Waits until the client closes a connection that stalls, and returns when it did.
    pub async fn hung_up(&mut self) -> Instant {
        self.hang_ups.recv().await.expect("the provider listens")
    }

    fn with<T>(&self, work: impl FnOnce(&mut Shared) -> T) -> T {
        work(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    shared: Arc<Mutex<Shared>>,
    hung_up: mpsc::UnboundedSender<Instant>,
) {
    let Some(request) = receive(&mut stream).await else {
        return;
    };
    let script = {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let queued = shared.scripts.pop_front();
        let script = queued.or_else(|| shared.default.as_ref().map(|script| script(&request)));
        shared.requests.push(request);
        script.unwrap_or_else(|| vec![head(418, &[])])
    };
    let began = Instant::now();
    for step in script {
        match step {
            Step::Send(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Step::WaitUntil(offset) => sleep_until(began + offset).await,
            Step::WaitFor(notification) => notification.notified().await,
            Step::SendComments => {
                while stream.write_all(b": still here\n\n").await.is_ok() {
                    sleep(COMMENT_INTERVAL).await;
                }
                return;
            }
            Step::Stall => {
                until_closed(&mut stream).await;
                let _ = hung_up.send(Instant::now());
                return;
            }
        }
    }
    // Closing with unread bytes would reset the connection, and the client could lose the response.
    let _ = stream.shutdown().await;
    until_closed(&mut stream).await;
}

async fn until_closed(stream: &mut TcpStream) {
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

/// The head of a response whose body ends with the connection.
pub fn head(status: u16, headers: &[(&str, &str)]) -> Step {
    let headers = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"));
    let headers: String = headers.collect();
    Step::Send(format!("HTTP/1.1 {status} x\r\nconnection: close\r\n{headers}\r\n").into_bytes())
}

/// A whole response that is no reply.
pub fn refusal(status: u16, headers: &[(&str, &str)], body: &str) -> Script {
    vec![head(status, headers), Step::Send(body.as_bytes().to_vec())]
}

/// One server-sent event.
pub fn event(data: &Value) -> Step {
    Step::Send(format!("data: {data}\n\n").into_bytes())
}

/// A piece of a reply as OpenAI sends it.
pub fn delta(text: &str) -> Step {
    event(&json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]}))
}

/// The end of a reply as OpenAI sends it.
pub fn end(input_tokens: u64, output_tokens: u64) -> [Step; 3] {
    [
        event(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})),
        event(&json!({"choices": [], "usage": {
            "prompt_tokens": input_tokens, "completion_tokens": output_tokens}})),
        Step::Send(b"data: [DONE]\n\n".to_vec()),
    ]
}

/// A whole reply as OpenAI sends it, with a usage of 7 and 3 tokens.
pub fn reply(pieces: &[&str]) -> Script {
    let mut script = vec![head(200, &[("content-type", "text/event-stream")])];
    script.extend(pieces.iter().map(|piece| delta(piece)));
    script.extend(end(7, 3));
    script
}

/// Replies to `request` with the numbers from 0 to below `count`, one every `pause`. The usage is a
/// token for each message of the request and for each number.
pub fn count(request: &Request, count: u32, pause: Duration) -> Script {
    assert_eq!(request.body["stream"], true, "{}", request.body);
    let mut script = vec![head(200, &[("content-type", "text/event-stream")])];
    for number in 0..count {
        script.push(Step::WaitUntil(pause * number));
        script.push(delta(&format!("{number} ")));
    }
    let messages = request.body["messages"].as_array().map_or(0, Vec::len);
    let messages = u64::try_from(messages).expect("a small number");
    script.extend(end(messages, u64::from(count)));
    script
}

/// The text of a reply of [`count`].
pub fn numbers(count: u32) -> String {
    (0..count).map(|number| format!("{number} ")).collect()
}
