//! Who owns a workspace: a row that says which server, until when, and how many
//! there were.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_postgres::Error;
use tokio_postgres::types::ToSql;

use crate::database::Database;

/// Renewals within the time of a lease: two may be missed.
const RENEWALS: u32 = 3;
/// Longest pause of the owner within a transaction, however long the lease is.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// Pause after a renewal that has failed.
const RETRY: Duration = Duration::from_millis(250);

/// How long a workspace belongs to a server that doesn't say anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTime(Duration);

/// A text that isn't a [`LeaseTime`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a number of seconds from {min} to {max}", min = LeaseTime::MIN.as_secs(), max = LeaseTime::MAX.as_secs())]
pub struct InvalidLease;

impl LeaseTime {
    /// Shorter ones would be lost to a pause of the system.
    pub const MIN: Duration = Duration::from_secs(3);
    /// For longer ones nobody would wait.
    pub const MAX: Duration = Duration::from_secs(300);

    /// The time.
    #[must_use]
    pub fn get(self) -> Duration {
        self.0
    }

    /// The time between two renewals.
    pub(crate) fn renewal(self) -> Duration {
        self.0 / RENEWALS
    }

    /// Longest pause of the owner within a transaction. The next owner waits for a transaction that is
    /// open, but not for longer than for the lease.
    pub(crate) fn pause(self) -> Duration {
        self.0.min(PAUSE_MAX)
    }

    /// Seconds, as a database takes them.
    pub(crate) fn seconds(self) -> f64 {
        self.0.as_secs_f64()
    }
}

impl Default for LeaseTime {
    fn default() -> Self {
        Self(Duration::from_secs(10))
    }
}

impl FromStr for LeaseTime {
    type Err = InvalidLease;

    fn from_str(text: &str) -> Result<Self, InvalidLease> {
        let seconds = text.parse().map_err(|_| InvalidLease)?;
        let time = Duration::from_secs(seconds);
        let is_possible = (Self::MIN..=Self::MAX).contains(&time);
        is_possible.then_some(Self(time)).ok_or(InvalidLease)
    }
}

impl fmt::Display for LeaseTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.as_secs())
    }
}

/// The lease of a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease {
    /// The workspace's number.
    pub(crate) workspace: i32,
    /// Counts the owners that the workspace has had.
    pub(crate) generation: i64,
    pub(crate) time: LeaseTime,
}

/// Which workspaces are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Free {
    /// Those that were given back.
    GivenBack,
    /// Those too whose owner has not renewed its lease.
    Expired,
}

/// Takes the workspace with this name for `owner` unless another has it.
pub(crate) async fn acquire(
    session: &ClientWrapper,
    name: &str,
    owner: &str,
    time: LeaseTime,
    free: Free,
) -> Result<Option<Lease>, Error> {
    if !is_there(session, name).await? {
        let sql = "
            WITH made AS (
                INSERT INTO yoi.workspace (name) VALUES ($1) ON CONFLICT DO NOTHING
                RETURNING number
            )
            INSERT INTO yoi.progress (workspace) SELECT number FROM made";
        session.execute(sql, &[&name]).await?;
    }
    // One that isn't free is not even locked. A transaction of the owner before that is about to end is
    // waited for, and counted; that owner can renew its lease meanwhile, and the new one begins after it.
    let sql = "
        WITH free AS (
            SELECT workspace FROM yoi.progress JOIN yoi.workspace ON workspace = number
            WHERE name = $1 AND (owner IS NULL OR $4 AND expires_at < clock_timestamp())
            FOR UPDATE OF progress
        ), taken AS (
            UPDATE yoi.workspace SET owner = $2, generation = generation + 1,
                expires_at = clock_timestamp() + make_interval(secs => $3)
            FROM free
            WHERE number = free.workspace
                AND (owner IS NULL OR $4 AND expires_at < clock_timestamp())
            RETURNING number, generation
        )
        UPDATE yoi.progress SET generation = taken.generation, previous_batch = batch, batch = 0
        FROM taken WHERE workspace = number
        RETURNING workspace, taken.generation";
    let is_expired_free = free == Free::Expired;
    let parameters: [&(dyn ToSql + Sync); 4] = [&name, &owner, &time.seconds(), &is_expired_free];
    let row = session.query_opt(sql, &parameters).await?;
    row.map(|row| {
        Ok(Lease {
            workspace: row.try_get("workspace")?,
            generation: row.try_get("generation")?,
            time,
        })
    })
    .transpose()
}

/// Whether there is a workspace with this name.
pub(crate) async fn is_there(session: &ClientWrapper, name: &str) -> Result<bool, Error> {
    let sql = "SELECT FROM yoi.workspace WHERE name = $1";
    Ok(session.query_opt(sql, &[&name]).await?.is_some())
}

/// Tells everybody that a lease is lost, once and for all.
#[derive(Debug, Clone)]
pub(crate) struct LostFlag(Arc<watch::Sender<bool>>);

impl Default for LostFlag {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl LostFlag {
    pub(crate) fn raise(&self) {
        self.0.send_replace(true);
    }

    pub(crate) fn is_raised(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is raised. Holds on to nothing else of the store.
    pub(crate) fn raised(&self) -> impl Future<Output = ()> + Send + 'static {
        let flag = self.clone();
        async move {
            let mut receiver = flag.0.subscribe();
            // The sender is here.
            let _ = receiver.wait_for(|is_lost| *is_lost).await;
        }
    }
}

/// Renews the lease until it is lost. `acquired` is when it was asked for.
pub(crate) async fn keep(database: Database, lease: Lease, acquired: Instant, lost: LostFlag) {
    let mut session = None;
    let mut renewed = acquired;
    let mut pause = lease.time.renewal();
    loop {
        sleep(pause).await;
        let asked = Instant::now();
        let expiry = renewed + lease.time.get();
        // Soon enough for another attempt, on another connection. After a pause of the whole process the
        // time may be over already, and nobody may have noticed.
        let mut deadline = asked + lease.time.renewal();
        if asked < expiry {
            deadline = deadline.min(expiry);
        }
        match timeout_at(deadline, renew(&database, &mut session, lease)).await {
            Ok(Ok(true)) => {
                renewed = asked;
                pause = lease.time.renewal();
                continue;
            }
            Ok(Ok(false)) => {
                tracing::debug!("another server has the workspace");
                return lost.raise();
            }
            Ok(Err(error)) => tracing::debug!(cause = ?error, "lease is not renewed"),
            Err(_) => tracing::debug!("lease is not renewed in time"),
        }
        session = None;
        let now = Instant::now();
        // So long after its deadline, the whole process was paused, and could not hear the answer.
        let was_paused = now >= deadline + RETRY;
        if now >= expiry && !was_paused {
            // Another server may have the workspace, and this one can't find out.
            return lost.raise();
        }
        pause = RETRY;
    }
}

/// Whether the lease was still there, and is now for another while.
async fn renew(
    database: &Database,
    session: &mut Option<ClientWrapper>,
    lease: Lease,
) -> Result<bool, Error> {
    let session = match session {
        Some(session) => session,
        None => session.insert(database.session().await?),
    };
    let sql = "
        UPDATE yoi.workspace SET expires_at = clock_timestamp() + make_interval(secs => $3)
        WHERE number = $1 AND generation = $2";
    let statement = session.prepare_cached(sql).await?;
    let seconds = lease.time.seconds();
    let renewed = session
        .execute(&statement, &[&lease.workspace, &lease.generation, &seconds])
        .await?;
    Ok(renewed == 1)
}

/// Longest wait for the lease to be given back: without that the next server waits for its end.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(1);

/// Gives the workspace to whoever wants it next.
pub(crate) async fn release(session: &ClientWrapper, lease: Lease) {
    let Lease {
        workspace,
        generation,
        ..
    } = lease;
    // In one message: once that is sent, the database does it, even if its answer comes too late.
    let sql = format!(
        "UPDATE yoi.workspace SET owner = NULL
         WHERE number = {workspace} AND generation = {generation}"
    );
    match timeout(RELEASE_TIMEOUT, session.batch_execute(&sql)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(cause = ?error, "lease is not given back"),
        Err(_) => tracing::debug!("lease is not given back in time"),
    }
}
