//! An HTTP/1.1 client: one keep-alive connection that sends exact bytes and keeps the whole
//! response.

mod response;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::failure::Failure;

pub(crate) use self::response::{Response, read_response};

/// Longest wait for a response: more than the longest poll of 30 s.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(45);
/// A connection that was idle for longer is replaced, because the server closes idle ones and a
/// request may cross the close.
const IDLE_MAX: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
}

impl Endpoint {
    pub(crate) fn client(&self) -> Client {
        Client {
            endpoint: self.clone(),
            connection: None,
        }
    }

    /// The head of an authorised request without its last empty line.
    pub(crate) fn head(&self, method: &str, path: &str) -> String {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n",
            self.address, self.token
        )
    }

    pub(crate) fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Vec<u8> {
        self.request_under_key(method, path, body, None)
    }

    /// A request with an idempotency key, if there is one.
    pub(crate) fn request_under_key(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Vec<u8> {
        let mut head = self.head(method, path);
        if let Some(key) = key {
            head.push_str(&format!("Idempotency-Key: {key}\r\n"));
        }
        match body {
            None => format!("{head}\r\n"),
            Some(body) => {
                let body = body.to_string();
                format!(
                    "{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
            }
        }
        .into_bytes()
    }

    /// A connection for requests that no [`Client`] would send.
    pub(crate) async fn connect(&self) -> Result<TcpStream, Failure> {
        let connect = async {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        connect.await.map_err(Failure::io("connecting"))
    }
}

/// A client whose connection is opened when it is needed.
pub(crate) struct Client {
    endpoint: Endpoint,
    connection: Option<Connection>,
}

struct Connection {
    stream: TcpStream,
    /// Bytes that were read after the end of the last response.
    unread: Vec<u8>,
    last_used: Instant,
}

impl Client {
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Response, Failure> {
        let request = self.endpoint.request("GET", path, None);
        self.send(&request).await
    }

    /// Sends `GET path`, expects 200 and parses the body.
    pub(crate) async fn get_json<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, Failure> {
        self.get(path).await?.expect(200, path)?.json()
    }

    /// Sends `POST path` and expects `status`.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        body: &Value,
        status: u16,
    ) -> Result<Response, Failure> {
        let request = self.endpoint.request("POST", path, Some(body));
        self.send(&request).await?.expect(status, path)
    }

    /// Sends the bytes of one request and reads its response.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<Response, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) if connection.last_used.elapsed() < IDLE_MAX => connection,
            _ => Connection {
                stream: self.endpoint.connect().await?,
                unread: Vec::new(),
                last_used: Instant::now(),
            },
        };
        let response = timeout(RESPONSE_TIMEOUT, connection.exchange(request))
            .await
            .map_err(|_| Failure::Timeout("a response"))??;
        connection.last_used = Instant::now();
        if !response.closes() {
            self.connection = Some(connection);
        }
        Ok(response)
    }
}

impl Connection {
    async fn exchange(&mut self, request: &[u8]) -> Result<Response, Failure> {
        let sent = self.stream.write_all(request).await;
        // A refusal may arrive before the whole request was sent, and says more than the error.
        let to_head = request.starts_with(b"HEAD ");
        let response = read_response(&mut self.stream, &mut self.unread, to_head).await;
        match (response, sent) {
            (Err(_), Err(error)) => Err(Failure::io("sending a request")(error)),
            (response, _) => response,
        }
    }
}
