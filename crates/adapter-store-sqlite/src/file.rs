//! The database file: where it may be, how it is created, and which file it is.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt as _, OpenOptionsExt, lchown};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, RenameFlags, StatxFlags, makedev, renameat_with, statx};
use rustix::io::Errno;

/// How the file of every database begins (<https://sqlite.org/fileformat.html#magic_header_string>).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// The size of the smallest page of a database, and so of the smallest database.
const PAGE_BYTES_MIN: u64 = 512;

/// Which file it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file that is open.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        Self::stat(file, Path::new(""), AtFlags::EMPTY_PATH)
    }

    /// The file with this name. Opens nothing: closing a descriptor of a database would release
    /// SQLite's locks on it.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        Self::stat(CWD, path, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// Asks for no times: since Linux 6.13 a file that was asked for them gets new ones at its next
    /// write, and each sync of the journal would write those to the disk, too.
    fn stat(at: impl AsFd, path: &Path, flags: AtFlags) -> io::Result<Self> {
        let found = statx(at, path, flags, StatxFlags::INO)?;
        Ok(Self {
            device: makedev(found.stx_dev_major, found.stx_dev_minor),
            inode: found.stx_ino,
        })
    }

    /// The journal beside a database, and the index of it; none if one of them isn't there.
    pub(crate) fn of_journal(path: &Path) -> Option<[Self; 2]> {
        let beside = |suffix| Self::at(&beside(path, suffix)).ok();
        Some([beside("-wal")?, beside("-shm")?])
    }
}

/// The file whose name is that of `path` and `suffix`.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Creates the directory of `path`, for the owner alone, if it isn't there.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    let mut options = DirBuilder::new();
    options.recursive(true).mode(0o700).create(directory(path))
}

/// The path with all links in its directory's name followed, as SQLite is told to follow none.
///
/// # Errors
/// Also when there is no such directory.
pub(crate) fn resolve(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name();
    let name = name.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    Ok(fs::canonicalize(directory(path))?.join(name))
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        None => Path::new("."),
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
    }
}

/// Whether the file is empty or begins as a database does. SQLite takes a few bytes of anything
/// else for an empty database, and would write over them. Nobody may have the database open.
pub(crate) fn is_blank_or_database(path: &Path, bytes: u64) -> io::Result<bool> {
    if bytes == 0 {
        return Ok(true);
    }
    if bytes < PAGE_BYTES_MIN {
        return Ok(false);
    }
    let mut begin = [0; MAGIC.len()];
    fs::File::open(path)?.read_exact_at(&mut begin, 0)?;
    Ok(begin == *MAGIC)
}

/// Creates an empty file for the owner alone.
///
/// # Errors
/// Also when there is anything with this name.
pub(crate) fn create(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(path)?.sync_all()?;
    sync_directory(path)
}

/// Gives a file to the owner and the group of another one, if it has others. Only root may.
pub(crate) fn give_to_owner_of(other: &Metadata, path: &Path) -> io::Result<()> {
    let own = path.symlink_metadata()?;
    let (uid, gid) = (other.uid(), other.gid());
    if (own.uid(), own.gid()) == (uid, gid) || own.uid() != 0 {
        return Ok(());
    }
    lchown(path, Some(uid), Some(gid))
}

/// Makes a file and its name durable. Not for the file of an open store.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()?;
    sync_directory(path)
}

/// Gives a file another name, durably.
///
/// # Errors
/// Also when there is anything with that name.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        // The file system can't look and rename at once.
        Err(Errno::INVAL | Errno::NOSYS) if to.symlink_metadata().is_err() => {
            fs::rename(from, to)?;
        }
        Err(Errno::INVAL | Errno::NOSYS) => return Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) => return Err(error.into()),
    }
    sync_directory(to)
}

/// Removes a file that is of no use, if it is there, and its journal.
pub(crate) fn remove(path: &Path) {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        // What can't be removed is in nobody's way but the operator's, who sees it.
        drop(fs::remove_file(beside(path, suffix)));
    }
}

/// Makes a new, or another, file of this name durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) => fs::File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

/// Bytes of the file and its journal; 0 for what isn't there.
pub(crate) fn bytes(path: &Path) -> u64 {
    let own = fs::symlink_metadata(path).map_or(0, |found| found.len());
    own + journal_bytes(path)
}

/// Whether changes of the file are in a journal of any kind.
pub(crate) fn has_unfinished_changes(path: &Path) -> bool {
    let rollback = fs::symlink_metadata(beside(path, "-journal"));
    journal_bytes(path) > 0 || rollback.is_ok_and(|found| found.len() > 0)
}

/// Bytes of the file's journal; 0 if there is none.
pub(crate) fn journal_bytes(path: &Path) -> u64 {
    fs::symlink_metadata(beside(path, "-wal")).map_or(0, |found| found.len())
}
