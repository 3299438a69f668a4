//! How an address to listen on is written.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use http_api::AllowedHost;

use super::reachable;

/// Before the path of a Unix socket.
const UNIX_SCHEME: &str = "unix:";

/// An address to listen on. Its `Debug` shows no path.
#[derive(Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// This address; port 0 takes any free port.
    Socket(SocketAddr),
    /// All addresses of this name.
    Name {
        /// The name.
        host: String,
        /// The port; 0 takes any free port.
        port: u16,
    },
    /// A Unix socket at this path, which its owner alone can connect to.
    Unix(PathBuf),
}

/// Why a text is no address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidListenAddress {
    /// There is no port, or it is none.
    #[error("expected HOST:PORT, :PORT, PORT or unix:PATH, with a port from 0 to 65535")]
    NoPort,
    /// The part before the port is neither a name nor an address.
    #[error("the part before the port is neither a name nor an address")]
    NoHost,
    /// There is no path.
    #[error("expected a path after `unix:`")]
    NoPath,
}

impl ListenAddress {
    /// The URL at which clients on this machine reach a server that listens here; `None` for a
    /// Unix socket and for any free port.
    pub fn url(&self) -> Option<String> {
        match self {
            Self::Socket(address) if address.port() != 0 => {
                Some(format!("http://{}", reachable(*address)))
            }
            Self::Name { host, port } if *port != 0 => Some(format!("http://{host}:{port}")),
            Self::Socket(_) | Self::Name { .. } | Self::Unix(_) => None,
        }
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Socket(address)
    }
}

impl FromStr for ListenAddress {
    type Err = InvalidListenAddress;

    fn from_str(text: &str) -> Result<Self, InvalidListenAddress> {
        if let Some(path) = text.strip_prefix(UNIX_SCHEME) {
            if path.is_empty() {
                return Err(InvalidListenAddress::NoPath);
            }
            return Ok(Self::Unix(path.into()));
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Socket(address));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (Some(host), port),
            None => (None, text),
        };
        // `parse` alone would take a sign.
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidListenAddress::NoPort);
        }
        let port = port.parse().map_err(|_| InvalidListenAddress::NoPort)?;
        match host {
            None => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()),
            Some("") => Ok(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into()),
            Some(host) if is_name(host) => Ok(Self::Name {
                host: host.to_owned(),
                port,
            }),
            Some(_) => Err(InvalidListenAddress::NoHost),
        }
    }
}

/// Whether requests could ask for a server of this name.
fn is_name(text: &str) -> bool {
    !text.contains([':', '[', ']']) && text.parse::<AllowedHost>().is_ok()
}

impl fmt::Debug for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(address) => write!(f, "{address}"),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(_) => f.write_str("unix:(redacted)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_written_as_people_do() {
        let socket = |text: &str| ListenAddress::Socket(text.parse().unwrap());
        let name = |host: &str, port| ListenAddress::Name {
            host: host.to_owned(),
            port,
        };
        for (text, expected) in [
            ("8787", socket("127.0.0.1:8787")),
            (":8787", socket("0.0.0.0:8787")),
            ("0", socket("127.0.0.1:0")),
            ("10.0.0.1:80", socket("10.0.0.1:80")),
            ("[::1]:80", socket("[::1]:80")),
            ("localhost:8787", name("localhost", 8787)),
            ("yoi.example:1", name("yoi.example", 1)),
            (
                "unix:/run/yoi.sock",
                ListenAddress::Unix("/run/yoi.sock".into()),
            ),
            ("unix:a:1", ListenAddress::Unix("a:1".into())),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        use InvalidListenAddress::{NoHost, NoPath, NoPort};
        for (text, error) in [
            ("", NoPort),
            ("localhost", NoPort),
            ("127.0.0.1", NoPort),
            ("localhost:", NoPort),
            ("localhost:65536", NoPort),
            ("localhost:+1", NoPort),
            ("-1", NoPort),
            ("http://localhost:8787", NoHost),
            ("::1:8787", NoHost),
            ("[::1:8787", NoHost),
            ("*:8787", NoHost),
            ("a b:8787", NoHost),
            ("unix:", NoPath),
        ] {
            assert_eq!(text.parse::<ListenAddress>(), Err(error), "{text}");
        }
    }
}
