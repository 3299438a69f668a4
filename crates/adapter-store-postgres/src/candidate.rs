//! A server that wants a workspace, and gets it when nobody else has it.

use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use tokio::time::{Instant, timeout};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::database::Database;
use crate::lease::{self, Free, LeaseTime};
use crate::schema::{self, TooNew};
use crate::store::PostgresStore;

/// Longest time for an attempt, of which the database gets less for each statement.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a store can't be opened. Names neither host nor user.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another server has the workspace.
    #[error(
        "another server has this workspace: stop it, add --standby to wait for its end, or name \
         another workspace with --store-workspace"
    )]
    InUse,
    /// A newer version of this program has written it.
    #[error(
        "database has version {found} of the tables, and this program knows versions up to \
         {supported}: use the newer program"
    )]
    TooNew {
        /// The version of the tables.
        found: i32,
        /// The newest version that is known.
        supported: i32,
    },
    /// The database can't be reached, or a connection was cut.
    #[error("database can't be reached, or takes no connection or no changes now")]
    Unreachable,
    /// The database doesn't let this user in, or to its tables.
    #[error("database refuses: {0}")]
    Refused(&'static str),
    /// The database can't do what it is asked for.
    #[error("database fails with code {0}")]
    Failed(String),
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        tracing::debug!(cause = ?error, "store can't be opened");
        let Some(code) = error.code() else {
            return Self::of_client(&error);
        };
        // The classes and codes of postgresql.org/docs/current/errcodes-appendix.html. Not the
        // message: it names the user or the database.
        match (code, &code.code()[..2]) {
            // The owner before still has a transaction.
            (&SqlState::LOCK_NOT_AVAILABLE, _) => Self::InUse,
            (&SqlState::INSUFFICIENT_PRIVILEGE, _) => {
                Self::Refused("the user may not use the tables, or make them")
            }
            (&SqlState::INVALID_CATALOG_NAME, _) => Self::Refused("there is no such database"),
            (_, "28") => {
                Self::Refused("the user or the password is wrong, or this machine may not connect")
            }
            // Connections, transactions that others were in the way of, resources, a server that starts, shuts
            // down or may not write any more, and its disk.
            (_, "08" | "25" | "40" | "53" | "57" | "58") => Self::Unreachable,
            _ => Self::Failed(code.code().to_owned()),
        }
    }
}

impl OpenError {
    /// What an error without a code is, which the client has found itself. It says so in words alone.
    fn of_client(error: &Error) -> Self {
        let text = error.to_string();
        if text.starts_with("error performing TLS handshake") {
            Self::Refused("it speaks no TLS, or its certificate is not trusted")
        } else if text.starts_with("invalid configuration") {
            Self::Refused(
                "it asks for a password and there is none, or the address contradicts itself",
            )
        } else if text.starts_with("authentication error") {
            Self::Refused("the password is wrong")
        } else {
            Self::Unreachable
        }
    }
}

/// A server that wants a workspace. It keeps its connection between two attempts.
#[derive(Debug)]
pub struct Candidate {
    database: Database,
    workspace: String,
    owner: String,
    time: LeaseTime,
    pub(crate) session: Option<ClientWrapper>,
    /// When the connection was made.
    connected: Instant,
    /// Whether another server was seen to have the workspace.
    has_waited: bool,
}

impl Candidate {
    /// Wants the workspace with this name in the database. `owner` is what operators see there of
    /// this server. Connects to nothing.
    #[must_use]
    pub fn new(database: Database, workspace: String, owner: String, time: LeaseTime) -> Self {
        Self {
            database,
            workspace,
            owner,
            time,
            session: None,
            connected: Instant::now(),
            has_waited: false,
        }
    }

    /// Whether the workspace is there: some server has had it. Creates nothing.
    ///
    /// # Errors
    /// The database can't be asked.
    pub async fn is_workspace_there(&self) -> Result<bool, OpenError> {
        let looked_up = timeout(ATTEMPT_TIMEOUT, async {
            let session = self.database.session().await?;
            Ok(schema::version(&session).await?.is_some()
                && lease::is_there(&session, &self.workspace).await?)
        });
        looked_up.await.unwrap_or(Err(OpenError::Unreachable))
    }

    /// Takes the workspace if it is free.
    ///
    /// # Errors
    /// After [`OpenError::InUse`] and [`OpenError::Unreachable`] another attempt may succeed.
    ///
    /// # Cancellation
    /// A workspace that was just taken is free again after the time of its lease.
    pub async fn acquire(&mut self) -> Result<PostgresStore, OpenError> {
        let attempt = timeout(ATTEMPT_TIMEOUT, self.try_acquire()).await;
        let attempt = attempt.unwrap_or(Err(OpenError::Unreachable));
        if !matches!(attempt, Ok(_) | Err(OpenError::InUse)) {
            self.session = None;
        }
        self.has_waited |= matches!(attempt, Err(OpenError::InUse));
        attempt
    }

    async fn try_acquire(&mut self) -> Result<PostgresStore, OpenError> {
        let session = match &self.session {
            Some(session) if !session.is_closed() => session,
            _ => {
                let session = self.prepared_session().await?;
                self.connected = Instant::now();
                self.session.insert(session)
            }
        };
        // If the database was away, then for the owner too, which gets the time to come back.
        let has_just_come = self.has_waited && self.connected.elapsed() < self.time.renewal();
        let free = if has_just_come {
            Free::GivenBack
        } else {
            Free::Expired
        };
        let asked = Instant::now();
        let lease = lease::acquire(session, &self.workspace, &self.owner, self.time, free).await?;
        let lease = lease.ok_or(OpenError::InUse)?;
        PostgresStore::start(self.database.clone(), lease, asked)
    }

    /// A connection to a database that has the newest tables.
    async fn prepared_session(&self) -> Result<ClientWrapper, OpenError> {
        let mut session = self.database.session().await?;
        let encoding: String = session
            .query_one_scalar("SHOW server_encoding", &[])
            .await?;
        if encoding != "UTF8" {
            return Err(OpenError::Refused(
                "its encoding is not UTF8, and names may have any letter",
            ));
        }
        match schema::migrate(&mut session).await? {
            Ok(()) => Ok(session),
            Err(TooNew { found }) => Err(OpenError::TooNew {
                found,
                supported: schema::NEWEST,
            }),
        }
    }
}
