//! Cutting a provider's stream into frames: bounded, and in time linear in its length.

use crate::fault::{Fault, Malformed};

/// Bytes of one frame at most: twice what a runtime takes as a reply, since some servers
/// send theirs in one piece.
pub const FRAME_BYTES: usize = 2 * 1024 * 1024;

/// What may stand before a stream, and is no part of it.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// How frames are set off from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Server-sent events (WHATWG HTML §9.2); a frame is an event's data.
    Events,
    /// One frame a line.
    Lines,
}

/// Bytes go in, frames come out.
#[derive(Debug)]
pub(crate) struct Frames {
    framing: Framing,
    buffer: Vec<u8>,
    /// Where in the buffer the next line begins.
    start: usize,
    /// Up to where it was searched for the line's end.
    searched: usize,
    /// The last line ended in CR: an LF that follows belongs to it.
    after_cr: bool,
    /// Nothing was read yet: a byte order mark may stand here.
    at_start: bool,
    /// The data of the event so far.
    data: Option<String>,
    max_bytes: usize,
}

impl Frames {
    pub(crate) fn new(framing: Framing) -> Self {
        Self {
            framing,
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            after_cr: false,
            at_start: true,
            data: None,
            max_bytes: FRAME_BYTES,
        }
    }

    /// Adds what came in. Take out all frames first: what was taken is given back here.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame, if it is here as a whole.
    pub(crate) fn next(&mut self) -> Result<Option<String>, Fault> {
        while let Some(line) = self.line()? {
            let frame = match self.framing {
                Framing::Events => self.event_line(&line)?,
                Framing::Lines => Some(line).filter(|line| !line.trim().is_empty()),
            };
            if frame.is_some() {
                return Ok(frame);
            }
        }
        Ok(None)
    }

    /// What stands at the end without a line break, once nothing more comes. An event
    /// that isn't closed by an empty line doesn't count.
    pub(crate) fn last(&mut self) -> Result<Option<String>, Fault> {
        match self.framing {
            Framing::Events => Ok(None),
            Framing::Lines => {
                self.feed(b"\n");
                self.next()
            }
        }
    }

    fn event_line(&mut self, line: &str) -> Result<Option<String>, Fault> {
        if line.is_empty() {
            return Ok(self.data.take());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        if field != "data" {
            return Ok(None);
        }
        let value = value.strip_prefix(' ').unwrap_or(value);
        match &mut self.data {
            None => self.data = Some(value.to_owned()),
            Some(data) => {
                if data.len() + value.len() >= self.max_bytes {
                    return Err(Fault::Malformed(Malformed::FrameTooLong));
                }
                data.push('\n');
                data.push_str(value);
            }
        }
        Ok(None)
    }

    fn line(&mut self) -> Result<Option<String>, Fault> {
        if self.after_cr && self.buffer.get(self.start) == Some(&b'\n') {
            self.start += 1;
            self.after_cr = false;
        }
        let from = self.searched.max(self.start);
        let end = self.buffer[from..]
            .iter()
            .position(|byte| matches!(byte, b'\n' | b'\r'));
        let Some(end) = end.map(|offset| from + offset) else {
            self.searched = self.buffer.len();
            if self.searched - self.start > self.max_bytes {
                return Err(Fault::Malformed(Malformed::FrameTooLong));
            }
            return Ok(None);
        };
        let line = str::from_utf8(&self.buffer[self.start..end]);
        let line = line.map_err(|_| Fault::Malformed(Malformed::NotUtf8))?;
        let mark = if self.at_start { BYTE_ORDER_MARK } else { "" };
        let line = line.strip_prefix(mark).unwrap_or(line).to_owned();
        self.at_start = false;
        self.after_cr = self.buffer[end] == b'\r';
        self.start = end + 1;
        self.searched = self.start;
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(framing: Framing, stream: &[u8], piece: usize) -> Result<Vec<String>, Fault> {
        let mut frames = Frames::new(framing);
        frames.max_bytes = 64;
        let mut found = Vec::new();
        for piece in stream.chunks(piece) {
            frames.feed(piece);
            while let Some(frame) = frames.next()? {
                found.push(frame);
            }
        }
        found.extend(frames.last()?);
        Ok(found)
    }

    #[test]
    fn events_are_found_however_the_stream_is_cut_up_and_lines_end() {
        let stream = ": hello\n\nevent: x\ndata: {\"é\": 1}\n\ndata:two\ndata: lines\nid: 7\n\n\
                      data\n\ndata: unfinished";
        for line_end in ["\n", "\r\n", "\r"] {
            let stream = stream.replace('\n', line_end);
            for piece in 1..stream.len() {
                let found = frames(Framing::Events, stream.as_bytes(), piece).unwrap();
                assert_eq!(
                    found,
                    ["{\"é\": 1}", "two\nlines", ""],
                    "{line_end:?} {piece}"
                );
            }
        }
    }

    #[test]
    fn lines_need_no_break_at_the_end() {
        for piece in 1..10 {
            let found = frames(Framing::Lines, b"{1}\n\n {2}\r\n{3}", piece).unwrap();
            assert_eq!(found, ["{1}", " {2}", "{3}"]);
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        for piece in 1..10 {
            let stream = "\u{feff}data: 1\n\n\u{feff}data: 2\n\n".as_bytes();
            assert_eq!(frames(Framing::Events, stream, piece).unwrap(), ["1"]);
            let stream = "\u{feff}{1}\n{2}".as_bytes();
            let found = frames(Framing::Lines, stream, piece).unwrap();
            assert_eq!(found, ["{1}", "{2}"]);
        }
    }

    #[test]
    fn bytes_that_are_no_text_and_frames_without_end_are_faults() {
        let fault = |stream: &[u8]| frames(Framing::Events, stream, 10).unwrap_err();
        let not_text = fault(b"data: \xff\xfe\n\n");
        assert_eq!(not_text, Fault::Malformed(Malformed::NotUtf8));
        let too_long = Fault::Malformed(Malformed::FrameTooLong);
        assert_eq!(fault(&[b'x'; 100]), too_long);
        assert_eq!(fault(&b"data: 0123456789\n".repeat(10)), too_long);
    }
}
