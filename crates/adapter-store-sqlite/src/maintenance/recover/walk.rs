//! Reading the rows of a table around those that can't be read.

use rusqlite::{Connection, Row};

/// Reads that may fail in one walk of a wide range, in most of which there is nothing: each costs some
/// microseconds, and a bad page of pages has about a thousand rows. Where more fail, the rest of the
/// range counts as lost.
const MAX_FAILURES: i64 = 5_000;
/// The widest range whose every key is tried.
const MAX_WIDTH_TO_TRY: i64 = 200_000;

/// What a walk has not read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unread {
    /// Keys at which reading fails, whether or not there is a row.
    pub(super) keys: Vec<i64>,
    /// Whether the walk gave up before the end of its range.
    pub(super) gave_up: bool,
}

impl Unread {
    /// Whether every row of the range was read.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && !self.gave_up
    }
}

/// Calls `visit` with each row that `sql` can read between two keys, in ascending order. The
/// statement takes the first and the last key, and its first column is the key.
///
/// Where reading fails, the rest of the range is halved until the keys that fail stand alone: so
/// one bad page costs its own rows only.
pub(super) fn walk(
    source: &Connection,
    sql: &str,
    (first, last): (i64, i64),
    visit: &mut dyn FnMut(&Row<'_>),
) -> Unread {
    let mut ranges = vec![(first, last)];
    let mut failures = 0;
    let max_failures = match last.saturating_sub(first) {
        // Halving comes to twice as many ranges as there are keys.
        width if width <= MAX_WIDTH_TO_TRY => MAX_FAILURES.max(2 * width + 1),
        _ => MAX_FAILURES,
    };
    let mut unread = Unread::default();
    while let Some((first, last)) = ranges.pop() {
        let Err(failed) = read(source, sql, first, last, visit) else {
            continue;
        };
        failures += 1;
        if failures > max_failures {
            unread.gave_up = true;
            break;
        }
        if failed < last {
            let middle = failed + (last - failed) / 2;
            ranges.push((middle + 1, last));
            ranges.push((failed, middle));
        } else {
            unread.keys.push(failed);
        }
    }
    unread
}

/// Reads the rows between two keys. The error is the first key whose row was not read.
fn read(
    source: &Connection,
    sql: &str,
    first: i64,
    last: i64,
    visit: &mut dyn FnMut(&Row<'_>),
) -> Result<(), i64> {
    let mut next = first;
    let mut all = || -> rusqlite::Result<()> {
        let mut select = source.prepare_cached(sql)?;
        let mut rows = select.query([first, last])?;
        while let Some(row) = rows.next()? {
            let key: i64 = row.get(0)?;
            visit(row);
            next = key + 1;
        }
        Ok(())
    };
    match all() {
        Ok(()) => Ok(()),
        // The last row was read, and what is after it is another's.
        Err(_) if next > last => Ok(()),
        Err(_) => Err(next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of the keys 1 to 100, and a statement that fails to read those in `bad`.
    fn table(bad: &[i64]) -> (Connection, &'static str) {
        let table = Connection::open_in_memory().unwrap();
        table
            .execute_batch("CREATE TABLE row (key INTEGER PRIMARY KEY, text TEXT)")
            .unwrap();
        for key in 1..=100_i64 {
            // Not JSON where reading is to fail.
            let text = if bad.contains(&key) { "{" } else { "{}" };
            let insert = "INSERT INTO row VALUES (?1, ?2)";
            table.execute(insert, (key, text)).unwrap();
        }
        let sql = "SELECT key, json(text) FROM row WHERE key BETWEEN ?1 AND ?2 ORDER BY key";
        (table, sql)
    }

    #[test]
    fn what_can_be_read_is_visited_once_whatever_fails_around_it() {
        let bad = [1, 5, 6, 7, 31, 64, 100];
        let (table, sql) = table(&bad);
        let mut visited = Vec::new();
        let unread = walk(&table, sql, (0, 100), &mut |row| {
            visited.push(row.get::<_, i64>(0).unwrap());
        });
        let expected: Vec<_> = (1..=100).filter(|key| !bad.contains(key)).collect();
        assert_eq!(visited, expected);
        assert!(bad.iter().all(|key| unread.keys.contains(key)));
        assert!(!unread.gave_up);
        let whole = walk(&table, sql, (32, 63), &mut |_| ());
        assert!(whole.is_empty());
    }

    #[test]
    fn a_walk_that_gives_up_says_so() {
        let (table, _) = table(&[]);
        let sql = "SELECT key, json('{') FROM row WHERE ?1 <= ?2";
        assert!(walk(&table, sql, (0, 1 << 40), &mut |_| ()).gave_up);
        // Where each key can be tried, each is.
        let unread = walk(&table, sql, (1, 8_000), &mut |_| ());
        assert_eq!((unread.keys.len(), unread.gave_up), (8_000, false));
    }
}
