//! A reply as it comes in: the provider's bytes, read as text.

use std::time::Duration;

use reqwest::Response;
use tokio::time::{Instant, timeout_at};
use worker_runtime::Usage;

use crate::fault::{Fault, Malformed, in_answer};
use crate::frame::Frames;
use crate::protocol::{Protocol, Reading, Stage};

/// A reply in progress. Dropping it closes the connection, unless the answer has come in
/// as a whole.
pub(crate) struct Reply {
    response: Response,
    protocol: Protocol,
    frames: Frames,
    reading: Reading,
    source: Source,
    idle: Duration,
    has_text: bool,
}

/// What the next bytes would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The first ones, which are due at a moment.
    First(Instant),
    /// Others, which are due a while after the last ones; once the reply is whole, after
    /// the last ones that said something.
    Next(Instant),
    /// None; all have come.
    Dry,
}

impl Reply {
    /// The reply in the body of `response`, whose first byte is due at `first_byte`.
    pub(crate) fn new(
        response: Response,
        protocol: Protocol,
        first_byte: Instant,
        idle: Duration,
    ) -> Self {
        Self {
            response,
            protocol,
            frames: Frames::new(protocol.framing()),
            reading: Reading::default(),
            source: Source::First(first_byte),
            idle,
            has_text: false,
        }
    }

    /// The next piece of text; none when the reply is whole.
    ///
    /// # Cancellation
    /// Nothing is lost if the future is dropped: what came in is kept here, and the read
    /// itself waits for a message.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, Fault> {
        while self.reading.stage != Stage::Ended {
            if let Some(frame) = self.frame()? {
                let text = self.protocol.read(&frame, &mut self.reading)?;
                if !text.is_empty() {
                    self.has_text = true;
                    if let Source::Next(due) = &mut self.source {
                        *due = after(self.idle);
                    }
                    return Ok(Some(text));
                }
            } else if self.source == Source::Dry {
                break;
            } else if let Err(fault) = self.receive().await {
                // A reply that is whole is no worse for a server that doesn't hang up.
                if self.reading.stage < Stage::Whole {
                    return Err(fault);
                }
                break;
            }
        }
        self.verdict().map(|()| None)
    }

    /// Whether it stops in the middle, at the provider's own limit. Known when it is whole.
    pub(crate) fn was_cut_short(&self) -> bool {
        self.reading.cut_short
    }

    /// What the provider counted. Known when the reply is whole.
    pub(crate) fn usage(&self) -> Usage {
        self.reading.usage
    }

    fn frame(&mut self) -> Result<Option<String>, Fault> {
        match (self.frames.next()?, self.source) {
            (None, Source::Dry) => self.frames.last(),
            (frame, _) => Ok(frame),
        }
    }

    async fn receive(&mut self) -> Result<(), Fault> {
        // Frames without text could come faster than they are read.
        tokio::task::consume_budget().await;
        let (due, late) = match self.source {
            Source::First(due) => (due, Fault::FirstByteTimedOut),
            Source::Next(due) => (due, Fault::IdleTimedOut),
            Source::Dry => return Ok(()),
        };
        let received = timeout_at(due, self.response.chunk()).await;
        let received = received.map_err(|_| late)?;
        self.source = match received.map_err(|error| in_answer(&error))? {
            Some(bytes) => {
                self.frames.feed(&bytes);
                match self.source {
                    // Nobody waits for what a server says only to be alive.
                    Source::Next(due) if self.reading.stage >= Stage::Whole => Source::Next(due),
                    Source::First(_) | Source::Next(_) | Source::Dry => {
                        Source::Next(after(self.idle))
                    }
                }
            }
            None => Source::Dry,
        };
        Ok(())
    }

    /// How it stands with a reply of which no more comes.
    fn verdict(&self) -> Result<(), Fault> {
        match self.reading.stage {
            Stage::Silent => Err(Fault::Malformed(Malformed::NothingKnown)),
            Stage::Open => Err(Fault::Cut),
            Stage::Whole | Stage::Ended if self.reading.withheld => Err(Fault::Withheld),
            Stage::Whole | Stage::Ended if !self.has_text => Err(Fault::Empty),
            Stage::Whole | Stage::Ended => Ok(()),
        }
    }
}

/// The moment `duration` from now; one that is too far to be told is a year away.
pub(crate) fn after(duration: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(duration).unwrap_or(now + YEAR)
}
