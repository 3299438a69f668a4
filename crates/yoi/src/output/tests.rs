//! What reaches each stream.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::failure::{Refusal, Unreachable};

/// A stream that can be read back, and closed at the reader's end.
#[derive(Clone, Default)]
struct Sheet(Rc<RefCell<Option<Vec<u8>>>>);

impl Write for Sheet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.0.borrow_mut();
        let sheet = written.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        sheet.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A terminal that can be read back.
pub(crate) struct Paper {
    out: Sheet,
    err: Sheet,
}

impl Paper {
    /// Two streams that lead to the same kind of thing.
    pub(crate) fn new(leads: Leads) -> (Self, Terminal) {
        let sheet = || Sheet(Rc::new(RefCell::new(Some(Vec::new()))));
        let (out, err) = (sheet(), sheet());
        let terminal = Terminal::new(Box::new(out.clone()), leads, Box::new(err.clone()), leads);
        (Self { out, err }, terminal)
    }

    pub(crate) fn out(&self) -> String {
        String::from_utf8(self.out.0.borrow().clone().unwrap()).unwrap()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8(self.err.0.borrow().clone().unwrap()).unwrap()
    }

    /// From now on nobody reads standard output.
    pub(crate) fn close_out(&self) {
        self.out.0.borrow_mut().take();
    }
}

fn refusal(detail: &str) -> Failure {
    let json = serde_json::json!({
        "type": "urn:yoi:problem:internal", "title": "Title", "status": 500,
        "code": "internal", "detail": detail, "retryable": false, "request_id": "r-1",
    });
    let problem = serde_json::from_value(json.clone()).unwrap();
    Failure::Refused(Box::new(Refusal {
        problem,
        json: json.to_string(),
        retry_after: None,
    }))
}

#[test]
fn nothing_that_the_server_says_steers_the_terminal() {
    let hostile = "a\u{1b}[31m\u{9b}2J\rb";
    let (paper, mut terminal) = Paper::new(Leads::ToPlainTerminal);
    terminal.content(hostile).unwrap();
    terminal.line(hostile).unwrap();
    terminal.heading(hostile).unwrap();
    terminal
        .json(&serde_json::json!({ "text": hostile }).to_string())
        .unwrap();
    terminal.note(hostile);
    terminal.failure(&refusal(hostile), Format::Text);
    terminal.failure(&refusal(hostile), Format::Json);
    for text in [paper.out(), paper.err()] {
        assert!(
            text.chars().all(|c| c == '\n' || !c.is_control()),
            "{text:?}"
        );
    }
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let shown = |leads| {
        let (paper, mut terminal) = Paper::new(leads);
        terminal.heading("H").unwrap();
        terminal.failure(&Unreachable::NoneFound.into(), Format::Text);
        (paper.out(), paper.err())
    };
    let (out, err) = shown(Leads::ToTerminal);
    assert_eq!(out, "\u{1b}[1mH\u{1b}[0m\n");
    assert!(
        err.starts_with("\u{1b}[1m\u{1b}[31merror:\u{1b}[0m no running server"),
        "{err:?}"
    );
    let plain = "error: no running server was found\n\
                 hint: start one with `yoi serve`, or name one with --server URL\n";
    for leads in [Leads::ToPlainTerminal, Leads::Elsewhere] {
        assert_eq!(shown(leads), ("H\n".to_owned(), plain.to_owned()));
    }
}

#[test]
fn json_is_unchanged_where_a_program_reads_it() {
    let document = "{\"a\":\"\u{9b}é\"}";
    let (paper, mut terminal) = Paper::new(Leads::Elsewhere);
    terminal.json(document).unwrap();
    assert_eq!(paper.out(), format!("{document}\n"));
}

#[test]
fn a_refusal_is_text_for_people_and_its_own_json_for_programs() {
    let (paper, mut terminal) = Paper::new(Leads::Elsewhere);
    terminal.failure(&refusal("Detail."), Format::Text);
    assert_eq!(
        paper.err(),
        "error: Title. Detail. [internal]\nhint: the server's log has more about request r-1\n"
    );
    let (paper, mut terminal) = Paper::new(Leads::Elsewhere);
    terminal.failure(&refusal("Detail."), Format::Json);
    let value: serde_json::Value = serde_json::from_str(&paper.err()).unwrap();
    assert_eq!(value["code"], "internal");
    assert_eq!(paper.out(), "");
}

#[test]
fn a_note_never_stands_in_the_middle_of_a_line_on_a_screen() {
    let (paper, mut terminal) = Paper::new(Leads::ToPlainTerminal);
    terminal.content("half a line").unwrap();
    terminal.note("note");
    assert_eq!(paper.out(), "half a line\n");
    // In a file there is no note, so nothing makes way for it.
    let (paper, mut terminal) = Paper::new(Leads::Elsewhere);
    terminal.content("half a line").unwrap();
    terminal.note("note");
    assert_eq!(paper.out(), "half a line");
    terminal.end_line().unwrap();
    terminal.end_line().unwrap();
    assert_eq!(paper.out(), "half a line\n");
}

#[test]
fn a_reader_that_has_gone_away_is_seen() {
    let (paper, mut terminal) = Paper::new(Leads::Elsewhere);
    paper.close_out();
    assert!(terminal.line("x").unwrap_err().is_closed_pipe());
}
