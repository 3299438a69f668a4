//! `show` and `transcript`.

use registry_core::WorkerRef;

use super::session::Session;
use crate::args::{TranscriptArgs, command_line};
use crate::client::TranscriptQuery;
use crate::error::Error;
use crate::output::{diagnostic, transcript as page, worker};

pub(super) async fn worker(session: &mut Session<'_>, worker: &WorkerRef) -> Result<(), Error> {
    let response = session.client.worker(worker).await?;
    session.print(&response, |worker, terminal| {
        for (label, value) in worker::rows(worker) {
            terminal.line(&format!("{label:<14} {value}"))?;
        }
        for diagnostic in &worker.summary.diagnostics {
            terminal.note(&diagnostic::note(diagnostic));
        }
        Ok(())
    })
}

pub(super) async fn transcript(
    session: &mut Session<'_>,
    worker: &WorkerRef,
    args: &TranscriptArgs,
) -> Result<(), Error> {
    let query = TranscriptQuery {
        limit: args.limit,
        before: args.before,
        after: args.after,
    };
    let response = session.client.transcript(worker, &query).await?;
    session.print(&response, |transcript, terminal| {
        page::print(transcript, args.reasoning, terminal)?;
        if let Some(sequence) = transcript.pruned_before {
            let note = format!("note: entries before {sequence} are no longer kept");
            terminal.note(&note);
        }
        let command = command_line("transcript", worker);
        if let (true, Some(first)) = (transcript.has_earlier, transcript.entries.first()) {
            let sequence = first.sequence;
            terminal.note(&format!("note: earlier: {command} --before {sequence}"));
        }
        if let (true, Some(last)) = (transcript.has_later, transcript.entries.last()) {
            let sequence = last.sequence;
            terminal.note(&format!("note: later: {command} --after {sequence}"));
        }
        Ok(())
    })
}
