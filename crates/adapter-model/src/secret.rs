//! What must not be seen: the provider's key, and the address it is sent to.

use std::fmt;
use std::str::FromStr;

use reqwest::header::HeaderValue;
use url::{Host, Url};
use zeroize::Zeroizing;

/// Most characters of a key: several times the longest that a provider hands out.
pub const KEY_MAX_CHARS: usize = 1_024;

/// The key that a provider knows the server by.
///
/// It is shown by no `Debug`, has no `Display`, is serialised by nothing, and its memory
/// is overwritten when it is dropped. (A request's own copy, in its header, is not.)
#[derive(Clone)]
pub struct ApiKey(Zeroizing<String>);

/// Why a text can't be a key. Never carries the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// There is none.
    #[error("empty")]
    Empty,
    /// No provider hands out such a key.
    #[error("too long: at most {KEY_MAX_CHARS} characters")]
    TooLong,
    /// A character that can't stand in a header, e.g. a line break in the middle.
    #[error("forbidden character: a key is one word of visible ASCII")]
    ForbiddenCharacter,
}

impl ApiKey {
    /// The key as a header's value, after `prefix`. Whoever prints the header sees
    /// `Sensitive`.
    pub(crate) fn header(&self, prefix: &str) -> HeaderValue {
        let text = Zeroizing::new(format!("{prefix}{}", self.0.as_str()));
        let mut value =
            HeaderValue::from_str(&text).expect("a key and its prefix are visible ASCII");
        value.set_sensitive(true);
        value
    }

    /// The key itself, for finding it where it must not be.
    pub(crate) fn reveal(&self) -> &str {
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
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidKey::ForbiddenCharacter);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(redacted)")
    }
}

/// The base URL of a provider, e.g. `http://localhost:8000/v1`.
///
/// Hosts and paths of private servers are secrets too: like a key, it can't be printed
/// or serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

/// Why a text can't be an endpoint. Never carries the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// It isn't an absolute URL with a host.
    #[error("not a URL such as `http://localhost:8000/v1`")]
    NotAUrl,
    /// Another scheme.
    #[error("it must begin with `http://` or `https://`")]
    Scheme,
    /// `user:password@`: the URL would carry a credential into places a key never gets.
    #[error("a URL must not hold a user or password; put the key into a key file")]
    Credentials,
    /// `?…` or `#…`, which would be lost when the path is extended.
    #[error("a base URL has no query or fragment")]
    QueryOrFragment,
}

impl Endpoint {
    /// The URL of a resource below the base.
    pub(crate) fn at(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// Whether it is on this machine, where no proxy leads.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            None => false,
        }
    }

    /// Whether nobody can read what is sent there on its way.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The URL itself, for finding its parts where they must not be.
    pub(crate) fn reveal(&self) -> &Url {
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
    fn a_key_is_one_word_and_shows_nothing_of_itself() {
        let key: ApiKey = "sk-canary".parse().unwrap();
        assert_eq!(format!("{key:?}"), "ApiKey(redacted)");
        let header = key.header("Bearer ");
        assert_eq!(header, "Bearer sk-canary");
        assert_eq!(format!("{header:?}"), "Sensitive");

        let refused = |text: &str| text.parse::<ApiKey>().map(|_| ()).unwrap_err();
        assert_eq!(refused(""), InvalidKey::Empty);
        assert_eq!(refused("two words"), InvalidKey::ForbiddenCharacter);
        assert_eq!(refused("line\nbreak"), InvalidKey::ForbiddenCharacter);
        assert_eq!(refused("é"), InvalidKey::ForbiddenCharacter);
        assert_eq!(refused(&"x".repeat(1_025)), InvalidKey::TooLong);
    }

    #[test]
    fn an_endpoint_takes_paths_below_it_with_and_without_a_slash() {
        for base in ["http://host.test:8000/v1", "http://host.test:8000/v1/"] {
            let endpoint: Endpoint = base.parse().unwrap();
            let url = endpoint.at(&["chat", "completions"]);
            assert_eq!(url.as_str(), "http://host.test:8000/v1/chat/completions");
        }
        let endpoint: Endpoint = "https://host.test".parse().unwrap();
        let url = endpoint.at(&["models", "a/b?c:stream"]);
        assert_eq!(url.as_str(), "https://host.test/models/a%2Fb%3Fc:stream");
    }

    #[test]
    fn an_endpoint_that_could_leak_or_lose_something_is_refused() {
        let refused = |text: &str| text.parse::<Endpoint>().unwrap_err();
        assert_eq!(refused("localhost"), InvalidEndpoint::NotAUrl);
        assert_eq!(refused("localhost:8000"), InvalidEndpoint::Scheme);
        assert_eq!(refused("file:///etc/passwd"), InvalidEndpoint::Scheme);
        assert_eq!(refused("http://me@host"), InvalidEndpoint::Credentials);
        assert_eq!(refused("http://:pw@host"), InvalidEndpoint::Credentials);
        assert_eq!(
            refused("http://host/?key=x"),
            InvalidEndpoint::QueryOrFragment
        );
        assert_eq!(
            refused("http://host/#top"),
            InvalidEndpoint::QueryOrFragment
        );
    }

    #[test]
    fn only_addresses_of_this_machine_are_loopback() {
        let is = |text: &str| text.parse::<Endpoint>().unwrap().is_loopback();
        for near in [
            "http://127.0.0.1:1",
            "http://[::1]",
            "http://localhost:11434",
        ] {
            assert!(is(near), "{near}");
        }
        for far in ["http://10.0.0.1", "https://localhost.example.com"] {
            assert!(!is(far), "{far}");
        }
    }
}
