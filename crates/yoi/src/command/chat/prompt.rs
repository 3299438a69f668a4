//! What is typed at the prompt: a line editor, and what was typed before.

use std::io;
use std::path::PathBuf;

use rustyline::config::{Behavior, Config};
use rustyline::error::ReadlineError;
use rustyline::{DefaultEditor, Result as Readline};

use super::history::ENTRIES_MAX;
use crate::failure::{Failure, UsageError};

/// What stands before the cursor.
const PROMPT: &str = "> ";

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Message(String),
    /// An empty line, or one that Ctrl-C cleared.
    Nothing,
    /// The end of the input.
    End,
}

/// Reads lines from the terminal. Nothing of it is open while no line is read.
pub(super) struct Prompt {
    editor: DefaultEditor,
    history: Option<PathBuf>,
}

impl Prompt {
    /// A prompt that remembers what is in the file `history`, and adds to it.
    pub(super) fn new(history: Option<PathBuf>) -> Result<Self, Failure> {
        let config = Config::builder()
            // The terminal itself, so that standard output may lead elsewhere.
            .behavior(Behavior::PreferTerm)
            .max_history_size(ENTRIES_MAX)
            .map(rustyline::config::Builder::build)
            .map_err(unusable)?;
        let mut editor = DefaultEditor::with_config(config).map_err(unusable)?;
        if let Some(path) = &history {
            // Absent the first time; unreadable it is no worse than none.
            let _ = editor.load_history(path);
        }
        Ok(Self { editor, history })
    }

    /// Reads a line. The prompt comes back with it, to be used again.
    pub(super) async fn read(mut self) -> Result<(Self, Typed), Failure> {
        // On a thread of its own: the connection to the server lives meanwhile.
        let read = tokio::task::spawn_blocking(move || {
            let typed = typed(self.editor.readline(PROMPT));
            if let Ok(Typed::Message(message)) = &typed {
                self.remember(message);
            }
            typed.map(|typed| (self, typed))
        });
        read.await
            .map_err(|error| Failure::Setup(io::Error::other(error)))?
    }

    /// Keeps `message` at once, whatever becomes of it.
    fn remember(&mut self, message: &str) {
        let added = self.editor.add_history_entry(message);
        if let (Ok(true), Some(path)) = (added, &self.history) {
            // Whoever can't keep it can still talk.
            let _ = self.editor.append_history(path);
        }
    }
}

fn typed(line: Readline<String>) -> Result<Typed, Failure> {
    match line {
        Ok(line) if line.trim().is_empty() => Ok(Typed::Nothing),
        Ok(line) => Ok(Typed::Message(line)),
        Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => Ok(Typed::Nothing),
        Err(ReadlineError::Eof) => Ok(Typed::End),
        Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
            Err(UsageError::InputNotText.into())
        }
        Err(ReadlineError::Io(error)) => Err(UsageError::InputUnreadable(error).into()),
        Err(error) => Err(UsageError::InputUnreadable(io::Error::other(error)).into()),
    }
}

fn unusable(error: ReadlineError) -> Failure {
    Failure::Setup(io::Error::other(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_line_and_a_cleared_one_are_nothing_and_no_end() {
        assert_eq!(typed(Ok(" \t".into())).unwrap(), Typed::Nothing);
        assert_eq!(
            typed(Err(ReadlineError::Interrupted)).unwrap(),
            Typed::Nothing
        );
        assert_eq!(typed(Err(ReadlineError::Eof)).unwrap(), Typed::End);
        assert_eq!(
            typed(Ok(" a ".into())).unwrap(),
            Typed::Message(" a ".into())
        );
    }

    #[test]
    fn what_is_not_utf_8_is_said_to_be_so() {
        let garbled = ReadlineError::Io(io::ErrorKind::InvalidData.into());
        assert!(matches!(
            typed(Err(garbled)),
            Err(Failure::Usage(UsageError::InputNotText))
        ));
    }
}
