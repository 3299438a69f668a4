//! Copying a store in a file to another file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use adapter_store_sqlite::maintenance::{FileCopy, MaintenanceError, check, open_to_copy};
use adapter_store_sqlite::{OpenError, SqliteStore};
use async_trait::async_trait;
use worker_runtime::store::WorkerStore as _;
use worker_runtime::store::conformance::copying::{CopySubject, Facts, facts, fill};
use worker_runtime::store::copy::{Copied, CopySource, CopyTarget as _, copy};

use crate::fixture::{Files, conversation, exchange, ids};

/// From one file to another.
struct FileToFile {
    from: Files,
    to: Files,
}

impl FileToFile {
    fn new() -> Self {
        Self {
            from: Files::new(),
            to: Files::new(),
        }
    }

    fn target(&self) -> FileCopy {
        let created = FileCopy::create(&self.to.path());
        created.expect("a place").expect("one without workers")
    }

    fn source(&self) -> SqliteStore {
        open_to_copy(&self.from.path()).expect("a store")
    }

    async fn copy(&self) -> Copied {
        let mut target = self.target();
        let copied = copy(&self.source(), &mut target, |_, _| ()).await;
        copied.expect("a copy")
    }
}

#[async_trait]
impl CopySubject for FileToFile {
    type Target = FileCopy;

    async fn source(&self) -> Arc<dyn CopySource> {
        Arc::new(self.from.open())
    }

    async fn target(&self) -> FileCopy {
        self.target()
    }

    async fn open(&self, target: FileCopy) -> Arc<dyn CopySource> {
        drop(target);
        Arc::new(self.to.open())
    }
}

worker_runtime::copy_conformance_suite!(FileToFile::new());

/// The names of the files in a directory.
fn names(files: &Files) -> Vec<String> {
    let names = fs::read_dir(files.directory()).expect("a directory");
    let mut names: Vec<_> = names
        .map(|it| it.expect("an entry").file_name())
        .map(|it| it.into_string().expect("a name"))
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_copy_is_a_sound_file_for_its_owner_alone_and_nothing_else_stays() {
    let mut files = FileToFile::new();
    fill(&files.from.open()).await;
    for is_there in [false, true] {
        if is_there {
            files.to = Files::new();
            drop(files.to.open());
        }
        files.copy().await;
        assert_eq!(
            names(&files.to),
            ["workers.sqlite3", "workers.sqlite3.lock"]
        );
        let report = check(&files.to.path()).unwrap();
        assert_eq!(report.problems, []);
        assert_eq!(report.workers, check(&files.from.path()).unwrap().workers);
        let mode = files.to.path().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_target_with_workers_is_refused_and_stays_as_it_is() {
    let files = FileToFile::new();
    fill(&files.from.open()).await;
    fill(&files.to.open()).await;
    let before = files.to.bytes();
    assert!(FileCopy::create(&files.to.path()).unwrap().is_none());
    assert!(files.to.bytes() == before);
    fs::write(files.to.path(), "something else ".repeat(1_000)).unwrap();
    let refused = FileCopy::create(&files.to.path());
    let is_refused = |it| matches!(it, Err(MaintenanceError::Open(OpenError::NotAStore)));
    assert!(is_refused(refused));
}

#[tokio::test]
async fn neither_side_may_be_in_use() {
    let files = FileToFile::new();
    let in_use = |error| matches!(error, MaintenanceError::Open(OpenError::InUse));
    let from = files.from.open();
    assert!(in_use(open_to_copy(&files.from.path()).unwrap_err()));
    drop(from);
    let source = files.source();
    assert!(matches!(files.from.try_open(), Err(OpenError::InUse)));
    assert!(in_use(FileCopy::create(&files.from.path()).err().unwrap()));
    drop(source);

    let to = files.to.open();
    let hard_link = files.to.directory().join("hard_link");
    fs::hard_link(files.to.path(), &hard_link).unwrap();
    let before = names(&files.to);
    assert!(in_use(FileCopy::create(&hard_link).err().unwrap()));
    assert_eq!(names(&files.to), before);
    assert!(in_use(FileCopy::create(&files.to.path()).err().unwrap()));
    drop(to);
    let target = files.target();
    assert!(matches!(files.to.try_open(), Err(OpenError::InUse)));
    drop(target);
    drop(files.to.open());
}

#[tokio::test]
async fn a_source_that_is_not_there_is_not_created() {
    let files = FileToFile::new();
    let missing = open_to_copy(&files.from.path());
    assert!(matches!(missing, Err(MaintenanceError::Missing)));
    assert_eq!(names(&files.from), [""; 0]);
}

#[tokio::test]
async fn a_copy_without_an_end_leaves_what_was_there() {
    let files = FileToFile::new();
    drop(files.target());
    assert_eq!(names(&files.to), ["workers.sqlite3.lock"]);
    drop(files.to.open());
    let mut target = files.target();
    let is_unfinished = |name: &String| name.ends_with(".unfinished");
    assert!(names(&files.to).iter().any(is_unfinished));
    // What was there is still a store, without workers.
    let other = fs::read(files.to.path()).unwrap();
    fs::write(files.from.path(), other).unwrap();
    assert_eq!(ids(&files.from.open()).await, []);
    target.finish().await.unwrap();
    // Nothing is added after the end.
    target.add(Vec::new()).await.unwrap_err();
    drop(target);
    assert_eq!(
        names(&files.to),
        ["workers.sqlite3", "workers.sqlite3.lock"]
    );
}

#[tokio::test]
async fn workers_that_cannot_be_read_are_named_and_the_others_copied() {
    // What is wrong with the second of three workers, and whether its id can be read.
    let cases = [
        ("UPDATE worker SET state = 'odd' WHERE number = 2", true),
        (
            "UPDATE entry SET role = 'odd' WHERE key = (2 << 32) + 600",
            true,
        ),
        (
            "UPDATE run SET outcome = 'odd' WHERE key = (2 << 32) + 601",
            true,
        ),
        ("UPDATE worker SET id = x'00' WHERE number = 2", false),
    ];
    for (statement, has_id) in cases {
        let files = FileToFile::new();
        let store = files.from.open();
        let (first, bad) = (conversation(&store, 1).await, conversation(&store, 0).await);
        let exchanges = (0..400).flat_map(|before| exchange(bad, before));
        store.commit(exchanges.collect()).await.unwrap();
        let last = conversation(&store, 1).await;
        drop(store);
        files.from.sql(statement);
        let copied = files.copy().await;
        assert_eq!(copied.unreadable, if has_id { vec![bad] } else { vec![] });
        assert_eq!(copied.nameless_workers, u64::from(!has_id));
        assert!(!copied.is_whole());
        let counted = (copied.workers, copied.entries, copied.runs);
        assert_eq!(counted, (2, 4, 2), "{statement}");
        assert_eq!(ids(&files.to.open()).await, [first, last]);
        let report = check(&files.to.path()).unwrap();
        assert_eq!((report.problems, report.entries), (vec![], 4));
    }
}

#[tokio::test]
async fn pages_that_cannot_be_read_cost_their_worker_alone() {
    let files = FileToFile::new();
    let store = files.from.open();
    let first = conversation(&store, 1).await;
    let bad = conversation(&store, 40).await;
    let last = conversation(&store, 1).await;
    drop(store);
    let leaves = files.from.leaves("entry");
    let source = files.source();
    files.from.damage(leaves[leaves.len() / 2]);
    let mut target = files.target();
    let copied = copy(&source, &mut target, |_, _| ()).await.unwrap();
    drop(target);
    assert_eq!(copied.unreadable, [bad]);
    assert_eq!(ids(&files.to.open()).await, [first, last]);
}

#[tokio::test]
async fn a_copy_that_fails_half_way_is_none() {
    let files = FileToFile::new();
    fill(&files.from.open()).await;
    let source = files.source();
    // The file is replaced while it is copied.
    let mut target = files.target();
    let mut is_replaced = false;
    let copied = copy(&source, &mut target, |done, _| {
        if done == 3 && !is_replaced {
            fs::rename(files.from.path(), files.from.directory().join("other")).unwrap();
            is_replaced = true;
        }
    });
    copied.await.unwrap_err();
    drop(target);
    assert_eq!(names(&files.to), ["workers.sqlite3.lock"]);
    assert_eq!(facts(&files.to.open()).await, Facts::new());
}
