//! The size of the terminal.

use std::io;
use std::os::fd::AsFd;

use rustix::termios::tcgetwinsize;

/// Columns where there is no terminal to ask: those of the classic one.
const COLUMNS_DEFAULT: usize = 80;
/// Fewer columns than these are not laid out for.
const COLUMNS_MIN: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ScreenSize {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

impl ScreenSize {
    /// That of the terminal on standard output, if it knows its size.
    pub(super) fn of_stdout() -> Option<Self> {
        Self::of(io::stdout())
    }

    /// That of the terminal on standard error.
    pub(super) fn of_stderr() -> Option<Self> {
        Self::of(io::stderr())
    }

    fn of(stream: impl AsFd) -> Option<Self> {
        let size = tcgetwinsize(stream).ok()?;
        let (columns, rows) = (usize::from(size.ws_col), usize::from(size.ws_row));
        (columns > 0 && rows > 0).then_some(Self { columns, rows })
    }
}

/// The columns of a table on a terminal of this size, or on none.
pub(super) fn columns(size: Option<ScreenSize>) -> u16 {
    let columns = size.map_or(COLUMNS_DEFAULT, |size| size.columns.max(COLUMNS_MIN));
    u16::try_from(columns).unwrap_or(u16::MAX)
}
