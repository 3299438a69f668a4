//! The secrets of a model: the provider's API key, and its endpoint.

use std::fmt;
use std::str::FromStr;

use reqwest::header::HeaderValue;
use url::{Host, Url};
use zeroize::Zeroizing;

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

/// The base URL of a provider, e.g. `http://localhost:8000/v1`.
///
/// Hosts and paths of private servers are secrets too, so it can't be printed or serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

/// Why a text can't be an endpoint. Never carries the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// Not an absolute URL with a host.
    #[error("not a URL such as `http://localhost:8000/v1`")]
    NotAUrl,
    /// A scheme other than `http` and `https`.
    #[error("it must begin with `http://` or `https://`")]
    Scheme,
    /// A URL with a user or a password, which would be a secret outside the key.
    #[error("a URL must not hold a user or password; put the key into a key file")]
    Credentials,
    /// A URL with `?…` or `#…`, which would be lost when the path is extended.
    #[error("a base URL has no query or fragment")]
    QueryOrFragment,
}

impl Endpoint {
    /// The URL of a resource below the base URL; segments are percent-encoded.
    pub(crate) fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    pub(crate) fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            None => false,
        }
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    pub(crate) fn expose_secret(&self) -> &Url {
        &self.0
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let url = Url::parse(text.trim()).map_err(|_| InvalidEndpoint::NotAUrl)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidEndpoint::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidEndpoint::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidEndpoint::QueryOrFragment);
        }
        Ok(Self(url))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoint(redacted)")
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

    #[test]
    fn paths_are_joined_to_an_endpoint_with_and_without_a_slash() {
        for base in ["http://host.test:8000/v1", "http://host.test:8000/v1/"] {
            let endpoint: Endpoint = base.parse().unwrap();
            let url = endpoint.join(&["chat", "completions"]);
            assert_eq!(url.as_str(), "http://host.test:8000/v1/chat/completions");
        }
        let endpoint: Endpoint = "https://host.test".parse().unwrap();
        let url = endpoint.join(&["models", "a/b?c:stream"]);
        assert_eq!(url.as_str(), "https://host.test/models/a%2Fb%3Fc:stream");
    }

    #[test]
    fn an_endpoint_that_could_leak_or_lose_something_is_refused() {
        for (text, expected) in [
            ("localhost", InvalidEndpoint::NotAUrl),
            ("localhost:8000", InvalidEndpoint::Scheme),
            ("file:///etc/passwd", InvalidEndpoint::Scheme),
            ("http://me@host", InvalidEndpoint::Credentials),
            ("http://:pw@host", InvalidEndpoint::Credentials),
            ("http://host/?key=x", InvalidEndpoint::QueryOrFragment),
            ("http://host/#top", InvalidEndpoint::QueryOrFragment),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn only_addresses_of_this_machine_are_loopback() {
        let is = |text: &str| text.parse::<Endpoint>().unwrap().is_loopback();
        for local in [
            "http://127.0.0.1:1",
            "http://[::1]",
            "http://localhost:11434",
        ] {
            assert!(is(local), "{local}");
        }
        for remote in ["http://10.0.0.1", "https://localhost.example.com"] {
            assert!(!is(remote), "{remote}");
        }
    }
}
