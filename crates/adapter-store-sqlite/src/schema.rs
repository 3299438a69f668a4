//! The versions of the tables, and how a file comes to the newest.

use rusqlite::{Connection, TransactionBehavior};

/// What begins each version, by which the file is known as a store of workers: `yoiw`.
pub(crate) const APPLICATION_ID: i32 = 0x796f_6977;

/// What leads from each version to the next; the first from an empty file.
const STEPS: &[&str] = &[include_str!("schema/v1.sql")];

/// The newest version.
pub(crate) const NEWEST: u32 = STEPS.len() as u32;

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) application_id: i32,
    pub(crate) version: u32,
    /// The statements that created its tables and indexes, in the order of their names.
    objects: Vec<(String, Option<String>)>,
}

impl Header {
    pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        let sql = "SELECT name, sql FROM sqlite_schema ORDER BY name";
        let mut objects = connection.prepare(sql)?;
        let objects = objects.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Self {
            application_id: pragma("application_id")?,
            version: pragma("user_version")?.cast_unsigned(),
            objects: objects.collect::<rusqlite::Result<_>>()?,
        })
    }

    /// Nothing has been created in the file, or its creation was cut off.
    pub(crate) fn is_blank(&self) -> bool {
        self.objects.is_empty() && self.version == 0 && self.application_id == 0
    }

    /// Whether the file has exactly the tables and indexes of its version.
    pub(crate) fn is_whole(&self) -> rusqlite::Result<bool> {
        let mut model = Connection::open_in_memory()?;
        migrate(&mut model, self.version)?;
        Ok(Self::read(&model)?.objects == self.objects)
    }
}

/// Brings a file to the newest version, or leaves it as it is.
pub(crate) fn migrate_to_newest(connection: &mut Connection) -> rusqlite::Result<()> {
    migrate(connection, NEWEST)
}

/// All steps up to `version` are one transaction.
fn migrate(connection: &mut Connection, version: u32) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let steps = STEPS.iter().take(version as usize);
    for step in steps.skip(found as usize) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", version)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.commit()
}
