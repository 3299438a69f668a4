//! The latest events of one worker: a ring, bounded by count and bytes.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::cursor::{Cursor, Epoch};
use crate::error::CursorExpired;
use crate::event::{Event, EventBatch, EventKind};
use crate::limits::{EVENT_OVERHEAD_BYTES, Limits};

/// An event without its number, which follows from its place.
#[derive(Debug)]
struct HeldEvent {
    at: Timestamp,
    kind: EventKind,
}

/// Events with consecutive numbers; the oldest are dropped when a limit is reached.
#[derive(Debug)]
pub(super) struct EventLog {
    epoch: Epoch,
    events: VecDeque<HeldEvent>,
    /// The number of the latest event; 0 before the first one.
    latest: u64,
    bytes: usize,
    max_events: usize,
    max_bytes: usize,
}

impl EventLog {
    /// A log without events, after which come those after the number `latest`.
    pub(super) fn starting_after(latest: u64, epoch: Epoch, limits: &Limits) -> Self {
        Self {
            epoch,
            events: VecDeque::new(),
            latest,
            bytes: 0,
            max_events: limits.events,
            max_bytes: limits.event_bytes,
        }
    }

    /// Numbers and appends an event, and drops the oldest ones. The new one stays.
    pub(super) fn append(&mut self, at: Timestamp, kind: EventKind) -> Cursor {
        self.latest += 1;
        self.bytes += cost(&kind);
        self.events.push_back(HeldEvent { at, kind });
        while self.events.len() > 1
            && (self.events.len() > self.max_events || self.bytes > self.max_bytes)
        {
            if let Some(dropped) = self.events.pop_front() {
                self.bytes -= cost(&dropped.kind);
            }
        }
        self.latest()
    }

    /// Bytes of the held events, overhead included.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The position after the next event.
    pub(super) fn next(&self) -> Cursor {
        Cursor::new(self.epoch, self.latest + 1)
    }

    /// The position after the latest event.
    pub(super) fn latest(&self) -> Cursor {
        Cursor::new(self.epoch, self.latest)
    }

    /// The position before the oldest event held.
    pub(super) fn oldest(&self) -> Cursor {
        Cursor::new(self.epoch, self.latest - self.events.len() as u64)
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
        let start = usize::try_from(after.sequence() - oldest.sequence())
            .expect("the position lies within the events held");
        let end = start.saturating_add(limit).min(self.events.len());
        let cursors = (after.sequence() + 1..).map(|number| Cursor::new(self.epoch, number));
        let held = self.events.range(start..end);
        let events = held
            .zip(cursors)
            .map(|(HeldEvent { at, kind }, cursor)| Event {
                cursor,
                at: *at,
                kind: kind.clone(),
            });
        let read = (end - start) as u64;
        Ok(EventBatch {
            events: events.collect(),
            next_cursor: Cursor::new(self.epoch, after.sequence() + read),
            caught_up: end == self.events.len(),
        })
    }
}

/// Bytes that an event counts.
fn cost(kind: &EventKind) -> usize {
    kind.text_bytes() + EVENT_OVERHEAD_BYTES
}

#[cfg(test)]
mod tests;
