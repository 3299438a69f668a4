//! Tables for people: columns without borders, so that they can be cut and searched.

use comfy_table::presets::NOTHING;
use registry_core::Capability;
use registry_core::projection::{ImplementationKind, RuntimeSummary, WorkerSummary};

use super::plain;
use crate::spelling::spelled;

/// Spaces between two columns.
const GAP: u16 = 2;
/// What stands where nothing is known.
const UNKNOWN: &str = "-";

/// Rows below a header.
pub(crate) struct Table(comfy_table::Table);

impl Table {
    fn new(header: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(NOTHING).set_header(header.iter().copied());
        Self(table)
    }

    fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0
            .add_row(cells.into_iter().map(|cell| plain::line(&cell)));
    }

    /// The header, then the rows.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        let mut table = self.0.clone();
        for column in table.column_iter_mut() {
            column.set_padding((0, GAP));
        }
        let lines: Vec<_> = table
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        lines.into_iter()
    }
}

/// One line for each runtime.
pub(crate) fn runtimes(runtimes: &[RuntimeSummary]) -> Table {
    let mut table = Table::new(&[
        "RUNTIME",
        "KIND",
        "STATUS",
        "WORKERS",
        "ACTIVE",
        "MODEL",
        "CAPABILITIES",
    ]);
    for runtime in runtimes {
        let (workers, active) = match &runtime.counts {
            Some(counts) => {
                let workers: u64 = counts.workers.iter().map(|(_, number)| number).sum();
                (workers.to_string(), counts.active_runs.to_string())
            }
            None => (UNKNOWN.to_owned(), UNKNOWN.to_owned()),
        };
        let capabilities: Vec<_> = runtime
            .capabilities
            .iter()
            .map(Capability::as_str)
            .collect();
        table.row([
            runtime.runtime_id.to_string(),
            kind(&runtime.implementation_kind),
            spelled(runtime.status),
            workers,
            active,
            runtime.model.as_ref().map_or_else(
                || UNKNOWN.to_owned(),
                |model| model.name.as_str().to_owned(),
            ),
            capabilities.join(" "),
        ]);
    }
    table
}

/// One line for each worker.
pub(crate) fn workers<'a>(workers: impl IntoIterator<Item = &'a WorkerSummary>) -> Table {
    let header = [
        "WORKER",
        "RUNTIME",
        "KIND",
        "STATE",
        "PROFILE",
        "LAST ACTIVITY",
        "NAME",
    ];
    let mut table = Table::new(&header);
    for worker in workers {
        table.row([
            worker.worker_id.to_string(),
            worker.runtime_id.to_string(),
            kind(&worker.implementation_kind),
            worker.state.as_str().to_owned(),
            worker
                .profile
                .as_ref()
                .map_or_else(unknown, ToString::to_string),
            worker.last_activity_at.map_or_else(unknown, second),
            worker.display_name.to_string(),
        ]);
    }
    table
}

/// One line for each check: a mark, what was looked at, what was found, what to do.
pub(crate) fn checks(rows: impl IntoIterator<Item = [String; 4]>) -> Table {
    let mut table = Table::new(&["", "CHECK", "FOUND", "WHAT TO DO"]);
    rows.into_iter().for_each(|row| table.row(row));
    table
}

/// The time to the second, in UTC.
pub(super) fn second(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn kind(kind: &ImplementationKind) -> String {
    kind.as_str().to_owned()
}

fn unknown() -> String {
    UNKNOWN.to_owned()
}
