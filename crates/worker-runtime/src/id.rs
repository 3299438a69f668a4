//! Ids of workers and runs (UUIDv7), and the caller's idempotency keys.
//!
//! An id has a single spelling, so it can be compared, logged and used as a key without
//! normalising it first.

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
            pub(crate) fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id with this UUID, as a store kept it.
            ///
            /// # Errors
            /// [`ParseIdError`] when it is no UUIDv7.
            pub fn from_uuid(uuid: Uuid) -> Result<Self, ParseIdError> {
                is_v7(uuid).then_some(Self(uuid)).ok_or(ParseIdError)
            }

            /// The id as a UUID, for another type of id.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
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

impl WorkerId {
    /// A new id that is greater than this one, too, although the clock may be behind it.
    pub(crate) fn generate_after(self) -> Self {
        let new = Self::generate();
        if new > self {
            return new;
        }
        // RFC 9562 §6.2 has an id's random part counted up when the clock is set back. What
        // overflows goes on into the bits before, around version and variant.
        let step = 1 + u128::from(new.0.as_u64_pair().1 & u64::from(u32::MAX));
        let counter = Self::counter(self.0).wrapping_add(step);
        Self::from_counter(counter)
    }

    /// The bits of an id without version and variant.
    fn counter(uuid: Uuid) -> u128 {
        let bits = uuid.as_u128();
        (bits >> 80 << 74) | (bits >> 64 & 0xfff) << 62 | bits & (u128::MAX >> 66)
    }

    fn from_counter(counter: u128) -> Self {
        let time = counter >> 74 << 80;
        let (middle, low) = (counter >> 62 & 0xfff, counter & (u128::MAX >> 66));
        Self(Uuid::from_u128(
            time | 7 << 76 | middle << 64 | 0b10 << 62 | low,
        ))
    }
}

uuid_id! {
    /// Names a run: one accepted input being worked on. An id is never reused.
    RunId
}

/// A text that is not the canonical spelling of a UUIDv7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a lower-case, hyphenated UUIDv7")]
pub struct ParseIdError;

/// Accepts the canonical text only: `Uuid` also reads braces, URNs, bare digits and
/// upper case, which would give one worker several names.
fn parse_canonical(text: &str) -> Result<Uuid, ParseIdError> {
    let uuid = Uuid::try_parse(text).map_err(|_| ParseIdError)?;
    let canonical = uuid.hyphenated();
    if is_v7(uuid) && canonical.encode_lower(&mut Uuid::encode_buffer()) == text {
        Ok(uuid)
    } else {
        Err(ParseIdError)
    }
}

fn is_v7(uuid: Uuid) -> bool {
    // The version says nothing in another variant (RFC 9562 §4.1).
    uuid.get_variant() == Variant::RFC4122 && uuid.get_version() == Some(Version::SortRand)
}

/// The caller's name for one attempt at an operation: repeating the operation under
/// the same key returns the first result again instead of having a second effect.
///
/// 1 to [`IdempotencyKey::MAX_LEN`] visible ASCII characters. A clone is cheap.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(Arc<str>);

impl IdempotencyKey {
    /// The longest key, in characters: enough for a UUID with a prefix, or a hash in hex.
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
    /// It is empty.
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
