//! The secrets of a model: the provider's API key, and its endpoint.

use std::fmt;
use std::str::FromStr;

use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

mod endpoint;

pub use endpoint::{Endpoint, InvalidEndpoint};

/// Characters of a key at most: several times the longest that a provider issues.
pub const KEY_MAX_CHARS: usize = 1_024;

/// A provider's API key.
///
/// It can't be printed or serialised, and its memory is overwritten when it is dropped
/// (except for the copy in a request's header).
#[derive(Clone)]
pub struct ApiKey(Zeroizing<String>);

/// Why a text can't be a key. Never carries the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// The text is empty.
    #[error("empty")]
    Empty,
    /// Longer than [`KEY_MAX_CHARS`].
    #[error("too long: at most {KEY_MAX_CHARS} characters")]
    TooLong,
    /// Quotes around the key, which a shell would have removed.
    #[error("it stands in quotes; remove them")]
    Quoted,
    /// A line of an `.env` file or a script (`OPENAI_API_KEY=…`, `export …`) instead of a key.
    #[error("it is an assignment such as `NAME=…`; keep only what follows the `=`")]
    Assignment,
    /// A character that can't stand in a header, e.g. a line break in the middle.
    #[error("forbidden character: a key is one word of visible ASCII")]
    ForbiddenCharacter,
}

impl ApiKey {
    /// The key after `prefix`, as a header value that prints as `Sensitive`.
    pub(crate) fn header_value(&self, prefix: &str) -> HeaderValue {
        let text = Zeroizing::new(format!("{prefix}{}", self.0.as_str()));
        let mut value =
            HeaderValue::from_str(&text).expect("a key and its prefix are visible ASCII");
        value.set_sensitive(true);
        value
    }

    pub(crate) fn expose_secret(&self) -> &str {
        &self.0
    }
}

impl FromStr for ApiKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        if text.is_empty() {
            return Err(InvalidKey::Empty);
        }
        if text.len() > KEY_MAX_CHARS {
            return Err(InvalidKey::TooLong);
        }
        if is_assignment(text) {
            return Err(InvalidKey::Assignment);
        }
        if text.starts_with(QUOTES) || text.ends_with(QUOTES) {
            return Err(InvalidKey::Quoted);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidKey::ForbiddenCharacter);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

const QUOTES: [char; 3] = ['"', '\'', '`'];

/// How names of variables with a key end.
const KEY_VARIABLE_ENDS: [&str; 3] = ["KEY", "TOKEN", "SECRET"];

/// Whether the text assigns a key to a variable. A `=` alone says little: keys may end with it.
fn is_assignment(text: &str) -> bool {
    if text.starts_with("export ") {
        return true;
    }
    let Some((name, _)) = text.split_once('=') else {
        return false;
    };
    let name = name.trim_end();
    let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let upper = name.to_ascii_uppercase();
    name.chars().all(is_word) && KEY_VARIABLE_ENDS.iter().any(|end| upper.ends_with(end))
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_word_and_is_never_printed() {
        let key: ApiKey = "sk-canary".parse().unwrap();
        assert_eq!(format!("{key:?}"), "ApiKey(redacted)");
        let header = key.header_value("Bearer ");
        assert_eq!(header, "Bearer sk-canary");
        assert_eq!(format!("{header:?}"), "Sensitive");

        for (text, expected) in [
            ("", InvalidKey::Empty),
            ("two words", InvalidKey::ForbiddenCharacter),
            ("line\nbreak", InvalidKey::ForbiddenCharacter),
            ("é", InvalidKey::ForbiddenCharacter),
            (&"x".repeat(1_025), InvalidKey::TooLong),
            ("\"sk-x\"", InvalidKey::Quoted),
            ("'sk-x'", InvalidKey::Quoted),
            ("sk-x\"", InvalidKey::Quoted),
            ("OPENAI_API_KEY=sk-x", InvalidKey::Assignment),
            ("OPENAI_API_KEY=\"sk-x\"", InvalidKey::Assignment),
            ("OPENAI_API_KEY = sk-x", InvalidKey::Assignment),
            ("export OPENAI_API_KEY=sk-x", InvalidKey::Assignment),
            ("api_token=x\nOTHER=y", InvalidKey::Assignment),
        ] {
            assert_eq!(text.parse::<ApiKey>().unwrap_err(), expected, "{text}");
        }
        for padded in ["c2VjcmV0==", "sk-key=", "a=b"] {
            assert_eq!(padded.parse::<ApiKey>().unwrap().expose_secret(), padded);
        }
    }
}
