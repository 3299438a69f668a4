//! Text for display: what a person wrote, and what is compiled in.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Longest display name, in characters: one line of a table.
pub const DISPLAY_NAME_MAX_CHARS: usize = 80;

/// Text that a person wrote to be shown: 1–80 characters on one line, without any that
/// control a terminal or the direction of text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct DisplayName(Arc<str>);

/// Why a text is not a display name. Never carries the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DisplayNameError {
    /// Nothing but white space.
    #[error("empty")]
    Empty,
    /// More than 80 characters.
    #[error("too long: at most {DISPLAY_NAME_MAX_CHARS} characters")]
    TooLong,
    /// A control character, a line break or a mark that changes the direction of text.
    #[error("forbidden character at {at}")]
    ForbiddenCharacter {
        /// Zero-based position of the first such character, counted in characters.
        at: usize,
    },
}

impl DisplayName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes a display name of any text: forbidden characters are dropped, the rest is
    /// trimmed and cut to 80 characters. `None` when nothing is left.
    pub fn cleaned(text: &str) -> Option<Self> {
        let cut: String = text
            .chars()
            .filter(|c| !is_forbidden(*c))
            .skip_while(|c| c.is_whitespace())
            .take(DISPLAY_NAME_MAX_CHARS)
            .collect();
        cut.trim_end().parse().ok()
    }
}

impl FromStr for DisplayName {
    type Err = DisplayNameError;

    fn from_str(text: &str) -> Result<Self, DisplayNameError> {
        check(text).map(|()| Self(text.into()))
    }
}

impl TryFrom<String> for DisplayName {
    type Error = DisplayNameError;

    fn try_from(text: String) -> Result<Self, DisplayNameError> {
        text.parse()
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check(text: &str) -> Result<(), DisplayNameError> {
    if text.chars().take(DISPLAY_NAME_MAX_CHARS + 1).count() > DISPLAY_NAME_MAX_CHARS {
        return Err(DisplayNameError::TooLong);
    }
    if let Some(at) = text.chars().position(is_forbidden) {
        return Err(DisplayNameError::ForbiddenCharacter { at });
    }
    if text.trim().is_empty() {
        return Err(DisplayNameError::Empty);
    }
    Ok(())
}

/// Characters that control a terminal (Unicode category Cc), break the line, or reorder text
/// on the screen (the bidirectional controls of UAX #9, as in CVE-2021-42574).
fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text that is compiled in: the only kind a diagnostic can carry.
///
/// It is made of a `&'static str`, so the text of an inner error can't get in. (A client
/// deserialises it.)
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FixedText(Cow<'static, str>);

impl FixedText {
    /// Wraps a compiled-in text.
    pub const fn new(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&'static str> for FixedText {
    fn from(text: &'static str) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for FixedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Printable, and at least one character that is not white space.
#[cfg(feature = "schema")]
const DISPLAY_NAME_PATTERN: &str = "^[^\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]*[^\\s\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069][^\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]*$";

#[cfg(feature = "schema")]
crate::schema::text_schema!(
    DisplayName,
    Some("One line of text for people, without control or direction marks."),
    1,
    DISPLAY_NAME_MAX_CHARS,
    DISPLAY_NAME_PATTERN
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_was_cleaned_is_a_display_name(text in any::<String>()) {
            if let Some(name) = DisplayName::cleaned(&text) {
                prop_assert_eq!(name.as_str().parse(), Ok(name.clone()));
            }
        }
    }

    #[test]
    fn characters_that_control_a_terminal_or_reorder_text_are_refused() {
        assert_eq!(
            "a\u{1b}[2J".parse::<DisplayName>(),
            Err(DisplayNameError::ForbiddenCharacter { at: 1 })
        );
        assert_eq!(
            "\u{202e}a".parse::<DisplayName>(),
            Err(DisplayNameError::ForbiddenCharacter { at: 0 })
        );
        assert_eq!(
            "a\u{202e}".parse::<DisplayName>(),
            Err(DisplayNameError::ForbiddenCharacter { at: 1 })
        );
        assert_eq!(
            "x".repeat(81).parse::<DisplayName>(),
            Err(DisplayNameError::TooLong)
        );
    }

    #[test]
    fn white_space_alone_is_no_name() {
        for blank in ["", "  ", " \u{a0} "] {
            assert_eq!(blank.parse::<DisplayName>(), Err(DisplayNameError::Empty));
        }
    }

    #[test]
    fn the_longest_name_is_shown_as_it_was_given() {
        let longest = "é".repeat(DISPLAY_NAME_MAX_CHARS);
        let name: DisplayName = longest.parse().unwrap();
        assert_eq!(name.to_string(), longest);
        assert_eq!(serde_json::to_value(&name).unwrap(), longest);
        assert_eq!(FixedText::new("ours").to_string(), "ours");
    }

    #[test]
    fn cleaning_keeps_what_a_person_can_read() {
        let name = DisplayName::cleaned(" rev\u{202e}iewer\n\u{1b}[31m ").unwrap();
        assert_eq!(name.as_str(), "reviewer[31m");
        assert_eq!(DisplayName::cleaned("\u{7}\n "), None);
        let indented = format!("{}reviewer", " ".repeat(DISPLAY_NAME_MAX_CHARS * 5));
        assert_eq!(
            DisplayName::cleaned(&indented).unwrap().as_str(),
            "reviewer"
        );
    }
}
