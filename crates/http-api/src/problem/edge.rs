//! What the edge itself refuses, before the registry is asked.

use registry_core::FixedText;
use registry_core::id::IdError;

use super::Refusal;
use crate::wire::ProblemCode;

/// A request that never reaches the registry. `field` is a name of ours, `reason` a text of
/// ours: nothing here can carry what the client sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EdgeRefusal {
    /// An id is not one.
    InvalidIdentifier {
        field: &'static str,
        reason: &'static str,
    },
    /// A query parameter is not what it may be; no field when it has no name of ours.
    InvalidQuery {
        field: Option<&'static str>,
        reason: &'static str,
    },
    /// The body is not what it may be; no field when the whole of it is meant.
    InvalidBody {
        field: Option<&'static str>,
        reason: &'static str,
    },
    /// The cursor's text is no cursor.
    InvalidCursor,
    /// The page token is none of this list.
    InvalidPageToken,
    /// No credentials, or wrong ones.
    Unauthorized,
    /// A page of another origin asks.
    CrossOriginRejected,
    /// No such path.
    UnknownRoute,
    /// The path takes other methods.
    MethodNotAllowed { allow: &'static str },
    /// The body did not arrive in time.
    RequestTimeout,
    /// The body is over the limit.
    BodyTooLarge { limit_bytes: u64 },
    /// The body is not declared as JSON.
    UnsupportedMediaType,
    /// The host is none of this server's names.
    MisdirectedHost,
    /// A bound of the server is reached.
    CapacityExhausted { limit: &'static str },
    /// The server is ending.
    ShuttingDown,
    /// The server failed.
    Internal,
}

impl EdgeRefusal {
    /// An id that did not parse.
    pub(crate) fn id(field: &'static str, error: IdError) -> Self {
        let reason = match error {
            IdError::Empty => "It is empty.",
            IdError::TooLong { .. } => "It is too long.",
            IdError::ForbiddenCharacter { .. } => "It has a character that no such id has.",
        };
        Self::InvalidIdentifier { field, reason }
    }

    /// A known query parameter with a wrong value.
    pub(crate) fn query(field: &'static str, reason: &'static str) -> Self {
        Self::InvalidQuery {
            field: Some(field),
            reason,
        }
    }
}

impl From<EdgeRefusal> for Refusal {
    fn from(refusal: EdgeRefusal) -> Self {
        use ProblemCode as Code;
        match refusal {
            EdgeRefusal::InvalidIdentifier { field, reason } => {
                Self::about(Code::InvalidIdentifier, Some(field), reason)
            }
            EdgeRefusal::InvalidQuery { field, reason } => {
                Self::about(Code::InvalidQuery, field, reason)
            }
            EdgeRefusal::InvalidBody { field, reason } => {
                Self::about(Code::InvalidBody, field, reason)
            }
            EdgeRefusal::InvalidCursor => {
                Self::about(Code::InvalidCursor, Some("after"), "It is not a cursor.")
            }
            EdgeRefusal::InvalidPageToken => Self::about(
                Code::InvalidPageToken,
                Some("page_token"),
                "It is not a page token of this list.",
            ),
            EdgeRefusal::Unauthorized => Self::new(Code::Unauthorized),
            EdgeRefusal::CrossOriginRejected => Self::new(Code::CrossOriginRejected),
            EdgeRefusal::UnknownRoute => Self::new(Code::UnknownRoute),
            EdgeRefusal::MethodNotAllowed { allow } => {
                Self::new(Code::MethodNotAllowed).allowing(allow)
            }
            EdgeRefusal::RequestTimeout => Self::new(Code::RequestTimeout),
            EdgeRefusal::BodyTooLarge { limit_bytes } => {
                Self::with(Code::BodyTooLarge, |p| p.limit_bytes = Some(limit_bytes))
            }
            EdgeRefusal::UnsupportedMediaType => Self::new(Code::UnsupportedMediaType),
            EdgeRefusal::MisdirectedHost => Self::new(Code::MisdirectedHost),
            EdgeRefusal::CapacityExhausted { limit } => Self::with(Code::CapacityExhausted, |p| {
                p.limit = Some(FixedText::new(limit));
            }),
            EdgeRefusal::ShuttingDown => Self::new(Code::ShuttingDown),
            EdgeRefusal::Internal => Self::new(Code::Internal),
        }
    }
}

impl Refusal {
    fn about(code: ProblemCode, field: Option<&'static str>, reason: &'static str) -> Self {
        Self::with(code, |p| {
            p.field = field.map(FixedText::new);
            p.reason = Some(FixedText::new(reason));
        })
    }
}
