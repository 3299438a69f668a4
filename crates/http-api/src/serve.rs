//! The accept loop: how many connections there may be, and how all of them end.
//!
//! `axum::serve` has no deadline for a request head and no bound on connections, so this drives
//! hyper's connections itself; `connection` has the deadlines of one.

mod client_stream;
mod connection;
mod lingering_close;
mod listener;

use std::future::{Future, ready};
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::api::Api;
use crate::config::{ApiConfig, ConnectionLimits};
use crate::connection::ConnectionTable;
use crate::metrics::ConnectionMetrics;
use crate::router::standby_router;
use crate::state::Draining;

pub use listener::{Listener, Listeners};

/// Longest wait for connections that were cut to be dropped. A thread that a task blocks drops
/// none of them before the task yields.
const CUT_WAIT: Duration = Duration::from_millis(200);
/// Longest wait, at the takeover, for connections to the standby: its responses are short and take no
/// time, and until then nothing else is accepted.
const STANDBY_DRAIN_TIMEOUT: Duration = Duration::from_millis(500);

/// How often the accept loop wakes, as long as there are connections, only so that a timer is due soon.
/// tokio wakes a thread for each new timer that is due before all others, and without this one the
/// deadline of the next request's head would be that at every request.
const TICK: Duration = Duration::from_secs(1);

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
    let application = Application {
        router: api.router(),
        limits: api.state.config.connection,
        metrics: api.state.metrics.connections.clone(),
    };
    let shutdown = async {
        shutdown.await;
        api.draining().begin();
    };
    let mut listeners = listeners.into();
    let connections = accept_until(shutdown, &mut listeners, &application).await;
    drop(listeners);
    let report = connections.drain(application.limits.drain_timeout).await;
    api.state.refusal_log.report();
    report
}

/// Answers on `listeners` that the server stands by, until `takeover` completes: `/healthz` answers
/// 200, and everything else 503. Then closes the connections; the listeners go on to listen, and who
/// connects is served by whoever serves them next. Of `config` the names, the origins and the limits
/// are used.
///
/// # Cancellation
/// Dropping the future cuts every connection.
pub async fn serve_standby(
    listeners: &mut Listeners,
    config: &ApiConfig,
    takeover: impl Future<Output = ()>,
) -> ServeReport {
    let application = Application {
        router: standby_router(config),
        limits: config.connection,
        metrics: ConnectionMetrics::default(),
    };
    let connections = accept_until(takeover, listeners, &application).await;
    // Each ends by itself after its response. One whose request is on its way still gets that, which
    // hyper's graceful shutdown would not wait for.
    connections.end(ready(()), STANDBY_DRAIN_TIMEOUT).await
}

/// What connections are served with.
struct Application {
    router: Router,
    limits: ConnectionLimits,
    metrics: ConnectionMetrics,
}

/// The connections that were accepted, once no more are.
struct Connections {
    accepted: u64,
    open: JoinSet<()>,
    graceful: GracefulShutdown,
    /// Says to them that the server is ending.
    ending: Draining,
}

/// Serves `application` on `listeners` until `shutdown` completes.
async fn accept_until(
    shutdown: impl Future<Output = ()>,
    listeners: &mut Listeners,
    application: &Application,
) -> Connections {
    let Application {
        limits, metrics, ..
    } = application;
    let table = ConnectionTable::new(
        limits.connections,
        limits.unauthenticated_connections(),
        metrics.evicted.clone(),
    );
    // Begins when nothing is accepted any more, which may be later than `/readyz` answers 503.
    let ending = Draining::default();
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut accepted = 0;
    let mut shutdown = pin!(shutdown);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);

    loop {
        // Each arm can be dropped at any point: a connection that was not yet accepted stays in the
        // queue, the end of a task needs no action.
        let stream = tokio::select! {
            () = &mut shutdown => break,
            Some(_ended) = connections.join_next() => continue,
            _ = tick.tick(), if !connections.is_empty() => continue,
            stream = listeners.accept(|| make_room(&table)) => stream,
        };
        // A connection that gets no slot is closed: the server is ending.
        let mut open = tokio::select! {
            biased;
            open = table.open() => open,
            () = &mut shutdown => break,
        };
        accepted += 1;
        let counted = metrics.opened();
        let (connection, watcher) = (open.connection.clone(), graceful.watcher());
        let served = connection::serve(stream, connection, application, watcher, ending.clone());
        connections.spawn(async move {
            // Either arm ends the connection, and so the other.
            tokio::select! {
                () = served => {}
                _ = &mut open.evicted => {}
            }
            drop((open, counted));
        });
    }
    Connections {
        accepted,
        open: connections,
        graceful,
        ending,
    }
}

impl Connections {
    /// Closes each connection as soon as it has no request under way.
    async fn drain(mut self, timeout: Duration) -> ServeReport {
        self.ending.begin();
        let closing = std::mem::take(&mut self.graceful).shutdown();
        self.end(closing, timeout).await
    }

    /// Waits for the end of all connections while `closing` runs, and cuts those that are left after
    /// `timeout`.
    async fn end(mut self, closing: impl Future<Output = ()>, timeout: Duration) -> ServeReport {
        let connections = &mut self.open;
        let all_ended = async { while connections.join_next().await.is_some() {} };
        let all_ended = async { tokio::join!(closing, all_ended) };
        // Dropping the wait at its deadline loses nothing: the set still has what is open.
        let _ = tokio::time::timeout(timeout, all_ended).await;
        let cut = self.open.len();
        if cut > 0 {
            tracing::warn!(cut, "connections cut at the drain deadline");
            self.open.abort_all();
            let dropped = async { while self.open.join_next().await.is_some() {} };
            let _ = tokio::time::timeout(CUT_WAIT, dropped).await;
        }
        ServeReport {
            accepted: self.accepted,
            cut,
        }
    }
}

/// Closes a connection: there may be fewer file descriptors than slots.
fn make_room(table: &ConnectionTable) {
    // Nothing is left to be done when none can be closed.
    let _ = table.evict();
}
