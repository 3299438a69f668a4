//! `send --follow`: a reply on the screen while it is produced.

use registry_core::projection::{AcceptedInput, EventBatch, RunOutcome, TranscriptPage};
use registry_core::{RunId, WorkerRef};

use super::Session;
use crate::client::{Answer, Client, TranscriptBound, TranscriptQuery};
use crate::failure::{Failure, RunEnd};
use crate::follow::reply::{CaughtUp, Reply, Shown};
use crate::follow::{Fed, Feed, Patience};
use crate::output::spinner::Spinner;
use crate::output::{Format, Terminal, json};

/// Prints the reply to the `accepted` input until its run has ended; fails when the run did
/// not complete.
pub(super) async fn follow(
    session: &mut Session<'_>,
    worker: &WorkerRef,
    accepted: &AcceptedInput,
    patience: Patience,
) -> Result<(), Failure> {
    let Session {
        client,
        terminal,
        format,
    } = session;
    let mut feed = Feed::new(client, worker, Some(accepted.cursor), patience);
    let mut screen = Screen::new(terminal, *format, accepted.run_id.clone(), patience);
    let end = loop {
        let end = match feed.next().await? {
            Fed::Batch(batch) => screen.show(&batch)?,
            Fed::Expired => screen.catch_up(client, worker, accepted, &mut feed).await?,
        };
        if let Some(end) = end {
            break end;
        }
    };
    screen.end(end)
}

/// What a reply is printed on.
pub(super) struct Screen<'a> {
    terminal: &'a mut Terminal,
    format: Format,
    /// Until the reply begins.
    spinner: Option<Spinner>,
    reply: Reply,
    patience: Patience,
}

impl<'a> Screen<'a> {
    /// A screen for the reply of `run_id`, of which nothing was shown.
    pub(super) fn new(
        terminal: &'a mut Terminal,
        format: Format,
        run_id: RunId,
        patience: Patience,
    ) -> Self {
        let spinner = Some(terminal.spinner("waiting for the reply"));
        Self {
            terminal,
            format,
            spinner,
            reply: Reply::new(run_id),
            patience,
        }
    }

    /// The terminal, to say something beside the reply.
    pub(super) fn terminal(&mut self) -> &mut Terminal {
        self.spinner.take();
        self.terminal
    }

    /// Prints what the reply has said until `page` was read, in which it is in flight.
    pub(super) fn show_so_far(&mut self, page: &TranscriptPage) -> Result<(), Failure> {
        match self.reply.catch_up(page) {
            CaughtUp::InProgress { missed } | CaughtUp::Over { missed, .. } => self.text(&missed),
        }
    }

    /// Prints a batch of events, up to the end of the run.
    pub(super) fn show(&mut self, batch: &Answer<EventBatch>) -> Result<Option<RunEnd>, Failure> {
        let as_sent = match self.format {
            Format::Json => json::events(&batch.json),
            Format::Text => Vec::new(),
        };
        for (at, event) in batch.value.events.iter().enumerate() {
            if let Some(event) = as_sent.get(at) {
                self.spinner.take();
                self.terminal.json(event)?;
            }
            match self.reply.take(&event.kind) {
                Shown::Text(text) => self.text(&text)?,
                Shown::Ended(end) => return Ok(Some(end)),
                Shown::Nothing => {}
            }
        }
        Ok(None)
    }

    /// Replaces the events that are no longer retained by what the transcript says, and lets
    /// `feed` go on from the instant of the transcript.
    pub(super) async fn catch_up(
        &mut self,
        client: &Client,
        worker: &WorkerRef,
        accepted: &AcceptedInput,
        feed: &mut Feed<'_>,
    ) -> Result<Option<RunEnd>, Failure> {
        // A run's reply is the entry after its input.
        let query = TranscriptQuery {
            limit: Some(1),
            bound: TranscriptBound::After(accepted.sequence),
        };
        let read = async || client.transcript(worker, &query).await;
        let page = self.patience.persist(read).await?.value;
        feed.resume(page.cursor);
        self.spinner.take();
        self.terminal.note(match self.format {
            Format::Text => "note: some events are gone; the transcript fills the gap",
            Format::Json => "note: some events are gone; `yoi transcript` has what they said",
        });
        match self.reply.catch_up(&page) {
            CaughtUp::InProgress { missed } => {
                self.text(&missed)?;
                Ok(None)
            }
            CaughtUp::Over { missed, guess } => {
                self.text(&missed)?;
                let read = async || client.worker(worker).await;
                let worker = self.patience.persist(read).await?.value;
                Ok(Some(self.reply.end(&worker, guess)))
            }
        }
    }

    fn text(&mut self, text: &str) -> Result<(), Failure> {
        match self.format {
            Format::Text if !text.is_empty() => {
                self.spinner.take();
                self.terminal.content(text)
            }
            Format::Text | Format::Json => Ok(()),
        }
    }

    pub(super) fn end(mut self, end: RunEnd) -> Result<(), Failure> {
        self.spinner.take();
        self.terminal.end_line()?;
        match end.outcome {
            Some(RunOutcome::Completed) => Ok(()),
            Some(RunOutcome::Cancelled | RunOutcome::Failed | RunOutcome::TimedOut) | None => {
                Err(Failure::RunEnded(end))
            }
        }
    }
}
