//! Projections as JSON text: byte for byte what `serde_json` writes, for less (ADR 24).
//!
//! What is asked for most writes itself piece by piece ([`WriteJson`]): what is known before, as
//! the names of fields and the marks around them, is a copy of constant length, and what needs no
//! escaping is not looked over. Each does so beside its definition, or in an `as_json` where that
//! is long; tests hold each of them to its `Serialize`. Everything else is left to `serde_json`.
//! Who is not of this crate writes lists of projections, and needs no more than
//! [`JsonText::piece`] and [`JsonText::list`].

mod text;

use jiff::Timestamp;

pub use text::is_clean;

use crate::capability::CapabilitySet;
use crate::cursor::{Cursor, CursorWriter};
use crate::instant::InstantWriter;

/// What writes itself as JSON: the text that its `Serialize` describes, in fewer steps.
pub trait WriteJson {
    /// Appends the value.
    fn write_json(&self, json: &mut JsonText);
}

/// The value as JSON, written into a buffer that has room for `expected_bytes` from the start.
pub fn to_vec(value: &impl WriteJson, expected_bytes: usize) -> Vec<u8> {
    let mut json = JsonText {
        bytes: Vec::with_capacity(expected_bytes),
        instants: InstantWriter::default(),
        cursors: CursorWriter::default(),
    };
    value.write_json(&mut json);
    json.bytes
}

/// Characters of a UUID's text, which the ids of most workers and runs are.
const UUID_CHARS: usize = 36;

/// A text of JSON that is being written.
pub struct JsonText {
    bytes: Vec<u8>,
    instants: InstantWriter,
    cursors: CursorWriter,
}

impl JsonText {
    /// What is known before: names, and the marks around them. Inlined, because a copy of
    /// constant length is less than a call.
    #[inline(always)]
    pub fn piece(&mut self, json: &'static str) {
        self.bytes.extend_from_slice(json.as_bytes());
    }

    /// The inside of a string whose alphabet has nothing that JSON escapes: an id, the name of
    /// a variant. It is not looked over.
    #[inline]
    pub(crate) fn clean(&mut self, text: &str) {
        debug_assert!(text::is_clean(text), "{text} needs escaping");
        match <&[u8; UUID_CHARS]>::try_from(text.as_bytes()) {
            // A copy of constant length again.
            Ok(uuid) => self.bytes.extend_from_slice(uuid),
            Err(_) => self.bytes.extend_from_slice(text.as_bytes()),
        }
    }

    /// The inside of a string that may say anything.
    #[inline]
    pub(crate) fn escaped(&mut self, text: &str) {
        if text::is_clean(text) {
            self.bytes.extend_from_slice(text.as_bytes());
        } else {
            text::escape_into(&mut self.bytes, text);
        }
    }

    pub(crate) fn number(&mut self, number: u64) {
        let mut digits = itoa::Buffer::new();
        self.bytes
            .extend_from_slice(digits.format(number).as_bytes());
    }

    /// A number that may be missing, and what is written before it when it is there. Inlined,
    /// so that this stays a copy of constant length.
    #[inline(always)]
    pub(crate) fn number_if_any(&mut self, before: &'static str, number: Option<u64>) {
        if let Some(number) = number {
            self.piece(before);
            self.number(number);
        }
    }

    /// The inside of the string that an instant is.
    pub(crate) fn instant(&mut self, at: Timestamp) {
        self.instants.append(&mut self.bytes, at);
    }

    /// The inside of the string that a cursor is.
    pub(crate) fn cursor(&mut self, cursor: Cursor) {
        self.cursors.append(&mut self.bytes, cursor);
    }

    pub(crate) fn truth(&mut self, value: bool) {
        self.piece(if value { "true" } else { "false" });
    }

    pub(crate) fn capabilities(&mut self, set: CapabilitySet) {
        self.bytes.extend_from_slice(set.json().as_bytes());
    }

    /// A list, which for remarks is nearly always empty.
    #[inline(always)]
    pub fn list<T: WriteJson>(&mut self, items: &[T]) {
        match items.split_first() {
            None => self.piece("[]"),
            Some((first, others)) => self.items(first, others),
        }
    }

    #[inline(never)]
    fn items<T: WriteJson>(&mut self, first: &T, others: &[T]) {
        self.piece("[");
        first.write_json(self);
        for item in others {
            self.piece(",");
            item.write_json(self);
        }
        self.piece("]");
    }
}

#[cfg(test)]
mod tests;
