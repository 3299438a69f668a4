//! Identity: the ids of the domain, each a private text that only parsing makes.
//!
//! Errors name what was wrong and never repeat the rejected text, because it may be hostile.

mod display_ref;

pub use display_ref::DisplayRef;

use std::fmt;
use std::str::FromStr;

use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Longest accepted [`RuntimeId`], [`WorkerId`], [`RunId`] or [`ProfileId`], in characters.
pub const ID_MAX_CHARS: usize = 64;
/// Longest accepted [`IdempotencyKey`], in characters.
pub const IDEMPOTENCY_KEY_MAX_CHARS: usize = 128;

/// Why a text is not an id. Never carries the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// There was no character at all.
    #[error("empty")]
    Empty,
    /// There were more characters than the id may have.
    #[error("too long: at most {max} characters")]
    TooLong {
        /// The most characters this kind of id may have.
        max: usize,
    },
    /// A character is outside the alphabet, or may not stand first.
    #[error("forbidden character at {at}")]
    ForbiddenCharacter {
        /// Zero-based position of the first such character, counted in characters.
        at: usize,
    },
}

/// Defines one id type; only the alphabet and the length differ. An id holds its text in place,
/// so that cloning one allocates nothing.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, max $max:expr, of $alphabet:expr, pattern $pattern:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(ArrayString<{ $max }>);

        impl $name {
            /// The text, exactly as it was parsed.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                $alphabet.check(text, $max)?;
                let text = ArrayString::from(text);
                text.map(Self).map_err(|_| IdError::TooLong { max: $max })
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        #[cfg(feature = "schema")]
        crate::schema::text_schema!($name, None::<&str>, 1, $max, $pattern);

    };
}

id!(
    /// Names one runtime of the registry: 1–64 characters of `a-z 0-9 - _`, starting with a
    /// letter or digit.
    RuntimeId, max ID_MAX_CHARS, of SLUG, pattern "^[a-z0-9][a-z0-9_-]*$"
);
id!(
    /// Names one worker *within its runtime*; an authority only together with a
    /// [`RuntimeId`], as a [`WorkerRef`]. The same alphabet as [`RuntimeId`].
    WorkerId, max ID_MAX_CHARS, of SLUG, pattern "^[a-z0-9][a-z0-9_-]*$"
);
id!(
    /// Names one run of one worker. The same alphabet as [`RuntimeId`].
    RunId, max ID_MAX_CHARS, of SLUG, pattern "^[a-z0-9][a-z0-9_-]*$"
);
id!(
    /// Names a profile, for example `builtin:default`: the alphabet of [`RuntimeId`] plus `:`
    /// and `.`.
    ProfileId, max ID_MAX_CHARS, of PROFILE, pattern "^[a-z0-9][a-z0-9_:.-]*$"
);
id!(
    /// A client's key for one attempt at a mutation: 1–128 visible ASCII characters.
    IdempotencyKey, max IDEMPOTENCY_KEY_MAX_CHARS, of KEY, pattern "^[!-~]+$"
);

impl From<Uuid> for WorkerId {
    fn from(uuid: Uuid) -> Self {
        Self(hyphenated(uuid))
    }
}

impl From<Uuid> for RunId {
    fn from(uuid: Uuid) -> Self {
        Self(hyphenated(uuid))
    }
}

/// The text of a UUID: lower-case hexadecimal digits in five groups (RFC 9562, section 4).
fn hyphenated(uuid: Uuid) -> ArrayString<ID_MAX_CHARS> {
    let mut buffer = Uuid::encode_buffer();
    let text: &str = uuid.hyphenated().encode_lower(&mut buffer);
    ArrayString::from(text).expect("a UUID is shorter than an id may be")
}

/// The routing key of every worker operation. A worker id alone is never one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorkerRef {
    /// The runtime that holds the worker.
    pub runtime_id: RuntimeId,
    /// The worker within that runtime.
    pub worker_id: WorkerId,
}

impl WorkerRef {
    /// The pair of the two ids.
    pub fn new(runtime_id: RuntimeId, worker_id: WorkerId) -> Self {
        Self {
            runtime_id,
            worker_id,
        }
    }

    /// `worker@runtime`, for people. There is no parser for it, so it can't become authority.
    pub fn display_ref(&self) -> DisplayRef {
        DisplayRef::new(&self.worker_id, &self.runtime_id)
    }
}

impl fmt::Display for WorkerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.display_ref().as_str())
    }
}

/// Which characters an id may have; all of them ASCII.
#[derive(Clone, Copy)]
struct Alphabet {
    first: fn(char) -> bool,
    rest: fn(char) -> bool,
}

const SLUG: Alphabet = Alphabet {
    first: letter_or_digit,
    rest: slug_character,
};
const PROFILE: Alphabet = Alphabet {
    first: letter_or_digit,
    rest: |c| slug_character(c) || matches!(c, ':' | '.'),
};
const KEY: Alphabet = Alphabet {
    first: |c| c.is_ascii_graphic(),
    rest: |c| c.is_ascii_graphic(),
};

/// A name in snake_case: lower-case letters, digits and underscores, starting with a letter.
///
/// # Errors
/// [`IdError`], also over `max` characters.
pub(crate) fn check_snake_case(text: &str, max: usize) -> Result<(), IdError> {
    let alphabet = Alphabet {
        first: |c| c.is_ascii_lowercase(),
        rest: |c| letter_or_digit(c) || c == '_',
    };
    alphabet.check(text, max)
}

fn letter_or_digit(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn slug_character(c: char) -> bool {
    letter_or_digit(c) || matches!(c, '-' | '_')
}

impl Alphabet {
    fn check(self, text: &str, max: usize) -> Result<(), IdError> {
        let forbidden = |(at, character): (usize, char)| {
            let allowed = if at == 0 { self.first } else { self.rest };
            !allowed(character)
        };
        match text.chars().take(max).enumerate().position(forbidden) {
            Some(at) => Err(IdError::ForbiddenCharacter { at }),
            None if text.is_empty() => Err(IdError::Empty),
            // The first `max` characters are ASCII, so characters are bytes.
            None if text.len() > max => Err(IdError::TooLong { max }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
