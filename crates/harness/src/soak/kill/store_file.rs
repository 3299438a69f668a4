//! The store's file after its server has ended: SQLite's own checks, and ours on its rows.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// What must be found nowhere, each with the rows that show it.
const FORBIDDEN: [(&str, &str); 7] = [
    (
        "runs without an end",
        "SELECT 1 FROM run WHERE outcome IS NULL",
    ),
    ("drafts of runs that have ended", "SELECT 1 FROM draft"),
    (
        "workers whose entries have gaps",
        "SELECT 1 FROM worker WHERE last_sequence <>
             (SELECT count(*) FROM entry WHERE key >> 32 = number AND (key & 0xffffffff) > 0)
         OR last_sequence <>
             (SELECT coalesce(max(key & 0xffffffff), 0) FROM entry WHERE key >> 32 = number)",
    ),
    (
        "entries without a worker",
        "SELECT 1 FROM entry WHERE key >> 32 NOT IN (SELECT number FROM worker)",
    ),
    (
        "runs without a worker",
        "SELECT 1 FROM run WHERE worker NOT IN (SELECT number FROM worker)
         OR worker <> key >> 32",
    ),
    (
        "runs without an input",
        "SELECT 1 FROM run LEFT JOIN entry USING (key)
         WHERE role IS NOT 'user' OR entry.run IS NOT run.id",
    ),
    (
        "inputs without a run",
        "SELECT 1 FROM entry WHERE role = 'user' AND key NOT IN (SELECT key FROM run)",
    ),
];

/// What a store's file is like.
#[derive(Debug, Default)]
pub(super) struct FileCheck {
    pub(super) bytes: u64,
    pub(super) workers: i64,
    pub(super) faults: Vec<String>,
}

/// Checks the file at `path`, which nobody has open.
pub(super) fn check(path: &Path) -> rusqlite::Result<FileCheck> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    let count = |rows: &str| {
        let count = format!("SELECT count(*) FROM ({rows})");
        connection.query_row(&count, (), |row| row.get::<_, i64>(0))
    };
    let mut check = FileCheck {
        bytes: std::fs::metadata(path).map_or(0, |found| found.len()),
        workers: count("SELECT 1 FROM worker")?,
        faults: Vec::new(),
    };
    let integrity: String =
        connection.query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))?;
    if integrity != "ok" {
        check.faults.push(integrity);
    }
    let foreign = count("SELECT 1 FROM pragma_foreign_key_check")?;
    if foreign > 0 {
        check.faults.push(format!("{foreign} broken references"));
    }
    for (what, rows) in FORBIDDEN {
        let found = count(rows)?;
        if found > 0 {
            check.faults.push(format!("{found} {what}"));
        }
    }
    Ok(check)
}
