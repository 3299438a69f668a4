//! Log lines for people: the library's own, with the id of the request at hand.

use std::fmt;

use http_api::RequestId;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use super::{LOST, TARGET};

/// What a line opens with: the time and, within a request, its id.
pub(super) struct Heading;

impl FormatTime for Heading {
    fn format_time(&self, line: &mut Writer<'_>) -> fmt::Result {
        SystemTime.format_time(line)?;
        match RequestId::current() {
            Some(id) => write!(line, " {id}"),
            None => Ok(()),
        }
    }
}

/// The line that says that `lines` were lost.
pub(super) fn lost(lines: u64) -> Vec<u8> {
    let mut line = String::new();
    // Text has room for any time there is.
    let _ = SystemTime.format_time(&mut Writer::new(&mut line));
    line.push_str(&format!("  WARN {TARGET}: {LOST} lines={lines}\n"));
    line.into_bytes()
}
