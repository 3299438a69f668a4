//! Where a server listens: how the addresses are written, what names resolve to, and the sockets
//! on them.

mod address;
mod socket_file;

use std::fmt;
use std::future::ready;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use http_api::{AllowedHost, Listener};
use rustix::io::Errno;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::Instant;

use crate::in_use::{Patience, until_free};

pub use address::{InvalidListenAddress, ListenAddress};
pub use socket_file::SocketFileError;

pub(crate) use socket_file::SocketFile;

/// Connections that the kernel may queue until they are accepted, if it allows as many. After a
/// restart all clients reconnect at once, and a client whose connection is dropped retries only a
/// second later.
const ACCEPT_BACKLOG: u32 = 4_096;
/// Longest wait for an address that is in use. The server before this one keeps it for a moment
/// after SIGTERM (`--drain-grace-ms`, one second if not set); an address that something else uses
/// should be reported soon.
const IN_USE_WAIT: Duration = Duration::from_secs(3);
/// Pause between two attempts.
const IN_USE_INTERVAL: Duration = Duration::from_millis(50);
/// Most addresses to listen on, those of a name counted one by one: far more than a machine has
/// use for.
pub const ADDRESSES_MAX: usize = 32;

/// Why a server can't listen. Carries no path.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// There is nothing to listen on.
    #[error("there is no address to listen on")]
    NoAddress,
    /// There are more than [`ADDRESSES_MAX`].
    #[error("more than {ADDRESSES_MAX} addresses to listen on")]
    TooManyAddresses,
    /// A name has no address.
    #[error("can't find an address of {host}")]
    UnknownName {
        /// The name.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The address can't be bound.
    #[error("can't listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The Unix socket can't be made.
    #[error("can't listen on the Unix socket")]
    Unix(#[from] SocketFileError),
}

/// Where a server listens, as clients on this machine reach it.
#[derive(Clone, PartialEq, Eq)]
pub enum ServerAddress {
    /// At this address and port. Where it is all addresses of the machine, it is the loopback one.
    Tcp(SocketAddr),
    /// At the Unix socket of this path.
    Unix(PathBuf),
}

impl fmt::Display for ServerAddress {
    /// For the operator's terminal: it may show a path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The addresses of a configuration with their names resolved; nothing is bound yet.
pub(crate) struct Resolved(Vec<Target>);

enum Target {
    Tcp {
        /// All are bound that the machine has, and at least one.
        addresses: Vec<SocketAddr>,
        /// The name that was resolved, if it was one.
        name: Option<String>,
    },
    Unix(PathBuf),
}

impl Resolved {
    /// Looks up the names of `addresses`.
    ///
    /// # Errors
    /// [`ListenError`] about the number of addresses, or a name.
    pub(crate) async fn lookup(addresses: &[ListenAddress]) -> Result<Self, ListenError> {
        let mut targets = Vec::new();
        let mut count = 0;
        for address in addresses {
            let target = match address {
                ListenAddress::Socket(address) => Target::Tcp {
                    addresses: vec![*address],
                    name: None,
                },
                ListenAddress::Name { host, port } => Target::Tcp {
                    addresses: lookup(host, *port).await?,
                    name: Some(host.clone()),
                },
                ListenAddress::Unix(path) => Target::Unix(path.clone()),
            };
            count += match &target {
                Target::Tcp { addresses, .. } => addresses.len(),
                Target::Unix(_) => 1,
            };
            if count > ADDRESSES_MAX {
                return Err(ListenError::TooManyAddresses);
            }
            targets.push(target);
        }
        if targets.is_empty() {
            return Err(ListenError::NoAddress);
        }
        Ok(Self(targets))
    }

    /// Whether other machines can connect.
    pub(crate) fn is_open_to_network(&self) -> bool {
        self.0.iter().any(|target| match target {
            Target::Tcp { addresses, .. } => addresses.iter().any(|it| !it.ip().is_loopback()),
            Target::Unix(_) => false,
        })
    }

    /// Begins to listen, on all of them or on none. An address that is in use is waited for, up
    /// to [`IN_USE_WAIT`].
    pub(crate) async fn bind(self) -> Result<Bound, ListenError> {
        let mut bound = Bound::default();
        let deadline = Instant::now() + IN_USE_WAIT;
        for target in self.0 {
            match target {
                Target::Tcp { addresses, name } => {
                    bound.add_tcp(&addresses, name, deadline).await?;
                }
                Target::Unix(path) => bound.add_unix(path, deadline).await?,
            }
        }
        Ok(bound)
    }
}

async fn lookup(host: &str, port: u16) -> Result<Vec<SocketAddr>, ListenError> {
    let unknown = |source| ListenError::UnknownName {
        host: host.to_owned(),
        source,
    };
    let found = tokio::net::lookup_host((host, port)).await;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found.map_err(unknown)? {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(unknown(io::ErrorKind::NotFound.into()));
    }
    Ok(addresses)
}

/// The sockets that are listened on.
#[derive(Default)]
pub(crate) struct Bound {
    pub(crate) listeners: Vec<Listener>,
    tcp: Vec<SocketAddr>,
    /// The names that were resolved, each with its port.
    names: Vec<(String, u16)>,
    pub(crate) socket_files: Vec<SocketFile>,
}

impl Bound {
    /// Where clients of this machine reach the server: the addresses first, as they were named.
    pub(crate) fn addresses(&self) -> Vec<ServerAddress> {
        let tcp = self.tcp.iter().copied().map(reachable);
        let unix = self.socket_files.iter().map(SocketFile::path);
        let unix = unix.map(|path| ServerAddress::Unix(path.to_owned()));
        tcp.map(ServerAddress::Tcp).chain(unix).collect()
    }

    /// The names under which requests may ask for this server: those of this machine, and those
    /// that the operator listens on. DNS rebinding needs a name that a stranger chooses.
    pub(crate) fn hosts(&self) -> Vec<AllowedHost> {
        let mut names: Vec<String> = Vec::new();
        for address in &self.tcp {
            if !address.ip().is_unspecified() {
                names.push(address.to_string());
            }
        }
        names.extend(
            self.names
                .iter()
                .map(|(name, port)| format!("{name}:{port}")),
        );
        if !self.socket_files.is_empty() {
            // What clients of a Unix socket usually name.
            names.push("localhost".to_owned());
        }
        let loopback = self.tcp.iter().map(|it| AllowedHost::loopback(it.port()));
        let mut hosts: Vec<AllowedHost> = loopback.flatten().collect();
        hosts.extend(names.iter().filter_map(|name| name.parse().ok()));
        hosts
    }

    async fn add_tcp(
        &mut self,
        addresses: &[SocketAddr],
        name: Option<String>,
        deadline: Instant,
    ) -> Result<(), ListenError> {
        let mut port = None;
        let mut unavailable = None;
        for address in addresses {
            // All addresses of a name have the same port, also when any free one will do.
            let address = SocketAddr::new(address.ip(), port.unwrap_or(address.port()));
            if self.tcp.contains(&address) {
                port = Some(address.port());
                continue;
            }
            let is_in_use = |error: &io::Error| error.kind() == io::ErrorKind::AddrInUse;
            let listening = when_free(deadline, is_in_use, || ready(listen(address)));
            match listening.await {
                Ok((listener, bound)) => {
                    port = Some(bound.port());
                    self.tcp.push(bound);
                    self.listeners.push(Listener::Tcp(listener));
                }
                // Such as `[::1]` of `localhost` on a machine without IPv6.
                Err(source) if is_unavailable(&source) => unavailable = Some((address, source)),
                Err(source) => return Err(ListenError::Bind { address, source }),
            }
        }
        match (port, unavailable) {
            (None, Some((address, source))) => Err(ListenError::Bind { address, source }),
            (port, _) => {
                self.names.extend(name.zip(port));
                Ok(())
            }
        }
    }

    async fn add_unix(&mut self, path: PathBuf, deadline: Instant) -> Result<(), ListenError> {
        let is_in_use = |error: &SocketFileError| matches!(error, SocketFileError::InUse);
        let listening = when_free(deadline, is_in_use, || {
            SocketFile::listen(&path, ACCEPT_BACKLOG)
        });
        let (listener, file) = listening.await?;
        self.listeners.push(Listener::Unix(listener));
        self.socket_files.push(file);
        Ok(())
    }
}

async fn when_free<T, E, F: Future<Output = Result<T, E>>>(
    deadline: Instant,
    is_in_use: impl Fn(&E) -> bool,
    attempt: impl FnMut() -> F,
) -> Result<T, E> {
    let say_so = || tracing::info!("the address is in use; waiting for it");
    let patience = Patience::Until(deadline);
    until_free(patience, IN_USE_INTERVAL, is_in_use, say_so, attempt).await
}

/// Begins to listen, at once even if an earlier server has just left the address.
fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(ACCEPT_BACKLOG)?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// Whether the machine does not have the address, or its family.
fn is_unavailable(error: &io::Error) -> bool {
    let known = [Errno::ADDRNOTAVAIL, Errno::AFNOSUPPORT];
    known
        .iter()
        .any(|known| error.raw_os_error() == Some(known.raw_os_error()))
}

/// An address at which this machine reaches a server that listens at `address`.
fn reachable(address: SocketAddr) -> SocketAddr {
    if !address.ip().is_unspecified() {
        return address;
    }
    let loopback: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(loopback, address.port())
}

#[cfg(test)]
mod tests;
