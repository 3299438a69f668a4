//! What the transcript of a worker without an active run must look like, run by run.

use std::collections::HashMap;

use registry_core::RunId;
use registry_core::projection::{EntryRole, LastRun, RunErrorCode, RunOutcome, TranscriptEntry};

use super::clock::Moment;
use super::findings::{Findings, Promise};
use super::input_ledger::InputLedger;
use crate::engine::Numbered;
use crate::worker::RunEnd;

pub(super) struct RunRules<'a> {
    pub(super) worker: &'a str,
    pub(super) inputs: &'a InputLedger,
    /// How the runs ended whose ends were seen.
    pub(super) ends: &'a HashMap<RunId, RunEnd>,
    pub(super) last_ending: Option<Moment>,
}

/// A run in the transcript.
struct Run<'a> {
    input: &'a TranscriptEntry,
    reply: Option<&'a TranscriptEntry>,
}

impl RunRules<'_> {
    /// Checks that each input has at most one reply, of its own run and directly after it, that
    /// each run has the end that it can have, and that `last` is the last one's.
    pub(super) fn check(
        &self,
        entries: &[TranscriptEntry],
        last: Option<&LastRun>,
        findings: &mut Findings,
    ) {
        let mut runs: Vec<Run<'_>> = Vec::new();
        for entry in entries {
            match (entry.role, runs.last_mut()) {
                (EntryRole::User, _) => runs.push(Run {
                    input: entry,
                    reply: None,
                }),
                (EntryRole::Assistant, Some(run))
                    if run.reply.is_none() && run.input.run_id == entry.run_id =>
                {
                    run.reply = Some(entry);
                }
                (EntryRole::Assistant, _) => {
                    let text = format!("a reply in the wrong place: {entry:?}");
                    findings.add(Promise::Torn, self.worker, text);
                }
            }
        }
        let newest = runs.last().map(|run| &run.input.run_id);
        let last = last.map(|last| &last.run_id);
        findings.check(newest == last, Promise::Torn, self.worker, || {
            format!("the newest run is {newest:?}, and the last one that ended {last:?}")
        });
        for run in &runs {
            self.check_run(run, findings);
        }
    }

    fn check_run(&self, run: &Run<'_>, findings: &mut Findings) {
        let input = self
            .inputs
            .iter()
            .find(|sent| *sent.content == *run.input.content);
        let Some((input, asked)) = input.and_then(|input| Some((input, input.reply()?))) else {
            // Found already: nobody sent it.
            return;
        };
        let end = self.ends.get(&run.input.run_id).copied();
        let end = end.unwrap_or_else(|| shape(run));
        let was_ended = self.last_ending.is_some_and(|last| last > input.first_sent);
        let is_possible = match end {
            RunEnd {
                outcome: RunOutcome::Completed,
                error_code: None,
            } => !asked.fails,
            RunEnd {
                outcome: RunOutcome::Cancelled,
                error_code: None,
            } => was_ended,
            RunEnd {
                outcome: RunOutcome::Failed,
                error_code: Some(RunErrorCode::Internal),
            } => asked.fails,
            RunEnd {
                outcome: RunOutcome::Failed,
                error_code: Some(RunErrorCode::Interrupted),
            } => true,
            _ => false,
        };
        let is_whole = end.outcome == RunOutcome::Completed || end.error_code == FAILED;
        let fits = run.input.unanswered == run.reply.is_none()
            && reply_fits(run.reply, asked, is_whole, end.outcome);
        findings.check(is_possible && fits, Promise::Torn, self.worker, || {
            let (input, reply) = (run.input, run.reply);
            format!("a run that ended as {end:?} has left {input:?} and {reply:?}")
        });
    }
}

/// What the engine's own failure is.
const FAILED: Option<RunErrorCode> = Some(RunErrorCode::Internal);

/// Whether a reply is what a run with this outcome leaves: all that was asked for, or a beginning.
fn reply_fits(
    reply: Option<&TranscriptEntry>,
    asked: Numbered,
    is_whole: bool,
    outcome: RunOutcome,
) -> bool {
    let (text, is_partial) = reply.map_or(("", true), |reply| (&*reply.content, reply.partial));
    is_partial == (outcome != RunOutcome::Completed)
        && asked.text().starts_with(text)
        && (!is_whole || asked.text() == text)
}

/// The end of a run that nobody saw, as far as its transcript tells.
fn shape(run: &Run<'_>) -> RunEnd {
    match run.reply {
        Some(reply) if !reply.partial => RunEnd::without_error(RunOutcome::Completed),
        Some(_) | None => RunEnd {
            outcome: RunOutcome::Failed,
            error_code: Some(RunErrorCode::Interrupted),
        },
    }
}
