//! One HTTP/1.1 response, read from a connection and kept whole.

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::failure::Failure;

/// Most bytes of a response: far more than the largest page.
const RESPONSE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes read at once.
const CHUNK_BYTES: usize = 16 * 1024;
/// Characters of a body that a failure quotes.
const QUOTED_CHARS: usize = 200;

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
    pub(super) fn closes(&self) -> bool {
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

    /// Why the server is unavailable, if it answers that it is: the reason, or else the code of the
    /// problem.
    pub(crate) fn unavailability(&self) -> Option<String> {
        if self.status != 503 {
            return None;
        }
        let body: Value = self.json().ok()?;
        let reason = body["reason"].as_str().or_else(|| body["code"].as_str());
        reason.map(str::to_owned)
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

    fn response(status: u16, body: &str) -> Response {
        let head = format!("HTTP/1.1 {status} X\r\n\r\n");
        Response {
            status,
            head: Head::parse(head.as_bytes()).unwrap().unwrap(),
            bytes: format!("{head}{body}").into_bytes(),
        }
    }

    #[test]
    fn only_a_problem_of_503_tells_why_the_server_is_unavailable() {
        let why = |status, body| response(status, body).unavailability();
        let failed = r#"{"code": "runtime_unavailable", "reason": "store_failed"}"#;
        assert_eq!(why(503, failed).as_deref(), Some("store_failed"));
        let ending = r#"{"code": "shutting_down"}"#;
        assert_eq!(why(503, ending).as_deref(), Some("shutting_down"));
        assert_eq!(why(500, failed), None);
        assert_eq!(why(503, "down"), None);
        assert_eq!(why(503, "{}"), None);
    }

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
