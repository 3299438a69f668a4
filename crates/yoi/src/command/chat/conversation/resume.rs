//! What was said before a chat begins: the last exchanges, and the reply in flight.

use registry_core::projection::{AcceptedInput, EntryRole, TranscriptEntry};

use super::{ActiveReply, Conversation, ReplyEnd, follow};
use crate::client::{Client, TranscriptQuery};
use crate::command::chat::active_reply::RETRY;
use crate::command::session::until_interrupted;
use crate::error::Error;

/// The entries that remind the user of the conversation: two exchanges, and one in progress.
const ENTRIES_MAX: u32 = 5;
/// Most lines and characters that are shown of one of them.
const LINES_MAX: usize = 10;
const CHARS_MAX: usize = 800;

const NEWEST_ENTRIES: TranscriptQuery = TranscriptQuery {
    limit: Some(ENTRIES_MAX),
    before: None,
    after: None,
};

impl Conversation<'_> {
    /// Reminds the user of the last exchanges, and prints the reply that is in flight, if one is:
    /// its text so far, and the rest.
    pub(in crate::command::chat) async fn resume(&mut self) -> Result<Option<ReplyEnd>, Error> {
        if self.is_new {
            return Ok(None);
        }
        let worker = &self.worker;
        let request = async |client: &Client| {
            let read = async || client.transcript(worker, &NEWEST_ENTRIES).await;
            RETRY.run(read).await
        };
        let response = until_interrupted(self.client.call(self.terminal, request)).await?;
        let page = response.value;
        if page.has_earlier {
            self.terminal.dimmed_terminal_note("…");
        }
        // Whole exchanges: a reply without what it replies to says little.
        let exchanges = page.entries.iter();
        for entry in exchanges.skip_while(|entry| entry.role == EntryRole::Assistant) {
            self.terminal.dimmed_terminal_note(speaker(entry));
            for line in excerpt(&entry.content) {
                self.terminal.dimmed_terminal_note(&line);
            }
        }
        let said = page.entries.iter().rev();
        let mut said = said.filter(|entry| entry.role == EntryRole::User);
        self.last_message = said.next().map(|entry| entry.content.to_string());
        let Some(in_flight) = &page.in_flight else {
            return Ok(None);
        };
        let accepted = AcceptedInput {
            run_id: in_flight.run_id.clone(),
            // The newest entry is the input of the active run: its reply is none yet.
            sequence: page.last_sequence.unwrap_or_default(),
            cursor: page.cursor,
        };
        self.terminal.note("note: a reply is in progress");
        let mut reply = ActiveReply::new(&self.worker, accepted, self.terminal, self.style);
        reply.print_in_flight(&page)?;
        follow(reply, &mut self.client).await.map(Some)
    }
}

fn speaker(entry: &TranscriptEntry) -> &'static str {
    match entry.role {
        EntryRole::User => "you:",
        EntryRole::Assistant => "assistant:",
    }
}

/// The beginning of `text`, indented, one item for each line.
fn excerpt(text: &str) -> Vec<String> {
    let cut = text.char_indices().nth(CHARS_MAX).map(|(at, _)| at);
    let shown = &text[..cut.unwrap_or(text.len())];
    let lines = shown.lines().take(LINES_MAX);
    let mut excerpt: Vec<_> = lines.map(|line| format!("  {line}")).collect();
    if cut.is_some() || shown.lines().count() > LINES_MAX {
        excerpt.push("  …".to_owned());
    }
    excerpt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_cut_by_lines_and_by_characters() {
        assert_eq!(excerpt("one\n\ntwo\n"), ["  one", "  ", "  two"]);
        let long = excerpt(&"ä".repeat(CHARS_MAX + 1));
        assert_eq!(long[0].chars().count(), CHARS_MAX + 2);
        assert_eq!(long[1..], ["  …"]);
        let many = excerpt(&"line\n".repeat(LINES_MAX + 1));
        assert_eq!(
            (many.len(), many[LINES_MAX].as_str()),
            (LINES_MAX + 1, "  …")
        );
        let just = excerpt(&"line\n".repeat(LINES_MAX));
        assert_eq!(just.len(), LINES_MAX);
    }
}
