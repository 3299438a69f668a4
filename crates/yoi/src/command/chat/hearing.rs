//! One reply, printed while it is produced: through lost connections, until its run ends or
//! Ctrl-C cancels it.

use http_api::wire::{CancelRunBody, ProblemCode};
use registry_core::projection::{
    AcceptedInput, EventBatch, EventKind, RunOutcome, TranscriptPage, Usage,
};
use registry_core::{Cursor, WorkerRef};
use tokio::signal::unix::{SignalKind, signal};

use super::link::{Link, is_outage};
use crate::client::Client;
use crate::command::reply::Screen;
use crate::failure::{Failure, RunEnd};
use crate::follow::{Fed, Feed, Patience};
use crate::output::{Format, Terminal};

/// Most times in a row that the server is found again without a single event from it: it is
/// there then, and will not be read.
const FRUITLESS_MAX: u32 = 5;

/// One attempt at each read: what fails is the link's to repair, and to speak of. A server
/// without room for an answer has not failed.
pub(super) const PATIENCE: Patience = Patience::FOR_ROOM;

/// What was heard.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) ending: Ending,
    /// What the run used, where that was said.
    pub(super) usage: Option<Usage>,
}

/// How a run ended.
#[derive(Debug)]
pub(super) enum Ending {
    Completed,
    /// Ctrl-C cancelled it.
    Cancelled,
    /// It failed, or something else ended it.
    Otherwise(RunEnd),
    /// The server forgot it, as this failure says.
    Lost(Failure),
}

/// A reply that is being heard.
pub(super) struct Hearing<'a> {
    worker: &'a WorkerRef,
    accepted: AcceptedInput,
    /// Up to where its events were printed.
    position: Cursor,
    screen: Screen<'a>,
    usage: Option<Usage>,
}

impl<'a> Hearing<'a> {
    /// The reply to the `accepted` input, from its beginning.
    pub(super) fn new(
        worker: &'a WorkerRef,
        accepted: AcceptedInput,
        terminal: &'a mut Terminal,
        format: Format,
    ) -> Self {
        let position = accepted.cursor;
        let screen = Screen::new(terminal, format, accepted.run_id.clone(), PATIENCE);
        Self {
            worker,
            accepted,
            position,
            screen,
            usage: None,
        }
    }

    /// Prints what the reply has said until `page` was read, in which it is in flight.
    pub(super) fn show_so_far(&mut self, page: &TranscriptPage) -> Result<(), Failure> {
        self.screen.show_so_far(page)
    }

    /// Prints the reply until its run has ended. Ctrl-C cancels the run.
    ///
    /// # Errors
    /// [`Failure::Interrupted`] when Ctrl-C is pressed again before the run has ended.
    pub(super) async fn hear_out(mut self, link: &mut Link) -> Result<Heard, Failure> {
        // Presses from before this reply are not meant for it.
        let mut ctrl_c = signal(SignalKind::interrupt()).map_err(Failure::Setup)?;
        tokio::select! {
            // Dropped by the other arm it loses a poll at most: the position moves together
            // with what is printed.
            end = self.follow(link) => {
                let end = end?;
                return self.ended(end, Ending::Otherwise);
            }
            // Cancel-safe: a press that is not taken stays.
            _ = ctrl_c.recv() => {}
        }
        tokio::select! {
            // Dropped by the other arm, the run goes on or not: that is said.
            end = self.cancel(link) => {
                let end = end?;
                self.ended(end, |_| Ending::Cancelled)
            }
            // Cancel-safe, as above.
            _ = ctrl_c.recv() => Err(Failure::Interrupted),
        }
    }

    /// Cancels the run, and prints what it says until it has ended.
    async fn cancel(&mut self, link: &mut Link) -> Result<RunEnd, Failure> {
        let worker = self.worker;
        let run_id = Some(self.accepted.run_id.clone());
        let body = CancelRunBody { run_id };
        let terminal = self.screen.terminal();
        let mut spinner = Some(terminal.spinner("cancelling"));
        let ask = async |client: &Client| {
            let asked = client.cancel(worker, &body).await;
            // Gone before anything is said in its place.
            spinner.take();
            asked
        };
        match link.persist(terminal, ask).await {
            Ok(_) => {}
            // It had ended, and something else runs now; its events say how it ended.
            Err(Failure::Refused(refusal)) if refusal.problem.code == ProblemCode::RunMismatch => {}
            Err(failure) => return Err(failure),
        }
        self.follow(link).await
    }

    /// Prints the reply until its run has ended, on whatever server is found.
    async fn follow(&mut self, link: &mut Link) -> Result<RunEnd, Failure> {
        let worker = self.worker;
        let mut fruitless = 0;
        loop {
            let before = self.position;
            let failure = match self.read(link.client()).await {
                Err(failure) if is_outage(&failure) => failure,
                result => return result,
            };
            fruitless = if self.position == before {
                fruitless + 1
            } else {
                0
            };
            if fruitless > FRUITLESS_MAX {
                return Err(failure);
            }
            if fruitless > 1 {
                link.rest().await;
            }
            let ask = async |client: &Client| client.worker(worker).await;
            link.recover(failure, self.screen.terminal(), ask).await?;
        }
    }

    /// Prints the reply from where it was left, until its run has ended or a read fails.
    async fn read(&mut self, client: &Client) -> Result<RunEnd, Failure> {
        let mut feed = Feed::new(client, self.worker, Some(self.position), PATIENCE);
        loop {
            let end = match feed.next().await? {
                Fed::Batch(batch) => {
                    let end = self.screen.show(&batch)?;
                    self.position = batch.value.next_cursor;
                    self.usage = self.usage.or_else(|| self.usage_in(&batch.value));
                    end
                }
                // Should it fail, the position stands where it stood: the next attempt
                // expires as well, and the screen knows what it has shown.
                Fed::Expired => {
                    let screen = &mut self.screen;
                    screen
                        .catch_up(client, self.worker, &self.accepted, &mut feed)
                        .await?
                }
            };
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }

    /// What `batch` says that the run used.
    fn usage_in(&self, batch: &EventBatch) -> Option<Usage> {
        batch.events.iter().find_map(|event| match &event.kind {
            EventKind::RunFinished { run_id, usage, .. } if *run_id == self.accepted.run_id => {
                *usage
            }
            EventKind::WorkerCreated
            | EventKind::InputAccepted { .. }
            | EventKind::OutputDelta { .. }
            | EventKind::RunFinished { .. }
            | EventKind::WorkerStopped => None,
        })
    }

    /// Ends the screen's line. A run that was cancelled ended as `when_cancelled` says.
    fn ended(
        self,
        end: RunEnd,
        when_cancelled: impl FnOnce(RunEnd) -> Ending,
    ) -> Result<Heard, Failure> {
        let cancelled = end.outcome == Some(RunOutcome::Cancelled);
        let ending = match self.screen.end(end) {
            Ok(()) => Ending::Completed,
            Err(Failure::RunEnded(end)) if cancelled => when_cancelled(end),
            Err(Failure::RunEnded(end)) => Ending::Otherwise(end),
            Err(failure) => return Err(failure),
        };
        Ok(Heard {
            ending,
            usage: self.usage,
        })
    }
}
