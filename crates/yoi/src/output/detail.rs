//! One worker, whole: a line for each thing that is known of it.

use registry_core::Capability;
use registry_core::projection::{ConversationSummary, WorkerDetail};

use super::table::second;
use crate::spelling::spelled;

/// Name and value of each line.
pub(crate) fn worker(worker: &WorkerDetail) -> Vec<(&'static str, String)> {
    let summary = &worker.summary;
    let mut lines = vec![
        ("worker", summary.worker_id.to_string()),
        ("runtime", summary.runtime_id.to_string()),
        ("kind", summary.implementation_kind.as_str().to_owned()),
        ("name", summary.display_name.to_string()),
        ("state", summary.state.as_str().to_owned()),
    ];
    lines.extend(
        summary
            .profile
            .as_ref()
            .map(|profile| ("profile", profile.to_string())),
    );
    lines.extend(
        summary
            .active_run
            .as_ref()
            .map(|run| ("active run", run.to_string())),
    );
    lines.extend(summary.created_at.map(|at| ("created", second(at))));
    lines.extend(
        summary
            .last_activity_at
            .map(|at| ("last activity", second(at))),
    );
    let capabilities: Vec<_> = summary
        .capabilities
        .iter()
        .map(Capability::as_str)
        .collect();
    lines.push(("can", capabilities.join(" ")));
    lines.extend(worker.conversation.iter().flat_map(conversation));
    lines
}

fn conversation(of: &ConversationSummary) -> Vec<(&'static str, String)> {
    let bounds = &of.transcript;
    let transcript = match (bounds.first_sequence, bounds.last_sequence) {
        (Some(first), Some(last)) => format!("{} entries, {first} to {last}", bounds.entries),
        _ => "empty".to_owned(),
    };
    let tokens = format!(
        "{} read, {} written",
        of.usage.input_tokens, of.usage.output_tokens
    );
    let mut lines = vec![("transcript", transcript), ("tokens", tokens)];
    if let Some(last) = &of.last_run {
        let code = last.error_code.map(|code| format!(" [{}]", spelled(code)));
        let how = format!(
            "{} {}{}",
            last.run_id,
            spelled(last.outcome),
            code.unwrap_or_default()
        );
        lines.push(("last run", format!("{how} at {}", second(last.finished_at))));
    }
    lines.push(("cursor", of.latest_cursor.to_string()));
    lines
}
