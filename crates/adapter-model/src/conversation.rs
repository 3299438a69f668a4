//! What of a worker's conversation is sent: which entries fit, and in which order of roles.

use worker_runtime::{Entry, History, Role, Turn};

/// Stands after a reply that was cut short, so that the model neither takes it for whole
/// nor carries on with it.
pub const PARTIAL_NOTE: &str = "[This reply was cut short.]";

/// Between two things that the same side said in a row.
const BREAK: &str = "\n\n";

/// A conversation as every provider takes it: it begins and ends with the user, and the
/// roles alternate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Conversation {
    /// The profile's instructions; may be empty.
    pub(crate) instructions: String,
    pub(crate) messages: Vec<Message>,
    /// Entries of the transcript that were left out, the oldest ones.
    pub(crate) left_out: usize,
}

/// What one side said until it was the other's turn.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) role: Role,
    pub(crate) text: String,
}

impl Conversation {
    /// The instructions, the newest entries that fit `budget_bytes` together with them,
    /// and the input. Instructions and input are sent even if they alone are larger.
    pub(crate) fn of(turn: &Turn, budget_bytes: usize) -> Self {
        let fixed = turn.instructions.len().saturating_add(turn.input.len());
        let newest = newest_fitting(&turn.transcript, budget_bytes.saturating_sub(fixed));
        // A reply without its question tells nothing, and some providers refuse it.
        let entries: Vec<_> = newest.skip_while(|it| it.role == Role::Assistant).collect();

        let mut messages: Vec<Message> = Vec::with_capacity(entries.len() + 1);
        // A blank reply tells nothing, and Anthropic refuses all that is asked after it.
        for entry in entries.iter().filter(|it| !it.content.trim().is_empty()) {
            say(&mut messages, entry.role, &entry.content);
            if entry.partial {
                say(&mut messages, entry.role, PARTIAL_NOTE);
            }
        }
        say(&mut messages, Role::User, &turn.input);
        Self {
            instructions: turn.instructions.trim().to_owned(),
            messages,
            left_out: turn.transcript.len() - entries.len(),
        }
    }

    /// One question, and nothing before it.
    pub(crate) fn question(text: &str) -> Self {
        Self {
            instructions: String::new(),
            messages: vec![Message {
                role: Role::User,
                text: text.to_owned(),
            }],
            left_out: 0,
        }
    }
}

fn newest_fitting(history: &History, budget_bytes: usize) -> impl Iterator<Item = &Entry> {
    let mut bytes = 0_usize;
    let fitting = history.iter().rev().take_while(|entry| {
        let note = if entry.partial { PARTIAL_NOTE.len() } else { 0 };
        bytes = bytes.saturating_add(entry.content.len() + note + BREAK.len());
        bytes <= budget_bytes
    });
    let left_out = history.len() - fitting.count();
    history.iter().skip(left_out)
}

/// Adds to the conversation. Whoever speaks twice in a row, as after a run that failed
/// without a word, says it in one message.
fn say(messages: &mut Vec<Message>, role: Role, text: &str) {
    match messages.last_mut() {
        Some(last) if last.role == role => {
            last.text.push_str(BREAK);
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
