//! The terminal: the only place that writes to standard output and standard error.
//!
//! Standard output carries what was asked for, and nothing else: text for people with every
//! control character removed, or the server's JSON. Notes, hints and errors go to standard
//! error. Colour only where a terminal shows it and `NO_COLOR` is unset or empty
//! (no-color.org).

pub(crate) mod detail;
pub(crate) mod diagnostic;
pub(crate) mod event;
pub(crate) mod json;
pub(crate) mod plain;
pub(crate) mod spinner;
pub(crate) mod table;
pub(crate) mod transcript;

use std::io::{self, IsTerminal as _, Write};

use anstyle::{AnsiColor, Style};

use crate::args::ClientArgs;
use crate::failure::{Failure, hint};
use spinner::Spinner;
use table::Table;

/// In which form a command answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs: the API's own.
    Json,
}

impl Format {
    /// The form that `args` ask for.
    pub(crate) fn of(args: &ClientArgs) -> Self {
        if args.json { Self::Json } else { Self::Text }
    }
}

/// What a stream leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leads {
    /// A file or a pipe.
    Elsewhere,
    /// A terminal that is to stay without colour.
    ToPlainTerminal,
    /// A terminal.
    ToTerminal,
}

/// One of the two output streams.
struct Output {
    to: Box<dyn Write>,
    leads: Leads,
}

/// Standard output and standard error.
pub(crate) struct Terminal {
    out: Output,
    err: Output,
    /// Whether the text on standard output ends within a line.
    within_line: bool,
}

impl Terminal {
    /// The streams of this process.
    pub(crate) fn of_process() -> Self {
        let colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb");
        let leads = |is_terminal: bool| match (is_terminal, colour) {
            (false, _) => Leads::Elsewhere,
            (true, false) => Leads::ToPlainTerminal,
            (true, true) => Leads::ToTerminal,
        };
        let (out, err) = (io::stdout(), io::stderr());
        let (out_leads, err_leads) = (leads(out.is_terminal()), leads(err.is_terminal()));
        Self::new(Box::new(out), out_leads, Box::new(err), err_leads)
    }

    /// Any two streams.
    pub(crate) fn new(
        out: Box<dyn Write>,
        out_leads: Leads,
        err: Box<dyn Write>,
        err_leads: Leads,
    ) -> Self {
        Self {
            out: Output {
                to: out,
                leads: out_leads,
            },
            err: Output {
                to: err,
                leads: err_leads,
            },
            within_line: false,
        }
    }

    /// Prints content, with its line breaks and tabs and no other control character.
    pub(crate) fn content(&mut self, text: &str) -> Result<(), Failure> {
        self.print(&plain::content(text))
    }

    /// Prints one line.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.print(&format!("{}\n", plain::line(text)))
    }

    /// Prints one line that stands out.
    pub(crate) fn heading(&mut self, text: &str) -> Result<(), Failure> {
        let line = self.out.styled(Style::new().bold(), &plain::line(text));
        self.print(&format!("{line}\n"))
    }

    /// Prints a table.
    pub(crate) fn table(&mut self, table: &Table) -> Result<(), Failure> {
        let mut lines = table.lines();
        if let Some(header) = lines.next() {
            self.heading(&header)?;
        }
        lines.try_for_each(|line| self.line(&line))
    }

    /// Prints one JSON document on one line.
    pub(crate) fn json(&mut self, document: &str) -> Result<(), Failure> {
        let line = match self.out.leads {
            Leads::Elsewhere => json::one_line(document),
            Leads::ToTerminal | Leads::ToPlainTerminal => json::harmless_line(document),
        };
        self.print(&format!("{line}\n"))
    }

    /// Ends the line that the last content left open, if it did.
    pub(crate) fn end_line(&mut self) -> Result<(), Failure> {
        if self.within_line {
            self.print("\n")
        } else {
            Ok(())
        }
    }

    /// Says something beside the answer, on standard error.
    pub(crate) fn note(&mut self, text: &str) {
        self.make_way();
        self.err.say(&plain::line(text));
    }

    /// Says something that only a person at a terminal needs.
    pub(crate) fn aside(&mut self, text: &str) {
        if self.err.leads != Leads::Elsewhere {
            self.note(text);
        }
    }

    /// Says in passing what only a person at a terminal may want to know.
    pub(crate) fn remark(&mut self, text: &str) {
        if self.err.leads != Leads::Elsewhere {
            self.make_way();
            let line = self.err.styled(Style::new().dimmed(), &plain::line(text));
            self.err.say(&line);
        }
    }

    /// Says what went wrong and what to do about it, on standard error; with
    /// [`Format::Json`] a problem is printed as the server sent it.
    pub(crate) fn failure(&mut self, failure: &Failure, format: Format) {
        self.make_way();
        if let (Format::Json, Failure::Refused(refusal)) = (format, failure) {
            self.err.say(&json::harmless_line(&refusal.json));
            return;
        }
        let label = self
            .err
            .styled(AnsiColor::Red.on_default().bold(), "error:");
        self.err
            .say(&format!("{label} {}", plain::line(&failure.line())));
        if let Some(hint) = hint(failure) {
            let label = self.err.styled(AnsiColor::Cyan.on_default(), "hint:");
            self.err.say(&format!("{label} {}", plain::line(&hint)));
        }
    }

    /// A sign that something takes a while, until it is dropped; only on a terminal.
    pub(crate) fn spinner(&self, what: &'static str) -> Spinner {
        match self.err.leads {
            Leads::Elsewhere => Spinner::hidden(),
            Leads::ToTerminal | Leads::ToPlainTerminal => Spinner::shown(what),
        }
    }

    fn print(&mut self, text: &str) -> Result<(), Failure> {
        if let Some(last) = text.bytes().last() {
            self.within_line = last != b'\n';
        }
        self.out.write(text).map_err(Failure::Output)
    }

    /// Gives standard error a line of its own where both streams share a screen.
    fn make_way(&mut self) {
        if self.out.leads != Leads::Elsewhere {
            // Only looks are at stake.
            let _ = self.end_line();
        }
    }
}

impl Output {
    /// Writes `text` at once: who follows a reply wants every word when it comes.
    fn write(&mut self, text: &str) -> io::Result<()> {
        self.to.write_all(text.as_bytes())?;
        self.to.flush()
    }

    /// Writes a line for which there is no other place should it fail.
    fn say(&mut self, line: &str) {
        let _ = self.write(&format!("{line}\n"));
    }

    fn styled(&self, style: Style, text: &str) -> String {
        match self.leads {
            Leads::ToTerminal => format!("{style}{text}{style:#}"),
            Leads::ToPlainTerminal | Leads::Elsewhere => text.to_owned(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
