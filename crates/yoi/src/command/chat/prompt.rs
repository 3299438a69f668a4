//! The line editor of a chat, with its history.

use std::io;
use std::path::PathBuf;

use rustix::termios::{QueueSelector, tcflush};
use rustyline::config::{Behavior, Config};
use rustyline::error::ReadlineError;
use rustyline::{DefaultEditor, Result as Readline};

use super::history::ENTRIES_MAX;
use crate::error::{Error, UsageError};

const PROMPT: &str = "> ";

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    Message(String),
    /// An empty line, or one that Ctrl-C cleared.
    Empty,
    /// A line with a byte that is not UTF-8.
    NotText,
    Eof,
}

/// Reads lines from the terminal, which it controls only while a line is read.
pub(super) struct Prompt {
    editor: DefaultEditor,
    history: Option<PathBuf>,
}

impl Prompt {
    /// Loads the history in the file `history`, and appends to it later.
    pub(super) fn new(history: Option<PathBuf>) -> Result<Self, Error> {
        let config = Config::builder()
            // Uses the terminal itself, so that standard output may be redirected.
            .behavior(Behavior::PreferTerm)
            .max_history_size(ENTRIES_MAX)
            .map(rustyline::config::Builder::build)
            .map_err(setup_error)?;
        let mut editor = DefaultEditor::with_config(config).map_err(setup_error)?;
        if let Some(path) = &history {
            // It is absent the first time; an unreadable one is ignored.
            let _ = editor.load_history(path);
        }
        Ok(Self { editor, history })
    }

    /// Reads a line, and returns the prompt with it.
    pub(super) async fn read(mut self) -> Result<(Self, Input), Error> {
        // On another thread, so that the connection to the server stays alive meanwhile.
        let read = tokio::task::spawn_blocking(move || {
            let input = input(self.editor.readline(PROMPT));
            if let Ok(Input::NotText) = input {
                discard_typed_ahead();
            }
            if let Ok(Input::Message(message)) = &input {
                self.add_to_history(message);
            }
            input.map(|input| (self, input))
        });
        read.await
            .map_err(|error| Error::Setup(io::Error::other(error)))?
    }

    /// Saves `message` at once, whether or not it is accepted.
    fn add_to_history(&mut self, message: &str) {
        let added = self.editor.add_history_entry(message);
        if let (Ok(true), Some(path)) = (added, &self.history) {
            // A chat works without a history.
            let _ = self.editor.append_history(path);
        }
    }
}

fn input(line: Readline<String>) -> Result<Input, Error> {
    match line {
        Ok(line) if line.trim().is_empty() => Ok(Input::Empty),
        Ok(line) => Ok(Input::Message(line)),
        Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => Ok(Input::Empty),
        Err(ReadlineError::Eof) => Ok(Input::Eof),
        Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
            Ok(Input::NotText)
        }
        Err(ReadlineError::Io(error)) => Err(UsageError::InputUnreadable(error).into()),
        Err(error) => Err(UsageError::InputUnreadable(io::Error::other(error)).into()),
    }
}

/// Drops what has arrived of the rest of a line whose beginning is lost, so that it does not
/// become a message of its own.
fn discard_typed_ahead() {
    // Without it, the rest stands at the next prompt, where the user sees it.
    let _ = tcflush(io::stdin(), QueueSelector::IFlush);
}

fn setup_error(error: ReadlineError) -> Error {
    Error::Setup(io::Error::other(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_line_and_a_cleared_one_are_empty_input_and_not_the_end() {
        let garbled = ReadlineError::Io(io::ErrorKind::InvalidData.into());
        let message = Input::Message(" a ".into());
        for (line, expected) in [
            (Ok(" \t".into()), Input::Empty),
            (Err(ReadlineError::Interrupted), Input::Empty),
            (Err(ReadlineError::Eof), Input::Eof),
            (Ok(" a ".into()), message),
            (Err(garbled), Input::NotText),
        ] {
            assert_eq!(input(line).unwrap(), expected);
        }
    }
}
