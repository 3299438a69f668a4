//! The part of a worker's conversation that is sent: which exchanges fit, as alternating roles.

use worker_runtime::{Entry, Role, Turn};

/// Follows a reply that was cut short, so that the model neither takes it for complete nor
/// continues it.
const PARTIAL_NOTE: &str = "\n\n[This reply was cut short.]";

/// Stands in a text whose middle is left out.
const GAP: &str = "\n\n[The middle of this text was left out.]\n\n";

/// The least bytes of a text with a gap that are worth sending.
const CUT_MIN_BYTES: usize = 128;

/// A conversation in the form that every provider accepts: it begins and ends with the user,
/// and the roles alternate.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prompt {
    /// The instructions of the worker's profile, unless they are blank.
    pub(crate) instructions: Option<String>,
    pub(crate) messages: Vec<Message>,
    /// How many of the oldest entries were left out.
    pub(crate) omitted_entries: usize,
    /// The newest exchange alone was too long, so that the middle of its texts was left out.
    pub(crate) exchange_truncated: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) role: Role,
    pub(crate) text: String,
}

/// An input and its reply.
struct Exchange<'a> {
    input: &'a Entry,
    reply: &'a Entry,
}

impl Prompt {
    /// The instructions, the input, and the newest exchanges that fit `max_bytes` with them. When
    /// not even the newest one fits, the middle of its texts is left out. Instructions and input
    /// are sent even if they alone are larger.
    pub(crate) fn from_turn(turn: &Turn, max_bytes: usize) -> Self {
        let instructions = turn.instructions.trim();
        let required = instructions.len().saturating_add(turn.input.len());
        let available = max_bytes.saturating_sub(required);
        let exchanges = exchanges(turn);
        let fitting = fitting(&exchanges, available);
        let (omitted, sent) = exchanges.split_at(exchanges.len() - fitting);

        let mut messages = Vec::with_capacity(2 * sent.len() + 1);
        let mut omitted_entries = 2 * omitted.len();
        let cut = match omitted.last() {
            Some(newest) if sent.is_empty() => newest.cut(available),
            _ => None,
        };
        let exchange_truncated = cut.is_some();
        if let Some(cut) = cut {
            omitted_entries -= 2;
            messages.extend(cut);
        }
        messages.extend(sent.iter().flat_map(Exchange::messages));
        messages.push(Message::new(Role::User, turn.input.to_string()));
        Self {
            instructions: (!instructions.is_empty()).then(|| instructions.to_owned()),
            messages,
            omitted_entries,
            exchange_truncated,
        }
    }

    /// A single message of the user.
    pub(crate) fn from_message(text: &str) -> Self {
        Self {
            messages: vec![Message::new(Role::User, text.to_owned())],
            ..Self::default()
        }
    }

    /// The same conversation for a model that takes no system message.
    pub(crate) fn with_instructions_in_first_message(&self) -> Self {
        let mut moved = Self {
            instructions: None,
            ..self.clone()
        };
        if let (Some(instructions), Some(first)) = (&self.instructions, moved.messages.first_mut())
        {
            first.text = format!("{instructions}\n\n{}", first.text);
        }
        moved
    }

    /// Bytes of all texts.
    pub(crate) fn bytes(&self) -> usize {
        let instructions = self.instructions.as_ref().map_or(0, String::len);
        let messages = self.messages.iter().map(|message| message.text.len());
        instructions + messages.sum::<usize>()
    }

    /// Whether nothing is left to be left out.
    pub(crate) fn is_input_alone(&self) -> bool {
        self.messages.len() == 1
    }
}

impl Message {
    fn new(role: Role, text: String) -> Self {
        Self { role, text }
    }
}

impl Exchange<'_> {
    fn note(&self) -> &'static str {
        if self.reply.partial { PARTIAL_NOTE } else { "" }
    }

    fn bytes(&self) -> usize {
        let texts = [&*self.input.content, &*self.reply.content, self.note()];
        texts.iter().map(|text| text.len()).sum()
    }

    fn messages(&self) -> [Message; 2] {
        let reply = format!("{}{}", self.reply.content, self.note());
        [
            Message::new(Role::User, self.input.content.to_string()),
            Message::new(Role::Assistant, reply),
        ]
    }

    /// The exchange in at most `max_bytes`, without the middle of its texts; `None` when that is
    /// too little to make sense of.
    fn cut(&self, max_bytes: usize) -> Option<[Message; 2]> {
        let note = self.note();
        let available = max_bytes.checked_sub(note.len() + 2 * GAP.len())?;
        if available < 2 * CUT_MIN_BYTES {
            return None;
        }
        let (input, reply) = (&*self.input.content, &*self.reply.content);
        // Each text has half, and what the other one does not need.
        let half = available / 2;
        let of_input = half.max(available.saturating_sub(reply.len()));
        let of_reply = half.max(available.saturating_sub(input.len()));
        let reply = format!("{}{note}", without_middle(reply, of_reply));
        Some([
            Message::new(Role::User, without_middle(input, of_input)),
            Message::new(Role::Assistant, reply),
        ])
    }
}

/// The exchanges of the conversation, oldest first. One whose reply is blank is none: Anthropic
/// refuses every conversation that contains such a reply. Neither is one whose reply a content filter
/// withheld in part: sent again, it is refused again, with everything after it.
fn exchanges(turn: &Turn) -> Vec<Exchange<'_>> {
    let mut exchanges = Vec::new();
    let mut input = None;
    for entry in turn.transcript.iter() {
        match entry.role {
            Role::User => input = Some(entry),
            // The input of the oldest reply may have been pruned.
            Role::Assistant => exchanges.extend(input.take().map(|input| Exchange {
                input,
                reply: entry,
            })),
        }
    }
    exchanges.retain(|Exchange { reply, .. }| {
        !reply.content.trim().is_empty() && !reply.diagnostics.content_filtered
    });
    exchanges
}

/// How many of the newest exchanges fit.
fn fitting(exchanges: &[Exchange<'_>], max_bytes: usize) -> usize {
    let mut bytes = 0_usize;
    let newest_first = exchanges.iter().rev();
    newest_first
        .take_while(|exchange| {
            bytes = bytes.saturating_add(exchange.bytes());
            bytes <= max_bytes
        })
        .count()
}

/// The beginning and the end of `text`, with `max_bytes` of it.
fn without_middle(text: &str, max_bytes: usize) -> String {
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    let beginning = &text[..text.floor_char_boundary(max_bytes / 2)];
    let end = &text[text.ceil_char_boundary(text.len() - max_bytes / 2)..];
    format!("{beginning}{GAP}{end}")
}

#[cfg(test)]
mod tests;
