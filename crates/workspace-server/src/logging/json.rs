//! Log lines for programs: one JSON object each, written in one pass.
//!
//! `timestamp`, `level`, `request_id` within a request, `target`, `fields` and, within a span,
//! `span`. All text is escaped by `serde_json`.

use std::cell::Cell;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::iter;
use std::time::SystemTime;

use http_api::RequestId;
use jiff::Timestamp;
use jiff::fmt::StdIoWrite;
use jiff::fmt::temporal::DateTimePrinter;
use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::{LOST, TARGET};

/// Most causes of one error that a line tells: far more than errors have.
const CAUSES_MAX: usize = 16;
/// Bytes of its buffers that a thread keeps from line to line: many times a line of ours.
const KEPT_BYTES: usize = 16 * 1024;
/// Time with microseconds, in UTC.
const TIME: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

thread_local! {
    /// Empty while a line is made: a value that logs while it is shown gets new buffers.
    static BUFFERS: Cell<Buffers> = const { Cell::new(Buffers::new()) };
}

/// What a line is made in.
#[derive(Default)]
struct Buffers {
    line: Vec<u8>,
    /// A value's text before it is escaped.
    text: String,
}

impl Buffers {
    const fn new() -> Self {
        Self {
            line: Vec::new(),
            text: String::new(),
        }
    }

    /// The thread's own, empty.
    fn take() -> Self {
        // None is left when the thread ends.
        BUFFERS.try_with(Cell::take).unwrap_or_default()
    }

    fn give_back(mut self) {
        if self.line.capacity() <= KEPT_BYTES && self.text.capacity() <= KEPT_BYTES {
            self.line.clear();
            self.text.clear();
            // As above.
            let _ = BUFFERS.try_with(|kept| kept.set(self));
        }
    }
}

/// The format of a line.
pub(super) struct JsonLines;

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut buffers = Buffers::take();
        let Buffers { line, text } = &mut buffers;
        let metadata = event.metadata();
        open(line, metadata.level(), metadata.target());
        let mut fields = Fields {
            line,
            text,
            separator: "",
        };
        event.record(&mut fields);
        line.push(b'}');
        if let Some(span) = context.parent_span() {
            push_span(line, &span);
        }
        line.extend_from_slice(b"}\n");
        let whole = str::from_utf8(line).map_err(|_| fmt::Error)?;
        writer.write_str(whole)?;
        buffers.give_back();
        Ok(())
    }
}

/// The line that says that `lines` were lost.
pub(super) fn lost(lines: u64) -> Vec<u8> {
    let mut line = Vec::new();
    open(&mut line, &Level::WARN, TARGET);
    let mut fields = Fields {
        line: &mut line,
        text: &mut String::new(),
        separator: "",
    };
    fields.push("message", LOST);
    fields.push("lines", &lines);
    line.extend_from_slice(b"}}\n");
    line
}

/// Everything before the first field.
fn open(line: &mut Vec<u8>, level: &Level, target: &str) {
    line.extend_from_slice(b"{\"timestamp\":\"");
    // A vector takes everything.
    let _ = TIME.print_timestamp(&now(), StdIoWrite(&mut *line));
    line.extend_from_slice(b"\",\"level\":\"");
    line.extend_from_slice(level.as_str().as_bytes());
    line.push(b'"');
    if let Some(id) = RequestId::current() {
        line.extend_from_slice(b",\"request_id\":\"");
        id.with_text(|text| line.extend_from_slice(text.as_bytes()));
        line.push(b'"');
    }
    line.extend_from_slice(b",\"target\":");
    push(line, target);
    line.extend_from_slice(b",\"fields\":{");
}

/// The time, or 1970 when the system's clock is out of its mind.
fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or_default()
}

/// The innermost span: its fields, which the library has kept as a JSON object, and its name.
fn push_span<S>(line: &mut Vec<u8>, span: &SpanRef<'_, S>)
where
    S: for<'a> LookupSpan<'a>,
{
    line.extend_from_slice(b",\"span\":{");
    let extensions = span.extensions();
    let fields = extensions.get::<FormattedFields<JsonFields>>();
    let fields = fields
        .and_then(|fields| fields.fields.strip_prefix('{')?.strip_suffix('}'))
        .unwrap_or_default();
    if !fields.is_empty() {
        line.extend_from_slice(fields.as_bytes());
        line.push(b',');
    }
    line.extend_from_slice(b"\"name\":");
    push(line, span.name());
    line.push(b'}');
}

fn push<T: Serialize + ?Sized>(line: &mut Vec<u8>, value: &T) {
    // A vector takes everything, and no value of ours refuses to be written.
    let _ = serde_json::to_writer(line, value);
}

/// Writes an event's fields as the entries of an object.
struct Fields<'a> {
    line: &'a mut Vec<u8>,
    text: &'a mut String,
    /// What stands before the next entry.
    separator: &'static str,
}

impl Fields<'_> {
    fn push_name(&mut self, name: &str) {
        // What Rust writes before a name that is one of its keywords is no part of it.
        let name = name.strip_prefix("r#").unwrap_or(name);
        self.line.extend_from_slice(self.separator.as_bytes());
        self.separator = ",";
        push(self.line, name);
        self.line.push(b':');
    }

    fn push<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        self.push_name(name);
        push(self.line, value);
    }

    /// A text that is only made when it is shown. Of one that can't be shown whole, there is
    /// what could be shown.
    fn push_shown(&mut self, shown: fmt::Arguments<'_>) {
        self.text.clear();
        let _ = self.text.write_fmt(shown);
        push(self.line, self.text.as_str());
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field.name(), &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field.name(), &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field.name(), &value);
    }

    /// JSON has no infinities; they are `null`.
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field.name(), &value);
    }

    /// Everything else, numbers of 128 bits and bytes among them, as text.
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push_name(field.name());
        self.push_shown(format_args!("{value:?}"));
    }

    /// The error under the field's name, and its causes as `NAME.sources`.
    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        self.push_name(field.name());
        self.push_shown(format_args!("{error}"));
        if error.source().is_none() {
            return;
        }
        self.push_name(&format!("{}.sources", field.name()));
        let causes = iter::successors(error.source(), |cause| (*cause).source());
        let mut separator = b'[';
        for cause in causes.take(CAUSES_MAX) {
            self.line.push(separator);
            self.push_shown(format_args!("{cause}"));
            separator = b',';
        }
        self.line.push(b']');
    }
}

#[cfg(test)]
mod tests;
