//! Forwarding the reply of one attempt to the run's output.

use tokio::time::{Instant, timeout_at};
use worker_runtime::{Output, RunDiagnostic};

use crate::coalesce::{Coalesce, DeltaBuffer};
use crate::error::ProviderError;
use crate::response_stream::ResponseStream;

/// Forwards the reply of one attempt.
pub(crate) struct Forwarder<'a> {
    output: &'a Output,
    buffer: DeltaBuffer,
    /// Text was forwarded, which can't be taken back.
    pub(crate) has_output: bool,
}

impl<'a> Forwarder<'a> {
    pub(crate) fn new(output: &'a Output, coalesce: Coalesce) -> Self {
        Self {
            output,
            buffer: DeltaBuffer::new(coalesce),
            has_output: false,
        }
    }

    /// Forwards the whole reply, or its text up to an error.
    pub(crate) async fn forward(
        &mut self,
        mut stream: ResponseStream,
    ) -> Result<(), ProviderError> {
        loop {
            // `next_delta` is cancel-safe, so the time-out loses nothing.
            let next = match self.buffer.deadline() {
                None => Ok(stream.next_delta().await),
                Some(deadline) => timeout_at(deadline, stream.next_delta()).await,
            };
            if let Ok(Ok(Some(delta))) = &next
                && !self.buffer.append(delta, Instant::now())
            {
                continue;
            }
            self.flush().await?;
            match next {
                Err(_) | Ok(Ok(Some(_))) => {}
                Ok(Ok(None)) => break,
                Ok(Err(error)) => return Err(error),
            }
        }
        let state = stream.state();
        if state.cut_short {
            self.output.report(RunDiagnostic::ReplyCutShort);
        }
        self.output.report(state.usage);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ProviderError> {
        let text = self.buffer.take();
        if text.is_empty() {
            return Ok(());
        }
        self.has_output = true;
        let pushed = self.output.push(&text).await;
        pushed.map_err(|_| ProviderError::OutputClosed)
    }
}
