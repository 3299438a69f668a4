//! Copies the workers of one store to another, of whatever kind each of them is.

use std::fmt;

use adapter_store_postgres::{OpenError as DatabaseOpenError, PostgresStore, WorkspaceCopy};
use adapter_store_sqlite::maintenance::{FileCopy, MaintenanceError, is_same_file, open_to_copy};
use adapter_store_sqlite::{OpenError, SqliteStore};
use worker_runtime::store::copy::{CopySource, CopyTarget};

use super::{StoreSetting, candidate};

pub use worker_runtime::store::copy::{Copied, CopyError};

/// One of the two stores, by the argument that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The store that is copied.
    From,
    /// The store that gets the workers.
    To,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::From => "FROM",
            Self::To => "TO",
        })
    }
}

/// Why there is no copy. Carries no path, no host and no secret.
#[derive(Debug, thiserror::Error)]
pub enum StoreCopyError {
    /// It would be copied to itself.
    #[error("FROM and TO are the same store")]
    Same,
    /// Another process has the file.
    #[error("{0} is in use by another process: stop that server")]
    InUse(Side),
    /// A server has the workspace in the database, or had it until a moment ago.
    #[error("{0} is in use by another server: stop that")]
    Leased(Side),
    /// It is gone with its server, or belongs to an embedding program.
    #[error("{0} is no store that can be copied")]
    Unkept(Side),
    /// There is nothing to copy.
    #[error("there is no store in FROM")]
    Missing,
    /// A copy would not be what was copied.
    #[error("there are workers in TO already")]
    NotEmpty,
    /// The file can't be used.
    #[error("{0} can't be used")]
    File(Side, #[source] MaintenanceError),
    /// The database can't be used.
    #[error("{0} can't be used")]
    Database(Side, #[source] DatabaseOpenError),
    /// It has failed half-way.
    #[error(transparent)]
    Copy(#[from] CopyError),
}

/// Copies every worker that can be read, with all that is stored about it, to a store that isn't there
/// yet or has no workers. Neither may be in use by a server. `progress` is told how many workers of
/// how many are done.
///
/// # Errors
/// `to` is what it was then, and has no workers.
pub async fn copy(
    from: &StoreSetting,
    to: &StoreSetting,
    progress: impl FnMut(usize, usize),
) -> Result<Copied, StoreCopyError> {
    if is_same(from, to) {
        return Err(StoreCopyError::Same);
    }
    let source = Source::open(from).await?;
    let copied = match Target::open(to).await {
        Ok(mut target) => {
            let copied =
                worker_runtime::store::copy::copy(source.store(), target.store(), progress).await;
            target.close().await;
            copied.map_err(StoreCopyError::from)
        }
        Err(error) => Err(error),
    };
    source.close().await;
    copied
}

fn is_same(from: &StoreSetting, to: &StoreSetting) -> bool {
    match (from, to) {
        (StoreSetting::File { path: from, .. }, StoreSetting::File { path: to, .. }) => {
            is_same_file(from, to)
        }
        (StoreSetting::Database(from), StoreSetting::Database(to)) => {
            from.workspace == to.workspace && from.database.is_same(&to.database)
        }
        (
            StoreSetting::File { .. }
            | StoreSetting::Database(_)
            | StoreSetting::Memory
            | StoreSetting::Own(_),
            _,
        ) => false,
    }
}

enum Source {
    File(SqliteStore),
    Database(PostgresStore),
}

impl Source {
    async fn open(setting: &StoreSetting) -> Result<Self, StoreCopyError> {
        let of_database = |error| of_database(Side::From, error);
        match setting {
            StoreSetting::File { path, .. } => {
                let opened = open_to_copy(path);
                Ok(Self::File(opened.map_err(|it| of_file(Side::From, it))?))
            }
            StoreSetting::Database(setting) => {
                let mut candidate = candidate(setting);
                let is_there = candidate.is_workspace_there().await;
                if !is_there.map_err(of_database)? {
                    return Err(StoreCopyError::Missing);
                }
                let acquired = candidate.acquire().await;
                Ok(Self::Database(acquired.map_err(of_database)?))
            }
            StoreSetting::Memory | StoreSetting::Own(_) => Err(StoreCopyError::Unkept(Side::From)),
        }
    }

    fn store(&self) -> &dyn CopySource {
        match self {
            Self::File(store) => store,
            Self::Database(store) => store,
        }
    }

    async fn close(self) {
        match self {
            Self::File(store) => drop(store),
            Self::Database(store) => store.close().await,
        }
    }
}

enum Target {
    File(FileCopy),
    Database(Box<WorkspaceCopy>),
}

impl Target {
    async fn open(setting: &StoreSetting) -> Result<Self, StoreCopyError> {
        let target = match setting {
            StoreSetting::File { path, .. } => {
                let created = FileCopy::create(path);
                let created = created.map_err(|it| of_file(Side::To, it))?;
                created.map(Self::File)
            }
            StoreSetting::Database(setting) => {
                let begun = WorkspaceCopy::begin(candidate(setting)).await;
                let begun = begun.map_err(|it| of_database(Side::To, it))?;
                begun.map(|copy| Self::Database(Box::new(copy)))
            }
            StoreSetting::Memory | StoreSetting::Own(_) => {
                return Err(StoreCopyError::Unkept(Side::To));
            }
        };
        target.ok_or(StoreCopyError::NotEmpty)
    }

    fn store(&mut self) -> &mut dyn CopyTarget {
        match self {
            Self::File(copy) => copy,
            Self::Database(copy) => &mut **copy,
        }
    }

    async fn close(self) {
        match self {
            Self::File(copy) => drop(copy),
            Self::Database(copy) => copy.close().await,
        }
    }
}

fn of_file(side: Side, error: MaintenanceError) -> StoreCopyError {
    match error {
        MaintenanceError::Open(OpenError::InUse) => StoreCopyError::InUse(side),
        MaintenanceError::Missing => StoreCopyError::Missing,
        error @ (MaintenanceError::Open(_)
        | MaintenanceError::TargetExists
        | MaintenanceError::Target(_)) => StoreCopyError::File(side, error),
    }
}

fn of_database(side: Side, error: DatabaseOpenError) -> StoreCopyError {
    if matches!(error, DatabaseOpenError::InUse) {
        return StoreCopyError::Leased(side);
    }
    StoreCopyError::Database(side, error)
}
