//! The versions of the tables, and how a database comes to the newest.

use deadpool_postgres::ClientWrapper;
use tokio_postgres::Error;

/// What leads from each version to the next; the first from no tables at all.
const STEPS: &[&str] = &[include_str!("schema/v1.sql")];

/// The newest version.
pub(crate) const NEWEST: i32 = STEPS.len() as i32;

/// Keeps two servers from migrating at once: `yoi` and a purpose, in ASCII.
const MIGRATION_LOCK: i64 = 0x796f_692d_6d69_6772;

/// A schema that is newer than this program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TooNew {
    pub(crate) found: i32,
}

/// Creates the tables, or brings them to the newest version, in one transaction.
pub(crate) async fn migrate(session: &mut ClientWrapper) -> Result<Result<(), TooNew>, Error> {
    // Without a lock, and without a right to create anything, as usual.
    if let Some(found) = version(session).await?
        && found >= NEWEST
    {
        return Ok(require_known(found));
    }
    let transaction = session.transaction().await?;
    transaction
        .execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK])
        .await?;
    // An administrator may have made it, for a user that may make none.
    let has_schema: bool = transaction
        .client()
        .query_one_scalar("SELECT to_regnamespace('yoi') IS NOT NULL", &[])
        .await?;
    if !has_schema {
        transaction.batch_execute("CREATE SCHEMA yoi").await?;
    }
    transaction
        .batch_execute("CREATE TABLE IF NOT EXISTS yoi.schema (version integer NOT NULL)")
        .await?;
    let found = transaction
        .query_opt("SELECT version FROM yoi.schema", &[])
        .await?;
    let found = found.map_or(Ok(0), |row| row.try_get::<_, i32>(0))?;
    let done = usize::try_from(found).unwrap_or_default();
    for step in STEPS.iter().skip(done) {
        transaction.batch_execute(step).await?;
    }
    if found < NEWEST {
        transaction.execute("DELETE FROM yoi.schema", &[]).await?;
        transaction
            .execute("INSERT INTO yoi.schema (version) VALUES ($1)", &[&NEWEST])
            .await?;
    }
    transaction.commit().await?;
    Ok(require_known(found))
}

fn require_known(found: i32) -> Result<(), TooNew> {
    if found > NEWEST {
        return Err(TooNew { found });
    }
    Ok(())
}

/// The version that the database has; none without our tables.
pub(crate) async fn version(session: &ClientWrapper) -> Result<Option<i32>, Error> {
    let there: bool = session
        .query_one_scalar("SELECT to_regclass('yoi.schema') IS NOT NULL", &[])
        .await?;
    if !there {
        return Ok(None);
    }
    session
        .query_opt_scalar("SELECT version FROM yoi.schema", &[])
        .await
}
