//! The messages of a chat, and the worker they go to: another one, once a restarted server
//! has forgotten the first.

mod commands;
mod delivery;
mod resume;

use http_api::wire::CreateWorkerBody;
use registry_core::projection::{Usage, WorkerState, WorkerSummary};
use registry_core::{RuntimeId, WorkerRef};

use super::active_reply::{ActiveReply, ReplyEnd};
use crate::args::command_line;
use crate::command::reconnect::{ReconnectingClient, is_outage};
use crate::command::reply::{ReplyStyle, STOPPED_BY_ANOTHER, was_stopped};
use crate::command::session::until_interrupted;
use crate::error::{Error, RunEnd};
use crate::last_worker::LastWorker;
use crate::output::Terminal;
use crate::output::worker::run_usage;
use delivery::is_forgotten;

/// A conversation with one worker at a time.
pub(super) struct Conversation<'a> {
    client: ReconnectingClient,
    last_worker: LastWorker,
    terminal: &'a mut Terminal,
    style: ReplyStyle,
    worker: WorkerRef,
    /// Whether `worker` was created for this chat, and so has no history.
    is_new: bool,
    /// Whether the user typed the name of `worker`, and so needs no reminder of it.
    named_by_user: bool,
    /// What the user said last in this chat.
    last_message: Option<String>,
    /// How to create a replacement for `worker`.
    replacement: CreateWorkerBody,
}

/// Whom a chat is with.
pub(super) enum Partner {
    New {
        runtime: RuntimeId,
        body: CreateWorkerBody,
    },
    Existing {
        worker: WorkerRef,
        named_by_user: bool,
    },
}

impl<'a> Conversation<'a> {
    /// Looks up the worker, or creates it. A server that is away at the start is not waited for.
    pub(super) async fn start(
        client: ReconnectingClient,
        last_worker: LastWorker,
        terminal: &'a mut Terminal,
        style: ReplyStyle,
        partner: Partner,
    ) -> Result<Self, Error> {
        let (response, is_new, named_by_user) = match partner {
            Partner::Existing {
                worker,
                named_by_user,
            } => (client.client().worker(&worker).await, false, named_by_user),
            Partner::New { runtime, body } => (
                client.client().create(&runtime, &body, None).await,
                true,
                false,
            ),
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
        last_worker.set(&worker);
        Ok(Self {
            client,
            last_worker,
            terminal,
            style,
            worker,
            is_new,
            named_by_user,
            last_message: None,
            replacement: replacement(summary),
        })
    }

    pub(super) fn print_greeting(&mut self) {
        let name = self.replacement.display_name.as_ref();
        let name = name.map(|name| format!("“{name}” ")).unwrap_or_default();
        let id = &self.worker.worker_id;
        self.terminal.terminal_note(&format!(
            "note: chatting with {name}({id}); Ctrl-C cancels a reply, Ctrl-D leaves, /help says more"
        ));
    }

    /// Sends `message`, prints the reply and how it ended.
    pub(super) async fn send_and_report(&mut self, message: &str) -> Result<(), Error> {
        let reply = self.exchange(message).await;
        self.report(reply.map(Some)).await
    }

    /// Sends `message` and prints the reply.
    pub(super) async fn exchange(&mut self, message: &str) -> Result<ReplyEnd, Error> {
        self.last_message = Some(message.to_owned());
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
        let is_stopped = self.print_if_stopped(&end).await;
        if let Err(error) = end.into_result() {
            self.report_error(error)?;
        }
        self.print_usage(usage);
        if is_stopped {
            return Err(Error::AcceptsNoInput {
                worker: self.worker.clone(),
                state: WorkerState::Stopped,
            });
        }
        Ok(())
    }

    /// Says so if another client stopped the worker and thereby ended the run; returns whether.
    pub(super) async fn print_if_stopped(&mut self, end: &RunEnd) -> bool {
        let is_stopped = was_stopped(self.client.client(), &self.worker, end).await;
        if is_stopped {
            self.terminal.note(STOPPED_BY_ANOTHER);
        }
        is_stopped
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
            | Error::Lookup(_)
            | Error::Declined
            | Error::ExportFile { .. }
            | Error::Store(_)
            | Error::StoreCopy(_)
            | Error::StoreBeyondRecovery
            | Error::TooManyPages { .. }
            | Error::BrowserFailed
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

/// How to create another worker like the one of `summary`.
fn replacement(summary: WorkerSummary) -> CreateWorkerBody {
    CreateWorkerBody {
        display_name: Some(summary.display_name),
        profile: summary.profile,
        model: summary.model,
    }
}

fn worker_ref(summary: &WorkerSummary) -> WorkerRef {
    WorkerRef::new(summary.runtime_id.clone(), summary.worker_id.clone())
}
