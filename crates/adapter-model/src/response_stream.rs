//! Reading a streamed response as text, within its time-outs.

use std::time::Duration;

use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use crate::error::{EmptyReply, ProviderError, from_body_error};
use crate::event_decoder::EventDecoder;
use crate::protocol::{Progress, Protocol, ResponseState};

/// A reply that is being received. Dropping it closes the connection, unless the response
/// was received completely.
pub(crate) struct ResponseStream {
    response: Response,
    protocol: &'static dyn Protocol,
    decoder: EventDecoder,
    state: ResponseState,
    body: Body,
    idle_timeout: Duration,
    has_text: bool,
}

/// The state of the response's body, with the deadline of its next bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    AwaitingFirstByte(Instant),
    /// Once the reply is complete, only events with text extend the deadline.
    Streaming(Instant),
    Finished,
}

impl ResponseStream {
    pub(crate) fn new(
        response: Response,
        protocol: &'static dyn Protocol,
        first_byte_deadline: Instant,
        idle_timeout: Duration,
    ) -> Self {
        Self {
            response,
            protocol,
            decoder: EventDecoder::new(protocol.format()),
            state: ResponseState::default(),
            body: Body::AwaitingFirstByte(first_byte_deadline),
            idle_timeout,
            has_text: false,
        }
    }

    /// The next delta of the reply, or `None` once the reply is complete.
    ///
    /// # Cancellation
    /// Dropping the future loses nothing: received bytes are kept in the decoder, and
    /// `Response::chunk` is cancel-safe.
    pub(crate) async fn next_delta(&mut self) -> Result<Option<String>, ProviderError> {
        while self.state.progress != Progress::Ended {
            let event = match self.decoder.next()? {
                None if self.body == Body::Finished => self.decoder.finish()?,
                event => event,
            };
            if let Some(event) = event {
                let text = self.protocol.read_event(&event, &mut self.state)?;
                if !text.is_empty() {
                    self.has_text = true;
                    if let Body::Streaming(deadline) = &mut self.body {
                        *deadline = deadline_after(self.idle_timeout);
                    }
                    return Ok(Some(text));
                }
            } else if self.body == Body::Finished {
                break;
            } else if let Err(error) = self.receive().await {
                // A complete reply is valid although the server keeps the connection open.
                if self.state.progress < Progress::Complete {
                    return Err(error);
                }
                break;
            }
        }
        self.check_complete().map(|()| None)
    }

    /// What was read besides the text. Final once the reply is complete.
    pub(crate) fn state(&self) -> &ResponseState {
        &self.state
    }

    async fn receive(&mut self) -> Result<(), ProviderError> {
        // Events without text could arrive faster than they are read, without ever yielding.
        tokio::task::consume_budget().await;
        let (deadline, elapsed) = match self.body {
            Body::AwaitingFirstByte(deadline) => (deadline, ProviderError::FirstByteTimedOut),
            Body::Streaming(deadline) => (deadline, ProviderError::IdleTimedOut),
            Body::Finished => return Ok(()),
        };
        let chunk = timeout_at(deadline, self.response.chunk()).await;
        let chunk = chunk.map_err(|_| elapsed)?;
        match chunk.map_err(|error| from_body_error(&error))? {
            Some(bytes) => {
                self.decoder.feed(&bytes);
                let is_streaming = matches!(self.body, Body::Streaming(_));
                // After a complete reply, keep-alive events must not extend the deadline.
                if !(is_streaming && self.state.progress >= Progress::Complete) {
                    self.body = Body::Streaming(deadline_after(self.idle_timeout));
                }
            }
            None => self.body = Body::Finished,
        }
        Ok(())
    }

    /// Checks, after the last event, that the reply is complete and has text.
    fn check_complete(&self) -> Result<(), ProviderError> {
        match self.state.progress {
            Progress::NotStarted => Err(ProviderError::UnknownProtocol),
            Progress::Started => Err(ProviderError::StreamTruncated),
            _ if self.state.filtered => Err(ProviderError::ContentFiltered),
            _ if !self.has_text => Err(ProviderError::EmptyReply(EmptyReply::Nothing)),
            Progress::Complete | Progress::Ended => Ok(()),
        }
    }
}

/// The instant after `timeout`. A timeout that can't be represented becomes a year.
pub(crate) fn deadline_after(timeout: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(timeout).unwrap_or(now + YEAR)
}
