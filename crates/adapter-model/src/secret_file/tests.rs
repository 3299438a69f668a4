//! Which files are accepted, and what becomes of pipes.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::thread;

use rustix::fs::{CWD, mknodat};

use super::*;

const NO_WAIT: Duration = Duration::from_millis(1);

/// A directory with one file.
struct Fixture {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl Fixture {
    fn new(create: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        create(&path);
        Self {
            _directory: directory,
            path,
        }
    }

    fn file(content: impl AsRef<[u8]>, mode: u32) -> Self {
        Self::new(|path| {
            fs::write(path, content).unwrap();
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        })
    }

    fn fifo() -> Self {
        let mode = Mode::RUSR | Mode::WUSR;
        Self::new(|path| mknodat(CWD, path, FileType::Fifo, mode, 0).unwrap())
    }
}

#[test]
fn others_may_read_only_what_is_mounted_as_a_secret() {
    use Mount::{Memory, Ordinary, ReadOnly};
    for (mode, trusted_owner, mount, expected) in [
        (0o600, true, Ordinary, true),
        (0o400, true, Ordinary, true),
        // A file of the host's user, which root reads in a container.
        (0o600, false, Ordinary, true),
        (0o644, true, Ordinary, false),
        (0o444, true, Ordinary, false),
        (0o640, true, Ordinary, false),
        (0o604, true, Ordinary, false),
        // Docker's and systemd's files, and those of Kubernetes with and without `defaultMode`.
        (0o444, true, Memory, true),
        (0o440, true, Memory, true),
        (0o644, true, ReadOnly, true),
        (0o440, true, ReadOnly, true),
        // In a shared directory in memory, such as `/dev/shm`.
        (0o644, true, Memory, false),
        (0o444, false, Memory, false),
        (0o444, false, ReadOnly, false),
        (0o620, true, Memory, false),
        (0o660, true, ReadOnly, false),
        (0o446, true, ReadOnly, false),
        (0o555, true, ReadOnly, false),
    ] {
        let access = Access {
            mode,
            trusted_owner,
            mount,
        };
        assert_eq!(access.is_private(), expected, "{access:?} {mode:o}");
    }
}

#[test]
fn a_private_file_is_read_through_links_and_any_other_is_refused() {
    for mode in [0o600, 0o400] {
        let file = Fixture::file("the secret\n", mode);
        // As Kubernetes mounts it: `key -> ..data/key`, `..data -> ..2026_11_28`.
        let linked = Fixture::new(|path| {
            symlink(&file.path, path.with_extension("data")).unwrap();
            symlink(path.with_extension("data"), path).unwrap();
        });
        for path in [&file.path, &linked.path] {
            assert_eq!(*read(path).unwrap(), "the secret\n");
        }
    }
    let largest = Fixture::file("x".repeat(SECRET_FILE_BYTES), 0o600);
    assert_eq!(read(&largest.path).unwrap().len(), SECRET_FILE_BYTES);
    type Expected = fn(&SecretFileError) -> bool;
    let refused: [(Fixture, Expected); 5] = [
        (Fixture::file("canary", 0o644), |error| {
            matches!(error, SecretFileError::OpenToOthers)
        }),
        (
            Fixture::file("canary".repeat(SECRET_FILE_BYTES), 0o600),
            |error| matches!(error, SecretFileError::TooLarge),
        ),
        (Fixture::file(b"canary\xff", 0o600), |error| {
            matches!(error, SecretFileError::NotText)
        }),
        (
            Fixture::new(|path| fs::create_dir(path).unwrap()),
            |error| matches!(error, SecretFileError::NotAFile),
        ),
        (Fixture::new(|_| {}), |error| {
            matches!(error, SecretFileError::Unreadable(_))
        }),
    ];
    for (index, (fixture, expected)) in refused.iter().enumerate() {
        let error = read(&fixture.path).unwrap_err();
        assert!(expected(&error), "{index}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}

#[test]
fn a_pipe_is_read_until_its_writer_leaves() {
    let fifo = Fixture::fifo();
    let path = fifo.path.clone();
    let writer = thread::spawn(move || {
        let mut pipe = OpenOptions::new().write(true).open(path).unwrap();
        for part in ["the ", "secret"] {
            pipe.write_all(part.as_bytes()).unwrap();
        }
    });
    assert_eq!(*read(&fifo.path).unwrap(), "the secret");
    writer.join().unwrap();

    // Process substitution, whose writer has left before the pipe is opened again.
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"the secret").unwrap();
    drop(writer);
    let path = PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()));
    assert_eq!(*read(&path).unwrap(), "the secret");
}

#[test]
fn a_pipe_whose_writer_does_not_finish_is_given_up() {
    let fifo = Fixture::fifo();
    let error = read_before(&fifo.path, NO_WAIT).unwrap_err();
    assert!(
        matches!(error, SecretFileError::PipeTimedOut),
        "nobody writes"
    );

    let mut held = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&fifo.path)
        .unwrap();
    held.write_all(b"half a sec").unwrap();
    let error = read_before(&fifo.path, NO_WAIT).unwrap_err();
    assert!(matches!(error, SecretFileError::PipeTimedOut), "half");

    // Endless output is as much too large as a file is.
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[b'x'; SECRET_FILE_BYTES + 1]).unwrap();
    let path = PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()));
    let error = read_before(&path, NO_WAIT).unwrap_err();
    assert!(matches!(error, SecretFileError::TooLarge), "endless");
}
