//! Why a store doesn't do what it is asked for.

use std::error::Error;
use std::fmt;

/// Why a store doesn't do what it is asked for. Its cause is for the operator's log alone.
#[derive(thiserror::Error)]
#[error("store is unavailable: {kind}")]
pub struct StoreError {
    kind: StoreErrorKind,
    code: Option<String>,
    cause: Option<Box<dyn Error + Send + Sync>>,
    is_of_rows: bool,
}

/// What is wrong with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreErrorKind {
    /// There is no space left for it.
    Full,
    /// Reading or writing fails.
    Failed,
    /// It isn't there any more, or isn't the same any more, or belongs to another process.
    Lost,
}

impl StoreErrorKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Full, Self::Failed, Self::Lost];

    /// The kind's stable name, in `snake_case`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "store_full",
            Self::Failed => "store_failed",
            Self::Lost => "store_lost",
        }
    }
}

impl fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl StoreError {
    /// An error of this kind.
    #[must_use]
    pub fn new(kind: StoreErrorKind) -> Self {
        Self {
            kind,
            code: None,
            cause: None,
            is_of_rows: false,
        }
    }

    /// An error of this kind with a cause, which leaves the runtime in debug logs only.
    pub fn with_cause(
        kind: StoreErrorKind,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::new(kind)
        }
    }

    /// An error of rows that can't be read, while the rest of the store can.
    pub fn of_rows(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            is_of_rows: true,
            ..Self::with_cause(StoreErrorKind::Failed, cause)
        }
    }

    /// The same with the code that the database's own manual lists it under, for the operator's log.
    #[must_use]
    pub fn with_code(self, code: Option<String>) -> Self {
        Self { code, ..self }
    }

    /// The database's own code for it, such as an SQLSTATE, if there is one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether only the rows that it is about can't be read.
    #[must_use]
    pub fn is_of_rows(&self) -> bool {
        self.is_of_rows
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// The cause, if there is one. It can name paths.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn Error + Send + Sync)> {
        self.cause.as_deref()
    }
}

/// Shows the kind only: a cause can name paths.
impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreError")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
