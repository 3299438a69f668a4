//! Whether the client sends nothing more.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::connection::Connection;

/// The connection of a request, for handlers that wait; `None` in a request that came over none.
pub(crate) struct HalfClose(Option<Connection>);

impl HalfClose {
    /// Waits until the client sends nothing more: it is gone, or wants its response now.
    pub(crate) async fn wait(&self) {
        match &self.0 {
            Some(connection) => connection.half_closed().await,
            None => std::future::pending().await,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for HalfClose {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get().cloned()))
    }
}
