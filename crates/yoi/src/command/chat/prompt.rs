//! The line editor of a chat, with its history.

use std::env;
use std::io::{self, Write as _};
use std::path::PathBuf;

use rustix::termios::{QueueSelector, tcflush};
use rustyline::completion::Completer;
use rustyline::config::{Behavior, Config};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Cmd, Editor, Helper, KeyEvent, Modifiers, Result as Readline};
use tokio::signal::unix::{SignalKind, signal};

use super::history::ENTRIES_MAX;
use crate::error::{Error, UsageError};

const PROMPT: &str = "> ";
/// The values of `TERM` for which rustyline edits no lines, and reads them as the terminal gives
/// them (its `UNSUPPORTED_TERM`).
const PLAIN_TERMINALS: [&str; 3] = ["dumb", "cons25", "emacs"];

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
    editor: Editor<Continuation, DefaultHistory>,
    history: Option<PathBuf>,
    edits_lines: bool,
}

/// Lets a backslash at the end of a line continue the message on another one.
struct Continuation;

impl Prompt {
    /// Loads the history in the file `history`, and appends to it later.
    pub(super) fn new(history: Option<PathBuf>) -> Result<Self, Error> {
        let config = Config::builder()
            // Uses the terminal itself, so that standard output may be redirected.
            .behavior(Behavior::PreferTerm)
            .max_history_size(ENTRIES_MAX)
            .map(rustyline::config::Builder::build)
            .map_err(setup_error)?;
        let mut editor = Editor::with_config(config).map_err(setup_error)?;
        editor.set_helper(Some(Continuation));
        editor.bind_sequence(KeyEvent::new('\r', Modifiers::ALT), Cmd::Newline);
        if let Some(path) = &history {
            // It is absent the first time; an unreadable one is ignored.
            let _ = editor.load_history(path);
        }
        let terminal = env::var("TERM").unwrap_or_default();
        let is_plain = |plain: &str| plain.eq_ignore_ascii_case(&terminal);
        Ok(Self {
            editor,
            history,
            edits_lines: !PLAIN_TERMINALS.into_iter().any(is_plain),
        })
    }

    /// Whether the prompt sets the terminal's modes while it reads a line. If not, the terminal
    /// itself has to echo, to gather lines and to turn Ctrl-C and Ctrl-D into what they mean.
    pub(super) fn edits_lines(&self) -> bool {
        self.edits_lines
    }

    /// Reads a line, and returns the prompt with it.
    pub(super) async fn read(mut self) -> Result<(Self, Input), Error> {
        let edits_lines = self.edits_lines;
        let mut ctrl_c = signal(SignalKind::interrupt()).map_err(Error::Setup)?;
        // On another thread, so that the connection to the server stays alive meanwhile.
        let mut read = tokio::task::spawn_blocking(move || {
            let input = input(self.editor.readline(PROMPT));
            if let Ok(Input::NotText) = input {
                discard_typed_ahead();
            }
            if let Ok(Input::Message(message)) = &input {
                self.add_to_history(message);
            }
            input.map(|input| (self, input))
        });
        loop {
            // Both arms are cancel-safe: a `JoinHandle` keeps its result, and a signal that is not
            // received stays.
            tokio::select! {
                read = &mut read => {
                    return read.map_err(|error| Error::Setup(io::Error::other(error)))?;
                }
                // The terminal has dropped the line, and rustyline does not know.
                _ = ctrl_c.recv(), if !edits_lines => print_prompt_again(),
            }
        }
    }

    /// Saves `message` at once, whether or not it is accepted.
    pub(super) fn add_to_history(&mut self, message: &str) {
        let added = self.editor.add_history_entry(message);
        if let (Ok(true), Some(path)) = (added, &self.history) {
            // A chat works without a history.
            let _ = self.editor.append_history(path);
        }
    }
}

impl Validator for Continuation {
    fn validate(&self, context: &mut ValidationContext<'_>) -> Readline<ValidationResult> {
        Ok(if is_continued(context.input()) {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Valid(None)
        })
    }
}

impl Completer for Continuation {
    type Candidate = String;
}
impl Hinter for Continuation {
    type Hint = String;
}
impl Highlighter for Continuation {}
impl Helper for Continuation {}

/// Whether `line` ends with a backslash that is not one of a pair.
fn is_continued(line: &str) -> bool {
    let backslashes = line.bytes().rev().take_while(|byte| *byte == b'\\');
    backslashes.count() % 2 == 1
}

/// `text` without the backslashes that continued its lines.
fn joined(text: &str) -> String {
    let mut lines = text.split('\n').peekable();
    let mut joined = String::with_capacity(text.len());
    while let Some(line) = lines.next() {
        let is_last = lines.peek().is_none();
        let is_continued = !is_last && is_continued(line);
        joined.push_str(
            line.strip_suffix('\\')
                .filter(|_| is_continued)
                .unwrap_or(line),
        );
        if !is_last {
            joined.push('\n');
        }
    }
    joined
}

fn input(line: Readline<String>) -> Result<Input, Error> {
    match line {
        Ok(line) if line.trim().is_empty() => Ok(Input::Empty),
        Ok(line) => Ok(Input::Message(joined(&line))),
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

/// On standard output, as rustyline prints the prompt of a plain terminal.
fn print_prompt_again() {
    let mut stdout = io::stdout();
    // A failure affects the layout alone.
    let _ = write!(stdout, "\n{PROMPT}").and_then(|()| stdout.flush());
}

fn setup_error(error: ReadlineError) -> Error {
    Error::Setup(io::Error::other(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_continues_a_line_and_is_not_sent() {
        for (line, expected) in [("a", false), ("a\\", true), ("a\\\\", false), ("\\", true)] {
            assert_eq!(is_continued(line), expected, "{line:?}");
        }
        for (text, sent) in [
            ("one\\\ntwo\nthree", "one\ntwo\nthree"),
            ("C:\\\\\nx", "C:\\\\\nx"),
            ("last\\", "last\\"),
        ] {
            assert_eq!(joined(text), sent, "{text:?}");
        }
    }

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
