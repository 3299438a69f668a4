//! The names this server answers to, and the origins whose pages may use it.

use std::fmt;
use std::str::FromStr;

use http::uri::Authority;

/// One exact `Host` that this server answers to: a name or address, and a port unless it is
/// the scheme's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost(String);

/// One exact origin whose pages may use the API: scheme, host, and port unless default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedOrigin(String);

/// The text is no host with an optional port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a host name or address with an optional port")]
pub struct InvalidHost;

/// The text is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an origin: http:// or https://, a host and an optional port, nothing else")]
pub struct InvalidOrigin;

const HTTPS: &str = "https://";

/// HTTP's own port, which browsers leave out of `Host` (RFC 9110 §4.2.1).
const HTTP_PORT: &str = ":80";

impl AllowedHost {
    /// The names of this machine as it reaches itself, with `port`.
    pub fn loopback(port: u16) -> Vec<Self> {
        ["127.0.0.1", "localhost", "[::1]"]
            .map(|name| Self(format!("{name}:{port}")))
            .into()
    }

    /// The host as browsers send it, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a `Host` header or a request's authority names this host.
    pub(crate) fn matches(&self, presented: &[u8]) -> bool {
        let is_named = |name: &str| name.as_bytes().eq_ignore_ascii_case(presented);
        is_named(&self.0) || self.0.strip_suffix(HTTP_PORT).is_some_and(is_named)
    }
}

impl FromStr for AllowedHost {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        let authority: Authority = text.parse().map_err(|_| InvalidHost)?;
        let host = authority.host();
        let whole = match authority.port_u16() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        // What is left over is a user, or a port that is empty, padded or out of range. A
        // wildcard would match nothing, and its writer should know.
        if host.is_empty() || whole != text || host.contains('*') {
            return Err(InvalidHost);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl AllowedOrigin {
    /// The origin as browsers send it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a proxy speaks TLS there.
    pub(crate) fn is_https(&self) -> bool {
        self.0.starts_with(HTTPS)
    }

    /// The host as browsers send it in `Host`.
    pub fn host(&self) -> AllowedHost {
        let host = self.0.split_once("://").map_or("", |(_, host)| host);
        AllowedHost(host.to_owned())
    }
}

impl FromStr for AllowedOrigin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let (scheme, host) = text.split_once("://").ok_or(InvalidOrigin)?;
        if !matches!(scheme, "http" | "https") {
            return Err(InvalidOrigin);
        }
        let host: AllowedHost = host.parse().map_err(|InvalidHost| InvalidOrigin)?;
        // Browsers leave the scheme's own port out; an origin with it would never match.
        let own_port = if scheme == "http" { HTTP_PORT } else { ":443" };
        let host = host
            .as_str()
            .strip_suffix(own_port)
            .unwrap_or(host.as_str());
        Ok(Self(format!("{scheme}://{host}")))
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for AllowedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_every_name_that_this_machine_calls_itself() {
        let names: Vec<_> = AllowedHost::loopback(8787)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(names, ["127.0.0.1:8787", "localhost:8787", "[::1]:8787"]);
    }

    #[test]
    fn http_s_own_port_may_be_left_out_and_no_other() {
        let named =
            |host: &str, presented: &[u8]| host.parse::<AllowedHost>().unwrap().matches(presented);
        assert!(AllowedHost::loopback(80)[1].matches(b"localhost"));
        assert!(named("10.0.0.1:80", b"10.0.0.1"));
        assert!(named("10.0.0.1:80", b"10.0.0.1:80"));
        assert!(!named("10.0.0.1:8080", b"10.0.0.1"));
        assert!(!named("10.0.0.1", b"10.0.0.1:80"));
    }

    #[test]
    fn a_host_is_a_name_and_a_port_and_nothing_else() {
        for good in ["yoi.example", "yoi.example:8443", "[::1]:1", "YOI.example"] {
            assert!(good.parse::<AllowedHost>().is_ok(), "{good}");
        }
        for bad in [
            "", "a/b", "u@h", "h:", "h:99999", "http://h", "a b", "*:80/x", "a,b c", "*", "*.h:1",
        ] {
            assert_eq!(bad.parse::<AllowedHost>(), Err(InvalidHost), "{bad}");
        }
    }

    #[test]
    fn an_origin_is_stored_as_browsers_send_it() {
        let origin = |text: &str| text.parse::<AllowedOrigin>().map(|o| o.0);
        assert_eq!(
            origin("https://A.example:443").unwrap(),
            "https://a.example"
        );
        assert_eq!(
            origin("http://localhost:5173").unwrap(),
            "http://localhost:5173"
        );
        for bad in [
            "null",
            "*",
            "a.example",
            "ftp://a",
            "https://a/",
            "https://a?b",
            "https://",
        ] {
            assert_eq!(origin(bad), Err(InvalidOrigin), "{bad}");
        }
    }
}
