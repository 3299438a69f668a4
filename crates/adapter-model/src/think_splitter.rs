//! Reasoning that a model writes between tags at the beginning of its reply.

use std::borrow::Cow;

/// Opening and closing tags, as models of the Qwen and DeepSeek families and others write them.
const TAGS: [(&str, &str); 3] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<reasoning>", "</reasoning>"),
];

/// Bytes that are held back at most: a tag, and the white space before it.
const HELD_MAX_BYTES: usize = 256;

/// Splits a reply's text into reasoning and text. It holds back at most what may be a tag
/// and the white space before it.
#[derive(Debug, Default)]
pub(crate) struct ThinkSplitter {
    state: State,
    held: String,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing but white space and perhaps the beginning of a tag came.
    #[default]
    Beginning,
    /// Up to this tag, all is reasoning.
    Reasoning(&'static str),
    /// The white space after the closing tag.
    Gap,
    Text,
}

/// A part of a reply. Text after the beginning is borrowed: nothing is held back of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Split<'a> {
    pub(crate) reasoning: String,
    pub(crate) text: Cow<'a, str>,
}

impl ThinkSplitter {
    pub(crate) fn push<'a>(&mut self, text: &'a str) -> Split<'a> {
        let mut split = Split::default();
        if self.state == State::Text {
            split.text = Cow::Borrowed(text);
            return split;
        }
        self.held.push_str(text);
        if self.state == State::Beginning {
            let held = self.held.trim_start();
            if let Some((open, close)) = TAGS.iter().find(|(open, _)| held.starts_with(open)) {
                self.held = held[open.len()..].to_owned();
                self.state = State::Reasoning(close);
            } else if TAGS.iter().all(|(open, _)| !open.starts_with(held))
                || self.held.len() > HELD_MAX_BYTES
            {
                self.state = State::Text;
                split.text = std::mem::take(&mut self.held).into();
            }
        }
        if let State::Reasoning(close) = self.state {
            match self.held.split_once(close) {
                Some((reasoning, rest)) => {
                    reasoning.clone_into(&mut split.reasoning);
                    self.held = rest.to_owned();
                    self.state = State::Gap;
                }
                None => {
                    let kept = possible_tag(&self.held, close);
                    let rest = self.held.split_off(self.held.len() - kept);
                    split.reasoning = std::mem::replace(&mut self.held, rest);
                }
            }
        }
        if self.state == State::Gap {
            let rest = self.held.trim_start();
            if !rest.is_empty() {
                split.text = rest.to_owned().into();
                self.state = State::Text;
            }
            self.held.clear();
        }
        split
    }

    /// What was held back, once the reply is complete.
    pub(crate) fn finish(&mut self) -> Split<'static> {
        let held = std::mem::take(&mut self.held);
        match self.state {
            State::Reasoning(_) => Split {
                reasoning: held,
                text: Cow::default(),
            },
            State::Beginning | State::Gap | State::Text => Split {
                reasoning: String::new(),
                text: held.into(),
            },
        }
    }
}

/// Bytes at the end of `text` that may be the beginning of `tag`.
fn possible_tag(text: &str, tag: &str) -> usize {
    let longest = tag.len().min(text.len());
    let is_beginning = |length: &usize| text.as_bytes().ends_with(&tag.as_bytes()[..*length]);
    (1..=longest).rev().find(is_beginning).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_at_the_beginning_is_split_off_however_the_text_is_cut() {
        let spaces = " ".repeat(2 * HELD_MAX_BYTES);
        for (reply, reasoning, text) in [
            ("Hello <think>x</think>", "", "Hello <think>x</think>"),
            ("<think>hm</think>\n\nHello", "hm", "Hello"),
            ("\n<thinking>é <b> hm</thinking>Hello", "é <b> hm", "Hello"),
            ("<think>hm</thi", "hm</thi", ""),
            ("<think>", "", ""),
            ("<thin", "", "<thin"),
            ("<thinner", "", "<thinner"),
            (" \n", "", " \n"),
            ("", "", ""),
            ("<think></think>a<think>b", "", "a<think>b"),
            (&spaces, "", &spaces),
        ] {
            for size in 1..=reply.len().max(1) {
                let mut splitter = ThinkSplitter::default();
                let mut whole = Split::default();
                let mut rest = reply;
                while !rest.is_empty() {
                    let (piece, after) = rest.split_at(rest.ceil_char_boundary(size));
                    let split = splitter.push(piece);
                    whole.reasoning += &split.reasoning;
                    whole.text += split.text;
                    rest = after;
                }
                let split = splitter.finish();
                whole.reasoning += &split.reasoning;
                whole.text += split.text;
                assert_eq!(
                    (&*whole.reasoning, &*whole.text),
                    (reasoning, text),
                    "{reply:?} {size}"
                );
            }
        }
    }
}
