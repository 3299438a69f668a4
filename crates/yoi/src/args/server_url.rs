//! The address of a server: plain `http://`, a host and at most a port.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

/// A server's address; with and without a final `/` it is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerUrl(Url);

/// Why a text is not the address of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ServerUrlError {
    #[error("not a URL; write it like http://127.0.0.1:8787")]
    NotAUrl,
    #[error(
        "https is not supported: the server speaks plain http; use a tunnel to reach it from elsewhere"
    )]
    Https,
    #[error("only http:// is supported")]
    OtherScheme,
    #[error("credentials do not belong in a URL; use --token-file")]
    Credentials,
    #[error("only a scheme, a host and a port are allowed, no path or query")]
    MoreThanAnOrigin,
}

impl ServerUrl {
    /// The URL of `path` on this server.
    pub(crate) fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(path);
        url
    }
}

impl FromStr for ServerUrl {
    type Err = ServerUrlError;

    fn from_str(text: &str) -> Result<Self, ServerUrlError> {
        let url = Url::parse(text).map_err(|_| ServerUrlError::NotAUrl)?;
        match url.scheme() {
            "http" => {}
            "https" => return Err(ServerUrlError::Https),
            // `localhost:8787` parses as a URL of scheme `localhost`.
            _ if !text.contains("://") => return Err(ServerUrlError::NotAUrl),
            _ => return Err(ServerUrlError::OtherScheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ServerUrlError::Credentials);
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(ServerUrlError::MoreThanAnOrigin);
        }
        Ok(Self(url))
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ServerUrl, ServerUrlError> {
        text.parse()
    }

    #[test]
    fn an_address_is_the_same_however_it_was_typed() {
        let url = parse("http://127.0.0.1:8787");
        assert_eq!(url, parse("HTTP://127.0.0.1:8787/"));
        assert_ne!(url, parse("http://localhost:8787"));
        let url = parse("http://[::1]:8787").unwrap();
        assert_eq!(url.to_string(), "http://[::1]:8787");
    }

    #[test]
    fn what_is_not_an_origin_of_plain_http_is_refused() {
        for (text, error) in [
            ("https://127.0.0.1:8787", ServerUrlError::Https),
            ("ftp://127.0.0.1", ServerUrlError::OtherScheme),
            ("127.0.0.1:8787", ServerUrlError::NotAUrl),
            ("localhost:8787", ServerUrlError::NotAUrl),
            ("http://", ServerUrlError::NotAUrl),
            ("http://me:secret@h:1", ServerUrlError::Credentials),
            ("http://h/api", ServerUrlError::MoreThanAnOrigin),
            ("http://h/?q", ServerUrlError::MoreThanAnOrigin),
            ("http://h/#f", ServerUrlError::MoreThanAnOrigin),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }
}
