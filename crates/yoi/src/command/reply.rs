//! Prints the reply to an input while it is produced, for `send --follow` and `chat`.

use registry_core::projection::{AcceptedInput, EventBatch, TranscriptPage};
use registry_core::{Cursor, WorkerRef};

use crate::client::{Client, Response, TranscriptQuery};
use crate::error::{Error, RunEnd};
use crate::follow::reply::{CaughtUp, ReplyProgress, ReplyUpdate};
use crate::follow::{EventFollower, Followed};
use crate::output::{Format, Spinner, Terminal, json};
use crate::retry::RetryPolicy;

pub(super) struct ReplyPrinter<'a> {
    terminal: &'a mut Terminal,
    format: Format,
    /// Shown until the reply begins.
    spinner: Option<Spinner>,
    worker: &'a WorkerRef,
    accepted: AcceptedInput,
    events: EventFollower<'a>,
    progress: ReplyProgress,
    retry: RetryPolicy,
}

impl<'a> ReplyPrinter<'a> {
    /// Prints the reply to the `accepted` input from its beginning.
    pub(super) fn new(
        terminal: &'a mut Terminal,
        format: Format,
        worker: &'a WorkerRef,
        accepted: AcceptedInput,
        retry: RetryPolicy,
    ) -> Self {
        Self {
            spinner: Some(terminal.spinner("waiting for the reply")),
            terminal,
            format,
            worker,
            events: EventFollower::new(worker, Some(accepted.cursor), retry),
            progress: ReplyProgress::new(accepted.run_id.clone()),
            accepted,
            retry,
        }
    }

    /// The terminal, for notes about the reply.
    pub(super) fn terminal(&mut self) -> &mut Terminal {
        self.spinner = None;
        self.terminal
    }

    /// Up to where the events were printed.
    pub(super) fn position(&self) -> Option<Cursor> {
        self.events.position()
    }

    /// Prints the text so far of the reply that is in flight in `page`.
    pub(super) fn print_in_flight(&mut self, page: &TranscriptPage) -> Result<(), Error> {
        match self.progress.catch_up(page) {
            CaughtUp::InProgress { missed } | CaughtUp::Ended { missed, .. } => {
                self.print_text(&missed)
            }
        }
    }

    /// Prints the reply, from where the last call left it, until its run has ended. After an
    /// error, or when dropped, another call continues at [`Self::position`].
    pub(super) async fn follow(&mut self, client: &Client) -> Result<RunEnd, Error> {
        loop {
            let end = match self.events.next(client).await? {
                Followed::Batch(batch) => self.print_batch(&batch)?,
                Followed::CursorExpired => self.catch_up(client).await?,
            };
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }

    /// Ends the line that the reply left open.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.terminal().end_line()
    }

    fn print_batch(&mut self, batch: &Response<EventBatch>) -> Result<Option<RunEnd>, Error> {
        let raw = match self.format {
            Format::Json => json::events(&batch.json),
            Format::Text => Vec::new(),
        };
        for (index, event) in batch.value.events.iter().enumerate() {
            if let Some(event) = raw.get(index) {
                self.terminal().json(event)?;
            }
            match self.progress.apply(&event.kind) {
                ReplyUpdate::Text(text) => self.print_text(&text)?,
                ReplyUpdate::Ended(end) => return Ok(Some(end)),
                ReplyUpdate::None => {}
            }
        }
        Ok(None)
    }

    /// Prints the text of the expired events from the transcript. When a read fails, the
    /// position stays expired, so the next call comes here again.
    async fn catch_up(&mut self, client: &Client) -> Result<Option<RunEnd>, Error> {
        let worker = self.worker;
        // A run's reply is the entry after its input.
        let query = TranscriptQuery {
            limit: Some(1),
            after: Some(self.accepted.sequence),
            before: None,
        };
        let read = async || client.transcript(worker, &query).await;
        let page = self.retry.run(read).await?.value;
        let note = match self.format {
            Format::Text => "note: some events have expired; continuing from the transcript",
            Format::Json => "note: some events have expired; `yoi transcript` shows their text",
        };
        self.terminal().note(note);
        match self.progress.catch_up(&page) {
            CaughtUp::InProgress { missed } => {
                self.print_text(&missed)?;
                self.events.resume_at(page.cursor);
                Ok(None)
            }
            CaughtUp::Ended { missed, outcome } => {
                self.print_text(&missed)?;
                let read = async || client.worker(worker).await;
                let worker = self.retry.run(read).await?.value;
                Ok(Some(self.progress.end(&worker, outcome)))
            }
        }
    }

    fn print_text(&mut self, text: &str) -> Result<(), Error> {
        match self.format {
            Format::Text if !text.is_empty() => self.terminal().content(text),
            Format::Text | Format::Json => Ok(()),
        }
    }
}
