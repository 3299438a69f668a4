//! Looking at the reference's worker: what it is, what it holds, and what it counts.

use super::Fate;
use super::Worker;
use crate::limits::{
    ENTRY_OVERHEAD_BYTES, EVENT_OVERHEAD_BYTES, KEY_OVERHEAD_BYTES, WORKER_OVERHEAD_BYTES,
};
use crate::reference::fitting;
use crate::reference::words::{Accepted, Event, Fact, InFlight, LastEnd, Line, Millis, RunNumber};
use crate::snapshot::WorkerState;

impl Worker {
    pub(crate) fn state(&self) -> WorkerState {
        match &self.active {
            None if self.stopped => WorkerState::Stopped,
            None => WorkerState::Idle,
            Some(active) if active.fate == Fate::Open => WorkerState::Running,
            Some(_) => WorkerState::Cancelling,
        }
    }

    /// Whether it will be stopped as soon as its run has ended.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop_asked && !self.stopped
    }

    pub(crate) fn active_run(&self) -> Option<RunNumber> {
        self.active.as_ref().map(|active| active.reply.run)
    }

    pub(crate) fn in_flight(&self) -> Option<&InFlight> {
        self.active.as_ref().map(|active| &active.reply)
    }

    /// Everything that ever happened.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    /// How many of the latest events are held.
    pub(crate) fn events_held(&self) -> usize {
        let costs = self.events.iter().rev().map(Event::cost);
        fitting(costs, self.limits.events, self.limits.event_bytes)
    }

    /// Everything that was ever said.
    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The lines that are held: the newest that fit.
    pub(crate) fn lines_held(&self) -> &[Line] {
        let limits = &self.limits;
        let costs = self.lines.iter().rev().map(Line::cost);
        let held = fitting(costs, limits.transcript_entries, limits.transcript_bytes);
        &self.lines[self.lines.len() - held..]
    }

    /// What had been said, and what was being said, right after the event of this number.
    pub(crate) fn as_of(&self, event: u64) -> (&[Line], Option<&InFlight>) {
        let moment = &self.moments[usize::try_from(event).unwrap() - 1];
        (&self.lines[..moment.lines], moment.in_flight.as_ref())
    }

    /// How the last run ended.
    pub(crate) fn last_end(&self) -> Option<LastEnd> {
        self.events.iter().rev().find_map(|event| match event.fact {
            Fact::Ended {
                run,
                outcome,
                error,
                ..
            } => Some(LastEnd {
                run,
                outcome,
                error,
                at: event.at,
            }),
            Fact::Created | Fact::Accepted { .. } | Fact::Said { .. } | Fact::Stopped => None,
        })
    }

    pub(crate) fn last_event_at(&self) -> Millis {
        self.events[self.events.len() - 1].at
    }

    /// What it holds now.
    pub(crate) fn held_bytes(&self) -> usize {
        let reply = self.in_flight().map_or(0, |reply| reply.text.len());
        let latest = &self.events[self.events.len() - self.events_held()..];
        let events: usize = latest.iter().map(Event::cost).sum();
        self.settled_bytes() + events + reply
    }

    /// What it counts among all: what it holds, or what it may come to hold by its run.
    pub(crate) fn counted_bytes(&self) -> usize {
        match &self.active {
            None => self.held_bytes(),
            Some(active) => active.reserved,
        }
    }

    /// The most that it can hold while it works on an input.
    pub(crate) fn most_bytes(&self, content: &str, key: Option<&str>) -> usize {
        let conversation = content.len() + self.limits.output_bytes + 2 * ENTRY_OVERHEAD_BYTES;
        let events = self.limits.event_bytes;
        self.settled_bytes() + conversation + events + key.map_or(0, key_cost)
    }

    /// All but events and the reply in progress. The last event has its place from the
    /// beginning.
    fn settled_bytes(&self) -> usize {
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

    /// The answers whose keys are remembered: the latest.
    pub(super) fn remembered(&self) -> &[(String, String, Accepted)] {
        let forgotten = self.answers.len().saturating_sub(self.limits.input_keys);
        &self.answers[forgotten..]
    }
}

fn key_cost(key: &str) -> usize {
    key.len() + KEY_OVERHEAD_BYTES
}
