//! `chat`: a conversation in the terminal, or one message from a pipe.
//!
//! Reading order: [`conversation`] (what is said, and to whom), [`hearing`] (one reply, while
//! it is produced), [`mod@link`] (the server, lost and found again), [`prompt`] (what is typed),
//! [`history`] (where that is kept).

mod conversation;
mod hearing;
mod history;
mod link;
mod prompt;

use std::io::{self, IsTerminal as _};

use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};

use super::{find, input, until_done};
use crate::args::{ChatArgs, ClientArgs};
use crate::connect::{self, Found};
use crate::failure::{Failure, UsageError};
use crate::output::{Format, Terminal};
use conversation::Conversation;
use hearing::Ending;
use link::{Link, Persistence};
use prompt::{Prompt, Typed};

/// Talks to a worker: at a terminal until the end of the input, otherwise once.
pub(super) fn chat(
    chat: ChatArgs,
    args: ClientArgs,
    terminal: &mut Terminal,
    format: Format,
) -> Result<(), Failure> {
    let typed = io::stdin().is_terminal();
    if typed && format == Format::Json {
        return Err(UsageError::JsonAtTerminal.into());
    }
    // Read before a worker is made for it: it may be no message at all.
    let message = if typed { None } else { Some(piped(terminal)?) };
    let link = link(args, terminal)?;
    until_done(async {
        let mut conversation = Conversation::begin(link, terminal, format, chat).await?;
        let result = match message {
            Some(message) => once(&mut conversation, &message).await,
            None => until_left(&mut conversation).await,
        };
        conversation.say_how_to_go_on(&result);
        result
    })
}

/// The one message on standard input.
fn piped(terminal: &mut Terminal) -> Result<String, Failure> {
    let message = input::content(None, terminal)?;
    if message.trim().is_empty() {
        return Err(UsageError::InputBlank.into());
    }
    Ok(message)
}

/// A link to the server that `args` mean, now and whenever it has to be found again.
fn link(args: ClientArgs, terminal: &mut Terminal) -> Result<Link, Failure> {
    let since = Timestamp::now();
    let found = find(&args, terminal)?;
    let find_again = move |known: &_| -> Result<Found, Failure> {
        let variable = |name: &str| std::env::var_os(name);
        connect::find_again(&args, variable, known, since, connect::running_here)
    };
    Link::new(found, Box::new(find_again), Persistence::DEFAULT)
}

/// Says one message and prints the reply; fails when its run does not complete.
async fn once(conversation: &mut Conversation<'_>, message: &str) -> Result<(), Failure> {
    let heard = conversation.say(message).await?;
    conversation.say_usage(heard.usage);
    match heard.ending {
        Ending::Completed => Ok(()),
        Ending::Cancelled => Err(Failure::Interrupted),
        Ending::Otherwise(end) => Err(Failure::RunEnded(end)),
        Ending::Lost(failure) => Err(failure),
    }
}

/// Says what is typed, line after line, until the input ends.
async fn until_left(conversation: &mut Conversation<'_>) -> Result<(), Failure> {
    // From here on Ctrl-C is for a reply or a line, and never ends the process: the handler
    // stays when its first listener is gone.
    drop(signal(SignalKind::interrupt()).map_err(Failure::Setup)?);
    let history = history::open(|name| std::env::var_os(name).map(Into::into));
    let mut prompt = Prompt::new(history)?;
    conversation.greet();
    let rest = conversation.hear_the_rest().await;
    conversation.report(rest).await?;
    loop {
        let typed;
        (prompt, typed) = prompt.read().await?;
        match typed {
            Typed::Message(message) => {
                let reply = conversation.say(&message).await;
                conversation.report(reply.map(Some)).await?;
            }
            Typed::Nothing => {}
            Typed::End => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
