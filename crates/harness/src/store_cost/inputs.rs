//! Inputs: many at once beside SQLite alone with the same rows, one at a time beside one `fsync`,
//! and the bytes that they take.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter_store_sqlite::{Options, SqliteStore};
use async_trait::async_trait;
use rusqlite::{Connection, params};
use tokio::task::JoinSet;
use worker_runtime::{
    CreateWorker, EngineError, Input, Output, Runtime, Turn, TurnEngine, WorkerId,
};

use super::{Error, Figure, ratio};
use crate::process_stats::format_mib;
use crate::statistics::Rounds;

pub(super) const CLIENTS: usize = 32;
pub(super) const ROUNDS: usize = 5;
pub(super) const INPUT_BYTES: usize = 500;
pub(super) const REPLY_BYTES: usize = 1_000;
/// Accepts of each round that are held against an `fsync`.
const SINGLE: usize = 200;
/// Bytes that are written before each `fsync`: a page.
const PAGE_BYTES: usize = 4_096;
pub(super) const RUN_TIMEOUT: Duration = Duration::from_secs(60);

/// Replies at once.
struct InstantReply(String);

#[async_trait]
impl TurnEngine for InstantReply {
    async fn run(&self, _: Turn, output: Output) -> Result<(), EngineError> {
        Ok(output.push(&self.0).await?)
    }
}

pub(super) async fn measure(inputs: usize) -> Result<Vec<Figure>, Error> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("workers.sqlite3");
    let store = Arc::new(SqliteStore::open(&path, Options::default())?);
    let runtime = builder().open(Arc::clone(&store) as _).await?;
    let memory = builder().build()?;
    let mut alone = Alone::new(&directory.path().join("alone.sqlite3"))?;
    let mut log = File::create(directory.path().join("log"))?;

    let [mut stored, mut raw, mut accepts, mut syncs] = [(); 4].map(|()| Rounds::default());
    let per_client = inputs / CLIENTS / ROUNDS;
    for _ in 0..ROUNDS {
        let before = store.metrics().batch_size;
        stored.record(run_clients(&runtime, per_client).await?);
        let after = store.metrics().batch_size;
        let transactions = after.count - before.count;
        raw.record(alone.insert(per_client * CLIENTS, transactions)?);
        let [with, sync] = accept(&runtime, &mut log).await?;
        let [without, _] = accept(&memory, &mut log).await?;
        accepts.record(with - without);
        syncs.record(sync);
    }
    runtime.shutdown(RUN_TIMEOUT).await;
    drop((runtime, store));
    let content = (ROUNDS * (per_client * CLIENTS + SINGLE) * (INPUT_BYTES + REPLY_BYTES)) as u64;
    let file = std::fs::metadata(&path)?.len();
    let what =
        "durable inputs, 32 clients: SQLite alone with the same rows and batches ÷ the runtime";
    Ok(vec![
        ratio(what, "≥ 0.5", [&raw, &stored]),
        ratio(
            "one accept, added by the store ÷ one fsync",
            "≤ 1.5",
            [&accepts, &syncs],
        ),
        Figure {
            what: format!("file ÷ content, {inputs} inputs of 500 B and replies of 1 KB"),
            value: format!("{:.2} ({})", file as f64 / content as f64, format_mib(file)),
            goal: "≤ 2",
        },
    ])
}

pub(super) fn builder() -> worker_runtime::RuntimeBuilder {
    Runtime::builder().engine(Arc::new(InstantReply("y".repeat(REPLY_BYTES))))
}

async fn worker(runtime: &Runtime) -> Result<WorkerId, Error> {
    Ok(runtime.create(CreateWorker::default()).await?.worker.id)
}

/// Sends an input, and waits until its run has ended. Returns how long the answer took.
async fn exchange(runtime: &Runtime, worker: WorkerId) -> Result<Duration, Error> {
    let begun = Instant::now();
    let accepted = runtime
        .send_input(worker, Input::new("x".repeat(INPUT_BYTES)))
        .await?;
    let took = begun.elapsed();
    runtime.reply(worker, &accepted, RUN_TIMEOUT).await?;
    Ok(took)
}

/// Milliseconds in which all clients send so many inputs each.
pub(super) async fn run_clients(runtime: &Runtime, inputs: usize) -> Result<f64, Error> {
    let mut clients = JoinSet::new();
    let begun = Instant::now();
    for _ in 0..CLIENTS {
        let runtime = runtime.clone();
        clients.spawn(async move {
            let worker = worker(&runtime).await?;
            for _ in 0..inputs {
                exchange(&runtime, worker).await?;
            }
            Ok::<_, Error>(())
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended??;
    }
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}

/// The median milliseconds of an accept by itself, and those of what a log of inputs would do at
/// the least: append a page and `fsync`. In turns, so that both find the machine as idle.
async fn accept(runtime: &Runtime, log: &mut File) -> Result<[f64; 2], Error> {
    let worker = worker(runtime).await?;
    let [mut accepts, mut syncs] = [(); 2].map(|()| Rounds::default());
    for _ in 0..SINGLE {
        accepts.record(exchange(runtime, worker).await?.as_secs_f64() * 1e3);
        let begun = Instant::now();
        log.write_all(&[7; PAGE_BYTES])?;
        log.sync_all()?;
        syncs.record(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok([accepts.median(), syncs.median()])
}

/// SQLite alone, with the store's tables and settings.
struct Alone {
    database: Connection,
    exchanges: i64,
}

impl Alone {
    fn new(path: &Path) -> Result<Self, Error> {
        let database = Connection::open(path)?;
        database.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")?;
        database.execute_batch(include_str!(
            "../../../adapter-store-sqlite/src/schema/v1.sql"
        ))?;
        Ok(Self {
            database,
            exchanges: 0,
        })
    }

    /// Milliseconds in which the rows of so many exchanges are inserted in so many transactions.
    fn insert(&mut self, exchanges: usize, transactions: u64) -> Result<f64, Error> {
        let (input, reply) = ("x".repeat(INPUT_BYTES), "y".repeat(REPLY_BYTES));
        let in_each = (exchanges as u64).div_ceil(transactions.max(1));
        let mut left = exchanges as u64;
        let begun = Instant::now();
        while left > 0 {
            self.database.execute_batch("BEGIN IMMEDIATE")?;
            for _ in 0..in_each.min(left) {
                self.exchanges += 1;
                self.insert_exchange(&input, &reply)?;
            }
            self.database.execute_batch("COMMIT")?;
            left = left.saturating_sub(in_each);
        }
        Ok(begun.elapsed().as_secs_f64() * 1e3)
    }

    fn insert_exchange(&self, input: &str, reply: &str) -> Result<(), Error> {
        // Each client's rows lie side by side, as in the store.
        let client = self.exchanges % CLIENTS as i64;
        let key = (client << 32) + 2 * self.exchanges;
        let mut run = self.database.prepare_cached(
            "INSERT INTO run (key, worker, id, accepted_at, cursor_epoch, cursor_sequence,
                 outcome, finished_at) VALUES (?1, ?2, ?3, 1, 7, 1, 'completed', 2)",
        )?;
        run.execute(params![key, client, [7_u8; 16]])?;
        let mut entry = self.database.prepare_cached(
            "INSERT INTO entry (key, role, run, at, partial, unanswered, content)
             VALUES (?1, ?2, ?3, 1, 0, 0, ?4)",
        )?;
        entry.execute(params![key, "user", [7_u8; 16], input])?;
        entry.execute(params![key + 1, "assistant", [7_u8; 16], reply])?;
        Ok(())
    }
}
