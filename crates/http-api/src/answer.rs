//! An answer as whoever decides on it gives it: what has to be said of this outcome alone. The
//! outermost layer adds what every answer says.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};

/// An answer, whole before it is sent.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// What the body is; none where the status says all.
    pub(crate) media_type: Option<&'static str>,
    /// Headers that only some answers have, each once.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
}

impl Answer {
    /// An answer with a body.
    pub(crate) fn whole(
        status: StatusCode,
        media_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Self {
        Self {
            status,
            media_type: Some(media_type),
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// An answer that its status says all about.
    pub(crate) fn without_body(status: StatusCode) -> Self {
        Self {
            status,
            media_type: None,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// Adds a header that it does not have yet.
    pub(crate) fn say(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.push((name, value));
    }
}
