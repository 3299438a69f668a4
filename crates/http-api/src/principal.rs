//! Who sends a request, as far as its credentials say.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::client::Client;
use crate::credentials::Credential;
use crate::current_request;
use crate::quota::QuotaUsage;

/// Who sends a request: one value, found once (`middleware/admit.rs`) and known to whatever works on
/// the [current request](current_request). A cheap `Clone` handle.
#[derive(Clone)]
pub(crate) enum Principal {
    /// Somebody without valid credentials.
    Anonymous,
    /// A browser page, by a session that was opened with this credential.
    Session(Arc<Credential>),
    /// A bearer of a token.
    Token(Arc<Credential>),
    /// Anybody, where the server asks for no credentials: may do whatever the owner may.
    Anybody,
}

impl Principal {
    /// The client whose credentials were shown.
    pub(crate) fn client(&self) -> Option<&Client> {
        match self {
            Self::Session(credential) | Self::Token(credential) => Some(&credential.client),
            Self::Anonymous | Self::Anybody => None,
        }
    }

    /// What the client uses of its quotas, if it has any.
    pub(crate) fn quota_usage(&self) -> Option<&QuotaUsage> {
        self.client()?.usage.as_ref()
    }
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(current_request::principal())
    }
}
