//! What maintenance leaves, and to whom.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::parent_id;

use adapter_store_sqlite::maintenance::{backup, compact};

use crate::fixture::{Files, conversation};

/// A number that no process has: Linux gives none above 2²².
const NO_PROCESS: u32 = i32::MAX as u32;

#[tokio::test]
async fn what_a_dead_process_left_of_a_copy_is_removed_and_what_a_living_one_writes_is_not() {
    let files = Files::new();
    drop(files.open());
    let beside = |name: &str| files.directory().join(format!("copy{name}"));
    let of_process = |id: u32, suffix: &str| beside(&format!(".{id}.unfinished{suffix}"));
    let dead = ["", "-journal", "-wal", "-shm"].map(|suffix| of_process(NO_PROCESS, suffix));
    let others = [
        of_process(parent_id(), ""),
        beside(".x.unfinished"),
        beside(".unfinished"),
    ];
    for file in dead.iter().chain(&others) {
        fs::write(file, "").unwrap();
    }
    backup(&files.path(), &beside("")).unwrap();
    assert!(dead.iter().all(|file| !file.exists()));
    assert!(others.iter().all(|file| file.exists()));
}

/// A service has a user of its own, and root is who looks after it.
#[tokio::test]
async fn what_root_does_leaves_the_store_to_its_owner() {
    const OWNER: u32 = 12_345;
    let files = Files::new();
    conversation(&files.open(), 1).await;
    if fs::metadata(files.path()).unwrap().uid() != 0 {
        // Nobody else may give files away.
        return;
    }
    chown(files.path(), Some(OWNER), Some(OWNER)).unwrap();
    let lock = files.directory().join("workers.sqlite3.lock");
    fs::remove_file(&lock).unwrap();
    compact(&files.path()).unwrap();
    for file in [files.path(), lock] {
        let found = fs::metadata(file).unwrap();
        assert_eq!((found.uid(), found.gid()), (OWNER, OWNER));
    }
}
