//! The port to whatever produces a worker's text.
//!
//! Implement [`TurnEngine`] to put a model behind the workers; [`OfflineEngine`] is
//! the one that needs none.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::id::{RunId, WorkerId};
use crate::profile::Sampling;
use crate::run::{EngineErrorKind, ErrorDetail};

mod history;
mod offline;
mod output;

pub(crate) use history::Entries;
pub use history::History;
pub use offline::OfflineEngine;
pub(crate) use output::OutputSink;
pub use output::{Output, OutputClosed};

/// Produces the assistant's text for a run.
#[async_trait]
pub trait TurnEngine: Send + Sync {
    /// Answers `turn.input`, pushing the reply to `output` as it comes, and reporting what it uses.
    ///
    /// # Errors
    /// What went wrong, as an [`EngineErrorKind`]. The text pushed before is kept. A
    /// panic is caught and ends the run as `failed`; but a drop that panics while another
    /// panic unwinds aborts the process, as it does everywhere in Rust.
    ///
    /// # Cancellation
    /// The run is cancelled by dropping the future, and the worker takes no other input
    /// until the drop has returned: neither polling nor dropping may block, or compute for
    /// long, because the thread has other tasks to run. Work handed to other tasks should be
    /// tied to the future's life.
    ///
    /// # Ordering
    /// One call per run, and never two at once for the same worker.
    async fn run(&self, turn: Turn, output: Output) -> Result<(), EngineError>;

    /// The models that workers may choose from by name, the default one first. Empty when there is
    /// nothing to choose. It must not change while the runtime lives.
    fn models(&self) -> Vec<ModelInfo> {
        Vec::new()
    }
}

/// What may be shown of the model behind an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    /// Its public name: no address, account or credential.
    pub name: String,
    /// Whether it needs no provider and no network.
    pub offline: bool,
}

/// What a run has to work with. A clone is cheap.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The worker.
    pub worker_id: WorkerId,
    /// The run.
    pub run_id: RunId,
    /// The name of the worker's model, one of [`TurnEngine::models`]; none for the default one.
    pub model: Option<Arc<str>>,
    /// How its profile wants replies to be made.
    pub sampling: Sampling,
    /// The instructions of the worker's profile; may be empty.
    pub instructions: Arc<str>,
    /// The conversation before the input, oldest first, as far as it is held.
    pub transcript: History,
    /// The input to answer.
    pub input: Arc<str>,
}

/// The run's outcome is decided by whatever closed its output, so an engine may pass
/// this on with `?`.
impl From<OutputClosed> for EngineError {
    fn from(closed: OutputClosed) -> Self {
        Self::with_cause(EngineErrorKind::Internal, closed)
    }
}

/// Why an engine gave up.
///
/// Only its kind, detail and delay leave the runtime. The cause may quote a provider's response or address, so it
/// shows in neither `Debug` nor `Display`, and isn't the [`source`](Error::source) that error
/// reporters print; only [`cause`](Self::cause) gives it.
pub struct EngineError {
    kind: EngineErrorKind,
    detail: Option<ErrorDetail>,
    retry_after: Option<Duration>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl EngineError {
    /// An error without a cause.
    #[must_use]
    pub const fn new(kind: EngineErrorKind) -> Self {
        Self {
            kind,
            detail: None,
            retry_after: None,
            cause: None,
        }
    }

    /// An error that keeps what caused it.
    pub fn with_cause(
        kind: EngineErrorKind,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::new(kind)
        }
    }

    /// The same error, with which kind of that it is.
    #[must_use]
    pub fn with_detail(self, detail: Option<ErrorDetail>) -> Self {
        Self { detail, ..self }
    }

    /// The same error, with how long the provider asks to wait.
    #[must_use]
    pub fn with_retry_after(self, retry_after: Option<Duration>) -> Self {
        Self {
            retry_after,
            ..self
        }
    }

    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> EngineErrorKind {
        self.kind
    }

    /// Which kind of that, where it says what to do.
    #[must_use]
    pub const fn detail(&self) -> Option<ErrorDetail> {
        self.detail
    }

    /// How long the provider asks to wait before the next request.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// What caused it. Not for clients, and not for logs that clients could see.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn Error + Send + Sync)> {
        self.cause.as_deref()
    }
}

impl fmt::Debug for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineError")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "turn engine failed: {}", self.kind.as_str())
    }
}

impl Error for EngineError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_its_kind_and_never_its_cause() {
        let error =
            EngineError::with_cause(EngineErrorKind::Unauthorized, "key sk-canary at https://x");
        assert_eq!(error.to_string(), "turn engine failed: unauthorized");
        assert_eq!(
            format!("{error:?}"),
            "EngineError { kind: Unauthorized, .. }"
        );
        assert!(error.source().is_none());
        let (detail, delay) = (Some(ErrorDetail::KeyRefused), Some(Duration::from_secs(2)));
        let error = error.with_detail(detail).with_retry_after(delay);
        assert_eq!((error.detail(), error.retry_after()), (detail, delay));
        assert!(error.cause().unwrap().to_string().contains("canary"));
    }
}
