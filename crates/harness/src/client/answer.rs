//! One answer, taken apart as far as the harness looks at it.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;

/// Characters of a body that a failure quotes.
const QUOTED_CHARS: usize = 200;

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    asked: String,
    head: Head,
    bytes: Vec<u8>,
}

/// The head of an answer.
#[derive(Debug)]
pub(crate) struct Head {
    status: u16,
    /// Bytes of the head, the empty line included.
    pub(super) length: usize,
    content_length: Option<usize>,
    closes: bool,
}

impl Head {
    /// The head at the beginning of `bytes`, if the whole of it is there.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>, Failure> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let broken = || Failure::Undocumented("an answer that is no HTTP".to_owned());
        let text = std::str::from_utf8(&bytes[..end]).map_err(|_| broken())?;
        let mut lines = text.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.strip_prefix("HTTP/1."))
            .and_then(|rest| rest.get(2..5))
            .and_then(|status| status.parse().ok())
            .ok_or_else(broken)?;
        let mut head = Self {
            status,
            length: end + 4,
            content_length: None,
            closes: false,
        };
        for line in lines {
            let (name, value) = line.split_once(':').ok_or_else(broken)?;
            if name.eq_ignore_ascii_case("content-length") {
                head.content_length = Some(value.trim().parse().map_err(|_| broken())?);
            } else if name.eq_ignore_ascii_case("connection") {
                head.closes = value.trim().eq_ignore_ascii_case("close");
            }
        }
        Ok(Some(head))
    }

    /// Whether the answer itself is still to come.
    pub(super) fn is_interim(&self) -> bool {
        (100..200).contains(&self.status)
    }

    /// Bytes of the body (RFC 9112 §6.3); none when it ends with the connection.
    pub(super) fn body_bytes(&self, to_head: bool) -> Option<usize> {
        if to_head || matches!(self.status, 204 | 304) {
            Some(0)
        } else {
            self.content_length
        }
    }
}

impl Answer {
    pub(super) fn new(head: Head, bytes: Vec<u8>) -> Self {
        Self {
            status: head.status,
            asked: String::new(),
            head,
            bytes,
        }
    }

    /// The answer to this request, for what failures say.
    pub(crate) fn of(mut self, method: &str, path: &str) -> Self {
        self.asked = format!("{method} {path}");
        self
    }

    /// Whether no other request may follow on the connection.
    pub(crate) fn closes(&self) -> bool {
        self.head.closes || self.head.content_length.is_none() && self.status != 204
    }

    /// Everything that came: status line, headers and body.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The head's text, in small letters.
    pub(crate) fn head_lowercase(&self) -> String {
        String::from_utf8_lossy(&self.bytes[..self.head.length]).to_lowercase()
    }

    /// The body.
    pub(crate) fn body(&self) -> &[u8] {
        &self.bytes[self.head.length..]
    }

    /// This answer, if its status is the one wanted.
    pub(crate) fn expect(self, wanted: u16) -> Result<Self, Failure> {
        if self.status == wanted {
            return Ok(self);
        }
        let body = String::from_utf8_lossy(self.body());
        Err(Failure::Status {
            asked: self.asked.clone(),
            wanted,
            status: self.status,
            body: body.chars().take(QUOTED_CHARS).collect(),
        })
    }

    /// The body as JSON of this type.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(self.body())
            .map_err(|error| Failure::Undocumented(format!("{}: {error}", self.asked)))
    }

    /// The code of the problem that it is, or nothing.
    pub(crate) fn problem_code(&self) -> String {
        let body: Value = self.json().unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_taken_apart_once_it_is_whole() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
        assert!(Head::parse(&text[..30]).unwrap().is_none());
        let head = Head::parse(text).unwrap().unwrap();
        assert_eq!((head.status, head.length), (200, text.len() - 2));
        assert_eq!(head.body_bytes(false), Some(2));
        assert_eq!(head.body_bytes(true), Some(0));
        assert!(head.closes);
        assert!(Head::parse(b"SSH-2.0-x\r\n\r\n").is_err());
    }
}
