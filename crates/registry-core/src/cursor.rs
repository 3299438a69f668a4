//! Positions in event logs, as opaque text.

use std::fmt;
use std::str::FromStr;

use arrayvec::ArrayString;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize, Serializer};

/// Bytes of a cursor before encoding: epoch, then sequence, both big-endian.
const CURSOR_BYTES: usize = 16;
/// Characters of a cursor's text: 16 bytes in unpadded base64url (RFC 4648 §5).
pub const CURSOR_CHARS: usize = 22;

/// A position in one worker's event log: everything up to `sequence` has been read.
///
/// The epoch is one life of a runtime instance; a cursor of another epoch is *expired*.
/// Clients treat the text as opaque: its encoding may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Cursor {
    epoch: u64,
    sequence: u64,
}

/// The text is not a cursor. Never carries the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this server")]
pub struct InvalidCursor;

impl Cursor {
    /// A position after event `sequence` of `epoch`; sequence 0 stands before every event.
    pub fn new(epoch: u64, sequence: u64) -> Self {
        Self { epoch, sequence }
    }

    /// The life of the runtime instance that the position belongs to.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The number of the last event that stands before the position.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The text, in place: every event of every batch has one.
    fn text(self) -> ArrayString<CURSOR_CHARS> {
        let whole = (u128::from(self.epoch) << 64) | u128::from(self.sequence);
        let mut text = [0; CURSOR_CHARS];
        let written = URL_SAFE_NO_PAD.encode_slice(whole.to_be_bytes(), &mut text);
        written.expect("a cursor has so many characters");
        ArrayString::from_byte_string(&text).expect("base64 is ASCII")
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        if text.len() != CURSOR_CHARS {
            return Err(InvalidCursor);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let bytes: [u8; CURSOR_BYTES] = bytes.try_into().map_err(|_| InvalidCursor)?;
        let whole = u128::from_be_bytes(bytes);
        let (epoch, sequence) = ((whole >> 64) as u64, whole as u64);
        Ok(Self { epoch, sequence })
    }
}

impl TryFrom<String> for Cursor {
    type Error = InvalidCursor;

    fn try_from(text: String) -> Result<Self, InvalidCursor> {
        text.parse()
    }
}

#[cfg(feature = "schema")]
crate::schema::text_schema!(
    Cursor,
    Some("Opaque position in one worker's event log."),
    CURSOR_CHARS,
    CURSOR_CHARS,
    "^[A-Za-z0-9_-]{21}[AQgw]$"
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_survives_its_text(epoch: u64, sequence: u64) {
            let cursor = Cursor::new(epoch, sequence);
            let text = cursor.to_string();
            prop_assert_eq!(text.len(), CURSOR_CHARS);
            prop_assert_eq!(text.parse(), Ok(cursor));
            prop_assert_eq!((cursor.epoch(), cursor.sequence()), (epoch, sequence));
            prop_assert_eq!(serde_json::to_value(cursor).unwrap(), text.clone());
            let bytes = [epoch.to_be_bytes(), sequence.to_be_bytes()].concat();
            prop_assert_eq!(text, URL_SAFE_NO_PAD.encode(bytes));
        }

        #[test]
        fn a_text_that_parses_is_the_only_text_of_its_cursor(text in "[A-Za-z0-9_=-]{20,24}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }

        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,40}") {
            let _ = text.parse::<Cursor>();
        }
    }

    #[test]
    fn trailing_bits_that_carry_nothing_are_refused() {
        let text = Cursor::new(0, 0).to_string();
        assert_eq!(text, "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(
            "AAAAAAAAAAAAAAAAAAAAAB".parse::<Cursor>(),
            Err(InvalidCursor)
        );
    }
}
