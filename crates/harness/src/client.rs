//! A lean HTTP/1.1 client: one keep-alive connection, which sends what it is given, byte for
//! byte, and keeps what comes back.

mod answer;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(crate) use answer::Answer;
use answer::Head;

use crate::failure::Failure;

/// Longest wait for an answer: beyond the longest poll of 30 s.
const PATIENCE: Duration = Duration::from_secs(45);
/// A connection that idled longer is not used again: the server closes idle ones, and a
/// request may cross that on its way.
const IDLE_MAX: Duration = Duration::from_secs(1);
/// Most bytes of an answer: far beyond the largest page.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes read at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// Whom to talk to, and what gets in.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    /// Where the server listens.
    pub(crate) address: SocketAddr,
    /// Its token.
    pub(crate) token: String,
}

impl Door {
    /// A client of its own connection.
    pub(crate) fn client(&self) -> Client {
        Client {
            door: self.clone(),
            connection: None,
        }
    }

    /// The bytes of a request as the API wants it, all but the last empty line and the body.
    pub(crate) fn head(&self, method: &str, path: &str) -> String {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n",
            self.address, self.token
        )
    }

    /// The bytes of a whole request as the API wants it.
    pub(crate) fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Vec<u8> {
        let head = self.head(method, path);
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

    /// A bare connection.
    pub(crate) async fn connect(&self) -> Result<TcpStream, Failure> {
        let stream = TcpStream::connect(self.address)
            .await
            .map_err(Failure::io("connecting"))?;
        stream
            .set_nodelay(true)
            .map_err(Failure::io("connecting"))?;
        Ok(stream)
    }
}

/// One client with one connection, made when it is needed.
pub(crate) struct Client {
    door: Door,
    connection: Option<Connection>,
}

struct Connection {
    stream: TcpStream,
    /// What was read and belongs to no answer yet.
    unread: Vec<u8>,
    used: Instant,
}

impl Client {
    /// Whom it talks to.
    pub(crate) fn door(&self) -> &Door {
        &self.door
    }

    /// Reads `path`.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Answer, Failure> {
        let request = self.door.request("GET", path, None);
        self.exchange(&request).await
    }

    /// Reads `path`, which must answer 200, as `T`.
    pub(crate) async fn read<T: serde::de::DeserializeOwned>(
        &mut self,
        path: &str,
    ) -> Result<T, Failure> {
        self.get(path).await?.of("GET", path).expect(200)?.json()
    }

    /// Sends `body` to `path`.
    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Result<Answer, Failure> {
        let request = self.door.request("POST", path, Some(body));
        Ok(self.exchange(&request).await?.of("POST", path))
    }

    /// Sends the bytes of one request, and reads its answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Answer, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) if connection.used.elapsed() < IDLE_MAX => connection,
            _ => Connection {
                stream: self.door.connect().await?,
                unread: Vec::new(),
                used: Instant::now(),
            },
        };
        let exchanged = timeout(PATIENCE, connection.exchange(request));
        let answer = exchanged
            .await
            .map_err(|_| Failure::TooLate("an answer"))??;
        connection.used = Instant::now();
        if !answer.closes() {
            self.connection = Some(connection);
        }
        Ok(answer)
    }
}

impl Connection {
    async fn exchange(&mut self, request: &[u8]) -> Result<Answer, Failure> {
        let sent = self.stream.write_all(request).await;
        // A refusal may come before the whole request has gone out; the answer says more.
        let answer = read_answer(&mut self.stream, &mut self.unread, is_head(request)).await;
        match (answer, sent) {
            (Ok(answer), _) => Ok(answer),
            (Err(_), Err(error)) => Err(Failure::Io {
                doing: "sending a request",
                source: error,
            }),
            (Err(failure), Ok(())) => Err(failure),
        }
    }
}

fn is_head(request: &[u8]) -> bool {
    request.starts_with(b"HEAD ")
}

/// Reads one answer from `stream`; what follows it stays in `unread`.
pub(crate) async fn read_answer(
    stream: &mut TcpStream,
    unread: &mut Vec<u8>,
    to_head: bool,
) -> Result<Answer, Failure> {
    loop {
        let head = loop {
            if let Some(head) = Head::parse(unread)? {
                break head;
            }
            if read_more(stream, unread).await? == 0 {
                return Err(Failure::Closed);
            }
        };
        // `100 Continue` announces the answer that follows.
        if head.is_interim() {
            unread.drain(..head.length);
            continue;
        }
        let end = match head.body_bytes(to_head) {
            Some(bytes) => head.length.saturating_add(bytes),
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
        return Ok(Answer::new(head, bytes));
    }
}

async fn read_more(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Result<usize, Failure> {
    if unread.len() > ANSWER_BYTES_MAX {
        return Err(Failure::Undocumented("an answer without end".to_owned()));
    }
    unread.reserve(CHUNK_BYTES);
    stream
        .read_buf(unread)
        .await
        .map_err(Failure::io("reading an answer"))
}
