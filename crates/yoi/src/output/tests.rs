//! What is written to each stream.

use tempfile::NamedTempFile;

use super::*;
use crate::error::{self, Unreachable};
use crate::scripted_server::problem_json;

/// What a terminal printed.
pub(crate) struct Captured {
    out: NamedTempFile,
    err: NamedTempFile,
}

impl Captured {
    /// A terminal with two streams of the same kind.
    pub(crate) fn new(kind: StreamKind) -> (Self, Terminal) {
        let [out, err] = [(); 2].map(|()| NamedTempFile::new().unwrap());
        let writers =
            [&out, &err].map(|file| -> Box<dyn Write> { Box::new(file.reopen().unwrap()) });
        let terminal = Terminal::new(writers, [kind; 2]);
        (Self { out, err }, terminal)
    }

    pub(crate) fn out(&self) -> String {
        std::fs::read_to_string(&self.out).unwrap()
    }

    pub(crate) fn err(&self) -> String {
        std::fs::read_to_string(&self.err).unwrap()
    }
}

fn api_error(detail: &str) -> Error {
    let mut problem = problem_json(500, "internal");
    problem["detail"] = detail.into();
    error::tests::api_error(serde_json::from_value(problem).unwrap())
}

#[test]
fn nothing_that_the_server_sends_controls_the_terminal() {
    let hostile = "a\u{1b}[31m\u{9b}2J\rb";
    let (captured, mut terminal) = Captured::new(StreamKind::PlainTerminal);
    terminal.content(hostile).unwrap();
    terminal.line(hostile).unwrap();
    terminal.heading(hostile).unwrap();
    let json = serde_json::json!({ "text": hostile }).to_string();
    terminal.json(&json).unwrap();
    terminal.note(hostile);
    terminal.error(&api_error(hostile), Format::Text);
    terminal.error(&api_error(hostile), Format::Json);
    for text in [captured.out(), captured.err()] {
        let harmless = |c: char| c == '\n' || !c.is_control();
        assert!(text.chars().all(harmless), "{text:?}");
    }
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let printed = |kind| {
        let (captured, mut terminal) = Captured::new(kind);
        terminal.heading("H").unwrap();
        terminal.error(&Unreachable::NoneFound.into(), Format::Text);
        (captured.out(), captured.err())
    };
    let (out, err) = printed(StreamKind::ColorTerminal);
    assert_eq!(out, "\u{1b}[1mH\u{1b}[0m\n");
    let error = "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m no running server";
    assert!(err.starts_with(error), "{err:?}");
    let plain = "error: no running server was found\n\
                 hint: start one with `yoi serve`, or name one with --server URL\n";
    for kind in [StreamKind::PlainTerminal, StreamKind::Redirected] {
        assert_eq!(printed(kind), ("H\n".to_owned(), plain.to_owned()));
    }
}

#[test]
fn a_problem_is_text_for_people_and_its_own_json_for_programs() {
    let (captured, mut terminal) = Captured::new(StreamKind::Redirected);
    terminal.error(&api_error("Detail."), Format::Text);
    assert_eq!(
        captured.err(),
        "error: Title. Detail. [internal]\nhint: see the server's log for request r\n"
    );
    let (captured, mut terminal) = Captured::new(StreamKind::Redirected);
    terminal.error(&api_error("Detail."), Format::Json);
    let value: serde_json::Value = serde_json::from_str(&captured.err()).unwrap();
    assert_eq!(value["code"], "internal");
    assert_eq!(captured.out(), "");
}

#[test]
fn redirected_json_is_unchanged_and_a_closed_pipe_is_an_error() {
    let document = "{\"a\":\"\u{9b}é\"}";
    let (captured, mut terminal) = Captured::new(StreamKind::Redirected);
    terminal.json(document).unwrap();
    assert_eq!(captured.out(), format!("{document}\n"));
    let writers = [(); 2].map(|()| -> Box<dyn Write> { Box::new(io::pipe().unwrap().1) });
    let mut terminal = Terminal::new(writers, [StreamKind::Redirected; 2]);
    assert!(terminal.json(document).unwrap_err().is_closed_pipe());
}

#[test]
fn reasoning_is_dimmed_and_what_follows_it_begins_a_line() {
    let printed = |kind| {
        let (captured, mut terminal) = Captured::new(kind);
        terminal.content("half a line").unwrap();
        for piece in ["Let me\n", "", "\u{1b}", "see"] {
            terminal.reasoning(piece).unwrap();
        }
        terminal.note("note");
        terminal.end_reasoning();
        (captured.out(), captured.err())
    };
    let plain = "Let me\nsee\nnote\n".to_owned();
    let (open, ended) = ("half a line".to_owned(), "half a line\n".to_owned());
    assert_eq!(printed(StreamKind::Redirected), (open, plain.clone()));
    assert_eq!(printed(StreamKind::PlainTerminal), (ended.clone(), plain));
    let dimmed = "\u{1b}[2mLet me\n\u{1b}[0m\u{1b}[2msee\u{1b}[0m\nnote\n".to_owned();
    assert_eq!(printed(StreamKind::ColorTerminal), (ended, dimmed));
}

#[test]
fn a_note_never_stands_in_the_middle_of_a_line_on_a_terminal() {
    let (captured, mut terminal) = Captured::new(StreamKind::PlainTerminal);
    terminal.content("half a line").unwrap();
    terminal.note("note");
    assert_eq!(captured.out(), "half a line\n");
    // A file gets no note, so its line stays open.
    let (captured, mut terminal) = Captured::new(StreamKind::Redirected);
    terminal.content("half a line").unwrap();
    terminal.note("note");
    assert_eq!(captured.out(), "half a line");
    terminal.end_line().unwrap();
    terminal.end_line().unwrap();
    assert_eq!(captured.out(), "half a line\n");
}
