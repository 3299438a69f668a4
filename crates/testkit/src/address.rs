//! An address of this machine that belongs to one test, also while nothing listens at it.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// A loopback address that nobody else is given until this is dropped. It can be listened at any
/// number of times, one after the other; in between, connections are refused.
#[derive(Debug)]
pub struct ReservedAddress {
    address: SocketAddr,
    /// Bound, which keeps the port from those who ask for any free one, and never listening.
    _socket: TcpSocket,
}

impl ReservedAddress {
    /// Reserves a free port.
    #[expect(clippy::new_without_default, reason = "it takes a port")]
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        // Without it nobody could listen there. Listeners set it too, as std and tokio do.
        socket.set_reuseaddr(true).expect("a socket's option");
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        socket.bind(any).expect("a free port");
        Self {
            address: socket.local_addr().expect("a bound socket"),
            _socket: socket,
        }
    }

    /// The address.
    pub fn get(&self) -> SocketAddr {
        self.address
    }
}
