//! The accept loop: how many connections there may be, and how all of them end.
//!
//! `axum::serve` has no deadline for a request head and no bound on connections, so this drives
//! hyper's connections itself; `connection` has the deadlines of one.

mod client_stream;
mod connection;
mod lingering_close;

use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::api::Api;
use crate::connection::ConnectionTable;

/// Pause after an accept that failed for want of resources (EMFILE, ENFILE, ENOBUFS, ENOMEM):
/// the waiting connection stays in the queue, and accepting it at once would fail again.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Longest wait for connections that were cut to be dropped. A thread that a task blocks drops
/// none of them before the task yields.
const CUT_WAIT: Duration = Duration::from_millis(200);

/// What became of the connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeReport {
    /// How many were accepted.
    pub accepted: u64,
    /// How many were still open when the drain deadline had passed, and were cut.
    pub cut: usize,
}

/// Serves `api` on `listener` until `shutdown` completes, then drains.
///
/// From then on nothing is accepted, `/readyz` answers 503, idle connections are closed, and the
/// others are once their request is answered. What is left at the drain deadline is cut. To have
/// waiting polls answered, end the runtimes before `shutdown` completes.
///
/// # Cancellation
/// Dropping the future cuts every connection.
pub async fn serve(
    listener: TcpListener,
    api: Api,
    shutdown: impl Future<Output = ()>,
) -> ServeReport {
    let limits = api.state.config.connection;
    let table = ConnectionTable::new(
        limits.connections,
        limits.unauthenticated_connections(),
        api.state.metrics.evicted.clone(),
    );
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut accepted = 0;
    let mut shutdown = pin!(shutdown);

    loop {
        // Each arm can be dropped at any point: a connection that was not yet accepted stays in the
        // queue, the end of a task needs no action.
        let stream = tokio::select! {
            () = &mut shutdown => break,
            Some(_ended) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match stream {
            Ok((stream, _peer)) => {
                // A connection that gets no slot is closed: the server is ending.
                let mut open = tokio::select! {
                    () = &mut shutdown => break,
                    open = table.open() => open,
                };
                accepted += 1;
                let counted = api.state.metrics.connection_opened();
                let connection = open.connection.clone();
                let served = connection::serve(stream, connection, api.clone(), graceful.watcher());
                connections.spawn(async move {
                    // Either arm ends the connection, and so the other.
                    tokio::select! {
                        () = served => {}
                        _ = &mut open.evicted => {}
                    }
                    drop((open, counted));
                });
            }
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "accept failed");
                // There may be fewer file descriptors than slots.
                table.evict();
                tokio::select! {
                    () = &mut shutdown => break,
                    () = tokio::time::sleep(ACCEPT_BACKOFF) => {}
                }
            }
        }
    }

    drop(listener);
    api.draining().begin();
    let drained = async { while connections.join_next().await.is_some() {} };
    let drained = async { tokio::join!(graceful.shutdown(), drained) };
    // Dropping the wait at its deadline loses nothing: the set still has what is open.
    let _ = tokio::time::timeout(limits.drain_timeout, drained).await;
    let cut = connections.len();
    if cut > 0 {
        tracing::warn!(cut, "connections cut at the drain deadline");
        connections.abort_all();
        let dropped = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(CUT_WAIT, dropped).await;
    }
    ServeReport { accepted, cut }
}

/// Whether the connection, not the listener, failed: the next accept may well succeed.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}
