//! The table of workers and the rows of one worker: one line for each field.

use registry_core::Capability;
use registry_core::projection::{
    ConversationSummary, LastRun, TranscriptBounds, Usage, UsageTotals, WorkerDetail, WorkerSummary,
};

use super::table::Column;
use super::time::utc_seconds;
use crate::api_name::{api_name, error_name};

pub(crate) const COLUMNS: &[Column<WorkerSummary>] = &[
    ("WORKER", |w| Some(w.worker_id.to_string())),
    ("RUNTIME", |w| Some(w.runtime_id.to_string())),
    ("KIND", |w| Some(kind(w))),
    ("STATE", |w| Some(w.state.as_str().to_owned())),
    ("PROFILE", |w| Some(w.profile.as_ref()?.to_string())),
    ("LAST ACTIVITY", |w| w.last_activity_at.map(utc_seconds)),
    ("NAME", |w| Some(w.display_name.to_string())),
];

/// What tells workers apart that one text fits.
pub(crate) const CANDIDATE_COLUMNS: &[Column<WorkerSummary>] = &[
    ("WORKER", |w| Some(w.worker_id.to_string())),
    ("STATE", |w| Some(w.state.as_str().to_owned())),
    ("RUNTIME", |w| Some(w.runtime_id.to_string())),
    ("NAME", |w| Some(w.display_name.to_string())),
];

const SUMMARY_ROWS: &[Column<WorkerSummary>] = &[
    ("worker", |w| Some(w.worker_id.to_string())),
    ("runtime", |w| Some(w.runtime_id.to_string())),
    ("kind", |w| Some(kind(w))),
    ("name", |w| Some(w.display_name.to_string())),
    ("state", |w| Some(w.state.as_str().to_owned())),
    ("profile", |w| Some(w.profile.as_ref()?.to_string())),
    ("model", |w| Some(w.model.as_ref()?.to_string())),
    ("active run", |w| Some(w.active_run.as_ref()?.to_string())),
    ("created", |w| w.created_at.map(utc_seconds)),
    ("last activity", |w| w.last_activity_at.map(utc_seconds)),
    ("can", |w| Some(capabilities(w))),
];

const CONVERSATION_ROWS: &[Column<ConversationSummary>] = &[
    ("transcript", |c| Some(transcript(&c.transcript))),
    ("tokens", |c| Some(tokens(&c.usage))),
    ("last run", |c| c.last_run.as_ref().map(last_run)),
    ("cursor", |c| Some(c.latest_cursor.to_string())),
];

/// Label and value of each field of `worker` that is present.
pub(crate) fn rows(worker: &WorkerDetail) -> Vec<(&'static str, String)> {
    let mut rows = present(SUMMARY_ROWS, &worker.summary);
    if let Some(conversation) = &worker.conversation {
        rows.extend(present(CONVERSATION_ROWS, conversation));
    }
    rows
}

fn present<T>(rows: &[Column<T>], item: &T) -> Vec<(&'static str, String)> {
    rows.iter()
        .filter_map(|(label, value)| Some((*label, value(item)?)))
        .collect()
}

fn kind(worker: &WorkerSummary) -> String {
    worker.implementation_kind.as_str().to_owned()
}

fn capabilities(worker: &WorkerSummary) -> String {
    let names: Vec<_> = worker.capabilities.iter().map(Capability::as_str).collect();
    names.join(" ")
}

fn transcript(bounds: &TranscriptBounds) -> String {
    match (bounds.first_sequence, bounds.last_sequence) {
        (Some(first), Some(last)) => format!("{} entries, {first} to {last}", bounds.entries),
        _ => "empty".to_owned(),
    }
}

/// The tokens that one run used, as far as they are known.
pub(crate) fn run_usage(usage: Usage) -> Option<String> {
    let input = usage.input_tokens.map(|n| format!("{n} input tokens"));
    let output = usage.output_tokens.map(|n| format!("{n} output tokens"));
    let known: Vec<_> = [input, output].into_iter().flatten().collect();
    (!known.is_empty()).then(|| known.join(", "))
}

fn tokens(usage: &UsageTotals) -> String {
    let input = usage.input_tokens.map(|n| format!("{n} input"));
    let output = usage.output_tokens.map(|n| format!("{n} output"));
    let known: Vec<_> = [input, output].into_iter().flatten().collect();
    if known.is_empty() {
        return "not known".to_owned();
    }
    let known = known.join(", ");
    match usage.incomplete_runs {
        0 => known,
        1 => format!("{known}; 1 run not counted"),
        runs => format!("{known}; {runs} runs not counted"),
    }
}

fn last_run(run: &LastRun) -> String {
    let code = run
        .error_code
        .map(|code| error_name(code, run.error_detail));
    let code = code.map(|code| format!(" [{code}]"));
    format!(
        "{} {}{} at {}",
        run.run_id,
        api_name(run.outcome),
        code.unwrap_or_default(),
        utc_seconds(run.finished_at)
    )
}
