//! Everything that is known of one worker, and what must therefore be there after a kill.

use std::collections::{BTreeMap, HashMap};

use registry_core::projection::{
    EventKind, TranscriptEntry, UsageTotals, WorkerDetail, WorkerState, WorkerSummary,
};
use registry_core::{RunId, WorkerId};

use super::clock::{Moment, Span};
use super::findings::{Findings, Promise};
use super::input_ledger::InputLedger;
use super::name_register::NameRegister;
use super::run_rules::RunRules;
use crate::worker::RunEnd;

#[derive(Debug)]
pub(super) struct History {
    id: WorkerId,
    /// The worker as it was created.
    created: WorkerSummary,
    pub(super) names: NameRegister,
    pub(super) inputs: InputLedger,
    stopping: Final,
    deleting: Final,
    /// When the last request that ends a run, and may have done so, was over.
    last_ending: Option<Moment>,
    /// The entries that readers saw.
    entries: BTreeMap<u64, TranscriptEntry>,
    /// The ends of runs that readers saw.
    ends: HashMap<RunId, RunEnd>,
    usage: UsageTotals,
    /// Whether something was asked of it since it was last verified.
    pub(super) is_touched: bool,
    /// Whether nobody may delete it yet, because its creation is repeated.
    pub(super) is_protected: bool,
}

/// Something that can happen to a worker once and is never undone.
#[derive(Debug, Default)]
struct Final {
    /// When it was first asked for.
    requested: Option<Moment>,
    /// When it had happened at the latest.
    happened: Option<Moment>,
}

impl Final {
    fn request(&mut self, begun: Moment) {
        self.requested = Some(self.requested.map_or(begun, |first| first.min(begun)));
    }

    fn happened_by(&mut self, ended: Moment) {
        self.happened = Some(self.happened.map_or(ended, |first| first.min(ended)));
    }

    /// Whether it must have happened at `span`.
    fn is_certain_at(&self, span: Span) -> bool {
        self.happened.is_some_and(|happened| happened < span.begun)
    }

    /// Whether it may have happened at `span`.
    fn is_possible_at(&self, span: Span) -> bool {
        self.requested.is_some_and(|first| first < span.ended)
    }
}

/// A request that ends runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Cancel,
    Stop,
    Delete,
}

impl History {
    pub(super) fn new(created: WorkerSummary, span: Span) -> Self {
        Self {
            id: created.worker_id.clone(),
            names: NameRegister::new(created.display_name.to_string(), span),
            created,
            inputs: InputLedger::default(),
            stopping: Final::default(),
            deleting: Final::default(),
            last_ending: None,
            entries: BTreeMap::new(),
            ends: HashMap::new(),
            usage: UsageTotals::default(),
            is_touched: true,
            is_protected: false,
        }
    }

    /// Whether nobody asked for its end yet.
    pub(super) fn is_wanted(&self) -> bool {
        self.deleting.requested.is_none()
    }

    pub(super) fn is_deleted(&self) -> bool {
        self.deleting.happened.is_some()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopping.requested.is_some()
    }

    /// A request that ends runs is about to be sent.
    pub(super) fn begin_ending(&mut self, ending: Ending, begun: Moment) {
        self.last_ending = Some(Moment::NEVER);
        match ending {
            Ending::Cancel => {}
            Ending::Stop => self.stopping.request(begun),
            // A worker with a run is stopped before it is deleted.
            Ending::Delete => {
                self.stopping.request(begun);
                self.deleting.request(begun);
            }
        }
    }

    /// The worker was unknown.
    pub(super) fn see_unknown(&mut self, span: Span, findings: &mut Findings) {
        let is_possible = self.deleting.is_possible_at(span);
        findings.check(is_possible, Promise::Lost, self.id.as_str(), || {
            "it is unknown, and nobody deleted it".to_owned()
        });
        self.deleting.happened_by(span.ended);
    }

    /// The worker was there.
    pub(super) fn see_known(&mut self, span: Span, findings: &mut Findings) {
        let is_deleted = self.deleting.is_certain_at(span);
        findings.check(!is_deleted, Promise::Lost, self.id.as_str(), || {
            "it was deleted, and is there".to_owned()
        });
    }

    /// A delete was answered.
    pub(super) fn deleted(&mut self, span: Span) {
        self.deleting.happened_by(span.ended);
    }

    pub(super) fn see(&mut self, summary: &WorkerSummary, span: Span, findings: &mut Findings) {
        self.see_known(span, findings);
        let worker = self.id.as_str();
        let name = summary.display_name.to_string();
        self.names.see(&name, span, worker, findings);
        let identity = |summary: &WorkerSummary| {
            let model = summary.model.clone();
            (summary.profile.clone(), model, summary.created_at)
        };
        let (expected, found) = (identity(&self.created), identity(summary));
        findings.check(expected == found, Promise::TakenBack, worker, || {
            format!("it was created as {expected:?}, and is {found:?}")
        });
        self.see_state(summary.state, span, findings);
    }

    pub(super) fn see_state(&mut self, state: WorkerState, span: Span, findings: &mut Findings) {
        let worker = self.id.as_str();
        if state == WorkerState::Stopped {
            let is_possible = self.stopping.is_possible_at(span);
            findings.check(is_possible, Promise::Torn, worker, || {
                "it is stopped, and nobody stopped it".to_owned()
            });
            self.stopping.happened_by(span.ended);
        } else {
            let is_stopped = self.stopping.is_certain_at(span);
            findings.check(!is_stopped, Promise::Lost, worker, || {
                format!("it was stopped, and is {}", state.as_str())
            });
        }
    }

    pub(super) fn see_detail(
        &mut self,
        detail: &WorkerDetail,
        span: Span,
        findings: &mut Findings,
    ) {
        self.see(&detail.summary, span, findings);
        let conversation = detail.conversation.as_ref();
        if let Some(last) = conversation.and_then(|conversation| conversation.last_run.as_ref()) {
            let end = RunEnd {
                outcome: last.outcome,
                error_code: last.error_code,
            };
            self.see_end(&last.run_id, end, findings);
        }
    }

    /// Its creation was answered. A repetition gets the first answer, which says nothing of now but
    /// that the worker is there.
    pub(super) fn see_created(
        &mut self,
        name: &str,
        detail: &WorkerDetail,
        span: Span,
        findings: &mut Findings,
    ) {
        self.see_known(span, findings);
        let summary = &detail.summary;
        let is_first = summary.display_name.as_str() == name
            && summary.state == WorkerState::Idle
            && summary.created_at == self.created.created_at
            && summary.last_activity_at == summary.created_at;
        findings.check(is_first, Promise::Answer, self.id.as_str(), || {
            format!("not the first answer to its creation: {summary:?}")
        });
    }

    /// A reader learned how a run ended.
    pub(super) fn see_end(&mut self, run: &RunId, end: RunEnd, findings: &mut Findings) {
        let before = *self.ends.entry(run.clone()).or_insert(end);
        findings.check(before == end, Promise::TakenBack, self.id.as_str(), || {
            format!("run {run} ended as {before:?} before, and now as {end:?}")
        });
    }

    /// A reader saw an event of it.
    pub(super) fn see_event(&mut self, event: &EventKind, span: Span, findings: &mut Findings) {
        match event {
            EventKind::RunFinished {
                run_id,
                outcome,
                error_code,
                ..
            } => {
                let end = RunEnd {
                    outcome: *outcome,
                    error_code: *error_code,
                };
                self.see_end(run_id, end, findings);
            }
            EventKind::WorkerStopped => self.see_state(WorkerState::Stopped, span, findings),
            EventKind::InputAccepted { .. }
            | EventKind::WorkerCreated
            | EventKind::OutputDelta { .. }
            | EventKind::ReasoningDelta { .. }
            | EventKind::RunRetrying { .. } => {}
        }
    }

    /// A reader saw this entry.
    pub(super) fn see_entry(&mut self, entry: &TranscriptEntry, findings: &mut Findings) {
        let before = self.entries.entry(entry.sequence);
        let before = before.or_insert_with(|| entry.clone());
        // The one thing that changes: an input becomes unanswered when its run ends.
        let is_answered_again = before.unanswered && !entry.unanswered;
        before.unanswered = entry.unanswered;
        let is_same = before == entry && !is_answered_again;
        findings.check(is_same, Promise::TakenBack, self.id.as_str(), || {
            format!("expected the entry {before:?}, found {entry:?}")
        });
    }

    /// Holds the worker against everything that is known of it. Nothing is being asked of it, and
    /// `entries` is its whole transcript.
    pub(super) fn verify(
        &mut self,
        detail: &WorkerDetail,
        entries: &[TranscriptEntry],
        span: Span,
        findings: &mut Findings,
    ) {
        self.see_detail(detail, span, findings);
        // What has not happened by now never will.
        self.deleting.requested = None;
        if detail.summary.state != WorkerState::Stopped {
            self.stopping.requested = None;
        }
        let worker = self.id.as_str().to_owned();
        for (entry, expected) in entries.iter().zip(1..) {
            let sequence = entry.sequence;
            findings.check(sequence == expected, Promise::Torn, &worker, || {
                format!("entry {sequence} in the place of {expected}")
            });
            self.see_entry(entry, findings);
        }
        if let Some((last, lost)) = self.entries.iter().next_back() {
            let is_there = usize::try_from(*last).is_ok_and(|last| last <= entries.len());
            findings.check(is_there, Promise::TakenBack, &worker, || {
                format!("the entry {lost:?} was seen, and is not there")
            });
        }
        self.inputs.compare(entries, &worker, findings);
        let Some(conversation) = &detail.conversation else {
            return findings.add(Promise::Torn, &worker, "it has no conversation");
        };
        let (usage, before) = (conversation.usage, self.usage);
        let is_more = usage.input_tokens.unwrap_or(0) >= before.input_tokens.unwrap_or(0)
            && usage.output_tokens.unwrap_or(0) >= before.output_tokens.unwrap_or(0)
            && usage.incomplete_runs >= before.incomplete_runs;
        findings.check(is_more, Promise::TakenBack, &worker, || {
            format!("its runs used {before:?} before, and {usage:?} now")
        });
        self.usage = usage;
        let counted = conversation.transcript.entries;
        findings.check(
            counted == entries.len() as u64,
            Promise::Torn,
            &worker,
            || format!("{counted} entries are counted, {} read", entries.len()),
        );
        let rules = RunRules {
            worker: &worker,
            inputs: &self.inputs,
            ends: &self.ends,
            last_ending: self.last_ending,
        };
        rules.check(entries, conversation.last_run.as_ref(), findings);
        self.is_touched = false;
    }

    /// No request is on its way any more: the server is gone.
    pub(super) fn settle(&mut self, now: Moment) {
        if self.last_ending == Some(Moment::NEVER) {
            self.last_ending = Some(now);
        }
    }
}

#[cfg(test)]
mod tests;
