//! What is in the place of a store and is no file of one, told as what it is by everything that is done
//! with a store.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use adapter_store_sqlite::maintenance::{
    FileCopy, MaintenanceError, backup, check, compact, inspect, open_to_copy, recover,
};
use adapter_store_sqlite::{OpenError, Options, SqliteStore};

use crate::fixture::{Files, as_another_user, conversation};

/// Why each operation refuses the store at `path`; `to` is where some would write.
fn refusals(path: &Path, to: &Path) -> Vec<(&'static str, MaintenanceError)> {
    let opened = SqliteStore::open(path, Options::default());
    vec![
        ("open", opened.expect_err("it isn't opened").into()),
        ("inspect", inspect(path).expect_err("it isn't one").into()),
        ("check", check(path).expect_err("it isn't read")),
        ("backup", backup(path, to).expect_err("it isn't read")),
        ("compact", compact(path).expect_err("it isn't read")),
        ("recover", recover(path, to).expect_err("it isn't read")),
        ("copy from", open_to_copy(path).expect_err("it isn't read")),
        ("copy to", FileCopy::create(path).err().expect("no place")),
    ]
}

fn names(directory: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut names: Vec<_> = entries
        .map(|it| it.expect("an entry").file_name())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_symbolic_link_is_refused_as_one_and_nothing_is_left_beside_it() {
    let files = Files::new();
    conversation(&files.open(), 1).await;
    let link = files.directory().join("link");
    let to = files.directory().join("to");
    for leads_to in [files.path(), files.directory().join("nowhere")] {
        symlink(&leads_to, &link).unwrap();
        let before = names(files.directory());
        for (operation, refused) in refusals(&link, &to) {
            let is_link = matches!(refused, MaintenanceError::Open(OpenError::SymbolicLink));
            assert!(is_link, "{operation}: {refused:?}");
        }
        assert_eq!(names(files.directory()), before);
        fs::remove_file(&link).unwrap();
    }
}

#[tokio::test]
async fn a_directory_is_refused_as_what_it_is() {
    let files = Files::new();
    fs::create_dir(files.path()).unwrap();
    for (operation, refused) in refusals(&files.path(), &files.directory().join("to")) {
        let is_told = matches!(refused, MaintenanceError::Open(OpenError::NotAFile));
        assert!(is_told, "{operation}: {refused:?}");
    }
    assert_eq!(names(files.directory()), ["workers.sqlite3"]);
    let parent = check(&files.directory().join(".."));
    let is_told = matches!(parent, Err(MaintenanceError::Open(OpenError::NotAFile)));
    assert!(is_told, "{parent:?}");
}

#[tokio::test]
async fn what_may_not_be_read_is_not_told_as_missing() {
    let files = Files::new();
    conversation(&files.open(), 1).await;
    let to = files.directory().join("to");
    let set_mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("an own file");
    };
    // The file, then all of its directory.
    for (of_file, of_directory) in [(0o000, 0o755), (0o644, 0o000)] {
        set_mode(&files.path(), of_file);
        set_mode(files.directory(), of_directory);
        let refusals = as_another_user(|| refusals(&files.path(), &to));
        set_mode(files.directory(), 0o755);
        for (operation, refused) in refusals {
            let MaintenanceError::Open(OpenError::Io(error)) = refused else {
                panic!("{operation}: {refused:?}");
            };
            assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
        }
    }
    // Where there is nothing, nothing is said to be denied.
    let missing = check(&files.directory().join("nowhere/workers.sqlite3"));
    assert!(matches!(missing, Err(MaintenanceError::Missing)));
}
