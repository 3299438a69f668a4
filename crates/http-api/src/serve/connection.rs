//! One connection, from accept to close.

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use hyper_util::service::TowerToHyperService;

use super::Application;
use super::client_stream::ClientStream;
use super::lingering_close::LingeringClose;
use super::listener::Stream;
use crate::connection::Connection;
use crate::state::Draining;

/// Serves one connection until it ends, or until the server is ending and the request under way
/// is answered.
pub(super) fn serve(
    stream: Stream,
    connection: Connection,
    application: &Application,
    watcher: Watcher,
    ending: Draining,
) -> impl Future<Output = ()> + use<> {
    let limits = application.limits;
    let slow_readers = application.metrics.slow_readers.clone();
    let stream = ClientStream::new(stream, connection.clone(), &limits, slow_readers);
    let stream = LingeringClose::new(stream, limits.lingering_close_timeout, ending);
    let router = TowerToHyperService::new(application.router.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(connection.clone());
        router.call(request)
    });
    // hyper starts the head's timer at its first read, that is at accept, restarts it when a
    // connection falls idle, and does not reset it for bytes that trickle in.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_header_size(limits.head_bytes)
        // What is read ahead, so that 12,000 half-sent heads stay below 200 MiB.
        .max_buf_size(limits.head_bytes)
        // A client that sends nothing more still gets its response.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    async move {
        if let Err(error) = watcher.watch(connection).await {
            // The client went away, sent no HTTP, or was too slow, which is usual.
            tracing::debug!(error = &error as &dyn std::error::Error, "connection ended");
        }
    }
}
