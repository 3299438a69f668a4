//! One connection, from accept to close.

use std::convert::Infallible;
use std::net;
use std::pin::pin;

use futures_util::FutureExt as _;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_io_timeout::TimeoutStream;

use super::linger::Lingering;
use super::timer::ConnectionTimer;
use crate::api::Api;

/// Serves one connection until it ends, or until the server is ending and the request at
/// hand is answered.
pub(super) async fn serve(stream: net::TcpStream, api: &Api, mut is_ending: watch::Receiver<bool>) {
    let limits = &api.config().connection;
    let stream = match TcpStream::from_std(stream) {
        Ok(stream) => stream,
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "can't wait for bytes"
            );
            return;
        }
    };
    // Answers are written whole; waiting for more to send along only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(error = &error as &dyn std::error::Error, "no TCP_NODELAY");
    }
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.write_stall_timeout));
    let stream = Lingering::new(Box::pin(stream), limits.linger_timeout, is_ending.clone());

    let service = service_fn(|request| {
        let answer = api.answer(request);
        answer.map(|answer| Ok::<_, Infallible>(answer.map(Full::new)))
    });
    // hyper starts the head's timer at its first read, that is at accept, starts it anew
    // when a connection falls idle, and does not reset it for bytes that trickle in.
    let connection = http1::Builder::new()
        .timer(ConnectionTimer::new(limits.head_timeout))
        .header_read_timeout(limits.head_timeout)
        .max_header_size(limits.head_bytes)
        // What is read ahead, so that 12,000 half-sent heads stay below 200 MiB.
        .max_buf_size(limits.head_bytes)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);

    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        // The sender lives as long as the accept loop; either way the server is ending.
        _ = is_ending.wait_for(|ending| *ending) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // A client that went away, sent no HTTP, or was too slow: its affair, and usual.
        tracing::debug!(error = &error as &dyn std::error::Error, "connection ended");
    }
}
