//! Splitting a provider's response body into events: bounded, and in linear time.

use bytes::{Buf as _, BytesMut};
use serde::de::IgnoredAny;

use crate::error::ProviderError;

/// Bytes of one event at most: what a runtime accepts as a whole reply.
const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// Lines without an event that are read in one step: a body may consist of empty ones.
const LINES_MAX: usize = 256;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// How events are separated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamFormat {
    /// Server-sent events (WHATWG HTML §9.2).
    ServerSentEvents,
    /// Every line that isn't blank is an event.
    JsonLines,
    /// The body is one JSON document: a server that does not stream.
    Whole,
    /// The body is a page for a browser.
    Html,
}

/// An event of a response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Event {
    /// The name of a server-sent event; empty without one.
    pub(crate) name: String,
    pub(crate) data: String,
}

/// What the next step of a decoder found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    Event(Event),
    /// Lines that are of no event. There may be more.
    Lines,
    /// More bytes are needed.
    Incomplete,
}

/// An incremental decoder: bytes go in through [`feed`](Self::feed), events come out of
/// [`next`](Self::next).
#[derive(Debug)]
pub(crate) struct EventDecoder {
    /// The protocol's.
    expected: StreamFormat,
    format: StreamFormat,
    buffer: BytesMut,
    /// Bytes at the start of the buffer that are known to hold no line end.
    searched: usize,
    /// The last line ended in CR, so an LF that follows belongs to it.
    after_cr: bool,
    /// Nothing but comments and blank lines was read yet, so a byte order mark may come, or a document
    /// in place of a stream.
    at_start: bool,
    /// The name of the current event.
    name: String,
    /// The data lines of the current event.
    data: Option<String>,
    /// There was a line that is of no stream of events.
    pub(crate) has_foreign_lines: bool,
    max_bytes: usize,
}

impl EventDecoder {
    pub(crate) fn new(format: StreamFormat) -> Self {
        Self {
            expected: format,
            format,
            buffer: BytesMut::new(),
            searched: 0,
            after_cr: false,
            at_start: true,
            name: String::new(),
            data: None,
            has_foreign_lines: false,
            max_bytes: MAX_EVENT_BYTES,
        }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        if self.at_start {
            self.format = self.format_of_beginning();
            if self.format == StreamFormat::Whole {
                let before = self.buffer.len() - self.beginning().len();
                self.buffer.advance(before);
            }
        }
    }

    /// What was received so far without comments and blank lines at its start.
    fn beginning(&self) -> &[u8] {
        let beginning = self.buffer.strip_prefix(BYTE_ORDER_MARK.as_bytes());
        let mut beginning = beginning.unwrap_or(&self.buffer).trim_ascii_start();
        while beginning.starts_with(b":") {
            let end = beginning
                .iter()
                .position(|byte| matches!(byte, b'\n' | b'\r'));
            beginning = beginning[end.unwrap_or(beginning.len())..].trim_ascii_start();
        }
        beginning
    }

    /// The format of what was received so far, which may be another than the protocol's.
    fn format_of_beginning(&self) -> StreamFormat {
        let beginning = self.beginning();
        let first_line = beginning.split(|byte| *byte == b'\n').next();
        match (self.expected, first_line) {
            (_, Some([b'<', ..])) => StreamFormat::Html,
            // No line of a server-sent event begins so. What is whole in one line may be followed by them.
            (StreamFormat::ServerSentEvents, Some(line @ [b'{' | b'[', ..]))
                if line.len() == beginning.len() || !is_object(line) =>
            {
                StreamFormat::Whole
            }
            // A document with line breaks.
            (StreamFormat::JsonLines, Some([b'{' | b'['] | [b'{' | b'[', b'\r']))
                if beginning.len() > 1 =>
            {
                StreamFormat::Whole
            }
            // A gateway that speaks for a server of another kind.
            (StreamFormat::JsonLines, Some(line))
                if line.starts_with(b"data:") || line.starts_with(b"event:") =>
            {
                StreamFormat::ServerSentEvents
            }
            (format, _) => format,
        }
    }

    /// Bytes that were not read yet.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// The next event, as far as one step gets.
    pub(crate) fn next(&mut self) -> Result<Decoded, ProviderError> {
        if self.format == StreamFormat::Html {
            return Err(ProviderError::HtmlPage);
        }
        if self.format == StreamFormat::Whole {
            if self.buffer.len() > self.max_bytes {
                return Err(ProviderError::EventTooLong);
            }
            return Ok(Decoded::Incomplete);
        }
        for _ in 0..LINES_MAX {
            let Some(line) = self.next_line()? else {
                return Ok(Decoded::Incomplete);
            };
            let line = str::from_utf8(&line).map_err(|_| ProviderError::NotUtf8)?;
            let mark = if self.at_start { BYTE_ORDER_MARK } else { "" };
            let line = line.strip_prefix(mark).unwrap_or(line);
            // What keeps a connection alive may come before a document, too.
            self.at_start &= line.trim().is_empty() || line.starts_with(':');
            let event = match self.format {
                StreamFormat::ServerSentEvents => self.read_field(line)?,
                StreamFormat::JsonLines | StreamFormat::Whole | StreamFormat::Html => {
                    (!line.trim().is_empty()).then(|| Event {
                        data: line.to_owned(),
                        ..Event::default()
                    })
                }
            };
            if let Some(event) = event {
                return Ok(Decoded::Event(event));
            }
        }
        Ok(Decoded::Lines)
    }

    /// The last event of a body that has ended, which needs no line break there. The standard of
    /// server-sent events discards it, but many servers forget the last line break. It may also be
    /// the beginning of an event that was cut off.
    pub(crate) fn finish(&mut self) -> Result<Option<Event>, ProviderError> {
        match self.format {
            StreamFormat::ServerSentEvents => {
                let event = self.last_event(b"\n\n");
                self.buffer.clear();
                event
            }
            StreamFormat::JsonLines => self.last_event(b"\n"),
            StreamFormat::Html => Err(ProviderError::HtmlPage),
            StreamFormat::Whole => {
                let document = self.buffer.split();
                let text = str::from_utf8(&document).map_err(|_| ProviderError::NotUtf8)?;
                let text = text.trim_start_matches(BYTE_ORDER_MARK).trim();
                Ok((!text.is_empty()).then(|| Event {
                    data: text.to_owned(),
                    ..Event::default()
                }))
            }
        }
    }

    /// The event of the unfinished line that is left, ended so.
    fn last_event(&mut self, end: &[u8]) -> Result<Option<Event>, ProviderError> {
        self.buffer.extend_from_slice(end);
        Ok(match self.next()? {
            Decoded::Event(event) => Some(event),
            Decoded::Lines | Decoded::Incomplete => None,
        })
    }

    /// Reads a line of a server-sent event. An empty line completes the event.
    fn read_field(&mut self, line: &str) -> Result<Option<Event>, ProviderError> {
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            return Ok(self.data.take().map(|data| Event { name, data }));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match (field, &mut self.data) {
            ("event", _) => value.clone_into(&mut self.name),
            ("data", None) => self.data = Some(value.to_owned()),
            ("data", Some(data)) => {
                if data.len() + value.len() >= self.max_bytes {
                    return Err(ProviderError::EventTooLong);
                }
                data.push('\n');
                data.push_str(value);
            }
            ("" | "id" | "retry", _) => {}
            // The error of a gateway that does not stream.
            (_, None) if line.starts_with('{') && line.ends_with('}') => {
                let data = line.to_owned();
                return Ok(Some(Event {
                    name: String::new(),
                    data,
                }));
            }
            _ => self.has_foreign_lines = true,
        }
        Ok(None)
    }

    fn next_line(&mut self) -> Result<Option<BytesMut>, ProviderError> {
        if self.after_cr && self.buffer.starts_with(b"\n") {
            self.buffer.advance(1);
            self.after_cr = false;
        }
        let mut unsearched = self.buffer[self.searched..].iter();
        let Some(offset) = unsearched.position(|byte| matches!(byte, b'\n' | b'\r')) else {
            self.searched = self.buffer.len();
            if self.searched > self.max_bytes {
                return Err(ProviderError::EventTooLong);
            }
            return Ok(None);
        };
        let line = self.buffer.split_to(self.searched + offset);
        self.searched = 0;
        self.after_cr = self.buffer.get_u8() == b'\r';
        Ok(Some(line))
    }
}

/// Whether a line is a whole object of JSON.
fn is_object(line: &[u8]) -> bool {
    line.starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(line).is_ok()
}

#[cfg(test)]
mod tests;
