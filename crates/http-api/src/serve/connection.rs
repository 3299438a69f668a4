//! One connection, from accept to close.

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use hyper_util::service::TowerToHyperService;
use tokio_io_timeout::TimeoutStream;

use super::lingering_close::LingeringClose;
use super::listener::Stream;
use crate::api::Api;
use crate::state::Draining;

/// Serves one connection until it ends, or until the server is ending and the request under way
/// is answered.
pub(super) async fn serve(stream: Stream, api: Api, watcher: Watcher, ending: Draining) {
    let limits = api.state.config.connection;
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.write_stall_timeout));
    let timeout = limits.lingering_close_timeout;
    let stream = LingeringClose::new(Box::pin(stream), timeout, ending);
    // hyper starts the head's timer at its first read, that is at accept, restarts it when a
    // connection falls idle, and does not reset it for bytes that trickle in.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_header_size(limits.head_bytes)
        // What is read ahead, so that 12,000 half-sent heads stay below 200 MiB.
        .max_buf_size(limits.head_bytes)
        .serve_connection(
            TokioIo::new(stream),
            TowerToHyperService::new(api.router()),
        );
    if let Err(error) = watcher.watch(connection).await {
        // The client went away, sent no HTTP, or was too slow, which is usual.
        tracing::debug!(error = &error as &dyn std::error::Error, "connection ended");
    }
}
