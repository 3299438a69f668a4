//! The latest events of one worker: a ring, bounded by count and bytes.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::deltas::Deltas;
use crate::cursor::{Cursor, Epoch};
use crate::error::CursorExpired;
use crate::event::{Event, EventKind};
use crate::limits::{EVENT_OVERHEAD_BYTES, Limits};
use crate::query::EventBatch;

/// Events with consecutive numbers; the oldest go when there is no room.
#[derive(Debug)]
pub(super) struct EventLog {
    epoch: Epoch,
    /// Of the first one, the last event at least is held.
    steps: VecDeque<Step>,
    /// How many events are held.
    held: usize,
    /// The number of the latest event; 0 before the first one.
    latest: u64,
    bytes: usize,
    max_events: usize,
    max_bytes: usize,
}

/// What was appended in one step.
#[derive(Debug)]
struct Step {
    /// The number of its first event.
    first: u64,
    at: Timestamp,
    what: Appended,
}

#[derive(Debug)]
enum Appended {
    Event(EventKind),
    Deltas(Deltas),
}

impl EventLog {
    pub(super) fn new(epoch: Epoch, limits: &Limits) -> Self {
        Self {
            epoch,
            steps: VecDeque::new(),
            held: 0,
            latest: 0,
            bytes: 0,
            max_events: limits.events,
            max_bytes: limits.event_bytes,
        }
    }

    /// Numbers and appends an event, and drops the oldest ones. The new one stays.
    pub(super) fn append(&mut self, at: Timestamp, kind: EventKind) -> Cursor {
        self.push(at, Appended::Event(kind))
    }

    /// The same with several deltas. The last of them stays.
    pub(super) fn append_deltas(&mut self, at: Timestamp, deltas: Deltas) -> Cursor {
        self.push(at, Appended::Deltas(deltas))
    }

    fn push(&mut self, at: Timestamp, what: Appended) -> Cursor {
        let first = self.latest + 1;
        self.latest += what.len() as u64;
        self.held += what.len();
        self.bytes += what.bytes();
        self.steps.push_back(Step { first, at, what });
        while self.held > 1 && (self.held > self.max_events || self.bytes > self.max_bytes) {
            self.drop_oldest();
        }
        self.latest()
    }

    fn drop_oldest(&mut self) {
        let oldest = self.oldest().sequence() + 1;
        let Some(step) = self.steps.front() else {
            return;
        };
        self.held -= 1;
        self.bytes -= step.what.bytes_of(step.index(oldest));
        if step.last() == oldest {
            self.steps.pop_front();
        }
    }

    /// What the held events count, overhead included.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The position after the latest event.
    pub(super) fn latest(&self) -> Cursor {
        Cursor::new(self.epoch, self.latest)
    }

    /// The position before the oldest event held.
    pub(super) fn oldest(&self) -> Cursor {
        Cursor::new(self.epoch, self.latest - self.held as u64)
    }

    /// At most `limit` events after the cursor; without one, from the oldest held.
    pub(super) fn read(
        &self,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<EventBatch, CursorExpired> {
        let (oldest, latest) = (self.oldest(), self.latest());
        let after = after.unwrap_or(oldest);
        let held = oldest.sequence()..=latest.sequence();
        if after.epoch() != self.epoch || !held.contains(&after.sequence()) {
            return Err(CursorExpired { oldest, latest });
        }
        let last = latest
            .sequence()
            .min(after.sequence().saturating_add(limit as u64));
        Ok(EventBatch {
            events: self.copy(after.sequence() + 1, last),
            next_cursor: Cursor::new(self.epoch, last),
            caught_up: last == latest.sequence(),
        })
    }

    /// The events with these numbers, which are held.
    fn copy(&self, first: u64, last: u64) -> Vec<Event> {
        let wanted = (last + 1).saturating_sub(first);
        let mut events = Vec::with_capacity(usize::try_from(wanted).unwrap_or_default());
        let from = self.steps.partition_point(|step| step.last() < first);
        let mut next = first;
        for step in self.steps.range(from..) {
            if next > last {
                break;
            }
            let end = step.last().min(last);
            events.extend((next..=end).map(|number| Event {
                cursor: Cursor::new(self.epoch, number),
                at: step.at,
                kind: step.what.event(step.index(number)),
            }));
            next = end + 1;
        }
        events
    }
}

impl Step {
    fn last(&self) -> u64 {
        self.first + (self.what.len() as u64 - 1)
    }

    /// Which of its events has this number.
    fn index(&self, number: u64) -> usize {
        usize::try_from(number - self.first).expect("a step has few events")
    }
}

impl Appended {
    /// How many events it is; at least one.
    fn len(&self) -> usize {
        match self {
            Self::Event(_) => 1,
            Self::Deltas(deltas) => deltas.len(),
        }
    }

    fn event(&self, index: usize) -> EventKind {
        match self {
            Self::Event(kind) => kind.clone(),
            Self::Deltas(deltas) => deltas.event(index),
        }
    }

    /// What all of its events count.
    fn bytes(&self) -> usize {
        match self {
            Self::Event(_) => self.bytes_of(0),
            Self::Deltas(deltas) => deltas.text().len() + deltas.len() * EVENT_OVERHEAD_BYTES,
        }
    }

    /// What one of its events counts.
    fn bytes_of(&self, index: usize) -> usize {
        let text = match self {
            Self::Deltas(deltas) => deltas.text_len(index),
            Self::Event(EventKind::OutputDelta { text, .. }) => text.len(),
            Self::Event(
                EventKind::WorkerCreated
                | EventKind::InputAccepted { .. }
                | EventKind::RunFinished { .. }
                | EventKind::WorkerStopped,
            ) => 0,
        };
        text + EVENT_OVERHEAD_BYTES
    }
}

#[cfg(test)]
mod tests;
