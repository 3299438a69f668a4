//! What answers of the server tell, and where in the ledger that goes.

use registry_core::WorkerId;
use registry_core::projection::{
    CancelResult, EventBatch, LastRun, RunErrorCode, RunOutcome, TranscriptPage, WorkerDetail,
};

use super::clock::Span;
use super::findings::Promise;
use super::input_ledger::{InputAnswer, Replay};
use super::ledger::State;
use crate::client::Response;
use crate::worker::RunEnd;

impl State {
    /// An answer that a server in order does not give.
    pub(super) fn unexplained(&mut self, about: &str, request: &str, response: &Response) {
        let body = String::from_utf8_lossy(response.body());
        let text = format!("{request} was answered {}: {body}", response.status);
        self.findings.add(Promise::Answer, about, text);
    }

    pub(super) fn input_answered(&mut self, id: &WorkerId, index: usize, answer: InputAnswer) {
        match &answer {
            InputAnswer::Accepted(_, Replay::Fresh) => self.counts.inputs += 1,
            InputAnswer::Accepted(_, Replay::Replayed) => self.counts.replayed += 1,
            InputAnswer::Refused => self.counts.refused += 1,
            InputAnswer::Unknown => {}
        }
        if let Some((history, findings)) = self.history(id) {
            let inputs = &mut history.inputs;
            inputs.answered(index, answer, id.as_str(), findings);
        }
    }

    pub(super) fn saw_unknown(&mut self, id: &WorkerId, span: Span) {
        if let Some((history, findings)) = self.history(id) {
            history.see_unknown(span, findings);
        }
    }

    pub(super) fn saw_detail(&mut self, id: &WorkerId, response: &Response, span: Span) {
        match response.json::<WorkerDetail>() {
            Ok(detail) => {
                if let Some((history, findings)) = self.history(id) {
                    history.see_detail(&detail, span, findings);
                }
            }
            Err(_) => self.unexplained(id.as_str(), "worker", response),
        }
    }

    pub(super) fn saw_page(&mut self, id: &WorkerId, page: &TranscriptPage, span: Span) {
        if let Some((history, findings)) = self.history(id) {
            history.see_known(span, findings);
            for entry in &page.entries {
                history.see_entry(entry, findings);
            }
        }
    }

    pub(super) fn saw_events(&mut self, id: &WorkerId, batch: &EventBatch, span: Span) {
        if let Some((history, findings)) = self.history(id) {
            history.see_known(span, findings);
            for event in &batch.events {
                history.see_event(&event.kind, span, findings);
            }
        }
    }

    /// A cancel was answered.
    pub(super) fn cancelled(&mut self, id: &WorkerId, response: &Response) {
        match response.json::<CancelResult>() {
            Ok(CancelResult::NotRunning) => {}
            Ok(CancelResult::Cancelled { run_id }) => {
                let end = RunEnd::without_error(RunOutcome::Cancelled);
                if let Some((history, findings)) = self.history(id) {
                    history.see_end(&run_id, end, findings);
                }
            }
            Err(_) => self.unexplained(id.as_str(), "cancel", response),
        }
    }

    /// Counts the newest run of a worker if a kill has interrupted it.
    pub(super) fn count_interrupted(&mut self, detail: &WorkerDetail, has_reply: bool) {
        let conversation = detail.conversation.as_ref();
        let last = conversation.and_then(|conversation| conversation.last_run.as_ref());
        let interrupted = |last: &&LastRun| last.error_code == Some(RunErrorCode::Interrupted);
        if let Some(last) = last.filter(interrupted)
            && self.counts.interrupted.insert(last.run_id.clone())
        {
            self.counts.partial += usize::from(has_reply);
        }
    }
}
