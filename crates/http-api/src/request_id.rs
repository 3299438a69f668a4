//! The server's own id of a request. A client's id is never taken over: an id that a client
//! chooses could forge log lines.

use std::fmt;

use http::HeaderValue;
use tracing::Span;
use uuid::{NoContext, Timestamp, Uuid};

use crate::client::Client;

/// Names one request: in its answer (`X-Request-Id`, and the `request_id` of a problem), and in
/// the log, whose lines carry it in the span `request`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId(Uuid);

impl RequestId {
    /// A new id: UUIDv7, so that ids sort by time, to the millisecond.
    pub(crate) fn new() -> Self {
        Self(Uuid::new_v7(Timestamp::now(NoContext)))
    }

    /// The span of this request's log lines, audit events among them. It has the name of a client
    /// with a token of its own; a line without one is the owner's, or where nobody needs a token,
    /// anybody's. It is made once the client is known: adding a field later would format the others
    /// anew.
    pub(crate) fn span(self, client: Option<&Client>) -> Span {
        let named = client.filter(|client| !client.is_owner());
        let client = named.map(|client| client.name.as_str());
        let mut id = Uuid::encode_buffer();
        let id: &str = self.0.hyphenated().encode_lower(&mut id);
        tracing::info_span!("request", request_id = %id, client)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<RequestId> for HeaderValue {
    fn from(id: RequestId) -> Self {
        let mut text = Uuid::encode_buffer();
        Self::from_str(id.0.hyphenated().encode_lower(&mut text))
            .expect("digits and hyphens may stand in a header")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn requests_of_one_millisecond_have_different_ids() {
        let ids: HashSet<String> = (0..10_000).map(|_| RequestId::new().to_string()).collect();
        assert_eq!(ids.len(), 10_000);
    }

    #[test]
    fn a_header_has_the_id_as_it_is_written_elsewhere() {
        let id = RequestId::new();
        assert_eq!(HeaderValue::from(id), id.to_string());
    }
}
