//! What was found in a store, and what was saved of one: for people and for programs.

use std::path::Path;

use serde_json::{Value, json};
use yoi_workspace_server::store::{Lost, Problem, Report, Salvage};

use crate::error::Error;
use crate::output::Terminal;
use crate::output::quantity::size;
use crate::output::table::{Column, Table};

/// A problem's name, how often it was found, and what it means.
const PROBLEMS: &[Column<(Problem, u64)>] = &[
    ("PROBLEM", |(problem, _)| Some(problem.as_str().to_owned())),
    ("COUNT", |(_, count)| Some(count.to_string())),
    ("MEANING", |(problem, _)| Some(meaning(*problem).to_owned())),
];

const LOST: &[Column<Lost>] = &[
    ("WORKER", |lost| Some(lost.worker_id.to_string())),
    ("ID", |lost| Some(kept(!lost.id))),
    ("ENTRIES LOST", |lost| Some(lost.entries.to_string())),
    ("RUN ENDS LOST", |lost| Some(lost.runs.to_string())),
    ("NAME", |lost| Some(kept(!lost.metadata))),
    ("PROFILE", |lost| {
        Some(kept(!lost.metadata && !lost.profile))
    }),
];

fn kept(is_kept: bool) -> String {
    if is_kept { "kept" } else { "lost" }.to_owned()
}

pub(super) fn document(report: &Report, path: &Path) -> Value {
    let problem =
        |(problem, count): &(Problem, u64)| json!({ "problem": problem.as_str(), "count": count });
    json!({
        "path": path.display().to_string(),
        "sound": report.is_sound(),
        "schema_version": report.version,
        "file_bytes": report.file_bytes,
        "free_bytes": report.free_bytes,
        "workers": report.workers,
        "entries": report.entries,
        "problems": report.problems.iter().map(problem).collect::<Vec<_>>(),
    })
}

/// The report about a store that can't be opened at all.
pub(super) fn unopened_document(path: &Path) -> Value {
    let problem = json!({ "problem": Problem::DamagedPages.as_str(), "count": 1 });
    json!({ "path": path.display().to_string(), "sound": false, "problems": [problem] })
}

/// The same for people.
pub(super) fn print_unopened(path: &Path, terminal: &mut Terminal) -> Result<(), Error> {
    rows(
        &[
            ("file", path.display().to_string()),
            ("state", "damaged, so that it can't be opened".to_owned()),
        ],
        terminal,
    )
}

fn rows(rows: &[(&str, String)], terminal: &mut Terminal) -> Result<(), Error> {
    rows.iter()
        .try_for_each(|(label, value)| terminal.line(&format!("{label:<14} {value}")))
}

pub(super) fn print(report: &Report, path: &Path, terminal: &mut Terminal) -> Result<(), Error> {
    let state = if report.is_sound() {
        "sound"
    } else {
        "damaged"
    };
    let found = [
        ("file", path.display().to_string()),
        ("state", state.to_owned()),
        ("schema version", report.version.to_string()),
        ("size", size(report.file_bytes)),
        ("of it free", size(report.free_bytes)),
        ("workers", report.workers.to_string()),
        ("entries", report.entries.to_string()),
    ];
    rows(&found, terminal)?;
    if report.is_sound() {
        return Ok(());
    }
    terminal.line("")?;
    terminal.table(&Table::new(PROBLEMS, &report.problems))
}

pub(super) fn salvage_document(salvage: &Salvage, to: &Path) -> Value {
    let lost = |lost: &Lost| {
        json!({
            "worker_id": lost.worker_id.to_string(),
            "id": lost.id,
            "metadata": lost.metadata,
            "profile": lost.profile,
            "entries": lost.entries,
            "runs": lost.runs,
        })
    };
    json!({
        "path": to.display().to_string(),
        "workers": salvage.workers,
        "entries": salvage.entries,
        "lost": salvage.lost.iter().map(lost).collect::<Vec<_>>(),
        "nameless_workers": salvage.nameless_workers,
        "unknown_losses": salvage.has_unknown_losses,
    })
}

pub(super) fn print_salvage(
    salvage: &Salvage,
    path: &Path,
    to: &Path,
    terminal: &mut Terminal,
) -> Result<(), Error> {
    let (to, path) = (to.display(), path.display());
    let (workers, entries) = (salvage.workers, salvage.entries);
    terminal.line(&format!("{to}: saved {workers} workers, {entries} entries"))?;
    if salvage.is_whole() {
        terminal.line("nothing was lost")?;
    }
    if !salvage.lost.is_empty() {
        terminal.line("")?;
        terminal.table(&Table::new(LOST, &salvage.lost))?;
    }
    if salvage.nameless_workers > 0 {
        let nameless = salvage.nameless_workers;
        terminal.line(&format!(
            "lost with everything about them: {nameless} workers"
        ))?;
    }
    if salvage.has_unknown_losses {
        terminal.line(
            "more may be lost: parts of the file can't be read, and nothing else says what was in them",
        )?;
    }
    terminal.hint(&format!(
        "move {path} away together with its -wal and -shm files, then {to} into its place, and \
         start the server"
    ));
    Ok(())
}

fn meaning(problem: Problem) -> &'static str {
    match problem {
        Problem::DamagedPages => "parts of the file are not as they were written",
        Problem::OtherTables => "a table or an index is missing, or there is one too many",
        Problem::UnreadableWorker => "a worker can't be read, and is not shown",
        Problem::UnreadableEntry => "an entry of a transcript can't be read",
        Problem::SequenceGap => "entries of a transcript are missing",
        Problem::NoWorker => "something belongs to no worker",
        Problem::RunWithoutInput => "a run and its input don't belong together",
        Problem::ReplyWithoutInput => "a reply doesn't follow its input",
        Problem::WrongMark => "an input is marked as unanswered and isn't, or the reverse",
        Problem::ActiveRunInThePast => "a run has no end, and others came after it",
        Problem::OtherLastRun => "a worker's last run is another than it says",
        Problem::DraftWithoutRun => "there is a piece of a reply, and no run that writes it",
    }
}
