//! `chat`: a conversation at the terminal, or one message from a pipe.
//!
//! Reading order: [`conversation`] (the messages), [`active_reply`] (one reply while it is
//! produced), [`prompt`], [`history`], [`slash`] and [`typing`] (input), [`termination`] (signals);
//! [`super::reconnect`] handles a server that goes away.

mod active_reply;
mod conversation;
mod history;
mod prompt;
mod slash;
mod termination;
mod typing;

use std::io::{self, IsTerminal as _};

use http_api::wire::CreateWorkerBody;
use tokio::signal::unix::{SignalKind, signal};

use super::reconnect::{ReconnectPolicy, ReconnectingClient};
use super::reply::ReplyStyle;
use super::session::{block_on, find, find_again};
use super::{input, lookup};
use crate::args::{ChatArgs, ChatOpening, ClientArgs, WorkerArgs, WorkerName, runtime_or_default};
use crate::client::Client;
use crate::error::{Error, LookupError, UsageError};
use crate::last_worker::LastWorker;
use crate::output::{Format, Terminal};
use crate::state_directory;
use active_reply::ReplyEnd;
use conversation::{Conversation, Partner};
use prompt::{Input, Prompt};
use slash::{Line, SlashCommand};
use termination::TerminationSignals;
use typing::HiddenTyping;

/// Chats with a worker: at a terminal until the end of the input, otherwise one message.
pub(super) fn chat(
    chat: &ChatArgs,
    args: &ClientArgs,
    terminal: &mut Terminal,
    format: Format,
) -> Result<(), Error> {
    let at_terminal = io::stdin().is_terminal();
    let interactive = at_terminal && !chat.once;
    if interactive && format == Format::Json {
        return Err(UsageError::JsonAtTerminal.into());
    }
    let opening = chat.opening()?;
    let client = connect(args, terminal)?;
    let last_worker = LastWorker::of(client.client().target());
    block_on(async {
        let style = ReplyStyle {
            format,
            reasoning: chat.reasoning,
        };
        let first = first(&client, &last_worker, terminal, chat, opening);
        let (partner, message) = first.await?;
        let message = match message {
            None if interactive => None,
            message => {
                let message = one_message(message, terminal, client.client(), &partner);
                Some(message.await?)
            }
        };
        let started = Conversation::start(client, last_worker, terminal, style, partner);
        let mut conversation = started.await?;
        let result = match message {
            Some(message) if !interactive => exchange_once(&mut conversation, &message).await,
            message => run_prompt(&mut conversation, message).await,
        };
        conversation.print_how_to_continue(&result);
        result
    })
}

/// Whom the chat is with, and the first message.
async fn first(
    client: &ReconnectingClient,
    last_worker: &LastWorker,
    terminal: &mut Terminal,
    args: &ChatArgs,
    opening: ChatOpening,
) -> Result<(Partner, Option<String>), Error> {
    let client = client.client();
    let runtime = args.runtime.clone();
    let existing = |worker, named_by_user| Partner::Existing {
        worker,
        named_by_user,
    };
    let (worker, message) = match opening {
        ChatOpening::New(message) => return Ok((new_partner(args), message)),
        ChatOpening::Worker(worker, message) => (worker, message),
        ChatOpening::WorkerOrMessage(WorkerName::Text(name), text) => {
            return match lookup::listed(client, runtime.as_ref(), name.as_str()).await {
                Ok(worker) => Ok((existing(worker, true), None)),
                Err(Error::Lookup(LookupError::NoMatch { .. })) if is_message(&text) => {
                    if is_word(&text) {
                        terminal.note(&format!(
                            "note: no worker is called “{text}”: it is a message to a new one"
                        ));
                    }
                    Ok((new_partner(args), Some(text)))
                }
                Err(error) => Err(error),
            };
        }
        ChatOpening::WorkerOrMessage(worker, _) => (worker, None),
    };
    let named_by_user = worker != WorkerName::Last;
    let args = WorkerArgs { runtime, worker };
    let worker = lookup::find(client, last_worker, &args).await?;
    Ok((existing(worker, named_by_user), message))
}

fn new_partner(args: &ChatArgs) -> Partner {
    Partner::New {
        runtime: runtime_or_default(args.runtime.as_ref()),
        body: CreateWorkerBody {
            display_name: args.name.clone(),
            profile: args.profile.clone(),
            model: args.model.clone(),
        },
    }
}

/// Whether `text`, which names no worker, is meant as a message. A part of an id, or a word from a
/// script, is more likely a name with an error in it.
fn is_message(text: &str) -> bool {
    !is_word(text) || (io::stdin().is_terminal() && !lookup::looks_like_an_id(text))
}

fn is_word(text: &str) -> bool {
    !text.contains(char::is_whitespace)
}

/// `message`, or all of standard input. What the server would refuse is refused here, before a worker
/// is created for it.
async fn one_message(
    message: Option<String>,
    terminal: &mut Terminal,
    client: &Client,
    partner: &Partner,
) -> Result<String, Error> {
    let runtime = match partner {
        Partner::New { runtime, .. } => runtime,
        Partner::Existing { worker, .. } => &worker.runtime_id,
    };
    let message = input::content(message, terminal, client, runtime).await?;
    if message.trim().is_empty() {
        return Err(UsageError::InputBlank.into());
    }
    if let Partner::New { runtime, .. } = partner {
        input::require_acceptable(message.len(), client, runtime).await?;
    }
    Ok(message)
}

fn connect(args: &ClientArgs, terminal: &mut Terminal) -> Result<ReconnectingClient, Error> {
    let again = find_again(args.clone());
    let target = find(args, terminal)?;
    let client = Client::new(target)?;
    let policy = ReconnectPolicy::DEFAULT;
    Ok(ReconnectingClient::new(client, again, policy))
}

/// Sends one message and prints the reply; fails when its run does not complete.
async fn exchange_once(conversation: &mut Conversation<'_>, message: &str) -> Result<(), Error> {
    match conversation.exchange(message).await? {
        ReplyEnd::Finished(end) => {
            conversation.print_usage(end.usage);
            conversation.print_if_stopped(&end).await;
            end.into_result()
        }
        ReplyEnd::Cancelled(end) => {
            conversation.print_usage(end.usage);
            Err(Error::Interrupted)
        }
        ReplyEnd::Lost(error) => Err(error),
    }
}

/// Sends `message` and what is typed, line after line, until the input ends. A signal that ends the
/// process gets a terminal that is as it was before.
async fn run_prompt(
    conversation: &mut Conversation<'_>,
    message: Option<String>,
) -> Result<(), Error> {
    // From here on Ctrl-C never ends the process: the handler stays although its first
    // listener is dropped.
    drop(signal(SignalKind::interrupt()).map_err(Error::Setup)?);
    let history = state_directory::of_process().and_then(|directory| history::open(&directory));
    let prompt = Prompt::new(history)?;
    let mut termination = TerminationSignals::listen().map_err(Error::Setup)?;
    let typing = if prompt.edits_lines() {
        HiddenTyping::begin()
    } else {
        None
    };
    let typing = typing.as_ref();
    tokio::select! {
        // Nothing is lost that matters: the other arm ends the process.
        result = converse(conversation, prompt, typing, message) => result,
        // Cancel-safe: a signal that is not received stays.
        signal = termination.recv() => {
            if let Some(typing) = typing {
                typing.restore_in_foreground();
            }
            termination::end_process(signal)
        }
    }
}

/// Sends `message`, and then line after line.
async fn converse(
    conversation: &mut Conversation<'_>,
    mut prompt: Prompt,
    typing: Option<&HiddenTyping>,
    message: Option<String>,
) -> Result<(), Error> {
    conversation.print_greeting();
    let reply = conversation.resume().await;
    conversation.report(reply).await?;
    if let Some(message) = message {
        prompt.add_to_history(&message);
        conversation.send_and_report(&message).await?;
    }
    loop {
        let input;
        (prompt, input) = prompt.read().await?;
        if let Some(typing) = typing {
            typing.renew();
        }
        match input {
            Input::Message(line) => match slash::parse(&line) {
                Line::Message(message) => conversation.send_and_report(message).await?,
                Line::Command(SlashCommand::Exit) => return Ok(()),
                Line::Command(command) => conversation.run(command).await?,
                Line::Unknown(name) => conversation.print_unknown_command(name),
            },
            Input::Empty => {}
            Input::NotText => conversation.print_not_text(),
            Input::Eof => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
