//! Log lines for programs: one JSON object each, written in one pass.
//!
//! `timestamp`, `level`, `request_id` within a request, `target`, `fields` and, within a span,
//! `span`. What has to be escaped, `serde_json` escapes.

mod text;

use std::cell::Cell;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::iter;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_api::RequestId;
use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use self::text::{Inside, push_inside, push_number, push_text};
use super::{LOST, TARGET};

/// Most causes of one error that a line tells: far more than errors have.
const CAUSES_MAX: usize = 16;
/// Bytes of its buffer that a thread keeps from line to line: many times a line of ours.
const KEPT_BYTES: usize = 16 * 1024;

thread_local! {
    /// Empty while a line is made: a value that logs while it is shown gets a new buffer.
    static BUFFER: Cell<Buffer> = const { Cell::new(Buffer::new()) };
}

/// What a line is made in.
struct Buffer {
    line: String,
    second: Second,
}

/// A second, in UTC. Most lines are of the same one as the line before.
#[derive(Default)]
struct Second {
    since_1970: u64,
    /// Empty before the first line.
    text: String,
}

impl Buffer {
    const fn new() -> Self {
        Self {
            line: String::new(),
            second: Second {
                since_1970: 0,
                text: String::new(),
            },
        }
    }

    /// The thread's own, without a line.
    fn take() -> Self {
        // None is left when the thread ends.
        BUFFER.try_with(Cell::take).unwrap_or_default()
    }

    fn give_back(mut self) {
        if self.line.capacity() <= KEPT_BYTES {
            self.line.clear();
            // As above.
            let _ = BUFFER.try_with(|kept| kept.set(self));
        }
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Self::new()
    }
}

impl Second {
    fn text(&mut self, since_1970: u64) -> &str {
        if self.since_1970 != since_1970 || self.text.is_empty() {
            let at = i64::try_from(since_1970).map(Timestamp::from_second);
            // 1970 when the system's clock is out of its mind.
            let at = at.ok().and_then(Result::ok).unwrap_or_default();
            let text = at.to_string();
            *self = Self {
                since_1970,
                text: text.trim_end_matches('Z').to_owned(),
            };
        }
        &self.text
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
        let mut buffer = Buffer::take();
        let metadata = event.metadata();
        buffer.open(metadata.level(), metadata.target());
        let line = &mut buffer.line;
        event.record(&mut Fields { line, first: true });
        line.push('}');
        if let Some(span) = context.parent_span() {
            push_span(line, &span);
        }
        line.push_str("}\n");
        writer.write_str(line)?;
        buffer.give_back();
        Ok(())
    }
}

/// The line that says that `lines` were lost.
pub(super) fn lost(lines: u64) -> Vec<u8> {
    let mut buffer = Buffer::new();
    buffer.open(&Level::WARN, TARGET);
    let line = &mut buffer.line;
    let mut fields = Fields { line, first: true };
    fields.push_name("message");
    push_text(fields.line, LOST);
    fields.push_name("lines");
    push_number(fields.line, lines);
    line.push_str("}}\n");
    buffer.line.into_bytes()
}

impl Buffer {
    /// Writes everything before the first field.
    fn open(&mut self, level: &Level, target: &str) {
        let Self { line, second } = self;
        line.push_str("{\"timestamp\":\"");
        push_time(line, second);
        line.push_str("\",\"level\":\"");
        line.push_str(level.as_str());
        line.push('"');
        if let Some(id) = RequestId::current() {
            line.push_str(",\"request_id\":\"");
            id.with_text(|text| line.push_str(text));
            line.push('"');
        }
        line.push_str(",\"target\":");
        push_text(line, target);
        line.push_str(",\"fields\":{");
    }
}

/// The present time with microseconds.
fn push_time(line: &mut String, second: &mut Second) {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    let since_1970 = since_1970.unwrap_or(Duration::ZERO);
    line.push_str(second.text(since_1970.as_secs()));
    line.push('.');
    let micros = since_1970.subsec_micros();
    for place in [100_000, 10_000, 1_000, 100, 10, 1] {
        let digit = b'0' + (micros / place % 10) as u8;
        line.push(char::from(digit));
    }
    line.push('Z');
}

/// The innermost span: its fields, which the library has kept as a JSON object, and its name.
fn push_span<S>(line: &mut String, span: &SpanRef<'_, S>)
where
    S: for<'a> LookupSpan<'a>,
{
    line.push_str(",\"span\":{");
    let extensions = span.extensions();
    let fields = extensions.get::<FormattedFields<JsonFields>>();
    let fields = fields
        .and_then(|fields| fields.fields.strip_prefix('{')?.strip_suffix('}'))
        .unwrap_or_default();
    if !fields.is_empty() {
        line.push_str(fields);
        line.push(',');
    }
    line.push_str("\"name\":");
    push_text(line, span.name());
    line.push('}');
}

/// Writes an event's fields as the entries of an object.
struct Fields<'a> {
    line: &'a mut String,
    /// The next entry has none before it.
    first: bool,
}

impl Fields<'_> {
    fn push_name(&mut self, name: &str) {
        // What Rust writes before a name that is one of its keywords is no part of it.
        let name = name.strip_prefix("r#").unwrap_or(name);
        if self.first {
            self.first = false;
            self.line.push('"');
        } else {
            self.line.push_str(",\"");
        }
        push_inside(self.line, name);
        self.line.push_str("\":");
    }

    /// A text that is only made when it is shown. Of one that can't be shown whole, there is
    /// what could be shown.
    fn push_shown(&mut self, shown: fmt::Arguments<'_>) {
        self.line.push('"');
        let _ = Inside(self.line).write_fmt(shown);
        self.line.push('"');
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.push_name(field.name());
        push_text(self.line, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push_name(field.name());
        self.line.push_str(if value { "true" } else { "false" });
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push_name(field.name());
        push_number(self.line, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push_name(field.name());
        push_number(self.line, value);
    }

    /// JSON has no infinities; they are `null`.
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push_name(field.name());
        let number = serde_json::to_string(&value);
        self.line.push_str(number.as_deref().unwrap_or("null"));
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
        let mut separator = '[';
        for cause in causes.take(CAUSES_MAX) {
            self.line.push(separator);
            self.push_shown(format_args!("{cause}"));
            separator = ',';
        }
        self.line.push(']');
    }
}

#[cfg(test)]
mod tests;
