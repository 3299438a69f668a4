//! The accept loop: who may connect, for how long, and how it ends.
//!
//! hyper serves one connection. How many there may be, and how all of them end, is decided
//! here; the deadlines of one are in `connection`, and who serves them in `threads`.

mod connection;
mod linger;
mod threads;
mod timer;

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::api::Api;

pub use threads::ServingThreads;

/// Pause after an accept that failed for want of resources (EMFILE, ENFILE, ENOBUFS, ENOMEM):
/// the waiting connection stays in the queue, and accepting it at once would fail again.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Longest wait for connections that were cut to be gone. A thread that something blocks lets
/// go of none of its connections; they end with it.
const CUT_WAIT: Duration = Duration::from_millis(200);

/// What became of the connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeReport {
    /// How many were accepted.
    pub accepted: u64,
    /// How many were still open when the drain deadline had passed, and were cut.
    pub cut: usize,
}

/// Serves `api` on `listener` until `shutdown` ends, then drains. The calling task accepts
/// connections; `threads` serve them.
///
/// From then on nothing is accepted, `/readyz` answers 503, idle connections are closed,
/// and the others are once their request is answered. What is left at the drain deadline is
/// cut; of a thread that is blocked, when the thread is free again or the process ends. To let
/// waiting polls be answered, end the runtimes before `shutdown` does.
pub async fn serve(
    listener: TcpListener,
    api: Api,
    threads: &ServingThreads,
    shutdown: impl Future<Output = ()>,
) -> ServeReport {
    let limits = api.config().connection;
    let free = Arc::new(Semaphore::new(limits.connections));
    let (ending, is_ending) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut accepted = 0;
    let mut shutdown = pin!(shutdown);

    loop {
        // Each arm can be dropped at any point: a permit goes back, a connection that was
        // not yet accepted stays in the queue, a finished task is only forgotten.
        let next = async {
            let permit = Arc::clone(&free).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, connection) = tokio::select! {
            () = &mut shutdown => break,
            Some(_ended) = connections.join_next() => continue,
            next = next => next,
        };
        // It leaves this executor: the one that serves it waits for its bytes.
        match connection.and_then(|(stream, _peer)| stream.into_std()) {
            Ok(stream) => {
                accepted += 1;
                let (api, is_ending) = (api.clone(), is_ending.clone());
                let thread = threads.with_fewest_connections();
                let counted = (
                    permit,
                    api.metrics().connection(),
                    thread.count_connection(),
                );
                let life = async move {
                    connection::serve(stream, &api, is_ending).await;
                    drop(counted);
                };
                connections.spawn_on(life, thread.executor());
            }
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "accept failed");
                tokio::select! {
                    () = &mut shutdown => break,
                    () = tokio::time::sleep(ACCEPT_BACKOFF) => {}
                }
            }
        }
    }

    drop(listener);
    api.draining().begin();
    ending.send_replace(true);
    all_gone(&mut connections, limits.drain_timeout).await;
    let cut = connections.len();
    if cut > 0 {
        tracing::warn!(cut, "connections cut at the drain deadline");
        connections.abort_all();
        all_gone(&mut connections, CUT_WAIT).await;
    }
    ServeReport { accepted, cut }
}

/// Waits for the connections to end. Dropping the wait at its deadline loses nothing: the set
/// still has what is open.
async fn all_gone(connections: &mut JoinSet<()>, patience: Duration) {
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(patience, all).await;
}

/// Whether the connection, not the listener, failed: the next accept may well succeed.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    let kind = error.kind();
    [
        ConnectionAborted,
        ConnectionRefused,
        ConnectionReset,
        Interrupted,
    ]
    .contains(&kind)
}
