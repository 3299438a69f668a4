//! HTTP/1.1 for tests: [`send`] for ordinary requests, [`Connection`] for any bytes at all. Both
//! give a [`Response`].

mod connection;

use std::fmt;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

pub use connection::Connection;
pub use reqwest::RequestBuilder;

use crate::deadline::in_time;

/// Bytes of a body that `Debug` shows.
const DEBUG_BYTES: usize = 2_000;

/// A whole response.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The decoded body.
    pub body: Bytes,
}

/// Sends a request and reads its response.
///
/// # Panics
/// When there is none.
pub async fn send(request: RequestBuilder) -> Response {
    let response = in_time(request.send()).await.expect("a response");
    let (status, headers) = (response.status(), response.headers().clone());
    let body = in_time(response.bytes()).await.expect("a body");
    Response {
        status: status.as_u16(),
        headers,
        body,
    }
}

impl From<http::Response<Bytes>> for Response {
    fn from(response: http::Response<Bytes>) -> Self {
        let (head, body) = response.into_parts();
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.body[..self.body.len().min(DEBUG_BYTES)];
        let body = String::from_utf8_lossy(shown);
        write!(f, "{} {:?} {body}", self.status, self.headers)
    }
}

impl Response {
    /// A header's value, if the header is there.
    ///
    /// # Panics
    /// When it is repeated or not text.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?;
        assert!(values.next().is_none(), "{name} is repeated");
        Some(value.to_str().expect("a header of text"))
    }

    /// Whether the server closes the connection after this response.
    pub fn closes_connection(&self) -> bool {
        self.header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    /// The body as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body of text")
    }

    /// Headers and body in one text, to search it.
    pub fn whole(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        format!("{} {:?}\n{body}\n", self.status, self.headers)
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The body as JSON, null if it is empty, of a response with this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        if self.body.is_empty() {
            return Value::Null;
        }
        self.json()
    }

    /// The problem (RFC 9457) of a refusal, whose status, code and request id agree with each
    /// other and with the response.
    #[track_caller]
    pub fn problem(&self) -> Value {
        let problem = self.json();
        let media_type = self.header("content-type");
        assert_eq!(media_type, Some("application/problem+json"), "{problem}");
        assert_eq!(problem["status"], self.status);
        let code = problem["code"].as_str().expect("a code");
        assert_eq!(problem["type"], format!("urn:yoi:problem:{code}"));
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"));
        problem
    }

    /// The problem of a refusal with this status and code.
    #[track_caller]
    pub fn expect_problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        let problem = self.problem();
        assert_eq!(problem["code"], code, "{problem}");
        problem
    }
}
