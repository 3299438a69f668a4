//! A transcript page: each entry below a heading.

use registry_core::projection::{EntryRole, TranscriptEntry, TranscriptPage};

use super::time::utc_seconds;
use crate::error::Error;
use crate::output::Terminal;

/// Prints the entries, then the reply in flight.
pub(crate) fn print(page: &TranscriptPage, terminal: &mut Terminal) -> Result<(), Error> {
    for entry in &page.entries {
        block(&heading(entry), &entry.content, terminal)?;
    }
    match &page.in_flight {
        Some(reply) => {
            let heading = format!("assistant  run {}  in progress", reply.run_id);
            block(&heading, &reply.text, terminal)
        }
        None => Ok(()),
    }
}

fn block(heading: &str, content: &str, terminal: &mut Terminal) -> Result<(), Error> {
    terminal.heading(heading)?;
    terminal.content(content)?;
    terminal.content(if content.ends_with('\n') || content.is_empty() {
        "\n"
    } else {
        "\n\n"
    })
}

fn heading(entry: &TranscriptEntry) -> String {
    let role = match entry.role {
        EntryRole::User => "user",
        EntryRole::Assistant => "assistant",
    };
    let partial = if entry.partial { "  partial" } else { "" };
    format!(
        "{}  {role}  {}{partial}",
        entry.sequence,
        utc_seconds(entry.created_at)
    )
}
