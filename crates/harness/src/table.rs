//! Tables of what was measured, for people.

use comfy_table::ContentArrangement;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;

/// Characters of a line: readable on a usual terminal and in a log.
const WIDTH: u16 = 150;

/// A table with a header, which takes rows.
pub(crate) struct Table(comfy_table::Table);

impl Table {
    /// A table without rows.
    pub(crate) fn new(header: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table
            .load_style(UTF8_HORIZONTAL_ONLY)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(WIDTH)
            .set_header(header.iter().copied());
        Self(table)
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.add_row(cells);
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
