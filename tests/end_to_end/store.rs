//! Workers that are kept in a file: over restarts, and whatever happens to the file.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::{Value, json};
use testkit::client::{EMBEDDED, Worker};
use testkit::http::Response;
use testkit::json::{items, text};
use testkit::server::{TestServer, Workspace, long_input, offline};
use yoi_workspace_server::config::StoreSetting;

use crate::process::ServerProcess;
use yoi_workspace_server::{ComposeError, Server, StartError, StoreOpenError};

/// A workspace whose server keeps its workers in a file.
struct StoredWorkspace {
    workspace: Workspace,
    directory: tempfile::TempDir,
}

impl StoredWorkspace {
    fn new() -> Self {
        Self {
            workspace: Workspace::new(),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("kept/workers.sqlite3")
    }

    fn setting(&self) -> StoreSetting {
        StoreSetting::File {
            path: self.file(),
            on_network_file_system: false,
        }
    }

    async fn start(&self) -> TestServer {
        self.start_paced(Duration::from_millis(1)).await
    }

    async fn start_paced(&self, pace: Duration) -> TestServer {
        TestServer::start_with(|config| {
            config.workspace_root = self.workspace.root().to_owned();
            config.store = self.setting();
            config.engine = offline(pace);
        })
        .await
    }

    /// Why the server doesn't start. Nothing that it says names a path.
    async fn start_error(&self) -> StoreOpenError {
        let mut config = self.workspace.config();
        config.store = self.setting();
        let Err(error) = Server::bind(config).await else {
            panic!("the server starts");
        };
        let shown = format!("{error} {error:?}");
        let path = self.directory.path().to_str().unwrap();
        assert!(!shown.contains(path), "{shown}");
        let StartError::Compose(ComposeError::Store(error)) = error else {
            panic!("{error:?}");
        };
        error
    }

    /// Works on the file while no server does.
    fn edit(&self, statement: &str) {
        let connection = Connection::open(self.file()).unwrap();
        connection.execute_batch(statement).unwrap();
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.file()).unwrap()
    }
}

/// The reason of a refusal, which has to be that the runtime is unavailable.
fn unavailable_reason(refused: &Response) -> String {
    let problem = refused.expect_problem(503, "runtime_unavailable");
    assert_eq!(problem["retryable"], true);
    text(&problem["reason"]).to_owned()
}

/// The entries of a transcript as `role:content`, and `…` after a partial one.
async fn lines(worker: &Worker) -> Vec<String> {
    let page = worker.transcript("").await;
    let line = |entry: &Value| {
        let partial = if entry["partial"] == true { "…" } else { "" };
        format!(
            "{}:{}{partial}",
            text(&entry["role"]),
            text(&entry["content"])
        )
    };
    page["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(line)
        .collect()
}

#[tokio::test]
async fn workers_and_their_conversations_survive_a_restart() {
    let kept = StoredWorkspace::new();
    let server = kept.start().await;
    let worker = server.create_worker().await;
    worker.run("hello").await;
    worker.rename("Ada").await;
    let (detail, before) = (worker.detail().await, lines(&worker).await);
    server.shut_down().await;

    let server = kept.start().await;
    let worker = server.worker(&worker.id);
    let mut now = worker.detail().await;
    let cursor = &detail["conversation"]["latest_cursor"];
    assert_ne!(now["conversation"]["latest_cursor"], *cursor);
    now["conversation"]["latest_cursor"] = cursor.clone();
    assert_eq!(now, detail);
    assert_eq!(lines(&worker).await, before);
    worker.run("again").await;
    assert_eq!(lines(&worker).await.len(), 4);
    let listed = server.get("/api/workers").await.json();
    assert_eq!(text(&listed["items"][0]["display_name"]), "Ada");
    let runtime = server.get(EMBEDDED).await.json();
    assert_eq!(runtime["counts"]["resident_workers"], 1);
}

#[tokio::test]
async fn a_cursor_of_before_the_restart_has_expired_and_the_transcript_has_the_text() {
    let kept = StoredWorkspace::new();
    let server = kept.start_paced(Duration::from_millis(20)).await;
    let worker = server.create_worker().await;
    let accepted = worker.send(&long_input()).await;
    server.shut_down().await;

    let server = kept.start().await;
    let worker = server.worker(&worker.id);
    let path = format!(
        "{EMBEDDED}/workers/{}/events?after={}",
        worker.id,
        text(&accepted["cursor"])
    );
    server
        .get(&path)
        .await
        .expect_problem(410, "cursor_expired");
    let detail = worker.detail().await;
    assert_eq!(text(&detail["state"]), "idle");
    let last = &detail["conversation"]["last_run"];
    assert_eq!(last["run_id"], accepted["run_id"]);
    assert_eq!(
        (text(&last["outcome"]), text(&last["error_code"])),
        ("failed", "interrupted")
    );
    worker.run("go on").await;
}

#[tokio::test]
async fn two_servers_do_not_share_a_store() {
    let kept = StoredWorkspace::new();
    let server = kept.start().await;
    server.create_worker().await;
    assert!(matches!(kept.start_error().await, StoreOpenError::InUse));
    server.shut_down().await;
    kept.start().await;
}

#[tokio::test]
async fn the_lock_of_a_killed_server_is_in_nobodys_way_and_its_run_is_interrupted() {
    let home = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(home.path(), &[], &[]).await;
    let worker = server.client.create_worker().await;
    let accepted = worker.send(&long_input()).await;
    server.signal(Signal::KILL);
    server.ended().await;

    // Without a flag: the workspace has the same store as before.
    let server = ServerProcess::start(home.path(), &[], &[]).await;
    let worker = server.client.worker(&worker.id);
    let last = &worker.detail().await["conversation"]["last_run"];
    assert_eq!(last["run_id"], accepted["run_id"]);
    assert_eq!(text(&last["error_code"]), "interrupted");
    worker.run("go on").await;
    server.signal(Signal::TERM);
    let ended = server.ended().await;
    assert!(ended.status.success());
    for words in [
        home.path().to_str().unwrap(),
        "sqlite",
        "workers.",
        "SELECT",
    ] {
        assert!(!ended.log.contains(words), "{}", ended.log);
    }
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused_and_left_as_it_is() {
    let kept = StoredWorkspace::new();
    kept.start().await.shut_down().await;
    kept.edit("PRAGMA journal_mode = DELETE; PRAGMA user_version = 1000");
    let before = kept.bytes();
    let error = kept.start_error().await;
    assert!(
        matches!(error, StoreOpenError::TooNew { found: 1000, .. }),
        "{error:?}"
    );
    assert_eq!(kept.bytes(), before);
}

#[tokio::test]
async fn a_file_that_is_something_else_is_refused_and_left_as_it_is() {
    let kept = StoredWorkspace::new();
    fs::create_dir(kept.file().parent().unwrap()).unwrap();
    for content in ["x", "SQLite format 3\0", &"not a database ".repeat(1_000)] {
        fs::write(kept.file(), content).unwrap();
        kept.start_error().await;
        assert_eq!(kept.bytes(), content.as_bytes());
    }
    // An empty file becomes a new store.
    fs::write(kept.file(), "").unwrap();
    kept.start().await;
}

#[tokio::test]
async fn a_damaged_file_is_refused_and_left_as_it_is() {
    let kept = StoredWorkspace::new();
    let server = kept.start().await;
    for _ in 0..30 {
        server.create_worker().await.run("hello").await;
    }
    server.shut_down().await;
    let whole = kept.bytes();
    let mut cut = whole.clone();
    cut.truncate(whole.len() / 2);
    let mut flipped = whole.clone();
    flipped[100] ^= 0xff;
    let mut blank = whole.clone();
    blank[8_192..12_288].fill(0);
    for damaged in [cut, flipped, blank] {
        fs::write(kept.file(), &damaged).unwrap();
        let error = kept.start_error().await;
        assert!(error.to_string().contains("yoi store"), "{error}");
        assert!(kept.bytes() == damaged, "the file was changed");
    }
    fs::write(kept.file(), &whole).unwrap();
    kept.start().await;
}

#[tokio::test]
async fn a_worker_that_cannot_be_read_hides_no_other() {
    let kept = StoredWorkspace::new();
    let server = kept.start().await;
    let (one, two) = (server.create_worker().await, server.create_worker().await);
    one.run("hello").await;
    server.shut_down().await;
    kept.edit("UPDATE worker SET state = 'nonsense' WHERE last_sequence > 0");

    let server = kept.start().await;
    let listed = server.get("/api/workers").await.json();
    assert_eq!(items(&listed["items"]).len(), 1);
    server.worker(&two.id).run("hello").await;
    let gone = server.get(&format!("{EMBEDDED}/workers/{}", one.id)).await;
    assert_eq!(gone.status, 404);
    let runtime = server.get(EMBEDDED).await.json();
    let diagnostic = &runtime["diagnostics"][0];
    assert_eq!(text(&diagnostic["code"]), "store_unreadable_worker");
    assert_eq!(diagnostic["count"], 1);
}

#[tokio::test]
async fn new_workers_come_after_those_of_a_clock_that_was_ahead() {
    let kept = StoredWorkspace::new();
    let server = kept.start().await;
    let old = server.create_worker().await;
    server.shut_down().await;
    // Created in the year 2200, says its id.
    kept.edit("UPDATE worker SET id = x'069bd9c0000070008000000000000001'");

    let server = kept.start().await;
    let new = server.create_worker().await;
    assert!(
        new.id.as_str() > "069bd9c0-0000-7000-8000-000000000001",
        "{}",
        new.id
    );
    new.run("hello").await;
    let listed = server.get("/api/workers").await.json();
    let ids: Vec<&str> = items(&listed["items"])
        .iter()
        .map(|worker| text(&worker["worker_id"]))
        .collect();
    assert_eq!(
        ids,
        [new.id.as_str(), "069bd9c0-0000-7000-8000-000000000001"]
    );
    assert_ne!(old.id, new.id);
}

fn delete(file: &Path) {
    fs::remove_file(file).unwrap();
}

fn rename(file: &Path) {
    fs::rename(file, file.with_extension("away")).unwrap();
}

fn replace(file: &Path) {
    let other = file.with_extension("other");
    fs::copy(file, &other).unwrap();
    fs::rename(&other, file).unwrap();
}

#[tokio::test]
async fn a_file_that_vanishes_is_told_and_nothing_is_accepted_without_it() {
    for happen in [delete, rename, replace] {
        let kept = StoredWorkspace::new();
        let server = kept.start().await;
        let worker = server.create_worker().await;
        worker.run("hello").await;
        happen(&kept.file());

        let refused = worker.try_send("more").await;
        assert_eq!(unavailable_reason(&refused), "store_lost");
        let refused = server
            .post(&format!("{EMBEDDED}/workers"), &json!({}))
            .await;
        assert_eq!(unavailable_reason(&refused), "store_lost");
        let refused = worker.rename("Bob").await;
        assert_eq!(unavailable_reason(&refused), "store_lost");
        // What is in memory can be read.
        assert_eq!(lines(&worker).await.len(), 2);
        let runtime = server.get(EMBEDDED).await.json();
        assert_eq!(text(&runtime["status"]), "degraded");
        assert_eq!(text(&runtime["diagnostics"][0]["code"]), "store_lost");
        server.shut_down().await;
    }
}

#[tokio::test]
async fn a_file_that_is_back_is_used_again_without_a_restart() {
    let kept = StoredWorkspace::new();
    let server = kept.start().await;
    let worker = server.create_worker().await;
    let away = kept.file().with_extension("away");
    fs::rename(kept.file(), &away).unwrap();
    let refused = worker.try_send("hello").await;
    assert_eq!(unavailable_reason(&refused), "store_lost");
    fs::rename(&away, kept.file()).unwrap();
    worker.run("hello").await;
    let runtime = server.get(EMBEDDED).await.json();
    assert_eq!(text(&runtime["status"]), "available");
}

#[tokio::test]
async fn a_file_that_is_damaged_while_the_server_runs_panics_nothing() {
    let kept = StoredWorkspace::new();
    let server = kept.start().await;
    let worker = server.create_worker().await;
    worker.run("hello").await;
    let file = OpenOptions::new().write(true).open(kept.file()).unwrap();
    let length = file.metadata().unwrap().len();
    let noise = vec![0xa5; usize::try_from(length).unwrap()];
    file.write_all_at(&noise, 0).unwrap();
    for suffix in ["-wal", "-shm"] {
        let mut beside = kept.file().into_os_string();
        beside.push(suffix);
        if let Ok(file) = OpenOptions::new().write(true).open(&beside) {
            file.write_all_at(&noise[..100.min(noise.len())], 0)
                .unwrap();
        }
    }
    // Either it is noticed, or what SQLite holds in memory suffices; then it isn't lost either.
    let answer = worker.try_send("more").await;
    assert!([202, 503].contains(&answer.status), "{answer:?}");
    assert!(lines(&worker).await.len() >= 2);
    assert_eq!(server.get("/healthz").await.status, 200);
    server.shut_down().await;
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_told_at_the_start() {
    let kept = StoredWorkspace::new();
    // Nobody can make a directory below a file.
    fs::write(kept.file().parent().unwrap(), "").unwrap();
    let error = kept.start_error().await;
    assert!(matches!(error, StoreOpenError::Io(_)), "{error:?}");
}
