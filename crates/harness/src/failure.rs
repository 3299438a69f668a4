//! Why a scenario or a measurement could not be completed.

use std::io;

/// What went wrong between the harness and the server. It counts as a broken promise.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{doing}: {source}")]
    Io {
        doing: &'static str,
        source: io::Error,
    },
    /// Something did not happen in time.
    #[error("timed out waiting for {0}")]
    Timeout(&'static str),
    /// The connection was closed before the whole response was there.
    #[error("the connection was closed before a response")]
    Closed,
    /// The server sent something that the API does not document.
    #[error("{0}")]
    Protocol(String),
    /// A response with another status than the expected one.
    #[error("{path}: {status} instead of {expected}: {body}")]
    Status {
        path: String,
        expected: u16,
        status: u16,
        body: String,
    },
    /// The server refused, and said why.
    #[error("unavailable: {0}")]
    Unavailable(String),
    #[error("a task of the harness failed")]
    Task(#[from] tokio::task::JoinError),
}

impl Failure {
    /// For `map_err`: an error of the operating system while `doing` something.
    pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }
}
