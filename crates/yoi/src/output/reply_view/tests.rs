//! What a terminal shows, and when it is painted again. [`Screen`] does what a terminal does with
//! what is written.

use super::*;

const SIZE: ScreenSize = ScreenSize {
    columns: 21,
    rows: 10,
};

/// A terminal that is high enough, and knows the sequences that are written.
struct Screen {
    rows: Vec<String>,
    columns: usize,
}

impl Screen {
    fn new(columns: usize) -> Self {
        Self {
            rows: vec![String::new()],
            columns,
        }
    }

    fn write(&mut self, text: &str) {
        let mut parts = text.split('\u{1b}');
        self.print(parts.next().unwrap());
        for part in parts {
            let end = part.find(|c: char| c.is_ascii_alphabetic()).unwrap();
            match &part[end..=end] {
                "A" => {
                    let up: usize = part[1..end].parse().unwrap();
                    self.rows.truncate(self.rows.len() - up);
                }
                // After the beginning of a line, which is how it is written.
                "J" => *self.rows.last_mut().unwrap() = String::new(),
                _ => {}
            }
            self.print(&part[end + 1..]);
        }
    }

    fn print(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '\n' => self.rows.push(String::new()),
                '\r' => {}
                _ => {
                    if width(self.rows.last().unwrap()) == self.columns {
                        self.rows.push(String::new());
                    }
                    self.rows.last_mut().unwrap().push(c);
                }
            }
        }
    }
}

/// What a terminal shows of `text` that came in pieces of so many characters.
fn shown(text: &str, piece: usize) -> String {
    let mut view = ReplyView::default();
    let mut screen = Screen::new(SIZE.columns);
    let size = ScreenSize { rows: 1000, ..SIZE };
    let chars: Vec<char> = text.chars().collect();
    for piece in chars.chunks(piece) {
        let piece: String = piece.iter().collect();
        screen.write(&view.push(&piece, Paint::Styled, size));
    }
    screen.rows.join("\n")
}

const EVERYTHING: &str = "\
# A heading of several words

Some *emphasis*, **importance**, ~~errors~~ and `code`
on two lines, and a [link](http://h/x).

- one
- two, which is longer than a line
  1. nested
  2. again

  of two paragraphs

> quoted text that goes on and on

```rust
fn main() { println!(\"as wide as it is\"); }
```

| a | b |
|---|---|
| 1 | two words |

***

The end, <b>raw</b> &amp; &#27;[31m well.
";

const RENDERED: &str = "\
A heading of several
words

Some emphasis,
importance, errors
and code
on two lines, and a
link (http://h/x).

• one

• two, which is
  longer than a line

  1. nested
  2. again

  of two paragraphs

│ quoted text that
│ goes on and on

  fn main() { println
!(\"as wide as it is\")
; }

───────────────
 a   b
═══════════════
 1   two words
───────────────

────────────────────

The end, <b>raw</b>
& [31m well.";

#[test]
fn markdown_looks_the_same_in_whatever_pieces_it_comes() {
    for piece in [1, 2, 3, 7, 50, 10_000] {
        assert_eq!(shown(EVERYTHING, piece), RENDERED, "{piece}");
    }
}

#[test]
fn what_is_only_longer_is_only_written() {
    let mut view = ReplyView::default();
    let mut push = |text: &str| view.push(text, Paint::Styled, SIZE);
    assert_eq!(push("Hello"), "Hello");
    assert_eq!(push(" "), "");
    assert_eq!(push("world,"), " world,");
    // It doesn't fit on the line.
    assert_eq!(push(" everybody and"), "\neverybody and");
    // The word becomes too long for its line.
    assert_eq!(push("rogynous"), "\r\u{1b}[Jeverybody\nandrogynous");
    assert_eq!(push("\n\nNext"), "\n\nNext");
    assert_eq!(push(" *is*"), " \u{1b}[3mis\u{1b}[0m");
}

#[test]
fn without_styles_there_are_none() {
    let mut view = ReplyView::default();
    assert_eq!(view.push("**a** `b`", Paint::Plain, SIZE), "a b");
}

#[test]
fn what_has_left_the_screen_is_not_painted_again() {
    let mut view = ReplyView::default();
    let size = ScreenSize { rows: 2, ..SIZE };
    view.push("| a |\n|---|\n| 1 |\n| 2 |\n| 3 |\n", Paint::Plain, size);
    let written = view.push("| wide |\n", Paint::Plain, size);
    assert!(written.starts_with("\r\u{1b}[1A\u{1b}[J"), "{written:?}");
}

#[test]
fn a_reply_that_was_interrupted_goes_on_below_in_its_code_block() {
    let mut view = ReplyView::default();
    view.push("```\na = *b*\n", Paint::Plain, SIZE);
    view.leave();
    assert_eq!(view.push("c = *d*\n", Paint::Plain, SIZE), "  c = *d*");
    let mut view = ReplyView::default();
    view.push("Half a re", Paint::Plain, SIZE);
    view.leave();
    assert_eq!(view.push("ply", Paint::Plain, SIZE), "ply");
}

#[test]
fn a_block_that_is_too_large_is_printed_as_it_comes() {
    let mut view = ReplyView::default();
    view.push(&"word ".repeat(BLOCK_MAX_BYTES / 5 + 1), Paint::Plain, SIZE);
    assert_eq!(
        view.push("**a**\n\n**b**", Paint::Plain, SIZE),
        "**a**\n\n**b**"
    );
}
