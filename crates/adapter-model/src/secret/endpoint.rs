//! The address of a provider, as people paste it.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// The address of a provider, e.g. `http://localhost:8000/v1`: its base URL, or the whole URL of
/// a resource below it, which the protocol takes apart (`BasePath`).
///
/// Hosts, paths and queries of private servers are secrets too, so it can't be printed or
/// serialised.
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
    /// A URL with `#…`, which is never sent.
    #[error("a base URL has no fragment; remove the `#` and what follows it")]
    Fragment,
    /// A URL with `?…` for a protocol whose servers have none. The query may hold a key.
    #[error(
        "with this provider, a base URL has no query: remove the `?` and what follows it, and \
         put a key that stood there into a key file"
    )]
    Query,
}

/// The segments of an endpoint's path, percent-encoded and without empty ones. A protocol
/// removes what belongs to itself and keeps what is the server's own prefix.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BasePath(Vec<String>);

impl BasePath {
    /// Becomes `root` if it is empty or the beginning of it.
    pub(crate) fn complete_to(&mut self, root: &[&str]) {
        if self.0.iter().zip(root).all(|(own, other)| own == other) {
            self.0
                .extend(root.iter().skip(self.0.len()).map(ToString::to_string));
        }
    }

    /// Removes the first of `ends` (`chat/completions`) with which the path ends. Returns
    /// whether there was one.
    pub(crate) fn strip_end(&mut self, ends: &[&str]) -> bool {
        let found = ends.iter().find_map(|end| {
            let segments: Vec<&str> = end.split('/').collect();
            let start = self.0.len().checked_sub(segments.len())?;
            (self.0[start..] == segments).then_some(start)
        });
        self.0.truncate(found.unwrap_or(self.0.len()));
        found.is_some()
    }

    /// Removes `segment` and what follows it if that is one segment at most. Returns whether
    /// there was one.
    pub(crate) fn strip_resource_of(&mut self, segment: &str) -> bool {
        let found = self.0.iter().rposition(|it| it == segment);
        let found = found.filter(|index| index + 2 >= self.0.len());
        self.0.truncate(found.unwrap_or(self.0.len()));
        found.is_some()
    }

    /// Whether the last segment is a version: `v1`, `v1beta`.
    pub(crate) fn ends_with_version(&self) -> bool {
        let number = self.0.last().and_then(|last| last.strip_prefix('v'));
        number.is_some_and(|number| number.starts_with(|char: char| char.is_ascii_digit()))
    }

    pub(crate) fn push(&mut self, segment: &str) {
        self.0.push(segment.to_owned());
    }
}

impl Endpoint {
    pub(crate) fn base_path(&self) -> BasePath {
        let segments = self.0.path().split('/').filter(|it| !it.is_empty());
        BasePath(segments.map(str::to_owned).collect())
    }

    /// The URL of a resource below `base` at this server, with the endpoint's query. The
    /// resource's segments are percent-encoded.
    pub(crate) fn resource(&self, base: &BasePath, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        url.set_path(&base.0.join("/"));
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    pub(crate) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Whether this and `other` are the same server.
    pub(crate) fn has_origin_of(&self, other: &Self) -> bool {
        self.0.origin() == other.0.origin()
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

    /// Whether the scheme's usual port is used.
    pub(crate) fn has_usual_port(&self) -> bool {
        self.0.port().is_none()
    }

    /// The same with another host.
    pub(crate) fn at_host(mut self, host: &str) -> Result<Self, InvalidEndpoint> {
        let changed = self.0.set_host(Some(host));
        changed.map_err(|_| InvalidEndpoint::NotAUrl)?;
        Ok(self)
    }

    pub(crate) fn query(&self) -> Option<&str> {
        self.0.query()
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
        if url.fragment().is_some() {
            return Err(InvalidEndpoint::Fragment);
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
    fn a_resource_is_below_the_base_path_and_encoded() {
        for (base, expected) in [
            (
                "http://host.test:8000/v1",
                "http://host.test:8000/v1/a%2Fb%3Fc:d",
            ),
            (
                "http://host.test:8000//v1//",
                "http://host.test:8000/v1/a%2Fb%3Fc:d",
            ),
            ("https://host.test", "https://host.test/a%2Fb%3Fc:d"),
            (
                "https://host.test/ten%20ant/?x=a%20b",
                "https://host.test/ten%20ant/a%2Fb%3Fc:d?x=a%20b",
            ),
        ] {
            let endpoint: Endpoint = base.parse().unwrap();
            let url = endpoint.resource(&endpoint.base_path(), &["a/b?c:d"]);
            assert_eq!(url.as_str(), expected);
        }
    }

    #[test]
    fn an_endpoint_that_could_leak_or_lose_something_is_refused() {
        for (text, expected) in [
            ("localhost", InvalidEndpoint::NotAUrl),
            ("localhost:8000", InvalidEndpoint::Scheme),
            ("file:///etc/passwd", InvalidEndpoint::Scheme),
            ("http://me@host", InvalidEndpoint::Credentials),
            ("http://:pw@host", InvalidEndpoint::Credentials),
            ("http://host/#top", InvalidEndpoint::Fragment),
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
