//! Pages of lists: how many items, and from where.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::id::RuntimeId;

/// Most items of one page, in items: bounds the work and the body of one answer.
pub const PAGE_LIMIT_MAX: u32 = 200;
/// Items of a page when the client names no number.
pub const PAGE_LIMIT_DEFAULT: u32 = 50;
/// Longest page token, in characters: a runtime id and a position, encoded.
pub const PAGE_TOKEN_MAX_CHARS: usize = 256;
/// Longest position a source may hand out, in bytes.
pub const POSITION_MAX_BYTES: usize = 96;

/// The first field of a token's plain text, so that a later encoding can be distinguished.
const TOKEN_VERSION: &str = "1";

/// How many items a page holds at most: 1–200, by default 50.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit(u32);

/// A page limit outside 1–200.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("outside 1 to {PAGE_LIMIT_MAX}")]
pub struct InvalidPageLimit;

impl PageLimit {
    /// A limit of `items`.
    ///
    /// # Errors
    /// [`InvalidPageLimit`] outside 1–200: the number is refused, never clamped.
    pub fn new(items: u32) -> Result<Self, InvalidPageLimit> {
        if (1..=PAGE_LIMIT_MAX).contains(&items) {
            Ok(Self(items))
        } else {
            Err(InvalidPageLimit)
        }
    }

    /// The number of items.
    pub fn get(self) -> usize {
        self.0 as usize
    }

    /// What is left after `taken` items, or `None` when the page is full.
    pub fn remaining(self, taken: usize) -> Option<Self> {
        let left = self.get().saturating_sub(taken);
        u32::try_from(left)
            .ok()
            .and_then(|items| Self::new(items).ok())
    }
}

impl Default for PageLimit {
    fn default() -> Self {
        Self(PAGE_LIMIT_DEFAULT)
    }
}

/// A position in one source's own order, made and understood by that source alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position(String);

/// A position that is empty, too long, or has anything but visible ASCII characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a position")]
pub struct InvalidPosition;

impl Position {
    /// The position's text, for the source that made it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let sound = !text.is_empty()
            && text.len() <= POSITION_MAX_BYTES
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if sound {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPosition)
        }
    }
}

/// Where the next page of a worker list begins: a source, and a position in it.
///
/// Its text is opaque to clients. It is no authority: it can only name a position in a
/// list that the client may read from the start anyway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PageToken {
    /// The source that the next page starts in.
    pub(crate) runtime_id: RuntimeId,
    /// The position in that source; `None` is its beginning.
    pub(crate) position: Option<Position>,
}

/// The text is not a page token, or not one for this list. Never carries the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a page token of this list")]
pub struct InvalidPageToken;

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let position = self.position.as_ref().map_or("", Position::as_str);
        let plain = format!("{TOKEN_VERSION} {} {position}", self.runtime_id);
        f.write_str(&URL_SAFE_NO_PAD.encode(plain))
    }
}

impl FromStr for PageToken {
    type Err = InvalidPageToken;

    fn from_str(text: &str) -> Result<Self, InvalidPageToken> {
        if text.len() > PAGE_TOKEN_MAX_CHARS {
            return Err(InvalidPageToken);
        }
        let plain = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidPageToken)?;
        let plain = std::str::from_utf8(&plain).map_err(|_| InvalidPageToken)?;
        let mut fields = plain.splitn(3, ' ');
        let (Some(TOKEN_VERSION), Some(runtime_id), Some(position)) =
            (fields.next(), fields.next(), fields.next())
        else {
            return Err(InvalidPageToken);
        };
        let runtime_id = runtime_id.parse().map_err(|_| InvalidPageToken)?;
        let position = match position {
            "" => None,
            text => Some(text.parse().map_err(|_| InvalidPageToken)?),
        };
        Ok(Self {
            runtime_id,
            position,
        })
    }
}

impl TryFrom<String> for PageToken {
    type Error = InvalidPageToken;

    fn try_from(text: String) -> Result<Self, InvalidPageToken> {
        text.parse()
    }
}

impl From<PageToken> for String {
    fn from(token: PageToken) -> Self {
        token.to_string()
    }
}

#[cfg(feature = "schema")]
crate::schema::text_schema!(
    PageToken,
    Some("Opaque start of the next page; give it back with the same filters."),
    1,
    PAGE_TOKEN_MAX_CHARS,
    "^[A-Za-z0-9_-]+$"
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_page_token_survives_its_text(
            runtime in "[a-z0-9][a-z0-9_-]{0,63}",
            position in proptest::option::of("[!-~]{1,96}"),
        ) {
            let token = PageToken {
                runtime_id: runtime.parse().unwrap(),
                position: position.map(|text| text.parse().unwrap()),
            };
            let text = token.to_string();
            prop_assert!(text.len() <= PAGE_TOKEN_MAX_CHARS);
            prop_assert_eq!(serde_json::to_value(&token).unwrap(), text.as_str());
            prop_assert_eq!(text.parse(), Ok(token));
        }

        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,300}") {
            let _ = text.parse::<PageToken>();
        }

        #[test]
        fn arbitrary_decoded_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = URL_SAFE_NO_PAD.encode(bytes).parse::<PageToken>();
        }
    }

    #[test]
    fn a_position_is_visible_ascii_and_neither_empty_nor_too_long() {
        let longest = "x".repeat(POSITION_MAX_BYTES);
        assert_eq!(longest.parse::<Position>().unwrap().as_str(), longest);
        let too_long = format!("{longest}x");
        for wrong in ["", "a b", "é", "\u{7f}", &too_long] {
            assert_eq!(wrong.parse::<Position>(), Err(InvalidPosition));
        }
    }

    #[test]
    fn a_limit_outside_its_bounds_is_refused() {
        assert_eq!(PageLimit::new(0), Err(InvalidPageLimit));
        assert_eq!(PageLimit::new(PAGE_LIMIT_MAX + 1), Err(InvalidPageLimit));
        assert_eq!(PageLimit::new(PAGE_LIMIT_MAX).map(PageLimit::get), Ok(200));
    }

    #[test]
    fn a_limit_knows_when_the_page_is_full() {
        let limit = PageLimit::new(3).unwrap();
        assert_eq!(limit.remaining(1).map(PageLimit::get), Some(2));
        assert_eq!(limit.remaining(3), None);
        assert_eq!(limit.remaining(9), None);
    }
}
