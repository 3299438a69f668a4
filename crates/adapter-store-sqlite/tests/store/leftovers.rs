//! What maintenance leaves, and to whom.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};

use adapter_store_sqlite::maintenance::{backup, compact};

use crate::fixture::{Files, conversation};

#[tokio::test]
async fn what_was_left_of_a_copy_is_removed_and_what_is_being_written_is_not() {
    let files = Files::new();
    drop(files.open());
    let directory = files.directory().to_owned();
    let beside = |name: &str| directory.join(format!("copy{name}"));
    let left = ["", "-journal", "-wal", "-shm"].map(|it| beside(&format!(".1.unfinished{it}")));
    let written = beside(".2.unfinished");
    let others = [
        ".-5.unfinished",
        ".x.unfinished",
        ".unfinished",
        ".3.unfinished.bak",
    ]
    .map(beside);
    for file in left.iter().chain(&others).chain([&written]) {
        fs::write(file, "").unwrap();
    }
    let lock = fs::File::open(&written).unwrap();
    lock.lock().unwrap();
    backup(&files.path(), &beside("")).unwrap();
    assert!(left.iter().all(|file| !file.exists()));
    assert!(others.iter().chain([&written]).all(|file| file.exists()));
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
