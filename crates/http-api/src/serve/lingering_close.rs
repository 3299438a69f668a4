//! Closes a connection so that its last response arrives.
//!
//! Closing a socket with unread bytes sends a reset, which may overtake the response or end the
//! client's own write with an error: the refusal of a body that was too large would be lost.
//! So a shutdown sends what is left, closes the writing half, and then reads and drops what
//! still comes, until the client closes or a deadline passes (RFC 9112 §9.6).

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::state::Draining;

/// Bytes read and dropped at once.
const CHUNK_BYTES: usize = 8 * 1024;

/// A stream with a lingering close, unless the server itself is ending.
pub(super) struct LingeringClose<S> {
    stream: S,
    timeout: Duration,
    ending: Draining,
    /// Set once the writing half is closed.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> LingeringClose<S> {
    /// A lingering close of `stream` that takes at most `timeout`.
    pub(super) fn new(stream: S, timeout: Duration, ending: Draining) -> Self {
        Self {
            stream,
            timeout,
            ending,
            deadline: None,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for LingeringClose<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.deadline.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        let timeout = this.timeout;
        let deadline = this
            .deadline
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        // A server that is ending does not wait for its clients.
        while !this.ending.has_begun() && deadline.as_mut().poll(cx).is_pending() {
            let mut chunk = [0; CHUNK_BYTES];
            let mut chunk = ReadBuf::new(&mut chunk);
            let read = ready!(Pin::new(&mut this.stream).poll_read(cx, &mut chunk));
            if read.is_err() || chunk.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LingeringClose<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}
