//! The sockets that are listened on: accepts the next connection of any of them, whatever fails
//! meanwhile.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::time::Instant;
use tokio_util::either::Either;

/// Pause after an accept that failed for want of resources (EMFILE, ENFILE, ENOBUFS, ENOMEM):
/// the waiting connection stays in the queue, and accepting it at once would fail again.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);
/// Shortest time between two log lines about accepts that failed; without it there would be ten
/// in a second.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// A socket that is listened on.
#[derive(Debug)]
pub enum Listener {
    /// Of the network.
    Tcp(TcpListener),
    /// Of this machine, with a file as its address.
    Unix(UnixListener),
}

/// All sockets of a server.
#[derive(Debug)]
pub struct Listeners {
    listeners: Vec<Listener>,
    /// The listener to ask first, so that a busy one does not hide the others.
    first: usize,
    /// No connection is accepted before this, because of an accept that failed.
    paused_until: Option<Instant>,
    failures: FailureReport,
}

/// An accepted connection.
pub(super) type Stream = Either<TcpStream, UnixStream>;

impl From<Vec<Listener>> for Listeners {
    fn from(listeners: Vec<Listener>) -> Self {
        Self {
            listeners,
            first: 0,
            paused_until: None,
            failures: FailureReport::default(),
        }
    }
}

impl From<TcpListener> for Listeners {
    fn from(listener: TcpListener) -> Self {
        vec![Listener::Tcp(listener)].into()
    }
}

impl Listeners {
    /// Waits for the next connection. When the system lacks what it needs for one, `make_room` is
    /// called, and after a pause it is tried again; that is logged.
    ///
    /// # Cancellation
    /// Safe: a connection that was not accepted stays in its queue, and the pause is remembered.
    pub(super) async fn accept(&mut self, make_room: impl Fn()) -> Stream {
        loop {
            if let Some(until) = self.paused_until {
                tokio::time::sleep_until(until).await;
                self.paused_until = None;
            }
            match poll_fn(|cx| self.poll_accept(cx)).await {
                Ok(stream) => return stream,
                Err(error) if is_of_the_peer(&error) => {}
                Err(error) => {
                    let now = Instant::now();
                    if let Some(failures) = self.failures.add(now) {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, failures, "accept failed");
                    }
                    make_room();
                    self.paused_until = Some(now + ACCEPT_BACKOFF);
                }
            }
        }
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Stream>> {
        let count = self.listeners.len();
        for offset in 0..count {
            let index = (self.first + offset) % count;
            let accepted = match &self.listeners[index] {
                Listener::Tcp(listener) => listener
                    .poll_accept(cx)
                    .map_ok(|(stream, _)| without_delay(stream)),
                Listener::Unix(listener) => listener
                    .poll_accept(cx)
                    .map_ok(|(stream, _)| Either::Right(stream)),
            };
            if accepted.is_ready() {
                self.first = (index + 1) % count;
                return accepted;
            }
        }
        Poll::Pending
    }
}

/// A response is written whole; waiting for more bytes only delays it.
fn without_delay(stream: TcpStream) -> Stream {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(error = &error as &dyn std::error::Error, "no TCP_NODELAY");
    }
    Either::Left(stream)
}

/// Whether the connection, not the listener, failed: the next accept may well succeed.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

/// Decides which failures are logged: one in each [`REPORT_INTERVAL`], with the number of those
/// since the last line.
#[derive(Debug, Default)]
struct FailureReport {
    unreported: u64,
    reported_at: Option<Instant>,
}

impl FailureReport {
    /// Counts a failure; returns how many a line about it stands for, if there is to be one.
    fn add(&mut self, now: Instant) -> Option<u64> {
        self.unreported += 1;
        let is_recent = |at: Instant| now.duration_since(at) < REPORT_INTERVAL;
        if self.reported_at.is_some_and(is_recent) {
            return None;
        }
        self.reported_at = Some(now);
        Some(std::mem::take(&mut self.unreported))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpStream;

    #[test]
    fn failures_are_logged_at_once_and_then_seldom_with_their_number() {
        let mut report = FailureReport::default();
        let began = Instant::now();
        let logged = (0..=100_u32).map(|n| (n, report.add(began + ACCEPT_BACKOFF * n)));
        let logged: Vec<_> = logged.filter(|(_, failures)| failures.is_some()).collect();
        assert_eq!(logged, [(0, Some(1)), (100, Some(100))]);
    }

    #[tokio::test]
    async fn a_busy_listener_does_not_hide_another() {
        let busy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = [&busy, &busy, &busy, &other].map(|it| it.local_addr().unwrap());
        let mut connections = Vec::new();
        for address in addresses {
            connections.push(TcpStream::connect(address).await.unwrap());
        }
        let mut listeners = Listeners::from(vec![Listener::Tcp(busy), Listener::Tcp(other)]);
        let mut accepted = Vec::new();
        for _ in 0..2 {
            let Either::Left(stream) = listeners.accept(|| ()).await else {
                panic!("no TCP connection");
            };
            accepted.push(stream.local_addr().unwrap());
        }
        assert_eq!(accepted, [addresses[0], addresses[3]]);
    }
}
