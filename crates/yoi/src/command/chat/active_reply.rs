//! One reply in a chat: printed through lost connections until its run ends or Ctrl-C
//! cancels it.

use http_api::wire::{CancelRunBody, ProblemCode};
use registry_core::WorkerRef;
use registry_core::projection::{AcceptedInput, RunOutcome, TranscriptPage};
use tokio::signal::unix::{SignalKind, signal};

use crate::client::Client;
use crate::command::reconnect::ReconnectingClient;
use crate::command::reply::{ReplyPrinter, ReplyStyle};
use crate::error::{Error, RunEnd};
use crate::output::Terminal;
use crate::retry::RetryPolicy;

/// [`ReconnectingClient`] repeats what fails and tells the user; it does not handle refusals
/// by the response budget.
pub(super) const RETRY: RetryPolicy = RetryPolicy::BUDGET_ONLY;

#[derive(Debug)]
pub(super) enum ReplyEnd {
    /// The run ended by itself, or another client cancelled it.
    Finished(RunEnd),
    /// Ctrl-C cancelled the run.
    Cancelled(RunEnd),
    /// The server no longer knows the worker, as this error says.
    Lost(Error),
}

pub(super) struct ActiveReply<'a> {
    worker: &'a WorkerRef,
    accepted: AcceptedInput,
    printer: ReplyPrinter<'a>,
}

impl<'a> ActiveReply<'a> {
    /// The reply to the `accepted` input, from its beginning.
    pub(super) fn new(
        worker: &'a WorkerRef,
        accepted: AcceptedInput,
        terminal: &'a mut Terminal,
        style: ReplyStyle,
    ) -> Self {
        Self {
            worker,
            printer: ReplyPrinter::new(terminal, style, worker, accepted.clone(), RETRY),
            accepted,
        }
    }

    /// Prints the text so far of the reply that is in flight in `page`.
    pub(super) fn print_in_flight(&mut self, page: &TranscriptPage) -> Result<(), Error> {
        self.printer.print_in_flight(page)
    }

    /// Prints the reply until its run has ended. Ctrl-C cancels the run.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when Ctrl-C is pressed again before the run has ended.
    pub(super) async fn follow(
        mut self,
        client: &mut ReconnectingClient,
    ) -> Result<ReplyEnd, Error> {
        // Registered here, so that earlier presses of Ctrl-C don't count.
        let mut ctrl_c = signal(SignalKind::interrupt()).map_err(Error::Setup)?;
        let end = tokio::select! {
            // Dropping it loses a poll at most: the position moves together with what is
            // printed.
            end = self.printer.follow_reconnecting(client) => ReplyEnd::Finished(end?),
            // Cancel-safe: a signal that is not received stays.
            _ = ctrl_c.recv() => tokio::select! {
                // Dropping it leaves open whether the run ends; the caller reports that.
                end = self.cancel(client) => match end? {
                    end if end.outcome == Some(RunOutcome::Cancelled) => ReplyEnd::Cancelled(end),
                    end => ReplyEnd::Finished(end),
                },
                // Cancel-safe, as above.
                _ = ctrl_c.recv() => return Err(Error::Interrupted),
            },
        };
        match &end {
            ReplyEnd::Finished(run) | ReplyEnd::Cancelled(run) => self.printer.finish(run)?,
            ReplyEnd::Lost(_) => {}
        }
        Ok(end)
    }

    /// Cancels the run, and prints the reply until it has ended.
    async fn cancel(&mut self, client: &mut ReconnectingClient) -> Result<RunEnd, Error> {
        let worker = self.worker;
        let run_id = Some(self.accepted.run_id.clone());
        let body = CancelRunBody { run_id };
        let terminal = self.printer.terminal();
        let mut spinner = Some(terminal.spinner("cancelling"));
        let request = async |client: &Client| {
            let result = client.cancel(worker, &body).await;
            // Removed before anything is printed in its place.
            spinner = None;
            result
        };
        match client.call(terminal, request).await {
            // The run had ended already; its last event has the outcome.
            Err(error) if error.problem_code() == Some(ProblemCode::RunMismatch) => {}
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        self.printer.follow_reconnecting(client).await
    }
}
