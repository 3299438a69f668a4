//! What goes wrong in a store, and which kind of failure that is to the runtime.

use std::path::Path;
use std::sync::Arc;

use rusqlite::ErrorCode;
use worker_runtime::store::columns::Unreadable;
use worker_runtime::store::{StoreError, StoreErrorKind};

/// Why something wasn't done. A clone is cheap: all requests of a transaction share it.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Failure {
    #[error("statement fails")]
    Sql(#[source] Arc<rusqlite::Error>),
    #[error("no space left on the file system")]
    NoSpace(#[source] Arc<rusqlite::Error>),
    #[error("change does not fit what is stored: {0}")]
    Misfit(&'static str),
    #[error("row can't be read")]
    Unreadable(#[from] Unreadable),
    #[error("store is gone, replaced, or owned by another process")]
    Lost,
    #[error("store is closed")]
    Closed,
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(Arc::new(error))
    }
}

impl Failure {
    /// What it is to the runtime.
    pub(crate) fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Sql(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                StoreErrorKind::Full
            }
            Self::NoSpace(_) => StoreErrorKind::Full,
            Self::Sql(error) if is_moved(error) => StoreErrorKind::Lost,
            Self::Sql(_) | Self::Misfit(_) | Self::Unreadable(_) => StoreErrorKind::Failed,
            Self::Lost | Self::Closed => StoreErrorKind::Lost,
        }
    }

    /// SQLite's extended result code (<https://sqlite.org/rescode.html>).
    fn code(&self) -> Option<i32> {
        match self {
            Self::Sql(error) | Self::NoSpace(error) => Some(error.sqlite_error()?.extended_code),
            Self::Misfit(_) | Self::Unreadable(_) | Self::Lost | Self::Closed => None,
        }
    }

    /// The same failure, known as a lack of space if writing failed and there is none. SQLite
    /// itself says so of some writes only.
    pub(crate) fn with_space_checked(self, path: &Path) -> Self {
        match self {
            Self::Sql(error)
                if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)
                    && has_no_space(path) =>
            {
                Self::NoSpace(error)
            }
            Self::Sql(_)
            | Self::NoSpace(_)
            | Self::Misfit(_)
            | Self::Unreadable(_)
            | Self::Lost
            | Self::Closed => self,
        }
    }

    /// Whether SQLite found no room for all of a transaction, so that its last page, which commits it, was
    /// not written. A sync that fails for want of space leaves all of it in the journal.
    pub(crate) fn is_unfinished_write(&self) -> bool {
        match self {
            Self::Sql(error) => error.sqlite_error_code() == Some(ErrorCode::DiskFull),
            Self::NoSpace(_)
            | Self::Misfit(_)
            | Self::Unreadable(_)
            | Self::Lost
            | Self::Closed => false,
        }
    }

    /// Whether rows, or the pages that they are on, can't be read, and others can.
    fn is_of_rows(&self) -> bool {
        match self {
            Self::Unreadable(_) => true,
            Self::Sql(error) => error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt),
            Self::NoSpace(_) | Self::Misfit(_) | Self::Lost | Self::Closed => false,
        }
    }

    /// Whether it is about one request, so that others in the same transaction go on.
    pub(crate) fn is_of_one_request(&self) -> bool {
        match self {
            Self::Misfit(_) | Self::Unreadable(_) => true,
            Self::NoSpace(_) | Self::Lost | Self::Closed => false,
            Self::Sql(error) => match error.sqlite_error_code() {
                // Not an error of SQLite: a value that can't be stored, or isn't as expected.
                None => true,
                Some(code) => matches!(
                    code,
                    ErrorCode::ConstraintViolation
                        | ErrorCode::DatabaseCorrupt
                        | ErrorCode::TooBig
                        | ErrorCode::TypeMismatch
                ),
            },
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        let kind = failure.kind();
        tracing::debug!(kind = kind.as_str(), cause = ?failure, "store request failed");
        let code = failure.code().map(|code| code.to_string());
        let error = if failure.is_of_rows() {
            Self::of_rows(failure)
        } else {
            Self::with_cause(kind, failure)
        };
        error.with_code(code)
    }
}

/// Whether SQLite found that its file isn't the one with its name any more.
fn is_moved(error: &rusqlite::Error) -> bool {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    extended == Some(rusqlite::ffi::SQLITE_READONLY_DBMOVED)
}

fn has_no_space(path: &Path) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|it| it.f_bavail == 0)
}
