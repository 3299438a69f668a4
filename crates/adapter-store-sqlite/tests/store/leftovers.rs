//! What maintenance leaves, and to whom.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process;

use adapter_store_sqlite::maintenance::{FileCopy, backup, compact, recover};

use crate::fixture::{Files, conversation};

/// Each operation that writes a file, as a function of the store and of the file that it writes.
const WRITERS: [fn(&Files, &Path); 4] = [
    |files, to| backup(&files.path(), to).expect("a backup"),
    |files, to| drop(recover(&files.path(), to).expect("a store")),
    |files, _| assert!(compact(&files.path()).is_ok()),
    |_, to| drop(FileCopy::create(to).expect("a place")),
];

/// A store, and the file that an operation writes of it.
async fn store_and_target(writer: usize) -> (Files, PathBuf) {
    let files = Files::new();
    conversation(&files.open(), 1).await;
    let to = match writer {
        // Compacting has no other file.
        2 => files.path(),
        _ => files.directory().join("copy"),
    };
    (files, to)
}

#[tokio::test]
async fn what_was_left_of_a_file_is_removed_and_what_is_being_written_is_not() {
    for (at, write) in WRITERS.into_iter().enumerate() {
        let (files, to) = store_and_target(at).await;
        let beside = |suffix: &str| {
            let mut name = to.clone().into_os_string();
            name.push(suffix);
            PathBuf::from(name)
        };
        let mut left = ["", "-journal", "-wal", "-shm"]
            .map(|it| beside(&format!(".1.unfinished{it}")))
            .to_vec();
        // A process in another container may have had the number of this one.
        left.push(beside(&format!(".{}.unfinished", process::id())));
        let written = beside(".2.unfinished");
        let others = [
            ".-5.unfinished",
            ".x.unfinished",
            ".unfinished",
            ".3.unfinished.bak",
            ".copy",
            ".compact",
        ]
        .map(beside);
        for file in left.iter().chain(&others).chain([&written]) {
            fs::write(file, "the user's").unwrap();
        }
        let lock = fs::File::open(&written).unwrap();
        lock.lock().unwrap();
        write(&files, &to);
        assert!(left.iter().all(|file| !file.exists()), "{at}");
        for kept in others.iter().chain([&written]) {
            assert_eq!(fs::read(kept).unwrap(), b"the user's", "{at}: {kept:?}");
        }
        // While it is being written, a name of this process is another's, too.
        let own = beside(&format!(".{}.unfinished", process::id()));
        fs::write(&own, "").unwrap();
        let lock = fs::File::open(&own).unwrap();
        lock.lock().unwrap();
        if at != 2 {
            fs::remove_file(&to).ok();
        }
        write(&files, &to);
        assert!(own.exists(), "{at}");
    }
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
