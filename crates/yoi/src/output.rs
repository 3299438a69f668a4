//! The terminal: the only place that writes to standard output and standard error.
//!
//! Standard output carries the result and nothing else: text without control characters, or
//! the server's JSON. Notes, hints and errors go to standard error. Colour appears only on a
//! terminal, with `NO_COLOR` unset or empty (no-color.org).

pub(crate) mod diagnostic;
pub(crate) mod event;
pub(crate) mod json;
pub(crate) mod markdown;
pub(crate) mod quantity;
mod reply_view;
pub(crate) mod runtime;
pub(crate) mod sanitize;
mod screen;
mod spinner;
pub(crate) mod table;
pub(crate) mod time;
pub(crate) mod transcript;
pub(crate) mod worker;
mod wrap;

use std::io::{self, IsTerminal as _, Write};
use std::time::Instant;

use anstyle::{AnsiColor, Style};
use registry_core::projection::WorkerSummary;

use crate::args::ClientArgs;
use crate::error::{Error, LookupError};
use crate::hint::hint;
use reply_view::ReplyView;
use screen::ScreenSize;
pub(crate) use spinner::Spinner;
use table::Table;
use wrap::{Paint, Span};

const DIMMED: Style = Style::new().dimmed();

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
}

impl Format {
    pub(crate) fn new(args: &ClientArgs) -> Self {
        if args.json { Self::Json } else { Self::Text }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamKind {
    /// A file or a pipe.
    Redirected,
    /// A terminal without colour.
    PlainTerminal,
    ColorTerminal,
}

struct OutputStream {
    writer: Box<dyn Write>,
    kind: StreamKind,
    /// Whether the last text did not end its line.
    mid_line: bool,
    /// Finds the size of the terminal, if this is one that can be painted on.
    size: fn() -> Option<ScreenSize>,
}

/// Standard output and standard error.
pub(crate) struct Terminal {
    stdout: OutputStream,
    stderr: OutputStream,
    /// The reply that is on the terminal, as far as it has come.
    reply: ReplyView,
}

impl Terminal {
    pub(crate) fn of_process() -> Self {
        let color = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb");
        let kind = |is_terminal: bool| match (is_terminal, color) {
            (false, _) => StreamKind::Redirected,
            (true, false) => StreamKind::PlainTerminal,
            (true, true) => StreamKind::ColorTerminal,
        };
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let kinds = [stdout.is_terminal(), stderr.is_terminal()].map(kind);
        let mut terminal = Self::new([Box::new(stdout), Box::new(stderr)], kinds);
        let can_paint = std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb");
        if can_paint {
            terminal.stdout.size = ScreenSize::of_stdout;
            terminal.stderr.size = ScreenSize::of_stderr;
        }
        terminal
    }

    /// Standard output and standard error, in this order.
    pub(crate) fn new(writers: [Box<dyn Write>; 2], kinds: [StreamKind; 2]) -> Self {
        let ([stdout, stderr], [stdout_kind, stderr_kind]) = (writers, kinds);
        let stream = |writer, kind| OutputStream {
            writer,
            kind,
            mid_line: false,
            size: || None,
        };
        Self {
            stdout: stream(stdout, stdout_kind),
            stderr: stream(stderr, stderr_kind),
            reply: ReplyView::default(),
        }
    }

    /// How wide a table may be.
    pub(crate) fn columns(&self) -> u16 {
        screen::columns((self.stdout.size)())
    }

    /// Prints text with its line breaks and tabs, and no other control character.
    pub(crate) fn content(&mut self, text: &str) -> Result<(), Error> {
        self.print(&sanitize::text(text))
    }

    /// Prints a piece of a reply: on a terminal its Markdown, rendered and wrapped.
    pub(crate) fn reply(&mut self, text: &str) -> Result<(), Error> {
        let Some(size) = (self.stdout.size)() else {
            return self.content(text);
        };
        let paint = self.stdout.paint();
        let written = self.reply.push(&sanitize::text(text), paint, size);
        self.print(&written)
    }

    pub(crate) fn line(&mut self, text: &str) -> Result<(), Error> {
        self.print(&format!("{}\n", sanitize::line(text)))
    }

    pub(crate) fn heading(&mut self, text: &str) -> Result<(), Error> {
        let style = Style::new().bold();
        let line = self.stdout.styled(style, &sanitize::line(text));
        self.print(&format!("{line}\n"))
    }

    pub(crate) fn table(&mut self, table: &Table) -> Result<(), Error> {
        self.heading(&table.header)?;
        table.rows.iter().try_for_each(|row| self.line(row))
    }

    /// Prints one JSON document on one line.
    pub(crate) fn json(&mut self, document: &str) -> Result<(), Error> {
        let line = match self.stdout.kind {
            StreamKind::Redirected => json::one_line(document),
            StreamKind::ColorTerminal | StreamKind::PlainTerminal => json::escaped_line(document),
        };
        self.print(&format!("{line}\n"))
    }

    /// Ends the line on standard output, if the last content left it open. More of a reply begins on
    /// another one.
    pub(crate) fn end_line(&mut self) -> Result<(), Error> {
        self.reply.leave();
        if self.stdout.mid_line {
            self.print("\n")
        } else {
            Ok(())
        }
    }

    /// Prints a line on standard error.
    pub(crate) fn note(&mut self, text: &str) {
        self.stderr_spans(&[Span::new(sanitize::line(text), Style::new())]);
    }

    /// Prints a question on standard error; the answer is typed behind it.
    pub(crate) fn question(&mut self, text: &str) {
        // A failure here only affects the layout.
        let _ = self.leave_line();
        let text = sanitize::line(text);
        // There is nowhere else to report that standard error can't be written.
        let _ = self.stderr.write(&text);
        // The answer ends the line.
        self.stderr.mid_line = false;
    }

    pub(crate) fn stderr_is_terminal(&self) -> bool {
        self.stderr.kind != StreamKind::Redirected
    }

    /// Prints a note that only a person at a terminal needs.
    pub(crate) fn terminal_note(&mut self, text: &str) {
        if self.stderr.kind != StreamKind::Redirected {
            self.note(text);
        }
    }

    /// The same, less prominent.
    pub(crate) fn dimmed_terminal_note(&mut self, text: &str) {
        if self.stderr.kind != StreamKind::Redirected {
            self.dimmed_note(text);
        }
    }

    /// Prints a less prominent line on standard error.
    pub(crate) fn dimmed_note(&mut self, text: &str) {
        self.stderr_spans(&[Span::new(sanitize::line(text), DIMMED)]);
    }

    /// Prints a piece of a model's reasoning on standard error, where it can't be taken for the
    /// reply.
    pub(crate) fn reasoning(&mut self, text: &str) -> Result<(), Error> {
        self.leave_line()?;
        let text = sanitize::text(text);
        let Some(last) = text.bytes().last() else {
            return Ok(());
        };
        let styled = self.stderr.styled(DIMMED, &text);
        // There is nowhere else to report that standard error can't be written.
        let _ = self.stderr.write(&styled);
        // The end of a style is no text.
        self.stderr.mid_line = last != b'\n';
        Ok(())
    }

    /// Ends the line of the reasoning, if it left one open.
    pub(crate) fn end_reasoning(&mut self) {
        if self.stderr.mid_line {
            let _ = self.stderr.write("\n");
        }
    }

    /// Prints an error and its hint on standard error; with [`Format::Json`] a problem as the
    /// server sent it.
    pub(crate) fn error(&mut self, error: &Error, format: Format) {
        if let (Format::Json, Error::Api(error)) = (format, error) {
            self.stderr_line(&json::escaped_line(&error.json));
            return;
        }
        let error_style = AnsiColor::Red.on_default().bold();
        self.labelled(error_style, "error:", &error.message());
        if let Error::Lookup(LookupError::Ambiguous {
            candidates, count, ..
        }) = error
        {
            self.candidates(candidates, *count);
        }
        if let Some(hint) = hint(error) {
            self.hint(&hint);
        }
    }

    /// Prints the first of `count` workers on standard error.
    fn candidates(&mut self, candidates: &[WorkerSummary], count: usize) {
        for row in Table::new(worker::CANDIDATE_COLUMNS, candidates).rows {
            self.note(&format!("  {row}"));
        }
        let more = count.saturating_sub(candidates.len());
        if more > 0 {
            self.note(&format!("  and {more} more"));
        }
    }

    /// Prints advice on standard error.
    pub(crate) fn hint(&mut self, text: &str) {
        self.labelled(AnsiColor::Cyan.on_default(), "hint:", text);
    }

    /// Shows that something takes a while; only on a terminal.
    pub(crate) fn spinner(&self, message: &'static str) -> Spinner {
        self.show(Spinner::new(message))
    }

    /// The same, with the time since `since`.
    pub(crate) fn timed_spinner(&self, message: String, since: Instant) -> Spinner {
        self.show(Spinner::timed(message, since))
    }

    fn show(&self, spinner: Spinner) -> Spinner {
        if self.stderr.kind != StreamKind::Redirected {
            spinner.show_on_stderr();
        }
        spinner
    }

    fn labelled(&mut self, style: Style, label: &str, text: &str) {
        let text = format!(" {}", sanitize::line(text));
        self.stderr_spans(&[Span::new(label, style), Span::new(text, Style::new())]);
    }

    /// Prints a line on standard error; on a terminal it breaks between words.
    fn stderr_spans(&mut self, spans: &[Span]) {
        let paint = self.stderr.paint();
        let lines = match (self.stderr.size)() {
            Some(size) => wrap::wrap(spans, size.columns.saturating_sub(1)),
            None => vec![spans.to_vec()],
        };
        for spans in lines {
            self.stderr_line(&wrap::line(&spans, paint));
        }
    }

    fn print(&mut self, text: &str) -> Result<(), Error> {
        self.stdout.write(text).map_err(Error::Output)
    }

    fn stderr_line(&mut self, line: &str) {
        // A failure here only affects the layout.
        let _ = self.leave_line();
        self.end_reasoning();
        // There is nowhere else to report that standard error can't be written.
        let _ = self.stderr.write(&format!("{line}\n"));
    }

    /// Where both streams share a screen, what is printed on standard error needs a line of its
    /// own.
    fn leave_line(&mut self) -> Result<(), Error> {
        match self.stdout.kind {
            StreamKind::Redirected => Ok(()),
            StreamKind::PlainTerminal | StreamKind::ColorTerminal => self.end_line(),
        }
    }
}

impl OutputStream {
    /// Writes and flushes, so that a reply appears word by word.
    fn write(&mut self, text: &str) -> io::Result<()> {
        if let Some(last) = text.bytes().last() {
            self.mid_line = last != b'\n';
        }
        self.writer.write_all(text.as_bytes())?;
        self.writer.flush()
    }

    fn paint(&self) -> Paint {
        match self.kind {
            StreamKind::ColorTerminal => Paint::Styled,
            StreamKind::PlainTerminal | StreamKind::Redirected => Paint::Plain,
        }
    }

    fn styled(&self, style: Style, text: &str) -> String {
        match self.kind {
            StreamKind::ColorTerminal => format!("{style}{text}{style:#}"),
            StreamKind::PlainTerminal | StreamKind::Redirected => text.to_owned(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
