//! An HTTP/1.1 client: one keep-alive connection that sends exact bytes and keeps the whole
//! response.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::failure::Failure;

/// Longest wait for a response: more than the longest poll of 30 s.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(45);
/// A connection that was idle for longer is replaced, because the server closes idle ones and a
/// request may cross the close.
const IDLE_MAX: Duration = Duration::from_secs(1);
/// Most bytes of a response: far more than the largest page.
const RESPONSE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes read at once.
const CHUNK_BYTES: usize = 16 * 1024;
/// Characters of a body that a failure quotes.
const QUOTED_CHARS: usize = 200;

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

/// Reads one response from `stream`; the bytes after it stay in `unread`.
pub(crate) async fn read_response(
    stream: &mut TcpStream,
    unread: &mut Vec<u8>,
    to_head: bool,
) -> Result<Response, Failure> {
    loop {
        let head = loop {
            if let Some(head) = Head::parse(unread)? {
                break head;
            }
            if read_more(stream, unread).await? == 0 {
                return Err(Failure::Closed);
            }
        };
        // `100 Continue` and the like precede the response.
        if (100..200).contains(&head.status) {
            unread.drain(..head.bytes);
            continue;
        }
        let end = match head.body_bytes(to_head) {
            Some(bytes) => head.bytes.saturating_add(bytes),
            None => usize::MAX,
        };
        while unread.len() < end {
            match read_more(stream, unread).await? {
                0 if end == usize::MAX => break,
                0 => return Err(Failure::Closed),
                _ => {}
            }
        }
        let rest = unread.split_off(end.min(unread.len()));
        let bytes = std::mem::replace(unread, rest);
        let status = head.status;
        return Ok(Response {
            status,
            head,
            bytes,
        });
    }
}

async fn read_more(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Result<usize, Failure> {
    if unread.len() > RESPONSE_BYTES_MAX {
        return Err(Failure::Protocol("an endless response".to_owned()));
    }
    unread.reserve(CHUNK_BYTES);
    let read = stream.read_buf(unread).await;
    read.map_err(Failure::io("reading a response"))
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    head: Head,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Head {
    status: u16,
    /// Bytes of the head, the empty line included.
    bytes: usize,
    content_length: Option<usize>,
    closes: bool,
}

impl Head {
    /// The head at the beginning of `bytes`, once it is complete.
    fn parse(bytes: &[u8]) -> Result<Option<Self>, Failure> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let invalid = || Failure::Protocol("a response that is not HTTP".to_owned());
        let text = std::str::from_utf8(&bytes[..end]).map_err(|_| invalid())?;
        let mut lines = text.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.strip_prefix("HTTP/1."))
            .and_then(|rest| rest.get(2..5))
            .and_then(|status| status.parse().ok())
            .ok_or_else(invalid)?;
        let mut head = Self {
            status,
            bytes: end + 4,
            content_length: None,
            closes: false,
        };
        for line in lines {
            let (name, value) = line.split_once(':').ok_or_else(invalid)?;
            if name.eq_ignore_ascii_case("content-length") {
                head.content_length = Some(value.trim().parse().map_err(|_| invalid())?);
            } else if name.eq_ignore_ascii_case("connection") {
                head.closes = value.trim().eq_ignore_ascii_case("close");
            }
        }
        Ok(Some(head))
    }

    /// Length of the body (RFC 9112 §6.3); `None` when the end of the connection ends it.
    fn body_bytes(&self, to_head: bool) -> Option<usize> {
        if to_head || matches!(self.status, 204 | 304) {
            Some(0)
        } else {
            self.content_length
        }
    }
}

impl Response {
    fn closes(&self) -> bool {
        self.head.closes || self.head.content_length.is_none() && self.status != 204
    }

    /// Status line, headers and body.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Status line and headers in lower case.
    pub(crate) fn head_lowercase(&self) -> String {
        String::from_utf8_lossy(&self.bytes[..self.head.bytes]).to_lowercase()
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.bytes[self.head.bytes..]
    }

    /// This response if it has this status; the failure names `path`.
    pub(crate) fn expect(self, status: u16, path: &str) -> Result<Self, Failure> {
        if self.status == status {
            return Ok(self);
        }
        let body = String::from_utf8_lossy(self.body());
        Err(Failure::Status {
            path: path.to_owned(),
            expected: status,
            status: self.status,
            body: body.chars().take(QUOTED_CHARS).collect(),
        })
    }

    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(self.body())
            .map_err(|error| Failure::Protocol(format!("an undocumented body: {error}")))
    }

    /// Whether the request was carried out before, under the same idempotency key.
    pub(crate) fn is_replay(&self) -> bool {
        self.head_lowercase()
            .contains("\r\nidempotency-replayed: true\r\n")
    }

    /// The `code` of a problem, or an empty text.
    pub(crate) fn problem_code(&self) -> String {
        let body: Value = self.json().unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_parsed_once_it_is_complete() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
        assert!(Head::parse(&text[..30]).unwrap().is_none());
        let head = Head::parse(text).unwrap().unwrap();
        assert_eq!((head.status, head.bytes), (200, text.len() - 2));
        assert_eq!(head.body_bytes(false), Some(2));
        assert_eq!(head.body_bytes(true), Some(0));
        assert!(head.closes);
        assert!(Head::parse(b"SSH-2.0-x\r\n\r\n").is_err());
    }
}
