//! Display names of workers.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::id::WorkerId;

/// A worker's name for people: never a key, and not unique.
///
/// 1 to [`DisplayName::MAX_CHARS`] characters, not all of them white space, none of
/// them one that changes how the text around it is laid out. A clone is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayName(Arc<str>);

impl DisplayName {
    /// The longest name, in characters: one line of a terminal.
    pub const MAX_CHARS: usize = 80;

    /// The name of a worker that was given none, e.g. `Worker 1a2b3c`.
    pub(crate) fn default_for(id: WorkerId) -> Self {
        // The end of a UUIDv7 is random; its beginning is the time.
        let id = id.to_string();
        Self(format!("Worker {}", &id[id.len() - 6..]).into())
    }

    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DisplayName {
    type Err = DisplayNameError;

    fn from_str(text: &str) -> Result<Self, DisplayNameError> {
        if text.trim().is_empty() {
            return Err(DisplayNameError::Empty);
        }
        for (at, character) in text.chars().enumerate() {
            if at >= Self::MAX_CHARS {
                return Err(DisplayNameError::TooLong);
            }
            if character.is_control() || changes_layout(character) {
                return Err(DisplayNameError::ForbiddenCharacter { at });
            }
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Line and paragraph separators, and the characters with the Unicode property
/// `Bidi_Control` (UAX #9), with which one name can be made to look like another.
fn changes_layout(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// Why a text is not a display name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DisplayNameError {
    /// It is empty, or only white space.
    #[error("display name is empty")]
    Empty,
    /// It has more than [`DisplayName::MAX_CHARS`] characters.
    #[error("display name is longer than {} characters", DisplayName::MAX_CHARS)]
    TooLong,
    /// It has a control character, a line separator or a bidirectional control.
    #[error("display name has a forbidden character at {at}")]
    ForbiddenCharacter {
        /// The position of the first such character, in characters.
        at: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_text() {
        for text in ["Ada", "reviewer no. 2", "校閲者", "x"] {
            let name: DisplayName = text.parse().unwrap();
            assert_eq!(name.to_string(), text);
        }
        let longest = "é".repeat(DisplayName::MAX_CHARS);
        assert_eq!(longest.parse::<DisplayName>().unwrap().as_str(), longest);
    }

    #[test]
    fn a_blank_or_overlong_name_is_rejected() {
        for text in ["", " ", "\t\u{3000}"] {
            assert_eq!(text.parse::<DisplayName>(), Err(DisplayNameError::Empty));
        }
        let long = "é".repeat(DisplayName::MAX_CHARS + 1);
        assert_eq!(long.parse::<DisplayName>(), Err(DisplayNameError::TooLong));
    }

    #[test]
    fn a_name_cannot_carry_controls_or_turn_the_text_around() {
        for bad in [
            '\n', '\u{7f}', '\u{85}', '\u{202e}', '\u{2066}', '\u{61c}', '\u{2028}',
        ] {
            assert_eq!(
                format!("ab{bad}c").parse::<DisplayName>(),
                Err(DisplayNameError::ForbiddenCharacter { at: 2 }),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_default_name_shows_the_random_end_of_the_id() {
        let id: WorkerId = "0198c0de-0000-7000-8000-0000001a2b3c".parse().unwrap();
        assert_eq!(DisplayName::default_for(id).as_str(), "Worker 1a2b3c");
    }
}
