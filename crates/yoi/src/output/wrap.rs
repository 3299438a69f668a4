//! Breaks styled text into lines, between words.

use anstyle::Style;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Whether styles are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Styled,
    Plain,
}

/// A piece of text in one style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) text: String,
    pub(super) style: Style,
}

impl Span {
    pub(super) fn new(text: impl Into<String>, style: Style) -> Self {
        let text = text.into();
        Self { text, style }
    }
}

/// Columns that `line` takes, without its styles.
pub(super) fn width(line: &str) -> usize {
    let mut parts = line.split('\u{1b}');
    let mut columns = parts.next().unwrap_or_default().width();
    for part in parts {
        // A style ends with an `m`.
        columns += part.split_once('m').map_or(0, |(_, text)| text.width());
    }
    columns
}

/// `spans` in one line.
pub(super) fn line(spans: &[Span], paint: Paint) -> String {
    let mut line = String::new();
    let mut spans = spans.iter().peekable();
    while let Some(span) = spans.next() {
        let mut text = span.text.clone();
        while let Some(next) = spans.next_if(|next| next.style == span.style) {
            text.push_str(&next.text);
        }
        let style = span.style;
        if paint == Paint::Plain || style == Style::new() {
            line.push_str(&text);
        } else {
            line.push_str(&format!("{style}{text}{style:#}"));
        }
    }
    line
}

/// Breaks `spans` into lines of at most `columns` columns, between words; a word that is longer than
/// a line is broken.
pub(super) fn wrap(spans: &[Span], columns: usize) -> Vec<Vec<Span>> {
    let mut wrapper = Wrapper::new(columns.max(1));
    for span in spans {
        for c in span.text.chars() {
            wrapper.push(c, span.style);
        }
    }
    wrapper.end_line();
    wrapper.lines
}

struct Wrapper {
    columns: usize,
    lines: Vec<Vec<Span>>,
    line: Vec<Span>,
    line_columns: usize,
    /// Spaces between the line and the word.
    gap: usize,
    word: Vec<Span>,
    word_columns: usize,
}

impl Wrapper {
    fn new(columns: usize) -> Self {
        Self {
            columns,
            lines: Vec::new(),
            line: Vec::new(),
            line_columns: 0,
            gap: 0,
            word: Vec::new(),
            word_columns: 0,
        }
    }

    fn push(&mut self, c: char, style: Style) {
        let columns = c.width().unwrap_or(0);
        match c {
            '\n' => self.end_line(),
            ' ' => {
                self.end_word();
                self.gap += 1;
            }
            // Between wide characters there may always be a break.
            _ if columns > 1 => {
                self.end_word();
                append(&mut self.word, c, style);
                self.word_columns = columns;
                self.end_word();
            }
            _ => {
                if self.word_columns + columns > self.columns {
                    self.end_word();
                }
                append(&mut self.word, c, style);
                self.word_columns += columns;
            }
        }
    }

    /// Places the word on this line, or on the next one.
    fn end_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        if self.line_columns > 0 && self.line_columns + self.gap + self.word_columns > self.columns
        {
            self.lines.push(std::mem::take(&mut self.line));
            self.line_columns = 0;
            self.gap = 0;
        }
        if self.gap > 0 {
            // In the style of the word, where that goes on.
            let before = self.line.last().map(|span| span.style);
            let style = before.filter(|style| *style == self.word[0].style);
            let gap = " ".repeat(self.gap);
            self.line.push(Span::new(gap, style.unwrap_or_default()));
        }
        self.line_columns += self.gap + self.word_columns;
        self.line.append(&mut self.word);
        self.gap = 0;
        self.word_columns = 0;
    }

    fn end_line(&mut self) {
        self.end_word();
        self.gap = 0;
        self.line_columns = 0;
        self.lines.push(std::mem::take(&mut self.line));
    }
}

fn append(word: &mut Vec<Span>, c: char, style: Style) {
    match word.last_mut() {
        Some(span) if span.style == style => span.text.push(c),
        Some(_) | None => word.push(Span::new(c, style)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(text: &str, columns: usize) -> Vec<String> {
        let spans = [Span::new(text, Style::new())];
        let lines = wrap(&spans, columns);
        lines
            .iter()
            .map(|spans| line(spans, Paint::Plain))
            .collect()
    }

    #[test]
    fn lines_break_between_words_and_only_a_long_word_is_broken() {
        for (text, lines) in [
            ("one two three", &["one two", "three"][..]),
            ("one  two three", &["one  two", "three"]),
            ("one two  three", &["one two", "three"]),
            ("12345678", &["12345678"]),
            ("a 12345678", &["a", "12345678"]),
            ("a 1234567890 b", &["a", "12345678", "90 b"]),
            ("a\n\nb", &["a", "", "b"]),
            ("日本語日本語", &["日本語日", "本語"]),
            ("", &[""]),
        ] {
            assert_eq!(wrapped(text, 8), lines, "{text:?}");
        }
        assert_eq!(wrapped("ab", 0), ["a", "b"]);
    }

    #[test]
    fn a_word_of_several_styles_stays_one() {
        let bold = Style::new().bold();
        let spans = [
            Span::new("one tw", Style::new()),
            Span::new("o th", bold),
            Span::new("ree", bold),
        ];
        let lines = wrap(&spans, 8);
        let styled: Vec<_> = lines
            .iter()
            .map(|spans| line(spans, Paint::Styled))
            .collect();
        assert_eq!(
            styled,
            ["one tw\u{1b}[1mo\u{1b}[0m", "\u{1b}[1mthree\u{1b}[0m"]
        );
        let widths: Vec<_> = styled.iter().map(|line| width(line)).collect();
        assert_eq!(widths, [7, 5]);
    }
}
