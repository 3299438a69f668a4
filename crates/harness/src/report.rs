//! What the commands print: tables, and the report of one soak scenario.

use std::io::{self, Write as _};

use comfy_table::ContentArrangement;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;

/// Width of a table in characters: readable on a usual terminal and in a log.
const WIDTH: u16 = 150;
/// Most broken promises that are listed one by one; the rest is counted.
const LISTED_MAX: usize = 8;

/// Writes a line to standard output. A closed pipe is ignored: the exit code still tells.
pub(crate) fn print_line(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

pub(crate) fn table(header: &[&str]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(header.iter().copied());
    table
}

/// What a scenario tried, what it observed, and which promises it found broken.
#[derive(Debug, Default)]
pub(crate) struct Report {
    tried: Vec<String>,
    observed: Vec<String>,
    broken: Vec<String>,
}

impl Report {
    /// The report of a scenario that could not be completed.
    pub(crate) fn aborted(reason: &dyn std::fmt::Display) -> Self {
        let mut report = Self::default();
        report.broken.push(format!("aborted: {reason}"));
        report
    }

    /// Adds what was done, with its measured number.
    pub(crate) fn tried(&mut self, what: impl Into<String>) {
        self.tried.push(what.into());
    }

    pub(crate) fn observed(&mut self, what: impl Into<String>) {
        self.observed.push(what.into());
    }

    /// Adds `broken` to the broken promises unless `held`.
    pub(crate) fn check(&mut self, held: bool, broken: impl Into<String>) {
        if !held {
            self.broken.push(broken.into());
        }
    }

    /// Adds how often something happened that must not happen at all.
    pub(crate) fn expect_zero(&mut self, what: &str, number: usize) {
        self.observed.push(format!("{number} {what}"));
        self.check(number == 0, format!("{number} {what}"));
    }

    pub(crate) fn passed(&self) -> bool {
        self.broken.is_empty()
    }

    /// The three columns of the table: tried, observed, broken.
    pub(crate) fn columns(&self) -> [String; 3] {
        let listed = self.broken.len().min(LISTED_MAX);
        let mut broken = self.broken[..listed].to_vec();
        if listed < self.broken.len() {
            broken.push(format!("and {} more", self.broken.len() - listed));
        }
        if broken.is_empty() {
            broken.push("nothing".to_owned());
        }
        [&self.tried, &self.observed, &broken].map(|lines| lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_passes_until_one_promise_is_broken() {
        let mut report = Report::default();
        report.expect_zero("lost events", 0);
        report.check(true, "held");
        assert!(report.passed());
        assert_eq!(report.columns()[2], "nothing");
        report.expect_zero("stuck workers", 2);
        assert!(!report.passed());
        assert_eq!(report.columns()[2], "2 stuck workers");
    }
}
