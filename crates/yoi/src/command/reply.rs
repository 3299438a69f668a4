//! Prints the reply to an input while it is produced, for `send --follow` and `chat`.
//!
//! Standard output gets the reply alone. Until it begins, a terminal shows what the run is doing;
//! the model's reasoning, retries, and what to know about the reply go to standard error.

mod phase_line;
mod reconnecting;

use registry_core::projection::{
    AcceptedInput, EventBatch, RunErrorCode, RunOutcome, RunPhase, TranscriptPage, WorkerState,
};
use registry_core::{Cursor, WorkerRef};

use crate::api_name::api_name;
use crate::args::ReasoningMode;
use crate::client::{Client, Response, TranscriptQuery};
use crate::error::{Error, RunEnd};
use crate::failure::failure;
use crate::follow::reply::{CaughtUp, ReplyProgress, ReplyUpdate, RunState};
use crate::follow::{EventFollower, Followed};
use crate::output::quantity::seconds;
use crate::output::{Format, Terminal, diagnostic, json};
use crate::retry::RetryPolicy;
use phase_line::PhaseLine;

/// Below a reply whose run did not survive the server.
const INTERRUPTED: &str = "note: the reply stops here: the server was restarted";

/// After a run that ended because the worker was stopped.
pub(super) const STOPPED_BY_ANOTHER: &str = "note: another client stopped this worker";

/// Whether a run ended because the worker was stopped.
pub(super) async fn was_stopped(client: &Client, worker: &WorkerRef, end: &RunEnd) -> bool {
    if end.outcome != Some(RunOutcome::Cancelled) {
        return false;
    }
    let state = client
        .worker(worker)
        .await
        .map(|worker| worker.value.summary.state);
    matches!(state, Ok(WorkerState::Stopped))
}

/// How a reply is printed.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReplyStyle {
    pub(super) format: Format,
    pub(super) reasoning: ReasoningMode,
}

pub(super) struct ReplyPrinter<'a> {
    terminal: &'a mut Terminal,
    style: ReplyStyle,
    phase_line: PhaseLine,
    /// Whether text of the reply was printed.
    text_begun: bool,
    /// Whether reasoning was printed, or is to be summarised, and has not ended.
    reasoning_open: bool,
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
        style: ReplyStyle,
        worker: &'a WorkerRef,
        accepted: AcceptedInput,
        retry: RetryPolicy,
    ) -> Self {
        Self {
            terminal,
            style,
            phase_line: PhaseLine::new(),
            text_begun: false,
            reasoning_open: false,
            worker,
            events: EventFollower::new(worker, Some(accepted.cursor), retry),
            progress: ReplyProgress::new(accepted.run_id.clone()),
            accepted,
            retry,
        }
    }

    /// The terminal, for notes about the reply.
    pub(super) fn terminal(&mut self) -> &mut Terminal {
        self.phase_line.hide();
        self.terminal
    }

    /// Up to where the events were printed.
    fn position(&self) -> Option<Cursor> {
        self.events.position()
    }

    /// Prints what there is so far of the reply that is in flight in `page`.
    pub(super) fn print_in_flight(&mut self, page: &TranscriptPage) -> Result<(), Error> {
        let caught_up = self.progress.catch_up(page);
        self.print_missed(&caught_up)
    }

    /// Prints the reply, from where the last call left it, until its run has ended. After an
    /// error, or when dropped, another call continues at [`Self::position`].
    async fn follow(&mut self, client: &Client) -> Result<RunEnd, Error> {
        loop {
            self.show_phase();
            let end = match self.events.next(client).await? {
                Followed::Batch(batch) => self.print_batch(&batch)?,
                Followed::CursorExpired => self.catch_up(client).await?,
            };
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }

    /// Ends the line that the reply left open, and prints what readers of the reply should know.
    pub(super) fn finish(mut self, end: &RunEnd) -> Result<(), Error> {
        let format = self.style.format;
        let terminal = self.terminal();
        terminal.end_line()?;
        if format == Format::Text {
            for diagnostic in &end.diagnostics {
                terminal.note(&diagnostic::note(diagnostic));
            }
        }
        Ok(())
    }

    fn print_batch(&mut self, batch: &Response<EventBatch>) -> Result<Option<RunEnd>, Error> {
        let raw = match self.style.format {
            Format::Json => json::events(&batch.json),
            Format::Text => Vec::new(),
        };
        for (index, event) in batch.value.events.iter().enumerate() {
            if let Some(event) = raw.get(index) {
                self.terminal().json(event)?;
            }
            match self.progress.apply(event) {
                ReplyUpdate::Text(text) => self.print_text(&text)?,
                ReplyUpdate::Reasoning(text) => self.print_reasoning(&text)?,
                ReplyUpdate::Retrying {
                    error_code,
                    delay_ms,
                } => self.print_retry(error_code, delay_ms),
                ReplyUpdate::Ended(end) => {
                    self.end_reasoning();
                    return Ok(Some(*end));
                }
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
        let worker = if self.progress.is_in_flight(&page) {
            None
        } else {
            let read = async || client.worker(worker).await;
            Some(self.retry.run(read).await?.value)
        };
        // From here on nothing fails but the output, so nothing is printed twice or left out.
        let caught_up = self.progress.catch_up(&page);
        let end = match (&caught_up.state, &worker) {
            (
                RunState::Ended {
                    outcome,
                    diagnostics,
                },
                Some(worker),
            ) => Some(self.progress.end(worker, *outcome, diagnostics.clone())),
            (RunState::Active(_), _) | (RunState::Ended { .. }, None) => None,
        };
        let interrupted = end
            .as_ref()
            .is_some_and(|end| end.error_code == Some(RunErrorCode::Interrupted));
        if !interrupted {
            let note = match self.style.format {
                Format::Text => "note: some events have expired; continuing from the transcript",
                Format::Json => "note: some events have expired; `yoi transcript` shows their text",
            };
            self.terminal().note(note);
        }
        self.print_missed(&caught_up)?;
        if interrupted {
            self.terminal().note(INTERRUPTED);
        }
        if end.is_none() {
            self.events.resume_at(page.cursor);
        }
        Ok(end)
    }

    fn print_missed(&mut self, caught_up: &CaughtUp) -> Result<(), Error> {
        self.print_reasoning(&caught_up.missed_reasoning)?;
        self.print_text(&caught_up.missed_text)?;
        match &caught_up.state {
            RunState::Active(phase) => self.phase_line.begin(*phase),
            RunState::Ended { .. } => self.end_reasoning(),
        }
        Ok(())
    }

    fn print_text(&mut self, text: &str) -> Result<(), Error> {
        if text.is_empty() {
            return Ok(());
        }
        self.phase_line.begin(RunPhase::Answering);
        self.end_reasoning();
        self.text_begun = true;
        match self.style.format {
            Format::Text => self.terminal().reply(text),
            Format::Json => Ok(()),
        }
    }

    fn print_reasoning(&mut self, text: &str) -> Result<(), Error> {
        if text.is_empty() {
            return Ok(());
        }
        self.phase_line.begin(RunPhase::Reasoning);
        match (self.style.format, self.style.reasoning) {
            (Format::Text, ReasoningMode::Show) => {
                self.reasoning_open = true;
                self.terminal().reasoning(text)?;
            }
            // One summary for each reply.
            (Format::Text, ReasoningMode::Summary) => {
                self.reasoning_open |= !self.text_begun;
            }
            (Format::Text, ReasoningMode::Hide) | (Format::Json, _) => {}
        }
        Ok(())
    }

    fn end_reasoning(&mut self) {
        if !std::mem::take(&mut self.reasoning_open) {
            return;
        }
        let summary = self.progress.reasoning().summary();
        match (self.style.reasoning, summary) {
            (ReasoningMode::Show, _) => self.terminal().end_reasoning(),
            (ReasoningMode::Summary, Some(summary)) => self.terminal().dimmed_note(&summary),
            (ReasoningMode::Summary, None) | (ReasoningMode::Hide, _) => {}
        }
    }

    fn print_retry(&mut self, error_code: RunErrorCode, delay_ms: u64) {
        self.phase_line.begin(RunPhase::Retrying);
        if self.style.format == Format::Text {
            let (cause, code) = (failure(error_code, None).cause, api_name(error_code));
            let wait = seconds(delay_ms.div_ceil(1000));
            let note = format!("note: {cause} [{code}]; trying again in {wait}");
            self.terminal().note(&note);
        }
    }

    /// Shows the phase, unless a line of the reply or of reasoning stands there.
    fn show_phase(&mut self) {
        let mode = self.style.reasoning;
        let streams_reasoning = self.reasoning_open && mode == ReasoningMode::Show;
        if self.text_begun || streams_reasoning {
            return;
        }
        let reasoning = self.progress.reasoning().size();
        let reasoning = reasoning.filter(|_| mode != ReasoningMode::Hide);
        self.phase_line.show(reasoning, self.terminal);
    }
}
