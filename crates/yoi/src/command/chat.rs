//! `chat`: a conversation at the terminal, or one message from a pipe.
//!
//! Reading order: [`conversation`] (the messages), [`active_reply`] (one reply while it is
//! produced), [`prompt`] and [`history`] (input); [`super::reconnect`] handles a server that goes
//! away.

mod active_reply;
mod conversation;
mod history;
mod prompt;

use std::io::{self, IsTerminal as _};

use tokio::signal::unix::{SignalKind, signal};

use super::input;
use super::reconnect::{ReconnectPolicy, ReconnectingClient};
use super::session::{block_on, find, find_again};
use crate::args::{ChatArgs, ClientArgs};
use crate::client::Client;
use crate::error::{Error, UsageError};
use crate::last_worker::LastWorker;
use crate::output::{Format, Terminal};
use crate::state_directory;
use active_reply::ReplyEnd;
use conversation::Conversation;
use prompt::{Input, Prompt};

/// Chats with a worker: at a terminal until the end of the input, otherwise one message.
pub(super) fn chat(
    chat: ChatArgs,
    args: &ClientArgs,
    terminal: &mut Terminal,
    format: Format,
) -> Result<(), Error> {
    let interactive = io::stdin().is_terminal();
    if interactive && format == Format::Json {
        return Err(UsageError::JsonAtTerminal.into());
    }
    // Read before a worker is created for it: it may be blank.
    let message = if interactive {
        None
    } else {
        Some(piped_message(terminal)?)
    };
    let client = connect(args, terminal)?;
    let last_worker = LastWorker::of_server(client.client().server());
    block_on(async {
        let mut conversation =
            Conversation::start(client, last_worker, terminal, format, chat).await?;
        let result = match message {
            Some(message) => exchange_once(&mut conversation, &message).await,
            None => run_prompt(&mut conversation).await,
        };
        conversation.print_how_to_continue(&result);
        result
    })
}

fn piped_message(terminal: &mut Terminal) -> Result<String, Error> {
    let message = input::content(None, terminal)?;
    if message.trim().is_empty() {
        return Err(UsageError::InputBlank.into());
    }
    Ok(message)
}

fn connect(args: &ClientArgs, terminal: &mut Terminal) -> Result<ReconnectingClient, Error> {
    let again = find_again(args.clone());
    let target = find(args, terminal)?;
    let client = Client::new(target.server, target.token)?;
    let policy = ReconnectPolicy::DEFAULT;
    Ok(ReconnectingClient::new(client, again, policy))
}

/// Sends one message and prints the reply; fails when its run does not complete.
async fn exchange_once(conversation: &mut Conversation<'_>, message: &str) -> Result<(), Error> {
    match conversation.exchange(message).await? {
        ReplyEnd::Finished(end) => {
            conversation.print_usage(end.usage);
            end.into_result()
        }
        ReplyEnd::Cancelled(end) => {
            conversation.print_usage(end.usage);
            Err(Error::Interrupted)
        }
        ReplyEnd::Lost(error) => Err(error),
    }
}

/// Sends what is typed, line after line, until the input ends.
async fn run_prompt(conversation: &mut Conversation<'_>) -> Result<(), Error> {
    // From here on Ctrl-C never ends the process: the handler stays although its first
    // listener is dropped.
    drop(signal(SignalKind::interrupt()).map_err(Error::Setup)?);
    let history = state_directory::of_process().and_then(|directory| history::open(&directory));
    let mut prompt = Prompt::new(history)?;
    conversation.print_greeting();
    let reply = conversation.follow_active_run().await;
    conversation.report(reply).await?;
    loop {
        let input;
        (prompt, input) = prompt.read().await?;
        match input {
            Input::Message(message) => {
                let reply = conversation.exchange(&message).await;
                conversation.report(reply.map(Some)).await?;
            }
            Input::Empty => {}
            Input::NotText => conversation.print_not_text(),
            Input::Eof => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
