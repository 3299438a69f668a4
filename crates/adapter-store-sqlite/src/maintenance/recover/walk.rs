//! Reading the rows of a table around those that can't be read.

use rusqlite::{Connection, Row};

/// Reads that may fail in one walk: each costs some microseconds, and a bad page of pages has about
/// a thousand rows. Where more fail, the rest of the range counts as lost.
const MAX_FAILURES: u32 = 5_000;

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
) {
    let mut ranges = vec![(first, last)];
    let mut failures = 0;
    while let Some((first, last)) = ranges.pop() {
        let Err(failed) = read(source, sql, first, last, visit) else {
            continue;
        };
        failures += 1;
        if failures > MAX_FAILURES {
            return;
        }
        if failed < last {
            let middle = failed + (last - failed) / 2;
            ranges.push((middle + 1, last));
            ranges.push((failed, middle));
        }
    }
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

    #[test]
    fn what_can_be_read_is_visited_once_whatever_fails_around_it() {
        let table = Connection::open_in_memory().unwrap();
        table
            .execute_batch("CREATE TABLE row (key INTEGER PRIMARY KEY, text TEXT)")
            .unwrap();
        let bad = [1, 5, 6, 7, 31, 64, 100];
        for key in 1..=100_i64 {
            // Not JSON where reading is to fail.
            let text = if bad.contains(&key) { "{" } else { "{}" };
            let insert = "INSERT INTO row VALUES (?1, ?2)";
            table.execute(insert, (key, text)).unwrap();
        }
        let sql = "SELECT key, json(text) FROM row WHERE key BETWEEN ?1 AND ?2 ORDER BY key";
        let mut visited = Vec::new();
        walk(&table, sql, (0, 1 << 40), &mut |row| {
            visited.push(row.get::<_, i64>(0).unwrap());
        });
        let expected: Vec<_> = (1..=100).filter(|key| !bad.contains(key)).collect();
        assert_eq!(visited, expected);
    }
}
