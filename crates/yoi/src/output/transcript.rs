//! A transcript page: each entry below a heading.

use registry_core::projection::{EntryRole, TranscriptEntry, TranscriptPage};

use super::quantity::size;
use super::time::utc_seconds;
use crate::api_name::api_name;
use crate::args::ReasoningMode;
use crate::error::Error;
use crate::output::Terminal;

/// Prints the entries, then the reply in flight.
pub(crate) fn print(
    page: &TranscriptPage,
    reasoning: ReasoningMode,
    terminal: &mut Terminal,
) -> Result<(), Error> {
    for entry in &page.entries {
        let (heading, thoughts) = (heading(entry), entry.reasoning.as_deref());
        print_entry(&heading, thoughts, &entry.content, reasoning, terminal)?;
    }
    match &page.in_flight {
        Some(reply) => {
            let (run, phase) = (&reply.run_id, api_name(reply.phase));
            let heading = format!("assistant  run {run}  in progress, {phase}");
            let thoughts = reply.reasoning.as_deref();
            print_entry(&heading, thoughts, &reply.text, reasoning, terminal)
        }
        None => Ok(()),
    }
}

fn print_entry(
    heading: &str,
    thoughts: Option<&str>,
    content: &str,
    reasoning: ReasoningMode,
    terminal: &mut Terminal,
) -> Result<(), Error> {
    match (reasoning, thoughts) {
        (ReasoningMode::Show, Some(thoughts)) => {
            block(&format!("{heading}  reasoning"), thoughts, terminal)?;
            block(heading, content, terminal)
        }
        (ReasoningMode::Summary, Some(thoughts)) => {
            let size = size(thoughts.len());
            block(&format!("{heading}  reasoning {size}"), content, terminal)
        }
        (ReasoningMode::Hide, Some(_)) | (_, None) => block(heading, content, terminal),
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

/// Number, role and time; then what is special about the entry.
fn heading(entry: &TranscriptEntry) -> String {
    let role = match entry.role {
        EntryRole::User => "user",
        EntryRole::Assistant => "assistant",
    };
    let (sequence, at) = (entry.sequence, utc_seconds(entry.created_at));
    let mut heading = format!("{sequence}  {role}  {at}");
    let marks = [(entry.partial, "partial"), (entry.unanswered, "unanswered")];
    let marks = marks
        .iter()
        .filter(|(marked, _)| *marked)
        .map(|(_, mark)| *mark);
    let codes = entry.diagnostics.iter().map(|known| known.code.as_str());
    for mark in marks.chain(codes) {
        heading.push_str("  ");
        heading.push_str(mark);
    }
    heading
}
