//! Why a scenario could not be played to its end.

use std::io;

/// What went wrong between the harness and the server. In itself a broken promise.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The operating system refused something.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// Nothing came in time.
    #[error("{0}: nothing within the time that it may take")]
    TooLate(&'static str),
    /// The connection was closed before the whole answer was there.
    #[error("the connection was closed before an answer")]
    Closed,
    /// What came is not what the API documents.
    #[error("{0}")]
    Undocumented(String),
    /// An answer with another status than the documented one.
    #[error("{asked}: {status} instead of {wanted}: {body}")]
    Status {
        /// The request's method and path.
        asked: String,
        /// What it should have been.
        wanted: u16,
        /// What it was.
        status: u16,
        /// The beginning of the body.
        body: String,
    },
    /// A task of the harness panicked.
    #[error("a task of the harness failed")]
    Task(#[from] tokio::task::JoinError),
}

impl Failure {
    /// For `map_err`: an error of the operating system while `doing` something.
    pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }
}
