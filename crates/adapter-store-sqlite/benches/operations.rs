//! What the operations of the store cost, beside SQLite alone with the same rows.

#[expect(dead_code, reason = "the tests use the rest of it")]
#[path = "../tests/store/fixture.rs"]
mod fixture;

use std::sync::Arc;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use rusqlite::{Connection, params};
use tokio::runtime::Runtime;
use worker_runtime::WorkerId;
use worker_runtime::store::{Change, WorkerStore};

use adapter_store_sqlite::SqliteStore;
use fixture::{Files, conversation, create, exchange, worker_id};

/// Clients that commit at the same time.
const CLIENTS: usize = 32;
/// Exchanges of each client in one sample.
const EXCHANGES: u64 = 20;
/// Commits of one sample.
const COMMITS: usize = CLIENTS * 2 * 20;

fn main() {
    divan::main();
}

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}

/// Inputs and replies of many clients; each waits until its commit is durable.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn exchanges(bencher: Bencher<'_, '_>) {
    let runtime = runtime();
    let files = Files::new();
    let store = Arc::new(files.open());
    bencher.counter(ItemsCount::new(COMMITS)).bench_local(|| {
        let clients = (0..CLIENTS).map(|_| {
            let store = Arc::clone(&store);
            runtime.spawn(async move {
                let id = conversation(&store, 0).await;
                for before in 0..EXCHANGES {
                    for change in exchange(id, before) {
                        store.commit(vec![change]).await.expect("durable");
                    }
                }
            })
        });
        let clients: Vec<_> = clients.collect();
        runtime.block_on(async {
            for client in clients {
                client.await.expect("it ends");
            }
        });
    });
}

/// The same rows by SQLite alone, in transactions as large as all clients' requests together.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn exchanges_by_sqlite_alone(bencher: Bencher<'_, '_>) {
    let files = Files::new();
    let database = Connection::open(files.path()).expect("a database");
    let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL";
    database.execute_batch(settings).expect("settings");
    let schema = include_str!("../src/schema/v1.sql");
    database.execute_batch(schema).expect("tables");
    let (input, reply) = ("x".repeat(508), "y".repeat(1008));
    let mut worker = 0;
    bencher.counter(ItemsCount::new(COMMITS)).bench_local(|| {
        for sequence in 1..=2 * EXCHANGES.cast_signed() {
            database.execute_batch("BEGIN IMMEDIATE").expect("begun");
            for client in 0..CLIENTS {
                let number = worker + i64::try_from(client).expect("few");
                let key = (number << 32) + sequence;
                let is_input = sequence % 2 == 1;
                if is_input {
                    insert_run(&database, key, number);
                }
                let content = if is_input { &input } else { &reply };
                insert_entry(&database, key, content);
            }
            database.execute_batch("COMMIT").expect("durable");
        }
        worker += i64::try_from(CLIENTS).expect("few");
    });
}

fn insert_run(database: &Connection, key: i64, worker: i64) {
    let sql = "INSERT INTO run (key, worker, id, accepted_at, cursor_epoch, cursor_sequence,
                   outcome, finished_at) VALUES (?1, ?2, ?3, 1, 7, 1, 'completed', 2)";
    let mut insert = database.prepare_cached(sql).expect("a statement");
    insert
        .execute(params![key, worker, [7_u8; 16]])
        .expect("a row");
}

fn insert_entry(database: &Connection, key: i64, content: &str) {
    let sql = "INSERT INTO entry (key, role, run, at, partial, unanswered, content)
               VALUES (?1, 'user', ?2, 1, 0, 0, ?3)";
    let mut insert = database.prepare_cached(sql).expect("a statement");
    insert
        .execute(params![key, [7_u8; 16], content])
        .expect("a row");
}

/// A store with this many workers.
fn filled(runtime: &Runtime, files: &Files, workers: usize) -> (SqliteStore, Vec<WorkerId>) {
    let store = files.open();
    let ids: Vec<_> = (0..workers).map(|_| worker_id()).collect();
    for some in ids.chunks(1_000) {
        let changes: Vec<Change> = some.iter().map(|id| create(*id)).collect();
        runtime.block_on(store.commit(changes)).expect("durable");
    }
    (store, ids)
}

/// The start of a server: the file is opened and its index is read.
#[divan::bench(args = [100, 100_000], sample_count = 10, sample_size = 1)]
fn open_and_index(bencher: Bencher<'_, '_>, workers: usize) {
    let (runtime, files) = (runtime(), Files::new());
    drop(filled(&runtime, &files, workers));
    bencher.bench_local(|| {
        let store = files.open();
        runtime.block_on(store.index()).expect("an index")
    });
}

/// A page of workers, by their ids.
#[divan::bench(args = [100, 100_000], sample_count = 2_000, sample_size = 1)]
fn page_of_50(bencher: Bencher<'_, '_>, workers: usize) {
    let (runtime, files) = (runtime(), Files::new());
    let (store, ids) = filled(&runtime, &files, workers);
    let mut position = 0;
    bencher.bench_local(|| {
        position = (position + 37) % (ids.len() - 50);
        let page = store.workers(&ids[position..position + 50]);
        black_box(runtime.block_on(page).expect("a page"))
    });
}
