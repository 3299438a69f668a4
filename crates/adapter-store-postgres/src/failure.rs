//! What goes wrong in a store, and which kind of failure that is to the runtime.

use std::sync::Arc;

use deadpool_postgres::PoolError;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;
use worker_runtime::store::columns::Unreadable;
use worker_runtime::store::{StoreError, StoreErrorKind};

/// The classes of codes that are about what is written, not about the database: data, constraints,
/// and limits that a value exceeds (postgresql.org/docs/current/errcodes-appendix.html).
const CLASSES_OF_ONE_REQUEST: [&str; 3] = ["22", "23", "54"];

/// Why something wasn't done. A clone is cheap: all requests of a transaction share it.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Failure {
    #[error("statement fails")]
    Sql(#[source] Arc<Error>),
    #[error("no connection to read with")]
    Pool(#[source] Arc<PoolError>),
    #[error("database takes too long")]
    TimedOut,
    #[error("change does not fit what is stored: {0}")]
    Misfit(&'static str),
    #[error("row can't be read")]
    Unreadable(#[from] Unreadable),
    #[error("workspace belongs to another server")]
    Lost,
    #[error("store is closed")]
    Closed,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Sql(Arc::new(error))
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        Self::Pool(Arc::new(error))
    }
}

impl Failure {
    /// What it is to the runtime.
    pub(crate) fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Sql(error) if error.code() == Some(&SqlState::DISK_FULL) => StoreErrorKind::Full,
            Self::Sql(_)
            | Self::Pool(_)
            | Self::TimedOut
            | Self::Misfit(_)
            | Self::Unreadable(_) => StoreErrorKind::Failed,
            Self::Lost | Self::Closed => StoreErrorKind::Lost,
        }
    }

    /// The SQLSTATE of what the database refused.
    fn code(&self) -> Option<&str> {
        let error: &Error = match self {
            Self::Sql(error) => error,
            Self::Pool(error) => {
                let PoolError::Backend(error) = &**error else {
                    return None;
                };
                error
            }
            Self::TimedOut | Self::Misfit(_) | Self::Unreadable(_) | Self::Lost | Self::Closed => {
                return None;
            }
        };
        Some(error.code()?.code())
    }

    /// Whether it is about one request, so that others in the same transaction go on.
    pub(crate) fn is_of_one_request(&self) -> bool {
        match self {
            Self::Misfit(_) | Self::Unreadable(_) => true,
            Self::Pool(_) | Self::TimedOut | Self::Lost | Self::Closed => false,
            Self::Sql(error) => match error.code() {
                Some(code) => CLASSES_OF_ONE_REQUEST.contains(&&code.code()[..2]),
                // A value that has no form in the database.
                None => {
                    !error.is_closed() && std::error::Error::source(error).is_some_and(is_of_value)
                }
            },
        }
    }

    /// Whether it only says that an earlier statement of the transaction has failed.
    pub(crate) fn is_consequence(&self) -> bool {
        matches!(self, Self::Sql(error) if error.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION))
    }

    /// Whether the connection is gone or of no use, rather than that the database has refused something.
    pub(crate) fn is_of_connection(&self) -> bool {
        match self {
            Self::Sql(error) => error.as_db_error().is_none() || is_ended_by_server(error),
            Self::TimedOut => true,
            Self::Pool(_) | Self::Misfit(_) | Self::Unreadable(_) | Self::Lost | Self::Closed => {
                false
            }
        }
    }
}

fn is_of_value(source: &(dyn std::error::Error + 'static)) -> bool {
    !source.is::<std::io::Error>()
}

/// The database is shutting down, or has ended the session.
fn is_ended_by_server(error: &Error) -> bool {
    error
        .code()
        .is_some_and(|code| code.code().starts_with("57P"))
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        let kind = failure.kind();
        tracing::debug!(kind = kind.as_str(), cause = ?failure, "store request failed");
        let code = failure.code().map(str::to_owned);
        let error = if matches!(failure, Failure::Unreadable(_)) {
            Self::of_rows(failure)
        } else {
            Self::with_cause(kind, failure)
        };
        error.with_code(code)
    }
}
