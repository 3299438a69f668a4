//! A process that is killed, or may write no further, against what it has answered.
//!
//! Each test starts this program again as the process under test, which names every commit that
//! it was told is durable on its standard output.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use adapter_store_sqlite::maintenance::check;
use adapter_store_sqlite::{Options, SqliteStore};
use worker_runtime::WorkerId;
use worker_runtime::store::{StoreErrorKind, WorkerStore};

use crate::fixture::{Files, accept, conversation, exchange, finish, ids, input, load};

/// The variable that gives the process under test its store.
const STORE: &str = "STORE_UNDER_TEST";
/// Workers that the process uses at the same time.
const WORKERS: usize = 8;

/// The newest entry of each worker that was answered to be durable.
type Ledger = BTreeMap<WorkerId, u64>;

fn note(worker: WorkerId, sequence: u64) {
    // Begins a line of its own, whatever the test program writes around it.
    writeln!(io::stdout(), "\ndurable {worker} {sequence}").expect("a pipe");
}

/// Reads the ledger of a process until `enough` lines, or its end.
fn read_ledger(child: &mut Child, enough: usize) -> Ledger {
    let mut ledger = Ledger::new();
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let lines = lines.map_while(Result::ok);
    let durable = lines.filter_map(|line| {
        let rest = line.strip_prefix("durable ")?.to_owned();
        let (worker, sequence) = rest.split_once(' ')?;
        Some((worker.parse().ok()?, sequence.parse().ok()?))
    });
    for (worker, sequence) in durable.take(enough) {
        ledger.insert(worker, sequence);
    }
    ledger
}

/// Commits until it is killed.
async fn commit_forever(path: &str) {
    let store = SqliteStore::open(path.as_ref(), Options::default()).expect("a store");
    let store = Arc::new(store);
    let workers = (0..WORKERS).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let id = conversation(&store, 0).await;
            for sequence in (1..).step_by(2) {
                let input = input(id, sequence);
                store.commit(vec![accept(&input)]).await.expect("durable");
                note(id, sequence);
                store.commit(vec![finish(&input)]).await.expect("durable");
                note(id, sequence + 1);
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.expect("it goes on");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_a_kill_at_any_moment() {
    if let Ok(path) = env::var(STORE) {
        return commit_forever(&path).await;
    }
    let files = Files::new();
    let mut expected = Ledger::new();
    for kill_after in [10, 100, 500, 7, 900] {
        let name = "crash::what_was_answered_survives_a_kill_at_any_moment";
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(STORE, files.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let ledger = read_ledger(&mut child, kill_after);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!ledger.is_empty());
        expected.extend(ledger);

        let store = files.open();
        assert_eq!(check(&files.path()).unwrap().problems, []);
        for (worker, sequence) in &expected {
            let loaded = load(&store, *worker).await;
            assert!(
                loaded.worker.last_sequence >= *sequence,
                "a durable entry is gone"
            );
            // What the last process did after the ledger was read.
            expected_run(&loaded);
        }
        for id in ids(&store).await {
            expected.insert(id, load(&store, id).await.worker.last_sequence);
        }
    }
}

/// A conversation whose newest entry is an input has an active run, and no other has.
fn expected_run(loaded: &worker_runtime::store::StoredConversation) {
    let is_input = loaded.worker.last_sequence % 2 == 1;
    assert_eq!(loaded.active_run.is_some(), is_input);
}

/// Commits until that has failed a few times, and demands that what failed is not there.
async fn commit_until_it_fails(path: &str) {
    let store = SqliteStore::open(path.as_ref(), Options::default()).expect("a store");
    let id = conversation(&store, 0).await;
    let (mut exchanges, mut failures) = (0, 0);
    while failures < 3 {
        match store.commit(exchange(id, exchanges).to_vec()).await {
            Ok(()) => {
                exchanges += 1;
                note(id, 2 * exchanges);
            }
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Failed);
                failures += 1;
            }
        }
        assert_eq!(load(&store, id).await.worker.last_sequence, 2 * exchanges);
    }
}

#[tokio::test]
async fn a_commit_that_cannot_be_written_is_not_there() {
    if let Ok(path) = env::var(STORE) {
        return commit_until_it_fails(&path).await;
    }
    let files = Files::new();
    drop(files.open());
    let name = "crash::a_commit_that_cannot_be_written_is_not_there";
    // Blocks of 512 or 1024 bytes; the write fails instead of a signal.
    let limited = "trap '' XFSZ; ulimit -f 2000; exec \"$0\" --exact \"$1\" --nocapture";
    let mut child = Command::new("sh")
        .args(["-c", limited])
        .arg(env::current_exe().unwrap())
        .arg(name)
        .env(STORE, files.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let ledger = read_ledger(&mut child, usize::MAX);
    assert!(child.wait().unwrap().success());
    assert_eq!(ledger.len(), 1);
    let store = files.open();
    for (id, sequence) in ledger {
        assert!(sequence > 20, "{sequence}");
        assert_eq!(load(&store, id).await.worker.last_sequence, sequence);
        let next = exchange(id, sequence / 2).to_vec();
        store.commit(next).await.unwrap();
    }
    drop(store);
    assert_eq!(check(&files.path()).unwrap().problems, []);
}
