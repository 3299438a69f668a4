//! The part of a worker's conversation that is sent: which entries fit, as alternating roles.

use worker_runtime::{Entry, History, Role, Turn};

/// Follows a reply that was cut short, so that the model neither takes it for complete nor
/// continues it.
const PARTIAL_NOTE: &str = "[This reply was cut short.]";

/// Separates entries of the same role that are sent as one message.
const SEPARATOR: &str = "\n\n";

/// A conversation in the form that every provider accepts: it begins and ends with the user,
/// and the roles alternate.
#[derive(Debug, Default)]
pub(crate) struct Prompt {
    /// The instructions of the worker's profile, unless they are blank.
    pub(crate) instructions: Option<String>,
    pub(crate) messages: Vec<Message>,
    /// How many of the oldest entries were left out.
    pub(crate) omitted_entries: usize,
}

#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) role: Role,
    pub(crate) text: String,
}

impl Prompt {
    /// The instructions, the input, and the newest entries that fit `max_bytes` with them.
    /// Instructions and input are sent even if they alone are larger.
    pub(crate) fn from_turn(turn: &Turn, max_bytes: usize) -> Self {
        let required = turn.instructions.len().saturating_add(turn.input.len());
        let newest = newest_fitting(&turn.transcript, max_bytes.saturating_sub(required));
        // Some providers refuse a conversation that begins with a reply.
        let entries: Vec<_> = newest.skip_while(|it| it.role == Role::Assistant).collect();

        let mut messages: Vec<Message> = Vec::with_capacity(entries.len() + 1);
        // Anthropic refuses every conversation that contains a blank reply.
        for entry in entries.iter().filter(|it| !it.content.trim().is_empty()) {
            append(&mut messages, entry.role, &entry.content);
            if entry.partial {
                append(&mut messages, entry.role, PARTIAL_NOTE);
            }
        }
        append(&mut messages, Role::User, &turn.input);
        let instructions = turn.instructions.trim();
        Self {
            instructions: (!instructions.is_empty()).then(|| instructions.to_owned()),
            messages,
            omitted_entries: turn.transcript.iter().count() - entries.len(),
        }
    }

    /// A single message of the user.
    pub(crate) fn from_message(text: &str) -> Self {
        let mut prompt = Self::default();
        append(&mut prompt.messages, Role::User, text);
        prompt
    }
}

fn newest_fitting(history: &History, max_bytes: usize) -> impl Iterator<Item = &Entry> {
    let mut bytes = 0_usize;
    let fitting = history.iter().rev().take_while(|entry| {
        let note = if entry.partial { PARTIAL_NOTE.len() } else { 0 };
        bytes = bytes.saturating_add(entry.content.len() + note + SEPARATOR.len());
        bytes <= max_bytes
    });
    let fitting = fitting.count();
    let omitted = history.iter().count() - fitting;
    history.iter().skip(omitted)
}

/// Appends an entry. Entries of the same role in a row, as after a run that failed without
/// output, become one message.
fn append(messages: &mut Vec<Message>, role: Role, text: &str) {
    match messages.last_mut() {
        Some(last) if last.role == role => {
            last.text.push_str(SEPARATOR);
            last.text.push_str(text);
        }
        _ => messages.push(Message {
            role,
            text: text.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
