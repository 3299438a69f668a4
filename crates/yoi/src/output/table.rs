//! Tables without borders, so that `cut` and `grep` work on them.

use comfy_table::ContentArrangement;
use comfy_table::presets::NOTHING;

use super::sanitize;

/// Spaces between two columns.
const GAP: u16 = 2;
const UNKNOWN: &str = "-";

/// A column's header, and its cell in the row of a `T`; `None` prints as [`UNKNOWN`].
pub(crate) type Column<T> = (&'static str, fn(&T) -> Option<String>);

/// A table laid out in lines.
pub(crate) struct Table {
    pub(super) header: String,
    pub(super) rows: Vec<String>,
}

impl Table {
    /// Each item on a line of its own, however long.
    pub(crate) fn new<'a, T: 'a>(
        columns: &[Column<T>],
        items: impl IntoIterator<Item = &'a T>,
    ) -> Self {
        Self::lay_out(columns, items, comfy_table::Table::new(), sanitize::line)
    }

    /// At most `width` columns wide: cells may have several lines, and break between words.
    pub(crate) fn within<'a, T: 'a>(
        width: u16,
        columns: &[Column<T>],
        items: impl IntoIterator<Item = &'a T>,
    ) -> Self {
        let mut table = comfy_table::Table::new();
        table.set_content_arrangement(ContentArrangement::Dynamic);
        // The gap after the last column is not printed.
        table.set_width(width.saturating_add(GAP));
        Self::lay_out(columns, items, table, sanitize::text)
    }

    fn lay_out<'a, T: 'a>(
        columns: &[Column<T>],
        items: impl IntoIterator<Item = &'a T>,
        mut table: comfy_table::Table,
        sanitize: fn(&str) -> String,
    ) -> Self {
        table.load_style(NOTHING);
        table.set_header(columns.iter().map(|(header, _)| *header));
        for item in items {
            table.add_row(columns.iter().map(|(_, cell)| {
                let cell = cell(item);
                sanitize(cell.as_deref().unwrap_or(UNKNOWN))
            }));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, GAP));
        }
        let mut lines = table.lines().map(|line| line.trim_end().to_owned());
        Self {
            header: lines.next().unwrap_or_default(),
            rows: lines.collect(),
        }
    }
}
