//! The messages of a chat, and the worker they go to: another one, once a restarted server
//! has forgotten the first.

mod delivery;

use http_api::wire::CreateWorkerBody;
use registry_core::WorkerRef;
use registry_core::projection::{AcceptedInput, Usage, WorkerState, WorkerSummary};

use super::active_reply::{ActiveReply, RETRY, ReplyEnd};
use crate::args::{ChatArgs, command_line};
use crate::client::{Client, TranscriptQuery};
use crate::command::reconnect::{ReconnectingClient, is_outage};
use crate::command::reply::ReplyStyle;
use crate::command::session::until_interrupted;
use crate::error::Error;
use crate::output::worker::run_usage;
use crate::output::{Format, Terminal};
use delivery::is_forgotten;

/// A conversation with one worker at a time.
pub(super) struct Conversation<'a> {
    client: ReconnectingClient,
    terminal: &'a mut Terminal,
    style: ReplyStyle,
    worker: WorkerRef,
    /// Whether the user typed the id of `worker`, and so needs no reminder of it.
    named_by_user: bool,
    /// How to create a replacement for `worker`.
    replacement: CreateWorkerBody,
}

impl<'a> Conversation<'a> {
    /// Looks up the worker that `args` name, or creates one. A server that is away at the
    /// start is not waited for.
    pub(super) async fn start(
        client: ReconnectingClient,
        terminal: &'a mut Terminal,
        format: Format,
        args: ChatArgs,
    ) -> Result<Self, Error> {
        let named_by_user = args.worker.is_some();
        let response = match args.worker {
            Some(worker_id) => {
                let worker = WorkerRef::new(args.runtime, worker_id);
                client.client().worker(&worker).await
            }
            None => {
                let body = CreateWorkerBody {
                    display_name: args.name,
                    profile: args.profile,
                    model: args.model,
                };
                client.client().create(&args.runtime, &body, None).await
            }
        };
        let summary = response?.value.summary;
        let worker = worker_ref(&summary);
        match summary.state {
            WorkerState::Idle
            | WorkerState::Queued
            | WorkerState::Running
            | WorkerState::Cancelling => {}
            state @ (WorkerState::Stopped | WorkerState::Recorded) => {
                return Err(Error::AcceptsNoInput { worker, state });
            }
        }
        let style = ReplyStyle {
            format,
            reasoning: args.reasoning,
        };
        Ok(Self {
            client,
            terminal,
            style,
            worker,
            named_by_user,
            replacement: CreateWorkerBody {
                display_name: Some(summary.display_name),
                profile: summary.profile,
                model: summary.model,
            },
        })
    }

    pub(super) fn print_greeting(&mut self) {
        let name = self.replacement.display_name.as_ref();
        let name = name.map(|name| format!("“{name}” ")).unwrap_or_default();
        let id = &self.worker.worker_id;
        self.terminal.terminal_note(&format!(
            "note: chatting with {name}({id}); Ctrl-C cancels a reply, Ctrl-D leaves"
        ));
    }

    /// Prints the reply that is in flight, if one is: its text so far, and the rest.
    pub(super) async fn follow_active_run(&mut self) -> Result<Option<ReplyEnd>, Error> {
        let worker = &self.worker;
        let request = async |client: &Client| {
            let read = async || client.transcript(worker, &TranscriptQuery::NEWEST).await;
            RETRY.run(read).await
        };
        let response = until_interrupted(self.client.call(self.terminal, request)).await?;
        let page = response.value;
        let Some(in_flight) = &page.in_flight else {
            return Ok(None);
        };
        let accepted = AcceptedInput {
            run_id: in_flight.run_id.clone(),
            // The newest entry is the input of the active run: its reply is none yet.
            sequence: page.last_sequence.unwrap_or_default(),
            cursor: page.cursor,
        };
        self.terminal.note("note: a reply is in progress");
        let mut reply = ActiveReply::new(worker, accepted, self.terminal, self.style);
        reply.print_in_flight(&page)?;
        follow(reply, &mut self.client).await.map(Some)
    }

    /// Sends `message` and prints the reply.
    pub(super) async fn exchange(&mut self, message: &str) -> Result<ReplyEnd, Error> {
        let accepted = until_interrupted(self.send(message)).await?;
        let reply = ActiveReply::new(&self.worker, accepted, self.terminal, self.style);
        follow(reply, &mut self.client).await
    }

    /// Prints how a reply ended.
    ///
    /// # Errors
    /// Those that the conversation can't continue after.
    pub(super) async fn report(
        &mut self,
        reply: Result<Option<ReplyEnd>, Error>,
    ) -> Result<(), Error> {
        self.terminal.end_line()?;
        let end = match reply {
            Ok(Some(ReplyEnd::Finished(end))) => end,
            Ok(Some(ReplyEnd::Cancelled(end))) => {
                self.terminal.note("note: the run was cancelled");
                self.print_usage(end.usage);
                return Ok(());
            }
            Ok(Some(ReplyEnd::Lost(_))) => {
                self.terminal.note("note: the rest of this reply is lost");
                let replaced = until_interrupted(self.replace_worker()).await;
                return replaced.or_else(|error| self.report_error(error));
            }
            Ok(None) => return Ok(()),
            Err(error) => return self.report_error(error),
        };
        let usage = end.usage;
        if let Err(error) = end.into_result() {
            self.report_error(error)?;
        }
        self.print_usage(usage);
        Ok(())
    }

    pub(super) fn print_not_text(&mut self) {
        self.terminal.note(
            "note: that line was not sent: it is not UTF-8 text; set the terminal's encoding to \
             UTF-8",
        );
    }

    pub(super) fn print_usage(&mut self, usage: Option<Usage>) {
        if let Some(usage) = usage.and_then(run_usage) {
            self.terminal.dimmed_terminal_note(&usage);
        }
    }

    /// Prints how to continue later, unless the user knows or nobody can.
    pub(super) fn print_how_to_continue(&mut self, result: &Result<(), Error>) {
        let possible = !matches!(result, Err(Error::AcceptsNoInput { .. }));
        if possible && !self.named_by_user {
            let chat = command_line("chat", &self.worker);
            self.terminal.note(&format!("note: continue with `{chat}`"));
        }
    }

    /// Prints `error`, or returns it when the conversation can't continue.
    fn report_error(&mut self, error: Error) -> Result<(), Error> {
        match &error {
            Error::Interrupted => {
                let cancel = command_line("cancel", &self.worker);
                self.terminal.note(&format!(
                    "note: no longer waiting; a run may still be active, `{cancel}` ends it"
                ));
            }
            Error::AcceptsNoInput { .. }
            | Error::Output(_)
            | Error::Setup(_)
            | Error::Usage(_)
            | Error::Unreachable(_) => return Err(error),
            Error::Api(_) if is_outage(&error) => return Err(error),
            Error::Api(_)
            | Error::InvalidResponse { .. }
            | Error::RunEnded(_)
            | Error::Declined
            | Error::ExportFile { .. }
            | Error::Store(_)
            | Error::StoreBeyondRecovery
            | Error::TooManyPages { .. }
            | Error::NothingListed => self.terminal.error(&error, self.style.format),
        }
        Ok(())
    }
}

async fn follow(
    reply: ActiveReply<'_>,
    client: &mut ReconnectingClient,
) -> Result<ReplyEnd, Error> {
    match reply.follow(client).await {
        Err(error) if is_forgotten(&error) => Ok(ReplyEnd::Lost(error)),
        result => result,
    }
}

fn worker_ref(summary: &WorkerSummary) -> WorkerRef {
    WorkerRef::new(summary.runtime_id.clone(), summary.worker_id.clone())
}
