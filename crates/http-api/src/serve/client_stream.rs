//! A client's stream: cuts a client that takes its responses too slowly, and notices one that
//! sends nothing more while its request is at work.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::config::ConnectionLimits;
use crate::connection::Connection;

/// A stream of a client.
pub(super) struct ClientStream<S> {
    stream: S,
    connection: Connection,
    pace: Pace,
    slow_readers: Counter,
    ahead: Ahead,
}

/// What was read of the next request while one was at work. hyper reads nothing meanwhile, so
/// that only this sees whether the client sends nothing more.
enum Ahead {
    Nothing,
    /// One byte. More is not looked for, so a client that sends requests ahead is not noticed.
    Byte(u8),
    /// The client sends nothing more.
    End,
}

impl<S> ClientStream<S> {
    /// `stream`, whose client is the one of `connection`; `slow_readers` counts it if it is cut.
    pub(super) fn new(
        stream: S,
        connection: Connection,
        limits: &ConnectionLimits,
        slow_readers: Counter,
    ) -> Self {
        Self {
            stream,
            connection,
            pace: Pace::new(limits),
            slow_readers,
            ahead: Ahead::Nothing,
        }
    }

    fn writing(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => self.pace.took(bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                self.connection.set_writing(true);
                ready!(self.pace.poll_too_slow(cx));
                self.slow_readers.inc();
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        written
    }
}

impl<S: AsyncRead + Unpin> ClientStream<S> {
    /// Reads ahead while a request is at work.
    fn look_ahead(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if !matches!(self.ahead, Ahead::Nothing) || !self.connection.is_responding() {
            return Ok(());
        }
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
            Poll::Pending => return Ok(()),
            Poll::Ready(read) => read?,
        }
        self.ahead = match buffer.filled() {
            [byte] => Ahead::Byte(*byte),
            _ => {
                self.connection.half_close();
                Ahead::End
            }
        };
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ClientStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.ahead {
            Ahead::Nothing => Pin::new(&mut self.stream).poll_read(cx, buffer),
            Ahead::Byte(byte) if buffer.remaining() > 0 => {
                buffer.put_slice(&[byte]);
                self.ahead = Ahead::Nothing;
                Poll::Ready(Ok(()))
            }
            Ahead::Byte(_) | Ahead::End => Poll::Ready(Ok(())),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ClientStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.writing(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.writing(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper calls this whenever it has nothing to write: all of a response is written, or one is
    /// waited for.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        if self.pace.has_waited {
            self.pace.has_waited = false;
            self.connection.set_writing(false);
        }
        Poll::Ready(self.look_ahead(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// How fast a client takes its responses. Only the time counts for which the server waited for it.
struct Pace {
    window: Duration,
    /// The least that a client takes while the server waits for a window.
    window_bytes: usize,
    taken: usize,
    waited: Duration,
    waiting_since: Option<Instant>,
    /// Whether it was waited for since the last flush.
    has_waited: bool,
    /// Ends the window; made at the first wait, because most connections never wait.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    fn new(limits: &ConnectionLimits) -> Self {
        Self {
            window: limits.rate_window,
            window_bytes: limits.rate_window_bytes(),
            taken: 0,
            waited: Duration::ZERO,
            waiting_since: None,
            has_waited: false,
            timer: None,
        }
    }

    fn took(&mut self, bytes: usize) {
        self.taken = self.taken.saturating_add(bytes);
        if let Some(since) = self.waiting_since.take() {
            self.waited += since.elapsed();
        }
    }

    /// Completes when the client has taken too little. To be polled while it takes nothing.
    fn poll_too_slow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.has_waited = true;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(self.window)));
        if self.waiting_since.is_none() {
            let now = Instant::now();
            self.waiting_since = Some(now);
            timer
                .as_mut()
                .reset(now + self.window.saturating_sub(self.waited));
        }
        while timer.as_mut().poll(cx).is_ready() {
            if self.taken < self.window_bytes {
                return Poll::Ready(());
            }
            let now = Instant::now();
            (self.taken, self.waited, self.waiting_since) = (0, Duration::ZERO, Some(now));
            timer.as_mut().reset(now + self.window);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
