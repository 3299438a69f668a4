//! A conversation as Markdown: a title, what is known of the worker, and a section for each entry.
//! Nothing of it controls a terminal that it is shown on.

use registry_core::projection::{EntryRole, TranscriptEntry, TranscriptPage, WorkerDetail};

use super::diagnostic;
use super::sanitize::{line, text};
use super::time::utc_seconds;

/// Title and metadata, with the bounds that the transcript's first page names.
pub(crate) fn head(worker: &WorkerDetail, first: &TranscriptPage) -> String {
    let summary = &worker.summary;
    let entries = match (first.first_sequence, first.last_sequence) {
        (Some(first), Some(last)) => format!("{first} to {last}"),
        _ => "none".to_owned(),
    };
    let entries = match first.pruned_before {
        Some(sequence) => format!("{entries}; those before {sequence} are no longer kept"),
        None => entries,
    };
    let rows = [
        ("worker", Some(summary.worker_id.to_string())),
        ("runtime", Some(summary.runtime_id.to_string())),
        ("profile", summary.profile.as_ref().map(ToString::to_string)),
        ("model", summary.model.as_ref().map(ToString::to_string)),
        ("state", Some(summary.state.as_str().to_owned())),
        ("created", summary.created_at.map(utc_seconds)),
        ("last activity", summary.last_activity_at.map(utc_seconds)),
        ("entries", Some(entries)),
    ];
    let mut head = format!("# {}\n\n", line(summary.display_name.as_str()));
    for (label, value) in rows {
        if let Some(value) = value {
            head.push_str(&format!("- {label}: {}\n", line(&value)));
        }
    }
    head
}

/// The section of one entry.
pub(crate) fn section(entry: &TranscriptEntry) -> String {
    let role = match entry.role {
        EntryRole::User => "user",
        EntryRole::Assistant => "assistant",
    };
    let (sequence, at) = (entry.sequence, utc_seconds(entry.created_at));
    let mut section = format!("\n## {sequence} · {role} · {at}\n");
    let partial = entry
        .partial
        .then(|| "partial: the run of this reply did not complete".to_owned());
    let unanswered = entry
        .unanswered
        .then(|| "unanswered: the run of this message ended without a reply".to_owned());
    let marks = partial.into_iter().chain(unanswered);
    for mark in marks.chain(entry.diagnostics.iter().map(diagnostic::note)) {
        section.push_str(&format!("\n*{}*\n", line(&mark)));
    }
    let content = text(&entry.content);
    if !content.is_empty() {
        section.push_str(&format!("\n{content}"));
        if !content.ends_with('\n') {
            section.push('\n');
        }
    }
    if let Some(fence) = open_fence(&content) {
        section.push_str(&format!("{fence}\n"));
    }
    section
}

/// The fence that ends the code block which `content` leaves open, as a reply does that was cut
/// off: without it the sections below would be code (CommonMark §4.5).
fn open_fence(content: &str) -> Option<String> {
    let mut open: Option<(char, usize)> = None;
    for line in content.lines() {
        let trimmed = line.trim_start_matches(' ');
        if line.len() - trimmed.len() > 3 {
            continue;
        }
        let Some(character @ ('`' | '~')) = trimmed.chars().next() else {
            continue;
        };
        let rest = trimmed.trim_start_matches(character);
        let length = trimmed.len() - rest.len();
        open = match open {
            // Backticks behind an opening fence of them make it code within a line.
            None if length >= 3 && !(character == '`' && rest.contains('`')) => {
                Some((character, length))
            }
            Some((of, least)) if character == of && length >= least && rest.trim().is_empty() => {
                None
            }
            unchanged => unchanged,
        };
    }
    open.map(|(character, length)| character.to_string().repeat(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_block_that_is_left_open_is_ended() {
        for (content, fence) in [
            ("", None),
            ("text ``` text", None),
            ("```rust\nfn main() {", Some("```")),
            ("```\na\n```\n", None),
            ("````\n```\n", Some("````")),
            ("~~~\n```\n", Some("~~~")),
            ("~~~\n~~~~\n", None),
            ("```\na\n``` b", Some("```")),
            ("``` code ``` is no block", None),
            ("    ```\nindented code", None),
            ("   ```\na", Some("```")),
        ] {
            assert_eq!(open_fence(content).as_deref(), fence, "{content:?}");
        }
    }
}
