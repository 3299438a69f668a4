//! The accept loop: how many connections there may be, and how all of them end.
//!
//! `axum::serve` has no deadline for a request head and no bound on connections, so this drives
//! hyper's connections itself; `connection` has the deadlines of one.

mod client_stream;
mod connection;
mod lingering_close;
mod listener;

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::task::JoinSet;

use crate::api::Api;
use crate::connection::ConnectionTable;
use crate::state::Draining;

pub use listener::{Listener, Listeners};

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

/// Serves `api` on `listeners` until `shutdown` completes, then drains.
///
/// From then on nothing is accepted, `/readyz` answers 503, idle connections are closed, and the
/// others are once their request is answered. What is left at the drain deadline is cut. To have
/// waiting polls answered, end the runtimes before `shutdown` completes.
///
/// # Cancellation
/// Dropping the future cuts every connection.
pub async fn serve(
    listeners: impl Into<Listeners>,
    api: Api,
    shutdown: impl Future<Output = ()>,
) -> ServeReport {
    let limits = api.state.config.connection;
    let table = ConnectionTable::new(
        limits.connections,
        limits.unauthenticated_connections(),
        api.state.metrics.evicted.clone(),
    );
    let mut listeners = listeners.into();
    // Begins when nothing is accepted any more, which may be later than `/readyz` answers 503.
    let ending = Draining::default();
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
            stream = listeners.accept(|| make_room(&table)) => stream,
        };
        // A connection that gets no slot is closed: the server is ending.
        let mut open = tokio::select! {
            () = &mut shutdown => break,
            open = table.open() => open,
        };
        accepted += 1;
        let counted = api.state.metrics.connection_opened();
        let (connection, watcher) = (open.connection.clone(), graceful.watcher());
        let served = connection::serve(stream, connection, api.clone(), watcher, ending.clone());
        connections.spawn(async move {
            // Either arm ends the connection, and so the other.
            tokio::select! {
                () = served => {}
                _ = &mut open.evicted => {}
            }
            drop((open, counted));
        });
    }

    drop(listeners);
    api.draining().begin();
    ending.begin();
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
    api.state.refusal_log.report();
    ServeReport { accepted, cut }
}

/// Closes a connection: there may be fewer file descriptors than slots.
fn make_room(table: &ConnectionTable) {
    // Nothing is left to be done when none can be closed.
    let _ = table.evict();
}
