//! The task that writes: everything that waits for it goes into one transaction.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use deadpool_postgres::ClientWrapper;
use futures_util::future::{MaybeDone, maybe_done};
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};
use tokio_postgres::SimpleQueryMessage;
use worker_runtime::store::StoreRecorder;
use worker_runtime::store::group_commit::{CommitRequest, answer_group};

use crate::database::Database;
use crate::failure::Failure;
use crate::lease::{self, Lease, LostFlag};
use crate::write::{Statements, Target};

/// Longest wait for the database before a transaction is given up, and for the answer to its COMMIT
/// before its outcome is looked for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait before the outcome of a COMMIT without an answer is looked for once more.
const SETTLE_PAUSE: Duration = Duration::from_millis(100);

/// The one connection that writes.
pub(crate) struct Writer {
    database: Database,
    lease: Lease,
    lost: LostFlag,
    recorder: Arc<StoreRecorder>,
    closing: Arc<Notify>,
    /// None after a failure: the next transaction begins with a connection of its own.
    line: Option<Line>,
    /// The number of the latest transaction, as it is in the database.
    batch: i64,
}

/// A connection and its statements.
struct Line {
    session: ClientWrapper,
    statements: Statements,
}

type Outcomes = Vec<Result<(), Failure>>;

impl Writer {
    pub(crate) fn new(
        database: Database,
        lease: Lease,
        lost: LostFlag,
        recorder: Arc<StoreRecorder>,
        closing: Arc<Notify>,
    ) -> Self {
        Self {
            database,
            lease,
            lost,
            recorder,
            closing,
            line: None,
            batch: 0,
        }
    }

    /// Commits what comes until it is closing, or the other end of the queue is gone; then gives the
    /// workspace back.
    pub(crate) async fn run(mut self, mut requests: mpsc::Receiver<CommitRequest>) {
        loop {
            // Both arms are cancel-safe.
            let first = tokio::select! {
                first = requests.recv() => first,
                () = self.closing.notified() => {
                    requests.close();
                    continue;
                }
            };
            let Some(first) = first else {
                break;
            };
            self.commit(first.group(&mut requests)).await;
        }
        if self.lost.is_raised() {
            return;
        }
        // The statements are kept to the end: dropping them sends messages, whose answers to a process that
        // is gone would reset the connection before a busy database has read what comes after them.
        let (session, _statements) = match self.line.take() {
            Some(Line {
                session,
                statements,
            }) if !session.is_closed() => (Ok(session), Some(statements)),
            _ => (self.database.session().await, None),
        };
        match session {
            Ok(session) => lease::release(&session, self.lease).await,
            Err(error) => tracing::debug!(cause = ?error, "lease is not given back"),
        }
    }

    async fn commit(&mut self, batch: Vec<CommitRequest>) {
        let begun = Instant::now();
        let outcomes = match self.try_commit(&batch).await {
            Ok(outcomes) => {
                self.recorder.committed(batch.len(), begun.elapsed());
                outcomes
            }
            // Whether they were made is not known, so nobody is told.
            Err(Failure::Closed) => return,
            Err(failure) => vec![Err(failure); batch.len()],
        };
        answer_group(batch, outcomes, &self.recorder);
    }

    /// Commits all requests that can be; those that don't fit what is stored fail alone.
    async fn try_commit(&mut self, batch: &[CommitRequest]) -> Result<Outcomes, Failure> {
        let is_new = self.line.is_none();
        let (line, outcomes) = match self.write(batch).await {
            // A connection that was cut while nobody used it. Nothing was committed.
            Err(failure) if failure.is_of_connection() && !is_new => self.write(batch).await?,
            written => written?,
        };
        let committed = timeout(ANSWER_TIMEOUT, line.session.batch_execute("COMMIT")).await;
        match committed {
            Ok(Ok(())) => {
                self.batch += 1;
                self.line = Some(line);
            }
            Ok(Err(error)) => {
                drop(line);
                self.settle(error.into()).await?;
            }
            Err(_) => {
                drop(line);
                self.settle(Failure::TimedOut).await?;
            }
        }
        Ok(outcomes)
    }

    /// Makes the changes of all requests in a transaction that stays open.
    async fn write(&mut self, batch: &[CommitRequest]) -> Result<(Line, Outcomes), Failure> {
        let written = timeout(ANSWER_TIMEOUT, async {
            let line = self.line().await?;
            let outcomes = self.write_all(&line, batch).await?;
            Ok((line, outcomes))
        });
        written.await.unwrap_or(Err(Failure::TimedOut))
    }

    async fn line(&mut self) -> Result<Line, Failure> {
        if self.lost.is_raised() {
            return Err(Failure::Lost);
        }
        match self.line.take() {
            Some(line) if !line.session.is_closed() => Ok(line),
            _ => {
                let session = self.database.session().await?;
                let pause_ms = self.lease.time.pause().as_millis();
                let bound = format!("SET idle_in_transaction_session_timeout = {pause_ms}");
                session.batch_execute(&bound).await?;
                let statements = Statements::prepare(&session).await?;
                Ok(Line {
                    session,
                    statements,
                })
            }
        }
    }

    fn target<'a>(&self, line: &'a Line) -> Target<'a> {
        Target {
            session: &line.session,
            statements: &line.statements,
            workspace: self.lease.workspace,
        }
    }

    /// Sends all changes before it waits for the first answer; not before there is a transaction, because
    /// each would be one of its own.
    async fn write_all(&self, line: &Line, batch: &[CommitRequest]) -> Result<Outcomes, Failure> {
        let target = self.target(line);
        self.begin(line).await?;
        let changes = batch.iter().flat_map(|request| &request.changes);
        let changes = changes.map(|change| target.apply(change));
        let applied = pipelined(changes).await;
        let failure = applied.into_iter().find_map(|applied| match applied {
            Err(failure) if !failure.is_consequence() => Some(failure),
            _ => None,
        });
        match failure {
            None => Ok(vec![Ok(()); batch.len()]),
            Some(failure) if failure.is_of_one_request() => {
                line.session.batch_execute("ROLLBACK").await?;
                self.write_each(line, batch).await
            }
            Some(failure) => Err(failure),
        }
    }

    /// Does the same when a request doesn't fit what is stored: its changes alone are taken back.
    /// That costs a savepoint for each request, which the usual way is spared.
    async fn write_each(&self, line: &Line, batch: &[CommitRequest]) -> Result<Outcomes, Failure> {
        self.begin(line).await?;
        let target = self.target(line);
        let mut outcomes = Vec::with_capacity(batch.len());
        for request in batch {
            line.session.batch_execute("SAVEPOINT request").await?;
            let mut outcome = Ok(());
            for change in &request.changes {
                outcome = target.apply(change).await;
                if outcome.is_err() {
                    break;
                }
            }
            match &outcome {
                Ok(()) => line.session.batch_execute("RELEASE request").await?,
                Err(failure) if failure.is_of_one_request() => {
                    let take_back = "ROLLBACK TO request; RELEASE request";
                    line.session.batch_execute(take_back).await?;
                }
                Err(failure) => return Err(failure.clone()),
            }
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    /// Begins the next transaction, and locks the row of the workspace's progress for it.
    ///
    /// # Errors
    /// [`Failure::Lost`] when another server has the workspace, or this transaction's number is
    /// taken: what the runtime has in memory is out of date then.
    async fn begin(&self, line: &Line) -> Result<(), Failure> {
        let Lease {
            workspace,
            generation,
            ..
        } = self.lease;
        let (latest, next) = (self.batch, self.batch + 1);
        // In one message: what fails of it fails as a whole.
        let begin = format!(
            "BEGIN;
             UPDATE yoi.progress SET batch = {next}
             WHERE workspace = {workspace} AND generation = {generation} AND batch = {latest}"
        );
        let messages = line.session.simple_query(&begin).await?;
        let is_fenced = messages
            .iter()
            .any(|message| matches!(message, SimpleQueryMessage::CommandComplete(1)));
        if is_fenced {
            return Ok(());
        }
        self.lost.raise();
        Err(Failure::Lost)
    }

    /// Finds out whether the transaction was committed, though its COMMIT got no answer. Until that
    /// is known nobody gets one either, unless the store is closed meanwhile: callers have deadlines of
    /// their own.
    async fn settle(&mut self, failure: Failure) -> Result<(), Failure> {
        loop {
            match timeout(ANSWER_TIMEOUT, self.is_committed()).await {
                Ok(Ok(is_committed)) => {
                    if !is_committed {
                        return Err(failure);
                    }
                    self.batch += 1;
                    return Ok(());
                }
                Ok(Err(failure)) => tracing::debug!(cause = ?failure, "outcome is not known yet"),
                Err(_) => tracing::debug!("outcome is not known yet"),
            }
            // Both arms are cancel-safe.
            tokio::select! {
                () = sleep(SETTLE_PAUSE) => {}
                () = self.closing.notified() => {
                    // For `run`, which ends by it.
                    self.closing.notify_one();
                    return Err(Failure::Closed);
                }
            }
        }
    }

    /// Whether the transaction after the latest one is in the database. What is still going on there has
    /// the row's lock, and is waited for.
    async fn is_committed(&self) -> Result<bool, Failure> {
        let session = self.database.session().await?;
        let sql = "SELECT generation, batch, previous_batch FROM yoi.progress WHERE workspace = $1
             FOR UPDATE";
        let row = session.query_one(sql, &[&self.lease.workspace]).await?;
        let (generation, batch, previous): (i64, i64, i64) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let of_ours = match generation - self.lease.generation {
            0 => batch,
            // The next owner has noted it.
            1 => previous,
            _ => return Err(Failure::Lost),
        };
        Ok(of_ours > self.batch)
    }
}

/// Polls all futures once, in their order, so that each sends what it has to; then waits for all.
pub(crate) async fn pipelined<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(|it| Box::pin(maybe_done(it))).collect();
    poll_fn(|context| {
        for future in &mut futures {
            let _ = future.as_mut().poll(context);
        }
        Poll::Ready(())
    })
    .await;
    let mut outputs = Vec::with_capacity(futures.len());
    for mut future in futures {
        outputs.push(output(&mut future).await);
    }
    outputs
}

async fn output<F: Future>(future: &mut Pin<Box<MaybeDone<F>>>) -> F::Output {
    future.as_mut().await;
    future
        .as_mut()
        .take_output()
        .expect("it is done, and was not taken")
}
