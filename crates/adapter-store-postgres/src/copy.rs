//! A workspace that is copied to another store, of whatever kind.

mod workspace_copy;

use async_trait::async_trait;
use deadpool_postgres::ClientWrapper;
use uuid::Uuid;
use worker_runtime::store::StoreError;
use worker_runtime::store::copy::{CopySource, StoredRun, WorkerIds};
use worker_runtime::{Cursor, Epoch, Usage, WorkerId};

use crate::failure::Failure;
use crate::store::PostgresStore;
use crate::translate::Columns;

pub use workspace_copy::WorkspaceCopy;

const WORKER_IDS: &str = "SELECT id FROM yoi.worker WHERE workspace = $1 ORDER BY id";

const RUNS: &str = "
    SELECT * FROM yoi.run WHERE workspace = $1 AND worker = $2 AND sequence > $3
    ORDER BY sequence LIMIT $4";

#[async_trait]
impl CopySource for PostgresStore {
    async fn worker_ids(&self) -> Result<WorkerIds, StoreError> {
        let workspace = self.lease().workspace;
        self.read(async |session| worker_ids(session, workspace).await)
            .await
    }

    async fn runs(
        &self,
        id: WorkerId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredRun>, StoreError> {
        let workspace = self.lease().workspace;
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(async |session| {
            let select = session.prepare_cached(RUNS).await?;
            let rows = session
                .query(&select, &[&workspace, &id.as_uuid(), &after, &limit])
                .await?;
            rows.iter().map(|row| run(&Columns(row))).collect()
        })
        .await
    }
}

async fn worker_ids(session: &ClientWrapper, workspace: i32) -> Result<WorkerIds, Failure> {
    let select = session.prepare_cached(WORKER_IDS).await?;
    let mut found = WorkerIds::default();
    for row in session.query(&select, &[&workspace]).await? {
        match WorkerId::from_uuid(row.try_get::<_, Uuid>(0)?) {
            Ok(id) => found.ids.push(id),
            Err(_) => found.nameless += 1,
        }
    }
    Ok(found)
}

fn run(row: &Columns<'_>) -> Result<StoredRun, Failure> {
    let run_id = row.run_id("id")?;
    let has_ended = row.get::<Option<&str>>("outcome")?.is_some();
    let (epoch, position) = (row.bits("cursor_epoch")?, row.bits("cursor_sequence")?);
    let input_tokens: Option<i64> = row.get("input_tokens")?;
    let output_tokens: Option<i64> = row.get("output_tokens")?;
    Ok(StoredRun {
        sequence: row.bits("sequence")?,
        run_id,
        accepted_at: row.time("accepted_at")?,
        cursor: Cursor::new(Epoch::new(epoch), position),
        key: row.keyed("input_key", "input_fingerprint")?,
        end: has_ended.then(|| row.run_end(run_id)).transpose()?,
        usage: Usage {
            input_tokens: input_tokens.map(i64::cast_unsigned),
            output_tokens: output_tokens.map(i64::cast_unsigned),
        },
        diagnostics: row.diagnostics()?,
    })
}
