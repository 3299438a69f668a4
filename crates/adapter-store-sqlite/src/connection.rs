//! Connections to a store's file, and their settings.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::options::Options;

/// How long a statement waits for another process, such as a backup, to let go of a lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes that the journal keeps on disk after it has been written back. It is larger only while
/// a transaction, or a long read, needs it.
const JOURNAL_BYTES: u32 = 16 * 1024 * 1024;
/// Pages of the journal after which it is written back: what fits [`JOURNAL_BYTES`]. The last page
/// of each busy worker is then written back once for many commits.
const JOURNAL_PAGES: u32 = 4_000;
/// Kibibytes of pages that a connection that writes keeps in memory, as it needs them: the last
/// page of each busy worker.
const WRITE_CACHE_KIB: i32 = 8 * 1024;
/// The same of a connection that reads: the upper levels of the tables, and some pages.
const READ_CACHE_KIB: i32 = 2 * 1024;
/// Statements that a connection keeps compiled: more than there are.
const CACHED_STATEMENTS: usize = 48;

/// A connection that writes. The file must be there.
pub(crate) fn for_writing(path: &Path, options: &Options) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update_and_check(None, "journal_size_limit", JOURNAL_BYTES, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", JOURNAL_PAGES, |_| Ok(()))?;
    if let Some(bytes) = options.max_bytes {
        let page: u64 = connection.pragma_query_value(None, "page_size", |row| {
            row.get::<_, i64>(0).map(i64::cast_unsigned)
        })?;
        let pages = i64::try_from(bytes / page.max(1)).unwrap_or(i64::MAX);
        connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    }
    Ok(connection)
}

/// A connection that only reads. It changes nothing in the file, not even to finish a
/// transaction that another process has left in the journal.
pub(crate) fn for_reading(path: &Path) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// A connection that only reads, and tolerates a file that is shorter than it says.
pub(crate) fn for_salvage(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    tolerate(Connection::open_with_flags(path, flags | FLAGS)?)
}

/// The same, for a file whose journal can't be read: only what is in the file itself.
pub(crate) fn for_salvage_without_journal(path: &Path) -> rusqlite::Result<Connection> {
    tolerate(for_reading_alone(path)?)
}

/// A connection that reads the file itself, without a journal, and creates no file beside it.
pub(crate) fn for_reading_alone(path: &Path) -> rusqlite::Result<Connection> {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        if *byte == b'/' || byte.is_ascii_alphanumeric() {
            uri.push(char::from(*byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri, flags | FLAGS)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    Ok(connection)
}

fn tolerate(connection: Connection) -> rusqlite::Result<Connection> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // Changes nothing on a connection that only reads, but how it takes damage.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// A connection is used by one thread at a time; its errors say what exactly failed.
const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX.union(OpenFlags::SQLITE_OPEN_EXRESCODE);

fn open(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    // No URI: a path with `?` or `%` is only a path.
    let flags = access | OpenFlags::SQLITE_OPEN_NOFOLLOW | FLAGS;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    // What is in the file may be damaged, or made to do harm.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    let cache = if access.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
        WRITE_CACHE_KIB
    } else {
        READ_CACHE_KIB
    };
    // Negative: kibibytes instead of pages.
    connection.pragma_update(None, "cache_size", -cache)?;
    // Sorting needs no files beside the store.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}
