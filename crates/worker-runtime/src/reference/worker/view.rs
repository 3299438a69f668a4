//! The state of the reference's worker, what it holds, and what it counts.

use super::Decision;
use super::Worker;
use crate::limits::{
    ENTRY_OVERHEAD_BYTES, EVENT_OVERHEAD_BYTES, KEY_OVERHEAD_BYTES, WORKER_OVERHEAD_BYTES,
};
use crate::reference::fitting;
use crate::reference::model::{
    Accepted, Event, EventKind, InFlight, Keeping, LastRun, Line, Millis, RunNumber, Step,
};
use crate::run::UsageTotals;
use crate::status::WorkerState;
use crate::transcript::RunPhase;

impl Worker {
    pub(crate) fn state(&self) -> WorkerState {
        match &self.active {
            None if self.stopped => WorkerState::Stopped,
            None => WorkerState::Idle,
            Some(active) if active.decision != Decision::Open => WorkerState::Cancelling,
            Some(_) if self.is_queued() => WorkerState::Queued,
            Some(_) => WorkerState::Running,
        }
    }

    /// Whether it will be stopped as soon as its run has ended.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop_requested && !self.stopped
    }

    pub(crate) fn active_run(&self) -> Option<RunNumber> {
        self.active.as_ref().map(|active| active.reply.run)
    }

    pub(crate) fn is_queued(&self) -> bool {
        self.phase() == Some(RunPhase::Queued)
    }

    pub(crate) fn in_flight(&self) -> Option<&InFlight> {
        self.active.as_ref().map(|active| &active.reply)
    }

    /// What the active run is doing.
    pub(crate) fn phase(&self) -> Option<RunPhase> {
        self.active.as_ref().map(|active| active.phase)
    }

    /// What all runs used, by their ends.
    pub(crate) fn usage(&self) -> UsageTotals {
        let mut totals = UsageTotals::default();
        for event in &self.events {
            if let EventKind::RunFinished { usage, .. } = event.kind {
                let usage = usage.unwrap_or_default();
                totals.input_tokens += usage.input_tokens.unwrap_or(0);
                totals.output_tokens += usage.output_tokens.unwrap_or(0);
                let whole = usage.input_tokens.is_some() && usage.output_tokens.is_some();
                totals.incomplete_runs += u64::from(!whole);
            }
        }
        totals
    }

    /// The lines before the input of the active run that its engine sees.
    pub(crate) fn history(&self) -> Vec<Line> {
        let (_, before) = self.lines_held().split_last().expect("the input");
        let answered = before.iter().filter(|line| !line.unanswered);
        answered.cloned().collect()
    }

    /// Every event since the latest restart.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events[self.events_before..]
    }

    /// How many of the latest events are held.
    pub(crate) fn events_held(&self) -> usize {
        let costs = self.events().iter().rev().map(Event::cost);
        fitting(costs, self.limits.events, self.limits.event_bytes)
    }

    /// The lines that can be read: with a store, all of them.
    pub(crate) fn lines_shown(&self) -> &[Line] {
        match self.keeping {
            Keeping::InMemory => self.lines_held(),
            Keeping::Stored | Keeping::Refused => &self.lines,
        }
    }

    /// Whether it is stopped, also for the store.
    pub(crate) fn is_stopped_for_good(&self) -> bool {
        self.stopped && self.stored.is_none()
    }

    /// The lines that are held in memory: the newest that fit.
    pub(crate) fn lines_held(&self) -> &[Line] {
        let limits = &self.limits;
        let costs = self.lines.iter().rev().map(Line::cost);
        let held = fitting(costs, limits.transcript_entries, limits.transcript_bytes);
        &self.lines[self.lines.len() - held..]
    }

    /// The transcript and what was in flight right after the event with this number.
    pub(crate) fn as_of(&self, event: u64) -> (Vec<Line>, Option<&InFlight>) {
        let event = self.events_before + usize::try_from(event).unwrap();
        let moment = &self.moments[event - 1];
        let mut lines = self.lines[..moment.lines].to_vec();
        if let (Some(_), Some(input)) = (&moment.in_flight, lines.last_mut()) {
            // It may have turned out later to be left without a reply.
            input.unanswered = false;
        }
        (lines, moment.in_flight.as_ref())
    }

    /// How the last run ended.
    pub(crate) fn last_run(&self) -> Option<LastRun> {
        self.events.iter().rev().find_map(|event| match event.kind {
            EventKind::RunFinished {
                run,
                outcome,
                error,
                ..
            } => Some(LastRun {
                run,
                outcome,
                error,
                at: event.at,
            }),
            EventKind::WorkerCreated
            | EventKind::InputAccepted { .. }
            | EventKind::OutputDelta { .. }
            | EventKind::ReasoningDelta { .. }
            | EventKind::RunRetrying { .. }
            | EventKind::WorkerStopped => None,
        })
    }

    pub(crate) fn last_event_at(&self) -> Millis {
        self.events[self.events.len() - 1].at
    }

    /// Bytes that it holds now.
    pub(crate) fn held_bytes(&self) -> usize {
        let reply = self.in_flight();
        let reply = reply.map_or(0, InFlight::bytes);
        let latest = &self.events[self.events.len() - self.events_held()..];
        let events: usize = latest.iter().map(Event::cost).sum();
        self.fixed_bytes() + events + reply
    }

    /// Bytes that it counts against the total: what it holds, or what its run has reserved.
    pub(crate) fn counted_bytes(&self) -> usize {
        match &self.active {
            None => self.held_bytes(),
            Some(active) => active.reserved,
        }
    }

    /// The most bytes that it can hold while it works on an input.
    pub(crate) fn max_bytes(&self, content: &str, key: Option<&str>) -> usize {
        let reply = self.limits.output_bytes + self.limits.reasoning_bytes;
        let conversation = content.len() + reply + 2 * ENTRY_OVERHEAD_BYTES;
        let events = self.limits.event_bytes;
        self.fixed_bytes() + conversation + events + key.map_or(0, key_cost)
    }

    /// The bytes that an input needs in the beginning: it and the end of its run are added to what
    /// is held, and nothing is pruned for it yet.
    pub(super) fn bytes_at_start(&self, content: &str, key: Option<&str>) -> usize {
        let entries = content.len() + 2 * ENTRY_OVERHEAD_BYTES;
        let events = 2 * EVENT_OVERHEAD_BYTES;
        self.held_bytes() + entries + events + key.map_or(0, key_cost)
    }

    /// What it counts when its engine has taken this step: more than before, if what that adds and
    /// the end of the run take more.
    pub(crate) fn counted_after(&self, step: &Step, at: Millis) -> usize {
        let mut after = self.clone();
        after.engine(step, at);
        let (Some(before), Some(active)) = (&self.active, &after.active) else {
            return self.counted_bytes();
        };
        let new_events = &after.events[self.events.len()..];
        let events: usize = new_events.iter().map(Event::cost).sum();
        let text = active.reply.bytes() - before.reply.bytes();
        let end = ENTRY_OVERHEAD_BYTES + EVENT_OVERHEAD_BYTES;
        let needed = self.held_bytes() + events + text + end;
        before.reserved.max(self.in_steps(needed, before.max_bytes))
    }

    /// As many whole steps as that takes, but at most `max_bytes`.
    pub(super) fn in_steps(&self, bytes: usize, max_bytes: usize) -> usize {
        let steps = bytes.div_ceil(self.reservation_step);
        (steps * self.reservation_step).min(max_bytes)
    }

    /// All bytes but those of events and the texts in progress. The last event counts from the
    /// beginning.
    fn fixed_bytes(&self) -> usize {
        let lines: usize = self.lines_held().iter().map(Line::cost).sum();
        let keys: usize = self.remembered().iter().map(|it| key_cost(&it.0)).sum();
        let own_key = self.key.as_deref().map_or(0, key_cost);
        let last_event = if self.stopped {
            0
        } else {
            EVENT_OVERHEAD_BYTES
        };
        WORKER_OVERHEAD_BYTES + own_key + last_event + lines + keys
    }

    /// The inputs whose keys are remembered: the latest.
    pub(super) fn remembered(&self) -> &[(String, String, Accepted)] {
        let forgotten = self
            .accepted_inputs
            .len()
            .saturating_sub(self.limits.input_keys);
        &self.accepted_inputs[forgotten..]
    }
}

fn key_cost(key: &str) -> usize {
    key.len() + KEY_OVERHEAD_BYTES
}
