//! A reply on a terminal while it is produced: Markdown, rendered and wrapped as far as it has come.
//!
//! What follows can change how the last block looks, so its lines are painted again where they
//! differ. Everything above it is final.

mod render;

use pulldown_cmark::{Event, Parser};

use super::screen::ScreenSize;
use super::wrap::{Paint, width};
use render::render;

/// Largest block that is rendered, in bytes; more of one is printed as it comes. Each piece of text
/// renders the block that it belongs to again.
const BLOCK_MAX_BYTES: usize = 64 * 1024;

#[derive(Default)]
pub(super) struct ReplyView {
    /// The last block's text.
    block: String,
    /// The last block's lines, as they are on the screen. The cursor is at the end of the last one.
    shown: Vec<String>,
    /// Whether the rest is printed as it comes.
    raw: bool,
}

impl ReplyView {
    /// What to write on a terminal of this size, so that it shows `text` as well. The text has no
    /// control characters but line breaks and tabs.
    pub(super) fn push(&mut self, text: &str, paint: Paint, size: ScreenSize) -> String {
        if self.raw {
            return text.to_owned();
        }
        self.block.push_str(text);
        // Not the last column: some terminals break the line behind it.
        let columns = size.columns.saturating_sub(1);
        let mut begin = last_block(&self.block);
        let mut last = render(&self.block[begin..], paint, columns);
        if last.is_empty() || !self.block[begin..].contains('\n') {
            // A line that is not whole may still belong to the block above it.
            begin = 0;
            last = render(&self.block, paint, columns);
        }
        let mut lines = render(&self.block[..begin], paint, columns);
        if !lines.is_empty() {
            lines.push(String::new());
        }
        let finished = lines.len();
        lines.append(&mut last);
        let written = self.repaint(&lines, size);
        self.shown = lines.split_off(finished);
        self.block.drain(..begin);
        self.raw = self.block.len() > BLOCK_MAX_BYTES;
        written
    }

    /// The cursor has left the reply: what follows begins on another line, in a code block if that is
    /// where it was left.
    pub(super) fn leave(&mut self) {
        let opening = self.block.split_inclusive('\n').next().unwrap_or_default();
        let is_code = ["```", "~~~"]
            .iter()
            .any(|fence| opening.starts_with(fence));
        let opening = if is_code {
            opening.to_owned()
        } else {
            String::new()
        };
        *self = Self {
            block: opening,
            ..Self::default()
        };
    }

    /// What makes `lines` of what is shown.
    fn repaint(&self, lines: &[String], size: ScreenSize) -> String {
        let rows = |line: &String| width(line).div_ceil(size.columns).max(1);
        let shown = &self.shown[..];
        let same = shown.iter().zip(lines).take_while(|(a, b)| a == b).count();
        // The cursor has to come to the end of the last line.
        let same = same.min(lines.len().saturating_sub(1));
        // Text at the end is just written.
        if let (Some(last), Some(line)) = (shown.last(), lines.get(shown.len().saturating_sub(1)))
            && same + 1 >= shown.len()
            && let Some(more) = line.strip_prefix(last.as_str())
        {
            let further = lines[shown.len()..].iter();
            return further.fold(more.to_owned(), |text, line| text + "\n" + line);
        }
        // What has left the screen stays as it is.
        let mut first = shown.len();
        let mut up = 0;
        while first > same {
            let more = rows(&shown[first - 1]);
            if up + more > size.rows {
                break;
            }
            up += more;
            first -= 1;
        }
        let mut text = match up {
            0 => String::new(),
            1 => "\r\u{1b}[J".to_owned(),
            _ => format!("\r\u{1b}[{}A\u{1b}[J", up - 1),
        };
        text.push_str(&lines.get(first..).unwrap_or_default().join("\n"));
        text
    }
}

/// Where the last block of `text` begins.
fn last_block(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut last = 0;
    for (event, range) in Parser::new_ext(text, render::OPTIONS).into_offset_iter() {
        let is_end = matches!(event, Event::End(_));
        if depth == 0 && !is_end {
            last = range.start;
        }
        if matches!(event, Event::Start(_)) {
            depth += 1;
        } else if is_end {
            depth = depth.saturating_sub(1);
        }
    }
    // The indentation of a code block belongs to it.
    text[..last].rfind('\n').map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests;
