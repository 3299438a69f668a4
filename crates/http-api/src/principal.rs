//! Who sends a request, as far as its credentials say.

/// Who sends a request: one value, found once (`middleware/admit.rs`). It is in the extensions of
/// the request, for what is inside of that, and of the response, for the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Principal {
    /// Somebody without valid credentials.
    Anonymous,
    /// A browser page, by a session that was opened with the token.
    Session,
    /// A bearer of the token.
    Token,
    /// Anybody, where the server asks for no credentials: may do whatever a bearer of the token
    /// may.
    Anybody,
}

impl Principal {
    /// Whether valid credentials were shown.
    pub(crate) fn is_authenticated(self) -> bool {
        match self {
            Self::Session | Self::Token => true,
            Self::Anonymous | Self::Anybody => false,
        }
    }
}
