//! The store in a database: inputs of many clients beside bare inserts of the same rows in as large
//! transactions, and a page of one workspace among many beside one that is alone.

use std::sync::Arc;
use std::time::Instant;

use adapter_store_postgres::{Candidate, Database, LeaseTime, PostgresStore, Secrets};
use tokio_postgres::{Client, NoTls, Statement};
use worker_runtime::store::WorkerStore as _;
use worker_runtime::{CreateWorker, Runtime, WorkerId};

use super::inputs::{CLIENTS, INPUT_BYTES, REPLY_BYTES, ROUNDS, RUN_TIMEOUT, builder, run_clients};
use super::{Error, Figure, ratio};
use crate::statistics::Rounds;

/// Workspaces of the full database, and workers of each.
const WORKSPACES: i32 = 1_000;
const WORKERS: usize = 100;
const PAGE: usize = 50;
/// Pages of each round.
const PAGES: usize = 200;

pub(super) async fn measure(address: &str, inputs: usize) -> Result<Vec<Figure>, Error> {
    let store = Arc::new(open(address, "inputs").await?);
    let runtime = builder().open(Arc::clone(&store) as _).await?;
    let mut alone = Alone::new(address).await?;
    let [mut stored, mut raw] = [(); 2].map(|()| Rounds::default());
    let per_client = inputs / CLIENTS / ROUNDS;
    for _ in 0..ROUNDS {
        let before = store.metrics().batch_size.count;
        stored.record(run_clients(&runtime, per_client).await?);
        let transactions = store.metrics().batch_size.count - before;
        raw.record(alone.insert(per_client * CLIENTS, transactions).await?);
    }
    runtime.shutdown(RUN_TIMEOUT).await;
    let [few, many] = pages(address, &alone.client).await?;
    Ok(vec![
        ratio(
            "durable inputs, 32 clients: bare inserts of the same rows, as many in a transaction ÷ the runtime",
            "≥ 0.5",
            [&raw, &stored],
        ),
        ratio(
            "page of 50: 1,000 workspaces of 100 workers ÷ one",
            "≤ 1.2",
            [&many, &few],
        ),
    ])
}

async fn open(address: &str, workspace: &str) -> Result<PostgresStore, Error> {
    let database = Database::new(address, &Secrets::default())?;
    let (workspace, owner) = (workspace.to_owned(), "harness".to_owned());
    let mut candidate = Candidate::new(database, workspace, owner, LeaseTime::default());
    Ok(candidate.acquire().await?)
}

/// Milliseconds of the pages of a workspace that is alone in its database, and of one among many.
async fn pages(address: &str, client: &Client) -> Result<[Rounds; 2], Error> {
    client.batch_execute("CREATE DATABASE yoi_alone").await?;
    let (server, _) = address.rsplit_once('/').ok_or("no name of a database")?;
    let alone = Population::new(&format!("{server}/yoi_alone")).await?;
    let crowded = Population::new(address).await?;
    fill(client).await?;
    // What the many rows leave to be done is not the reader's.
    client.batch_execute("VACUUM ANALYZE").await?;
    client.batch_execute("CHECKPOINT").await?;
    let [mut few, mut many] = [(); 2].map(|()| Rounds::default());
    for _ in 0..ROUNDS {
        few.record(read_pages(&alone).await?);
        many.record(read_pages(&crowded).await?);
    }
    for population in [alone, crowded] {
        population.runtime.shutdown(RUN_TIMEOUT).await;
    }
    Ok([few, many])
}

/// A workspace with workers.
struct Population {
    store: Arc<PostgresStore>,
    runtime: Runtime,
    workers: Vec<WorkerId>,
}

impl Population {
    async fn new(address: &str) -> Result<Self, Error> {
        let store = Arc::new(open(address, "page").await?);
        let runtime = builder().open(Arc::clone(&store) as _).await?;
        let mut workers = Vec::with_capacity(WORKERS);
        for _ in 0..WORKERS {
            workers.push(runtime.create(CreateWorker::default()).await?.worker.id);
        }
        Ok(Self {
            store,
            runtime,
            workers,
        })
    }
}

async fn read_pages(population: &Population) -> Result<f64, Error> {
    let Population { store, workers, .. } = population;
    let begun = Instant::now();
    for page in 0..PAGES {
        let first = page * 7 % (WORKERS - PAGE);
        let read = store.workers(&workers[first..first + PAGE]).await?;
        if read.len() != PAGE {
            return Err(format!("a page has {} workers", read.len()).into());
        }
    }
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}

/// Copies the workers of the one workspace into many others.
async fn fill(client: &Client) -> Result<(), Error> {
    let sql = format!(
        "INSERT INTO yoi.workspace (name) SELECT 'other ' || n FROM generate_series(2, {WORKSPACES}) n;
         INSERT INTO yoi.profile SELECT other.number, digest, text
             FROM yoi.profile JOIN yoi.workspace own ON workspace = own.number AND own.name = 'page',
                 yoi.workspace other WHERE other.name LIKE 'other %';
         INSERT INTO yoi.worker SELECT (copied).* FROM (
             SELECT jsonb_populate_record(worker, jsonb_build_object('workspace', other.number,
                 'id', gen_random_uuid())) AS copied
             FROM yoi.worker JOIN yoi.workspace own ON workspace = own.number AND own.name = 'page',
                 yoi.workspace other WHERE other.name LIKE 'other %') all_copied"
    );
    Ok(client.batch_execute(&sql).await?)
}

/// The database alone: prepared statements on one connection, each sent when the one before is
/// answered, as pgbench does it.
struct Alone {
    client: Client,
    run: Statement,
    entry: Statement,
    exchanges: i64,
}

impl Alone {
    async fn new(address: &str) -> Result<Self, Error> {
        let (client, connection) = tokio_postgres::connect(address, NoTls).await?;
        tokio::spawn(connection);
        client
            .batch_execute(
                "CREATE SCHEMA alone;
                 CREATE TABLE alone.run (LIKE yoi.run INCLUDING ALL);
                 CREATE TABLE alone.entry (LIKE yoi.entry INCLUDING ALL)",
            )
            .await?;
        let run = "INSERT INTO alone.run (workspace, worker, sequence, id, accepted_at, cursor_epoch,
                 cursor_sequence, outcome, finished_at)
             VALUES (1, md5($1::bigint::text)::uuid, $2, md5('run')::uuid, now(), 7, 1, 'completed', now())";
        let entry = "INSERT INTO alone.entry (workspace, worker, sequence, role, run, at, partial, unanswered,
                 content)
             VALUES (1, md5($1::bigint::text)::uuid, $2, $3, md5('run')::uuid, now(), false, false, $4)";
        Ok(Self {
            run: client.prepare(run).await?,
            entry: client.prepare(entry).await?,
            client,
            exchanges: 0,
        })
    }

    /// Milliseconds in which the rows of so many exchanges are inserted in so many transactions.
    async fn insert(&mut self, exchanges: usize, transactions: u64) -> Result<f64, Error> {
        let (input, reply) = (vec![b'x'; INPUT_BYTES], vec![b'y'; REPLY_BYTES]);
        let in_each = (exchanges as u64).div_ceil(transactions.max(1));
        let mut left = exchanges as u64;
        let begun = Instant::now();
        while left > 0 {
            self.client.batch_execute("BEGIN").await?;
            for _ in 0..in_each.min(left) {
                self.exchanges += 1;
                // Each client's rows lie side by side, as in the store.
                let (worker, sequence) = (self.exchanges % CLIENTS as i64, 2 * self.exchanges);
                self.client
                    .execute(&self.run, &[&worker, &sequence])
                    .await?;
                for (sequence, role, content) in [
                    (sequence, "user", &input),
                    (sequence + 1, "assistant", &reply),
                ] {
                    self.client
                        .execute(&self.entry, &[&worker, &sequence, &role, content])
                        .await?;
                }
            }
            self.client.batch_execute("COMMIT").await?;
            left = left.saturating_sub(in_each);
        }
        Ok(begun.elapsed().as_secs_f64() * 1e3)
    }
}
