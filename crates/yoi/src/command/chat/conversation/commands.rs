//! What the commands at the prompt do.

use http_api::wire::CancelRunBody;
use registry_core::projection::CancelResult;

use super::{Conversation, worker_ref};
use crate::client::Client;
use crate::command::chat::slash::{HELP, SlashCommand};
use crate::command::session::until_interrupted;
use crate::error::Error;

impl Conversation<'_> {
    /// Does what `command` says.
    ///
    /// # Errors
    /// Those that the conversation can't continue after.
    pub(in crate::command::chat) async fn run(
        &mut self,
        command: SlashCommand,
    ) -> Result<(), Error> {
        let done = match command {
            SlashCommand::Help => {
                for line in HELP {
                    self.terminal.note(line);
                }
                Ok(())
            }
            SlashCommand::New => until_interrupted(self.begin_anew()).await,
            SlashCommand::Cancel => until_interrupted(self.cancel()).await,
            SlashCommand::Retry => match self.last_message.clone() {
                Some(message) => return self.send_and_report(&message).await,
                None => {
                    self.terminal
                        .note("note: there is no message to send again");
                    Ok(())
                }
            },
            SlashCommand::Exit => Ok(()),
        };
        done.or_else(|error| self.report_error(error))
    }

    pub(in crate::command::chat) fn print_unknown_command(&mut self, name: &str) {
        self.terminal.note(&format!(
            "note: {name} is no command, and was not sent; /help lists the commands, /{name} sends it \
             as text"
        ));
    }

    /// Goes on with a new worker of the same profile and model.
    async fn begin_anew(&mut self) -> Result<(), Error> {
        // It would be taken for the one before it.
        self.replacement.display_name = None;
        let summary = self.create_replacement().await?.value.summary;
        self.go_on_with(worker_ref(&summary));
        self.replacement = super::replacement(summary);
        self.last_message = None;
        self.print_greeting();
        Ok(())
    }

    /// Cancels the active run, which somebody else began, or nobody waits for any more.
    async fn cancel(&mut self) -> Result<(), Error> {
        let worker = &self.worker;
        let body = CancelRunBody { run_id: None };
        let request = async |client: &Client| client.cancel(worker, &body).await;
        let result = self.client.call(self.terminal, request).await?;
        self.terminal.note(match result.value {
            CancelResult::Cancelled { .. } => "note: the run was cancelled",
            CancelResult::NotRunning => "note: there is no active run",
        });
        Ok(())
    }
}
