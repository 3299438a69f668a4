//! The copy of a store, in a workspace.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::ClientWrapper;
use tokio::time::timeout;
use tokio_postgres::Statement;
use worker_runtime::store::columns::{RunEndColumns, diagnostics_words};
use worker_runtime::store::copy::{CopyTarget, Fact, StoredRun};
use worker_runtime::store::{Change, StoreError};
use worker_runtime::{Entry, WorkerId};

use crate::candidate::{Candidate, OpenError};
use crate::failure::Failure;
use crate::lease::Lease;
use crate::store::PostgresStore;
use crate::translate::time;
use crate::write::{Parameter, Statements, Target, keyed};
use crate::writer::pipelined;

/// Longest time that the database takes for a part, or for the end.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest wait for an unfinished copy to be taken back.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Begins the transaction that the copy is made in. What reads the other store can pause for longer than
/// a server does. The row of the workspace's progress is locked: no other server gets the workspace.
const BEGIN: &str = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '60s'";

const OWN: &str = "SELECT FROM yoi.progress WHERE workspace = $1 AND generation = $2 FOR UPDATE";

const ANY_WORKER: &str = "SELECT EXISTS (SELECT FROM yoi.worker WHERE workspace = $1)";

const ENTRY: &str = "
    INSERT INTO yoi.entry (workspace, worker, sequence, role, run, at, partial, unanswered,
        diagnostics, content, reasoning)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

const RUN: &str = "
    INSERT INTO yoi.run (workspace, worker, sequence, id, accepted_at, cursor_epoch,
        cursor_sequence, input_key, input_fingerprint, outcome, error_code, error_detail,
        retry_after, finished_at, input_tokens, output_tokens, diagnostics)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";

/// A workspace that gets the workers of another store, all in one transaction: until that is committed,
/// nobody sees any of them.
pub struct WorkspaceCopy {
    store: PostgresStore,
    transaction: Transaction,
    /// Whether something was refused, which leaves a transaction that can only be rolled back.
    has_failed: bool,
}

/// The connection with the transaction, and the statements for it.
struct Transaction {
    session: ClientWrapper,
    changes: Statements,
    entry: Statement,
    run: Statement,
}

/// What a statement is for.
enum Row {
    Change(Change),
    Entry(WorkerId, Entry),
    Run(WorkerId, StoredRun),
}

impl WorkspaceCopy {
    /// A copy in the workspace that `candidate` takes; none if that has workers.
    ///
    /// # Errors
    /// As for [`Candidate::acquire`].
    pub async fn begin(mut candidate: Candidate) -> Result<Option<Self>, OpenError> {
        let store = candidate.acquire().await?;
        let session = candidate.session.take().ok_or(OpenError::Unreachable)?;
        match Transaction::begin(session, store.lease()).await {
            Ok(Some(transaction)) => Ok(Some(Self {
                store,
                transaction,
                has_failed: false,
            })),
            refused => {
                store.close().await;
                refused.map(|_| None)
            }
        }
    }

    /// Gives the workspace to whoever wants it next. A copy that isn't finished leaves nothing there.
    pub async fn close(self) {
        // Otherwise the next owner would wait until the database notices the end of the connection.
        let rolled_back = self.transaction.session.batch_execute("ROLLBACK");
        if !matches!(timeout(CLOSE_TIMEOUT, rolled_back).await, Ok(Ok(()))) {
            tracing::debug!("transaction of a copy is not rolled back");
        }
        self.store.close().await;
    }

    /// Does some of the work, unless something has failed before.
    async fn work(
        &mut self,
        work: impl AsyncFnOnce(Target<'_>, &Transaction) -> Result<(), Failure>,
    ) -> Result<(), StoreError> {
        let target = Target {
            session: &self.transaction.session,
            statements: &self.transaction.changes,
            workspace: self.store.lease().workspace,
        };
        let before = std::mem::replace(&mut self.has_failed, true);
        if before {
            return Err(Failure::Closed.into());
        }
        let worked = timeout(ANSWER_TIMEOUT, work(target, &self.transaction)).await;
        worked.unwrap_or(Err(Failure::TimedOut))?;
        self.has_failed = false;
        Ok(())
    }
}

#[async_trait]
impl CopyTarget for WorkspaceCopy {
    async fn add(&mut self, facts: Vec<Fact>) -> Result<(), StoreError> {
        let rows: Vec<_> = facts.into_iter().flat_map(rows).collect();
        self.work(async |target, transaction| {
            let inserts = rows.iter().map(|row| transaction.insert(target, row));
            let inserted = pipelined(inserts).await;
            let is_cause = |failure: &Failure| !failure.is_consequence();
            inserted
                .into_iter()
                .find(|it| it.as_ref().is_err_and(is_cause))
                .unwrap_or(Ok(()))
        })
        .await
    }

    async fn remove(&mut self, id: WorkerId) -> Result<(), StoreError> {
        let delete = Change::Delete { worker_id: id };
        self.work(async |target, _| target.apply(&delete).await)
            .await
    }

    async fn finish(&mut self) -> Result<(), StoreError> {
        self.work(async |_, transaction| Ok(transaction.session.batch_execute("COMMIT").await?))
            .await
    }
}

/// A row for each statement.
fn rows(fact: Fact) -> Vec<Row> {
    match fact {
        Fact::Worker(worker) => vec![Row::Change(Change::Create(worker))],
        Fact::Entries(id, entries) => entries.into_iter().map(|it| Row::Entry(id, it)).collect(),
        Fact::Runs(id, runs) => runs.into_iter().map(|it| Row::Run(id, it)).collect(),
        Fact::Draft(worker_id, run) => vec![Row::Change(Change::Draft {
            worker_id,
            run_id: run.run_id,
            text: run.text,
        })],
    }
}

impl Transaction {
    /// Begins it; none if the workspace has workers.
    async fn begin(session: ClientWrapper, lease: Lease) -> Result<Option<Self>, OpenError> {
        session.batch_execute(BEGIN).await?;
        let own = session
            .query_opt(OWN, &[&lease.workspace, &lease.generation])
            .await?;
        if own.is_none() {
            return Err(OpenError::InUse);
        }
        if session
            .query_one_scalar(ANY_WORKER, &[&lease.workspace])
            .await?
        {
            return Ok(None);
        }
        Ok(Some(Self {
            changes: Statements::prepare(&session).await?,
            entry: session.prepare(ENTRY).await?,
            run: session.prepare(RUN).await?,
            session,
        }))
    }

    async fn insert(&self, target: Target<'_>, row: &Row) -> Result<(), Failure> {
        match row {
            Row::Change(change) => target.apply(change).await,
            Row::Entry(id, entry) => self.insert_entry(target, *id, entry).await,
            Row::Run(id, run) => self.insert_run(target, *id, run).await,
        }
    }

    async fn insert_entry(
        &self,
        target: Target<'_>,
        id: WorkerId,
        entry: &Entry,
    ) -> Result<(), Failure> {
        let parameters: [Parameter<'_>; 11] = [
            &target.workspace,
            &id.as_uuid(),
            &entry.sequence.cast_signed(),
            &entry.role.as_str(),
            &entry.run_id.as_uuid(),
            &time(entry.at),
            &entry.partial,
            &entry.unanswered,
            &diagnostics_words(entry.diagnostics),
            &entry.content.as_bytes(),
            &entry.reasoning.as_deref().map(str::as_bytes),
        ];
        target.one_row(&self.entry, &parameters, "entry").await
    }

    async fn insert_run(
        &self,
        target: Target<'_>,
        id: WorkerId,
        run: &StoredRun,
    ) -> Result<(), Failure> {
        let (key, fingerprint) = keyed(run.key.as_ref());
        let end = RunEndColumns::of(run.end.as_ref());
        let parameters: [Parameter<'_>; 17] = [
            &target.workspace,
            &id.as_uuid(),
            &run.sequence.cast_signed(),
            &run.run_id.as_uuid(),
            &time(run.accepted_at),
            &run.cursor.epoch().get().cast_signed(),
            &run.cursor.sequence().cast_signed(),
            &key,
            &fingerprint,
            &end.outcome,
            &end.error_code,
            &end.error_detail,
            &end.retry_after,
            &end.finished_at.map(time),
            &run.usage.input_tokens.map(u64::cast_signed),
            &run.usage.output_tokens.map(u64::cast_signed),
            &diagnostics_words(run.diagnostics),
        ];
        target.one_row(&self.run, &parameters, "run").await
    }
}
