//! `show` and `transcript`: what a worker is, and what was said.

use super::Session;
use crate::args::{TranscriptArgs, WorkerArgs};
use crate::client::{TranscriptBound, TranscriptQuery};
use crate::failure::{Failure, command_line};
use crate::output::{detail, diagnostic, transcript as page};

/// Shows one worker.
pub(super) async fn worker(session: &mut Session<'_>, worker: &WorkerArgs) -> Result<(), Failure> {
    let answer = session.client.worker(&worker.worker_ref()).await?;
    session.print(&answer, |worker, terminal| {
        for (name, value) in detail::worker(worker) {
            terminal.line(&format!("{name:<14} {value}"))?;
        }
        for remark in &worker.summary.diagnostics {
            terminal.note(&diagnostic::note(remark));
        }
        Ok(())
    })
}

/// Prints a page of a worker's transcript.
pub(super) async fn transcript(
    session: &mut Session<'_>,
    args: &TranscriptArgs,
) -> Result<(), Failure> {
    let worker = args.worker.worker_ref();
    let bound = match (args.before, args.after) {
        (Some(sequence), _) => TranscriptBound::Before(sequence),
        (None, Some(sequence)) => TranscriptBound::After(sequence),
        (None, None) => TranscriptBound::Newest,
    };
    let query = TranscriptQuery {
        limit: args.limit,
        bound,
    };
    let answer = session.client.transcript(&worker, &query).await?;
    session.print(&answer, |transcript, terminal| {
        page::print(transcript, terminal)?;
        if let Some(sequence) = transcript.pruned_before {
            terminal.note(&format!(
                "note: entries before {sequence} are no longer kept"
            ));
        }
        let command = command_line("transcript", &worker);
        if let (true, Some(first)) = (transcript.has_earlier, transcript.entries.first()) {
            terminal.note(&format!(
                "note: earlier: {command} --before {}",
                first.sequence
            ));
        }
        if let (true, Some(last)) = (transcript.has_later, transcript.entries.last()) {
            terminal.note(&format!("note: later: {command} --after {}", last.sequence));
        }
        Ok(())
    })
}
