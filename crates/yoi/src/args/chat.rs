//! Flags of `chat`, and what its arguments mean.

use clap::Args;
use clap_complete::ArgValueCompleter;
use registry_core::{DisplayName, ProfileId, RuntimeId};

use super::client::ClientArgs;
use super::reasoning::ReasoningMode;
use super::worker::{WorkerName, WorkerNameError, worker_name};
use crate::complete;
use crate::error::UsageError;

pub(super) const EXAMPLES: &str = "\
Examples:
  yoi chat                        talk to a new worker
  yoi chat \"What is a cursor?\"    the same, beginning with a message
  yoi chat WORKER                 go on with an existing one
  yoi chat -c                     go on with the one used last in this workspace
  yoi chat --once \"Why?\"          one message, one reply
  git diff | yoi chat             the same, with a message from a pipe

A single argument is the worker that it names, if there is one, and else a message; a word that looks
like an id, or that comes from a script, is always a worker. With --once, --continue, --name, --profile
or --model it is a message. At the prompt, Ctrl-C clears the line and
Ctrl-D leaves; during a reply, Ctrl-C cancels it. Alt-Enter, or a backslash at the end of a line, begins
another line of the same message. /help lists the commands; //text sends text that begins with a slash.

The history of what you type is kept in $XDG_STATE_HOME/yoi/chat-history (~/.local/state by
default), readable by you alone. When standard input is not a terminal and no message is given, all
of it is one message; --json prints the reply's events, one per line, and the exit code is that of
`yoi send --follow`.";

#[derive(Args)]
pub(crate) struct ChatArgs {
    /// The worker to go on with (its name, its id, or the beginning or end of its id; `-` is the one
    /// used last), or a message to a new one
    #[arg(
        value_name = "WORKER|MESSAGE",
        value_parser = worker_or_message,
        add = ArgValueCompleter::new(complete::workers)
    )]
    pub(crate) first: Option<WorkerOrMessage>,
    /// The first message to the worker; `-` reads standard input
    #[arg(value_name = "MESSAGE", conflicts_with_all = ["go_on", "name", "profile", "model"])]
    pub(crate) second: Option<String>,
    /// Go on with the worker that was used last in this workspace
    #[arg(id = "go_on", long = "continue", short = 'c')]
    pub(crate) go_on: bool,
    /// Send one message, print the reply, and end
    #[arg(long)]
    pub(crate) once: bool,
    /// The worker's runtime
    #[arg(long, value_name = "ID", add = ArgValueCompleter::new(complete::runtimes))]
    pub(crate) runtime: Option<RuntimeId>,
    /// The new worker's name, for people
    #[arg(long, conflicts_with = "go_on")]
    pub(crate) name: Option<DisplayName>,
    /// The new worker's profile; `yoi runtimes --json` lists them
    #[arg(
        long,
        value_name = "ID",
        conflicts_with = "go_on",
        add = ArgValueCompleter::new(complete::profiles)
    )]
    pub(crate) profile: Option<ProfileId>,
    /// The new worker's model; `yoi runtimes --json` lists them
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "go_on",
        add = ArgValueCompleter::new(complete::models)
    )]
    pub(crate) model: Option<DisplayName>,
    /// What to print of the model's reasoning, on standard error
    #[arg(long, value_enum, default_value_t)]
    pub(crate) reasoning: ReasoningMode,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// The first argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorkerOrMessage {
    text: String,
    /// `None` when no worker can have such a name.
    name: Option<WorkerName>,
}

/// What the arguments ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChatOpening {
    /// A new worker, and the first message to it.
    New(Option<String>),
    /// An existing worker, and the first message to it.
    Worker(WorkerName, Option<String>),
    /// The worker of this name, or else a message to a new one.
    WorkerOrMessage(WorkerName, String),
}

impl ChatArgs {
    /// What the arguments ask for.
    ///
    /// # Errors
    /// [`UsageError::NoWorkerName`] for a message to a text that can't be a worker's name.
    pub(crate) fn opening(&self) -> Result<ChatOpening, UsageError> {
        let is_message = self.once || self.creates_worker();
        let text = |first: WorkerOrMessage| first.text;
        Ok(match (self.first.clone(), self.second.clone()) {
            (first, None) if self.go_on => ChatOpening::Worker(WorkerName::Last, first.map(text)),
            (Some(first), Some(message)) => {
                let name = first.name.ok_or(UsageError::NoWorkerName)?;
                ChatOpening::Worker(name, Some(message))
            }
            (Some(WorkerOrMessage { text, name }), None) => match name {
                Some(WorkerName::Last) if !self.creates_worker() => {
                    ChatOpening::Worker(WorkerName::Last, None)
                }
                Some(name) if !is_message => ChatOpening::WorkerOrMessage(name, text),
                Some(_) | None => ChatOpening::New(Some(text)),
            },
            (None, message) => ChatOpening::New(message),
        })
    }

    fn creates_worker(&self) -> bool {
        self.name.is_some() || self.profile.is_some() || self.model.is_some()
    }
}

/// Parses the first argument. A display ref is refused, as everywhere.
fn worker_or_message(text: &str) -> Result<WorkerOrMessage, WorkerNameError> {
    let name = match worker_name(text) {
        Ok(name) => Some(name),
        Err(WorkerNameError::Invalid(_)) => None,
        Err(error @ WorkerNameError::DisplayRef { .. }) => return Err(error),
    };
    let text = text.to_owned();
    Ok(WorkerOrMessage { text, name })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::{Cli, Command};
    use super::*;

    fn opening(words: &[&str]) -> Result<ChatOpening, UsageError> {
        let line = ["yoi", "chat"].iter().chain(words);
        let Command::Chat(args) = Cli::try_parse_from(line).unwrap().command else {
            panic!("{words:?}");
        };
        args.opening()
    }

    #[test]
    fn one_argument_is_a_worker_or_a_message_and_two_are_both() {
        use ChatOpening::{New, Worker, WorkerOrMessage};
        let text = |text: &str| Some(text.to_owned());
        let name = |name: &str| worker_name(name).unwrap();
        let long = "long ".repeat(20);
        for (words, expected) in [
            (&[][..], New(None)),
            (&["w1"], WorkerOrMessage(name("w1"), "w1".into())),
            (
                &["Why not?"],
                WorkerOrMessage(name("Why not?"), "Why not?".into()),
            ),
            (&[&long], New(text(&long))),
            (&["two\nlines"], New(text("two\nlines"))),
            (&["w1", "Why?"], Worker(name("w1"), text("Why?"))),
            (&["--once", "w1"], New(text("w1"))),
            (&["--once", "w1", "Why?"], Worker(name("w1"), text("Why?"))),
            (&["--name", "N", "w1"], New(text("w1"))),
            (&["-"], Worker(WorkerName::Last, None)),
            (&["-c"], Worker(WorkerName::Last, None)),
            (&["-c", "Why?"], Worker(WorkerName::Last, text("Why?"))),
            (&["-", "Why?"], Worker(WorkerName::Last, text("Why?"))),
        ] {
            assert_eq!(opening(words).unwrap(), expected, "{words:?}");
        }
        assert!(matches!(
            opening(&[&long, "Why?"]),
            Err(UsageError::NoWorkerName)
        ));
    }

    #[test]
    fn flags_of_a_new_worker_are_refused_with_an_existing_one() {
        for line in [
            "w1 hi --name N",
            "w1 hi --model m",
            "-c --profile p",
            "w1 hi -c",
            "w1@r",
        ] {
            let line = format!("yoi chat {line}");
            let refused = Cli::try_parse_from(line.split(' '));
            assert_eq!(refused.err().unwrap().exit_code(), 2, "{line}");
        }
    }
}
