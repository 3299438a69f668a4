//! Gathering more events before a reader is answered, so that it makes fewer requests.

use super::super::pollers::Poller;
use super::super::slot::Slot;
use super::{Polled, Wake, next_wake};
use crate::event::{Event, EventBatch};
use crate::runtime::Runtime;
use crate::sync::Instant;

/// Bytes of text for which a reader that gathers is answered at once. Bounds what it holds of events
/// that may have left the log meanwhile.
const GATHERED_BYTES: usize = 64 * 1024;

/// Whether a reader that gathers is answered with these events: they are a full page, or the end of a
/// run, which is not held back.
pub(super) fn is_complete(events: &[Event], limit: usize) -> bool {
    let bytes: usize = events.iter().map(|event| event.kind.text_bytes()).sum();
    events.len() >= limit
        || bytes >= GATHERED_BYTES
        || events.iter().any(|event| event.kind.is_end())
}

impl Runtime {
    /// Adds the events that come until then, or until the batch is complete. A reader that finds no
    /// place to wait is answered at once: it has something to read.
    pub(super) async fn gather(
        &self,
        slot: &Slot,
        poller: Option<Poller>,
        mut batch: EventBatch,
        limit: usize,
        until: Option<Instant>,
    ) -> Polled {
        let mut displaced = None;
        let Some(poller) = poller.or_else(|| slot.enter_poller().ok()) else {
            return Polled { batch, displaced };
        };
        let mut time_is_up = false;
        loop {
            let changed = slot.changed();
            let rest = limit.saturating_sub(batch.events.len());
            let Ok(more) = slot.read(|worker| worker.read(Some(batch.next_cursor), rest)) else {
                // The log has lost the next event already, which the next read says.
                batch.caught_up = false;
                return Polled { batch, displaced };
            };
            batch.events.extend(more.events);
            batch.next_cursor = more.next_cursor;
            batch.caught_up = more.caught_up;
            let stopping = self.inner.accepting().is_err();
            let is_over = stopping || time_is_up || displaced.is_some();
            if is_over || is_complete(&batch.events, limit) {
                return Polled { batch, displaced };
            }
            match next_wake(until, changed, &poller).await {
                Wake::Changed => {}
                Wake::Displaced(limit) => displaced = Some(limit),
                Wake::Deadline => time_is_up = true,
            }
        }
    }
}
