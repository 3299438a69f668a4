//! The names of things: workers and runs (UUIDv7), and the caller's idempotency keys.
//!
//! Each is one private value with one way in from text, and that text is the one
//! `Display` writes: an id has a single spelling, so it can be compared, logged and
//! used as a key without normalising it first.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::{Uuid, Variant, Version};

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, greater than every one that this process made before it.
            pub(crate) fn mint() -> Self {
                Self(Uuid::now_v7())
            }

            /// The UUID, as its 16 bytes in the order of its digits.
            #[must_use]
            pub const fn uuid(self) -> [u8; 16] {
                self.0.into_bytes()
            }

            /// Gives the id's text to `read`, without a place of its own for it.
            pub fn with_text<R>(self, read: impl FnOnce(&str) -> R) -> R {
                read(self.0.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()))
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse_canonical(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}

uuid_id! {
    /// Names a worker. Later workers have greater ids; an id is never reused.
    WorkerId
}

uuid_id! {
    /// Names a run: one accepted input being worked on. An id is never reused.
    RunId
}

/// A text that is not the canonical spelling of a UUIDv7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a lower-case, hyphenated UUIDv7")]
pub struct ParseIdError;

/// Where the digits of each byte of a UUID begin in its text, and where the hyphens are.
const BYTES_AT: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
const HYPHENS_AT: [usize; 4] = [8, 13, 18, 23];
/// What a lower-case hexadecimal digit is worth, and no other character.
const DIGITS: [u8; 256] = digits();
/// More than a digit is worth, also together with one.
const NO_DIGIT: u8 = 0xff;

/// Accepts the canonical text only: `Uuid` also reads braces, URNs, bare digits and
/// upper case, which would give one worker several names.
fn parse_canonical(text: &str) -> Result<Uuid, ParseIdError> {
    let text: &[u8; 36] = text.as_bytes().try_into().map_err(|_| ParseIdError)?;
    let mut bytes = [0; 16];
    let mut all = 0;
    for (byte, at) in bytes.iter_mut().zip(BYTES_AT) {
        let [high, low] = [at, at + 1].map(|at| DIGITS[usize::from(text[at])]);
        *byte = high << 4 | low;
        all |= high | low;
    }
    let uuid = Uuid::from_bytes(bytes);
    // The version says nothing in another variant (RFC 9562 §4.1).
    let is_v7 =
        uuid.get_variant() == Variant::RFC4122 && uuid.get_version() == Some(Version::SortRand);
    if all < 16 && HYPHENS_AT.iter().all(|at| text[*at] == b'-') && is_v7 {
        Ok(uuid)
    } else {
        Err(ParseIdError)
    }
}

const fn digits() -> [u8; 256] {
    let mut digits = [NO_DIGIT; 256];
    let mut worth = 0;
    while worth < 16 {
        digits[b"0123456789abcdef"[worth as usize] as usize] = worth;
        worth += 1;
    }
    digits
}

/// The caller's name for one attempt at an operation: repeating the operation under
/// the same key gives the first answer again instead of a second effect.
///
/// 1 to [`IdempotencyKey::MAX_LEN`] visible ASCII characters. A clone is cheap.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(Arc<str>);

impl IdempotencyKey {
    /// The longest key, in characters: room for a UUID with a prefix, or a hash in hex.
    pub const MAX_LEN: usize = 128;

    /// The key's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, ParseKeyError> {
        if text.is_empty() {
            return Err(ParseKeyError::Empty);
        }
        if text.len() > Self::MAX_LEN {
            return Err(ParseKeyError::TooLong);
        }
        match text.bytes().position(|byte| !byte.is_ascii_graphic()) {
            Some(at) => Err(ParseKeyError::ForbiddenCharacter { at }),
            None => Ok(Self(text.into())),
        }
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseKeyError {
    /// There is no text.
    #[error("idempotency key is empty")]
    Empty,
    /// It has more than [`IdempotencyKey::MAX_LEN`] bytes.
    #[error(
        "idempotency key is longer than {} characters",
        IdempotencyKey::MAX_LEN
    )]
    TooLong,
    /// It has something other than a visible ASCII character.
    #[error("idempotency key has a forbidden character at {at}")]
    ForbiddenCharacter {
        /// The offset of the first such byte.
        at: usize,
    },
}

#[cfg(test)]
mod tests;
