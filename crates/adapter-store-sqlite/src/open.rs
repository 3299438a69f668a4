//! How a store is opened: the checks, in their order, before anything is written.

use std::error::Error;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, ffi};

use crate::connection;
use crate::file::{self, FileId};
use crate::file_system::NetworkFileSystem;
use crate::lock::{FileLock, LockError, StoreLock};
use crate::options::{NetworkFileSystems, Options};
use crate::owned_file::OwnedFile;
use crate::schema::{self, APPLICATION_ID, Header};

/// The oldest version of SQLite that is used, 3.51.3: those before can damage a file when its
/// journal starts over while another connection writes it back (sqlite.org/wal.html#walresetbug).
const OLDEST_SQLITE: i32 = 3_051_003;
/// Up to this size a file is checked as a whole at each start, which takes a fraction of a
/// second. Damage in a larger one is found where it is met, or by `yoi store check`.
const QUICK_CHECK_BYTES: u64 = 128 * 1024 * 1024;
/// Bytes of a page. An input and its reply are a few kilobytes together.
const PAGE_BYTES: u32 = 4096;

/// What group and others may do with a file.
const OTHERS: u32 = 0o077;

/// Why a store can't be opened. Names no path.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("store is in use by another process: stop that server, or name another store")]
    InUse,
    /// A newer version of this program has written it.
    #[error(
        "store has version {found}, and this program knows versions up to {supported}: use the newer program, or name another store"
    )]
    TooNew {
        /// The store's version.
        found: u32,
        /// The newest version that is known.
        supported: u32,
    },
    /// There is something, and it isn't a store.
    #[error("file is no store of workers, or its beginning is damaged: name another store")]
    NotAStore,
    /// There is a directory, or something else that is no file.
    #[error("there is no file in the place of the store, but something else: name another store")]
    NotAFile,
    /// There is a symbolic link. The journal would be beside the link, and not beside the file.
    #[error(
        "there is a symbolic link in the place of the store, which is refused: name the file that it leads to"
    )]
    SymbolicLink,
    /// It is damaged. It was left as it is.
    #[error(
        "store is damaged and was left as it is: `yoi store check` shows what is wrong, `yoi store recover` saves what can be read"
    )]
    Damaged,
    /// Nothing can be written beside the file, and there are changes in its journal.
    #[error(
        "store has changes in its journal, which can't be read where nothing can be written: copy the file with its -wal to another directory first"
    )]
    JournalUnusable,
    /// Nothing can be written beside the file, and locks don't keep others from writing to it.
    #[error(
        "store is on a network file system where nothing can be written, so that it may change while it is read: copy it to another directory first"
    )]
    UnwritableOnNetwork,
    /// It is on a network file system, and the options refuse that.
    #[error("store is on a network file system, where it can be damaged: name another store")]
    OnNetwork,
    /// There is no store yet, and one can't be written: the disk is full, or the limit on file
    /// sizes is reached.
    #[error("store can't be created: no space is left, or the limit on file sizes is too low")]
    NoSpace,
    /// It is there, and its file system has no space for what has to be beside it while it is open.
    #[error("store can't be opened: no space is left on its file system")]
    Full,
    /// The file or its directory can't be used.
    #[error("store can't be opened")]
    Io(#[from] io::Error),
    /// The database can't be used for a reason that no other variant names.
    #[error("store can't be opened: {0}")]
    Database(&'static str),
    /// The SQLite library is too old.
    #[error("store needs a newer SQLite library: version {found} can damage files")]
    LibraryTooOld {
        /// Its version.
        found: &'static str,
    },
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        tracing::debug!(cause = ?error, "store can't be opened");
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotAStore,
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged,
            Some(ErrorCode::DatabaseBusy) => Self::InUse,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::SystemIoFailure) if is_without_index(&error) => Self::Full,
            // Not the message: it can name the path.
            _ => Self::Database(error.sqlite_error().map_or("unexpected value", |error| {
                ffi::code_to_str(error.extended_code)
            })),
        }
    }
}

impl From<LockError> for OpenError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::InUse => Self::InUse,
            LockError::Io(error) => Self::Io(error),
        }
    }
}

/// What is done where there is no store yet: no file, or one with nothing in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    Created,
    Refused,
}

/// Opens the store at `path`. The connection is the one that writes.
pub(crate) fn open(
    path: &Path,
    options: Options,
    absent: Absent,
) -> Result<(OwnedFile, Connection), OpenError> {
    require_library()?;
    if absent == Absent::Created {
        file::create_directory(path)?;
    }
    let path = file::resolve(path)?;
    require_local(&path, options.network_file_systems)?;
    // Before the lock is taken, whose file would be left beside something else.
    if let Ok(found) = fs::symlink_metadata(&path) {
        require_file(&found)?;
    }
    let lock = StoreLock::acquire(&path)?;
    match fs::symlink_metadata(&path) {
        Ok(found) => require_file(&found)?,
        // A new file would take the journal, which may have everything.
        Err(error) if error.kind() == io::ErrorKind::NotFound && has_journal(&path) => {
            return Err(OpenError::Damaged);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && absent == Absent::Created => {
            file::create(&path)?;
        }
        Err(error) => return Err(error.into()),
    }
    let file_lock = lock_file(&path)?;
    let found = fs::symlink_metadata(&path)?;
    if let Err(error) = lock.belong_to(&found) {
        // Another user's server can't take the lock then, and says so.
        tracing::warn!(
            error = &error as &dyn Error,
            "the store's lock can't be given to its owner"
        );
    }
    if found.mode() & OTHERS != 0 {
        tracing::warn!(
            "the store's file is open to other users of the machine: its mode should be 0600"
        );
    }
    let bytes = found.len();
    if !file::is_blank_or_database(&path, bytes)? {
        return Err(OpenError::NotAStore);
    }
    // SQLite takes it for a new file, too.
    if bytes == 0 && has_journal(&path) {
        return Err(OpenError::Damaged);
    }
    let contents = require_sound(&path)?;
    if contents == Contents::Blank && absent == Absent::Refused {
        return Err(OpenError::NotAStore);
    }
    let mut connection = connection::for_writing(&path, &options)?;
    prepare(&mut connection).map_err(|error| {
        if contents == Contents::Blank && is_unwritten(&error) {
            OpenError::NoSpace
        } else {
            error.into()
        }
    })?;
    let id = FileId::at(&path)?;
    Ok((
        OwnedFile::new(path, options, id, lock, file_lock),
        connection,
    ))
}

/// Fails when what is in the place of a store is no file.
pub(crate) fn require_file(found: &fs::Metadata) -> Result<(), OpenError> {
    if found.is_symlink() {
        return Err(OpenError::SymbolicLink);
    }
    if found.is_file() {
        Ok(())
    } else {
        Err(OpenError::NotAFile)
    }
}

/// Whether a write failed. SQLite says "disk full" of some writes only.
fn is_unwritten(error: &rusqlite::Error) -> bool {
    let found = error.sqlite_error_code();
    matches!(
        found,
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure)
    )
}

/// Whether the index of the journal, which is of memory that files share, could not be made as large as
/// it has to be.
fn is_without_index(error: &rusqlite::Error) -> bool {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    extended == Some(ffi::SQLITE_IOERR_SHMSIZE)
}

fn has_journal(path: &Path) -> bool {
    file::journal_bytes(path) > 0
}

/// Takes the lock of the database file. Not on a network file system: there it would be a lock
/// of the kind that SQLite takes itself, and exclude its connections.
pub(crate) fn lock_file(path: &Path) -> Result<Option<FileLock>, OpenError> {
    match network_file_system(path)? {
        None => Ok(Some(FileLock::acquire(path)?)),
        Some(_) => Ok(None),
    }
}

/// Fails when the library is a version that can damage files.
pub(crate) fn require_library() -> Result<(), OpenError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        let found = rusqlite::version();
        return Err(OpenError::LibraryTooOld { found });
    }
    Ok(())
}

fn require_local(path: &Path, policy: NetworkFileSystems) -> Result<(), OpenError> {
    match policy {
        NetworkFileSystems::Allowed => Ok(()),
        NetworkFileSystems::Refused if network_file_system(path)?.is_none() => Ok(()),
        NetworkFileSystems::Refused => Err(OpenError::OnNetwork),
    }
}

/// The network file system on which the directory of `path` is, if it is one.
pub(crate) fn network_file_system(path: &Path) -> io::Result<Option<NetworkFileSystem>> {
    let directory = path.parent().unwrap_or(path);
    let found = rustix::fs::statfs(directory).map_err(io::Error::from)?;
    // The magic numbers have 32 bits; the type of the field depends on the machine.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the upper bits are a sign or nothing"
    )]
    let magic = found.f_type as u32;
    Ok(NetworkFileSystem::of(magic))
}

/// What a sound file has in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contents {
    Blank,
    Store,
}

/// Checks what is there without changing it.
fn require_sound(path: &Path) -> Result<Contents, OpenError> {
    match require_sound_contents(path, &connection::for_reading(path)?) {
        // The end of a process can leave what only a connection that writes can finish. That is
        // no damage.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ReadOnly) => {
            let connection = connection::for_writing(path, &Options::default())?;
            require_sound_contents(path, &connection)?
        }
        checked => checked?,
    }
}

pub(crate) fn require_sound_contents(
    path: &Path,
    connection: &Connection,
) -> rusqlite::Result<Result<Contents, OpenError>> {
    match contents(&Header::read(connection)?) {
        Ok(Contents::Store) => {}
        other => return Ok(other),
    }
    let bytes = fs::metadata(path).map_or(0, |found| found.len());
    if bytes <= QUICK_CHECK_BYTES {
        let result: String = connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0))?;
        if result != "ok" {
            tracing::debug!(cause = result, "store is damaged");
            return Ok(Err(OpenError::Damaged));
        }
    }
    Ok(Ok(Contents::Store))
}

/// What a file has in it, by its beginning and its tables.
///
/// # Errors
/// It is no store, of a newer version, or lacks tables.
pub(crate) fn contents(header: &Header) -> Result<Contents, OpenError> {
    if header.is_blank() {
        return Ok(Contents::Blank);
    }
    require_known(header)?;
    if header.version == 0 || !header.is_whole()? {
        return Err(OpenError::Damaged);
    }
    Ok(Contents::Store)
}

/// Fails when the file is not one of this program's, or of a newer version.
pub(crate) fn require_known(header: &Header) -> Result<(), OpenError> {
    if header.application_id != APPLICATION_ID {
        return Err(OpenError::NotAStore);
    }
    if header.version > schema::NEWEST {
        return Err(OpenError::TooNew {
            found: header.version,
            supported: schema::NEWEST,
        });
    }
    Ok(())
}

/// Gives a blank file its form, and an older one the newest tables.
pub(crate) fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    if Header::read(connection)?.is_blank() {
        // These two can't be changed later: they come before the first table.
        connection.pragma_update(None, "page_size", PAGE_BYTES)?;
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    schema::migrate_to_newest(connection)
}
