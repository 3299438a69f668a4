//! Deltas that were appended in one step: they share one text.

use arcstr::ArcStr;

use crate::event::EventKind;
use crate::id::RunId;
use crate::limits::{DELTAS_AT_ONCE, SHARED_TEXT_BYTES};

/// Some deltas of one run, in order. There is at least one, and none is empty.
#[derive(Debug)]
pub(super) struct Deltas {
    run_id: RunId,
    text: ArcStr,
    /// Where in the text each of them ends.
    ends: Box<[u16]>,
}

// An end fits its number.
const _: () = assert!(SHARED_TEXT_BYTES <= u16::MAX as usize);

impl Deltas {
    /// These texts as deltas; none unless there are several that may share a text and have
    /// `room` bytes together.
    pub(super) fn of(run_id: RunId, texts: &[&str], room: usize) -> Option<Self> {
        if !(2..=DELTAS_AT_ONCE).contains(&texts.len()) {
            return None;
        }
        let room = room.min(SHARED_TEXT_BYTES);
        let mut ends = Vec::with_capacity(texts.len());
        let mut end = 0;
        for text in texts {
            end += text.len();
            if text.is_empty() || end > room {
                return None;
            }
            ends.push(u16::try_from(end).ok()?);
        }
        Some(Self {
            run_id,
            ends: ends.into_boxed_slice(),
            text: texts.concat().into(),
        })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// One of them as an event.
    pub(super) fn event(&self, index: usize) -> EventKind {
        EventKind::OutputDelta {
            run_id: self.run_id,
            text: self.text.substr(self.start(index)..self.end(index)),
        }
    }

    /// How many bytes of text one of them has.
    pub(super) fn text_len(&self, index: usize) -> usize {
        self.end(index) - self.start(index)
    }

    fn start(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.end(before))
    }

    fn end(&self, index: usize) -> usize {
        usize::from(self.ends[index])
    }
}
