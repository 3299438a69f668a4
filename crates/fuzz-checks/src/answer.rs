//! An answer, and what must hold of every one.

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_api::wire::{MEDIA_TYPE_PROBLEM, Problem};
use serde_json::Value;

use crate::marker;
use crate::server::World;

/// On every answer, errors included (HTTP.md, rule 8).
const SECURITY_HEADERS: [(&str, &str); 4] = [
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
];

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn of(response: Response<Bytes>) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }

    /// The header's value, where there is one and it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON; null where it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The problem of a refusal, checked against what RFC 9457 and HTTP.md say of it.
    pub(crate) fn problem(&self) -> Problem {
        assert_eq!(
            self.header("content-type"),
            Some(MEDIA_TYPE_PROBLEM),
            "{self:?}"
        );
        let problem: Problem = serde_json::from_slice(&self.body).expect("a problem");
        let again = serde_json::to_value(&problem).expect("a problem is JSON");
        assert_eq!(
            again,
            self.json(),
            "a problem has the documented fields alone"
        );
        assert_eq!(problem.status, self.status);
        assert_eq!(problem.status, problem.code.status());
        assert_eq!(problem.problem_type.as_str(), problem.code.urn());
        assert_eq!(
            Some(problem.request_id.as_str()),
            self.header("x-request-id")
        );
        problem
    }

    /// Checks what holds of every answer. No server fault is expected here: nothing ends, and
    /// no source fails.
    pub(crate) fn keeps_the_rules(&self, world: &World) {
        assert!(self.status < 500, "{self:?}");
        for (name, value) in SECURITY_HEADERS {
            assert_eq!(self.header(name), Some(value), "{name} of {self:?}");
        }
        assert_eq!(
            self.header("x-request-id").map(str::len),
            Some(36),
            "{self:?}"
        );
        let whole = self.whole();
        for secret in world.secrets() {
            assert!(!whole.contains(secret), "{secret} stands in {whole}");
        }
        if self.status >= 400 {
            self.problem();
            assert!(!marker::stands_in(&whole), "an echo stands in {whole}");
        }
    }

    /// Headers and body as one text.
    fn whole(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        format!("{:?}\n{body}", self.headers)
    }
}
