//! Reading a streamed response as text and reasoning, within its time-outs.

use std::time::Duration;

use reqwest::Response;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use worker_runtime::Usage;

use crate::error::{EmptyReply, ProviderError, from_body_error};
use crate::event_decoder::{Decoded, Event, EventDecoder};
use crate::protocol::{Piece, Progress, Protocol, ResponseState, read_event};

/// Time for usage and the end of a stream after the reply is complete. Some servers keep the
/// connection open, and send comments for ever.
const AFTER_REPLY_TIMEOUT: Duration = Duration::from_secs(1);
/// The same when the reason to finish came before any text, or with the first: some gateways send one
/// while the model still thinks, others in every event.
const AFTER_EARLY_REASON_TIMEOUT: Duration = Duration::from_secs(5);
/// Time to find what waits in a socket after a deadline has passed: a process that was stopped, a
/// container that was paused, or a suspended machine reads it before it gives up.
const LATE_READ_TIMEOUT: Duration = Duration::from_millis(500);
/// How long after the deadline of a complete reply a process wakes that was stopped. The others need not
/// be told apart: they fail at their deadline anyway.
const STOPPED_MIN: Duration = Duration::from_millis(100);
/// Bytes of an event from which it is parsed on a thread that may compute: below them, parsing takes
/// no longer than other steps of a task, a few hundred microseconds at worst.
const LARGE_EVENT_BYTES: usize = 8 * 1024;
/// Bytes of a response that are read before the other tasks of the thread have their turn: connections
/// are among them.
const BYTES_PER_TURN: usize = 8 * 1024;

/// Large events that are parsed at once, over all runs: each costs memory and a thread.
static LARGE_EVENTS: Semaphore = Semaphore::const_new(4);

/// A reply that is being received. Dropping it closes the connection, unless the response
/// was received completely.
pub(crate) struct ResponseStream {
    response: Response,
    protocol: &'static dyn Protocol,
    decoder: EventDecoder,
    state: ResponseState,
    /// Bytes that were read in this turn.
    turn_bytes: usize,
    /// A large event that is being parsed.
    parsing: Option<JoinHandle<Parsed>>,
    body: Body,
    first_byte_timeout: Duration,
    idle_timeout: Duration,
    has_text: bool,
    ending: Ending,
    /// The usage that the last piece came with.
    usage: Usage,
    has_events: bool,
}

type Parsed = (Result<Piece, ProviderError>, ResponseState);

/// The state of the response's body, with the deadline of its next bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    /// Neither text nor reasoning came. Anything else shows that the provider lives.
    AwaitingFirstPiece(Instant),
    Streaming(Instant),
    /// The reply is complete, as far as the server says; only more of it extends this deadline.
    Complete(Instant),
    Finished,
}

/// What the server's reason to finish has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// There was none.
    Open,
    /// It ended the reply.
    Complete,
    /// The reply went on all the same: some servers send a reason in every event.
    Continued,
}

impl ResponseStream {
    pub(crate) fn new(
        response: Response,
        protocol: &'static dyn Protocol,
        first_byte_deadline: Instant,
        first_byte_timeout: Duration,
        idle_timeout: Duration,
    ) -> Self {
        Self {
            response,
            protocol,
            decoder: EventDecoder::new(protocol.format()),
            state: ResponseState::default(),
            turn_bytes: 0,
            parsing: None,
            body: Body::AwaitingFirstPiece(first_byte_deadline),
            first_byte_timeout,
            idle_timeout,
            has_text: false,
            ending: Ending::Open,
            usage: Usage::default(),
            has_events: false,
        }
    }

    /// The next piece of the reply, or `None` once the reply is complete.
    ///
    /// # Cancellation
    /// Dropping the future loses nothing: received bytes are kept in the decoder, a large event goes
    /// on being parsed, and `Response::chunk` is cancel-safe.
    pub(crate) async fn next_piece(&mut self) -> Result<Option<Piece>, ProviderError> {
        loop {
            if self.turn_bytes >= BYTES_PER_TURN {
                // A chunk may hold thousands of events. Nothing is taken out yet, so nothing can be lost,
                // and a call that is dropped here leaves the turn to the next one.
                tokio::task::yield_now().await;
                self.turn_bytes = 0;
            }
            let next = self.next_event().await;
            let piece = match next {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                // A complete reply is valid although the server keeps the connection open, or sends what
                // is not understood.
                Err(_) if self.ending == Ending::Complete => break,
                Err(ProviderError::IdleTimedOut) if self.ending == Ending::Continued => break,
                Err(error) => return Err(error),
            };
            let had_text = self.has_text;
            self.has_text |= !piece.text.is_empty();
            let goes_on = self.ending != Ending::Open && !piece.is_blank();
            if goes_on {
                self.ending = Ending::Continued;
            } else if self.ending == Ending::Open && self.state.progress >= Progress::Complete {
                self.ending = Ending::Complete;
            }
            if self.ending != Ending::Open {
                self.limit_what_follows(goes_on, had_text);
            }
            let usage = std::mem::replace(&mut self.usage, self.state.usage);
            if !piece.is_empty() {
                self.extend_deadline(true);
                return Ok(Some(piece));
            }
            // Told at once: a run that is cancelled has its usage too.
            if usage != self.usage {
                return Ok(Some(piece));
            }
        }
        self.check_complete().map(|()| None)
    }

    /// What the next event adds to the reply, or nothing when more bytes were received; `None` at the
    /// end of the response.
    async fn next_event(&mut self) -> Result<Option<Piece>, ProviderError> {
        if self.parsing.is_some() {
            return self.parsed().await.map(Some);
        }
        if self.state.progress == Progress::Ended {
            return Ok(None);
        }
        let buffered = self.decoder.buffered_bytes();
        let decoded = self.decoder.next()?;
        self.turn_bytes += buffered - self.decoder.buffered_bytes();
        match decoded {
            Decoded::Event(event) => return self.parse(event).await.map(Some),
            Decoded::Lines => return Ok(Some(Piece::default())),
            Decoded::Incomplete => {}
        }
        if self.body != Body::Finished {
            return self.receive().await.map(|()| Some(Piece::default()));
        }
        match self.decoder.finish()? {
            None => Ok(None),
            Some(event) => self.parse(event).await.map(Some).map_err(cut_off),
        }
    }

    /// What was read besides text and reasoning. Final once the reply is complete.
    pub(crate) fn state(&self) -> &ResponseState {
        &self.state
    }

    async fn parse(&mut self, event: Event) -> Result<Piece, ProviderError> {
        self.has_events |= event.data.contains('{');
        if event.data.len() < LARGE_EVENT_BYTES {
            return read_event(self.protocol, &event, &mut self.state);
        }
        let (protocol, mut state) = (self.protocol, std::mem::take(&mut self.state));
        self.parsing = Some(tokio::spawn(async move {
            // Never closed, so there is always a permit to wait for.
            let _permit = LARGE_EVENTS.acquire().await;
            let parsing = tokio::task::spawn_blocking(move || {
                let piece = read_event(protocol, &event, &mut state);
                (piece, state)
            });
            // It can't be cancelled, and parsing does not panic on input.
            parsing.await.unwrap_or_else(|_| {
                let lost = Err(ProviderError::ConnectionLost);
                (lost, ResponseState::default())
            })
        }));
        self.parsed().await
    }

    /// The result of the large event.
    async fn parsed(&mut self) -> Result<Piece, ProviderError> {
        let Some(parsing) = &mut self.parsing else {
            return Ok(Piece::default());
        };
        let parsed = parsing.await;
        self.parsing = None;
        let (piece, state) = parsed.map_err(|_| ProviderError::ConnectionLost)?;
        self.state = state;
        piece
    }

    async fn receive(&mut self) -> Result<(), ProviderError> {
        let (deadline, elapsed) = match self.body {
            Body::AwaitingFirstPiece(deadline) => (deadline, ProviderError::FirstByteTimedOut),
            Body::Streaming(deadline) | Body::Complete(deadline) => {
                (deadline, ProviderError::IdleTimedOut)
            }
            Body::Finished => return Ok(()),
        };
        let chunk = self.response.chunk();
        let chunk = match self.body {
            Body::Complete(_) => match timeout_at(deadline, chunk).await {
                Ok(chunk) => Some(chunk),
                Err(_) if deadline + STOPPED_MIN <= Instant::now() => {
                    self.body = Body::Complete(deadline_after(LATE_READ_TIMEOUT));
                    return Ok(());
                }
                Err(_) => None,
            },
            Body::AwaitingFirstPiece(_) | Body::Streaming(_) | Body::Finished => {
                until_late(deadline, chunk).await
            }
        };
        let chunk = chunk.ok_or(elapsed)?;
        match chunk.map_err(|error| from_body_error(&error))? {
            Some(bytes) => {
                self.decoder.feed(&bytes);
                self.extend_deadline(false);
            }
            None => self.body = Body::Finished,
        }
        Ok(())
    }

    /// Something came: a piece of the reply, or what shows that the provider lives.
    fn extend_deadline(&mut self, is_piece: bool) {
        self.body = match self.body {
            Body::AwaitingFirstPiece(deadline) if !is_piece => {
                let extended = deadline_after(self.first_byte_timeout);
                Body::AwaitingFirstPiece(deadline.max(extended))
            }
            Body::AwaitingFirstPiece(_) | Body::Streaming(_) => {
                Body::Streaming(deadline_after(self.idle_timeout))
            }
            unchanged @ (Body::Complete(_) | Body::Finished) => unchanged,
        };
    }

    /// Gives what may follow a complete reply its time: little, and that of any other pause when the reply
    /// goes on all the same.
    fn limit_what_follows(&mut self, goes_on: bool, had_text: bool) {
        let timeout = match self.body {
            Body::Complete(_) if goes_on => self.idle_timeout,
            Body::Complete(_) | Body::Finished => return,
            Body::AwaitingFirstPiece(_) | Body::Streaming(_) => {
                if had_text || self.state.is_ended_early() {
                    AFTER_REPLY_TIMEOUT
                } else {
                    AFTER_EARLY_REASON_TIMEOUT
                }
            }
        };
        self.body = Body::Complete(deadline_after(timeout.min(self.idle_timeout)));
    }

    /// Checks, after the last event, that the reply is complete and has text.
    fn check_complete(&self) -> Result<(), ProviderError> {
        let state = &self.state;
        match state.progress {
            Progress::Complete | Progress::Ended if state.given_up => {
                Err(ProviderError::StreamTruncated)
            }
            Progress::NotStarted if self.has_events || self.decoder.has_foreign_lines => {
                Err(ProviderError::UnknownProtocol)
            }
            Progress::NotStarted => Err(ProviderError::EmptyReply(EmptyReply::Nothing)),
            Progress::Started => Err(ProviderError::StreamTruncated),
            Progress::Complete | Progress::Ended if self.has_text => Ok(()),
            Progress::Complete | Progress::Ended if state.filtered => {
                Err(ProviderError::ContentFiltered)
            }
            Progress::Complete | Progress::Ended => {
                Err(ProviderError::EmptyReply(if state.has_tool_calls {
                    EmptyReply::ToolCallsOnly
                } else if state.has_reasoning {
                    EmptyReply::ReasoningOnly
                } else {
                    EmptyReply::Nothing
                }))
            }
        }
    }
}

/// The last event of a body, when it is no whole JSON, was cut off.
fn cut_off(error: ProviderError) -> ProviderError {
    if error == ProviderError::NotJson {
        ProviderError::StreamTruncated
    } else {
        error
    }
}

impl Drop for ResponseStream {
    fn drop(&mut self) {
        if let Some(parsing) = &self.parsing {
            parsing.abort();
        }
    }
}

/// What `future` gives until the deadline, or what waits in its socket when that has passed.
pub(crate) async fn until_late<T>(deadline: Instant, future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    match timeout_at(deadline, &mut future).await {
        Ok(output) => Some(output),
        Err(_) => timeout(LATE_READ_TIMEOUT, future).await.ok(),
    }
}

/// The instant after `timeout`. A timeout that can't be represented becomes a year.
pub(crate) fn deadline_after(timeout: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(timeout).unwrap_or(now + YEAR)
}

#[cfg(test)]
mod tests;
