//! A client that costs as little as it can, because it shares the processors with what it
//! measures: bytes that were made beforehand go out, and of what comes in only the status and
//! the length are looked at.

use std::time::Instant;

use memchr::memmem;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::client::Door;
use crate::failure::Failure;

/// Bytes read at once while the length of the answer is unknown.
const CHUNK_BYTES: usize = 16 * 1024;

/// One keep-alive connection, and what it asks, again and again in this order.
pub(super) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    requests: Vec<Vec<u8>>,
    next: usize,
}

/// What was answered within a round.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    /// Answers with the wanted status.
    pub(super) accepted: u64,
    /// Other answers.
    pub(super) refused: u64,
}

/// What a head says about its answer.
#[derive(Debug, PartialEq, Eq)]
struct Extent {
    status: u16,
    /// Bytes of head and body.
    bytes: usize,
}

impl Connection {
    /// Connects.
    pub(super) async fn open(door: &Door) -> Result<Self, Failure> {
        Ok(Self {
            stream: door.connect().await?,
            received: Vec::with_capacity(CHUNK_BYTES),
            requests: Vec::new(),
            next: 0,
        })
    }

    /// Asks this from now on.
    pub(super) fn ask(&mut self, requests: Vec<Vec<u8>>) {
        self.requests = requests;
        self.next = 0;
    }

    async fn exchange(&mut self) -> Result<u16, Failure> {
        let request = &self.requests[self.next];
        self.next = (self.next + 1) % self.requests.len();
        let sent = self.stream.write_all(request).await;
        sent.map_err(Failure::io("sending a request"))?;
        self.received.clear();
        let mut wanted = CHUNK_BYTES;
        loop {
            self.received.reserve(wanted);
            let read = self.stream.read_buf(&mut self.received).await;
            if read.map_err(Failure::io("reading an answer"))? == 0 {
                return Err(Failure::Closed);
            }
            if let Some(extent) = Extent::of(&self.received)? {
                match extent.bytes.checked_sub(self.received.len()) {
                    Some(0) => return Ok(extent.status),
                    Some(missing) => wanted = missing,
                    None => {
                        let more = "more than one answer to a request";
                        return Err(Failure::Undocumented(more.to_owned()));
                    }
                }
            }
        }
    }

    async fn drive(mut self, end: Instant, wanted: u16) -> Result<(Self, Tally), Failure> {
        let mut tally = Tally::default();
        while Instant::now() < end {
            if self.exchange().await? == wanted {
                tally.accepted += 1;
            } else {
                tally.refused += 1;
            }
        }
        Ok((self, tally))
    }
}

/// Lets every connection ask until `end`, and waits for the last answers.
pub(super) async fn drive(
    connections: Vec<Connection>,
    end: Instant,
    wanted: u16,
) -> Result<(Vec<Connection>, Tally), Failure> {
    let mut driven = JoinSet::new();
    for connection in connections {
        driven.spawn(connection.drive(end, wanted));
    }
    let mut connections = Vec::with_capacity(driven.len());
    let mut tally = Tally::default();
    while let Some(done) = driven.join_next().await {
        let (connection, part) = done??;
        tally.accepted += part.accepted;
        tally.refused += part.refused;
        connections.push(connection);
    }
    Ok((connections, tally))
}

impl Extent {
    /// What the head at the beginning of `bytes` says, if the whole of it is there.
    fn of(bytes: &[u8]) -> Result<Option<Self>, Failure> {
        let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = &bytes[..end];
        let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<usize>().ok();
        let status = head.get(9..12).and_then(number);
        // Both servers are hyper, which writes names in small letters.
        let length = memmem::find(head, b"\r\ncontent-length: ").and_then(|at| {
            let value = &head[at + b"\r\ncontent-length: ".len()..];
            let end = memchr::memchr(b'\r', value).unwrap_or(value.len());
            number(&value[..end])
        });
        let (Some(status), Some(length)) = (status, length) else {
            let unknown = "an answer without a status or a length";
            return Err(Failure::Undocumented(unknown.to_owned()));
        };
        Ok(Some(Self {
            status: u16::try_from(status).expect("three digits"),
            bytes: end + 4 + length,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_head_says() {
        let text = b"HTTP/1.1 202 Accepted\r\ncontent-length: 12\r\ndate: x\r\n\r\nhello";
        assert_eq!(Extent::of(&text[..20]).unwrap(), None);
        let extent = Extent {
            status: 202,
            bytes: text.len() + 7,
        };
        assert_eq!(Extent::of(text).unwrap(), Some(extent));
        assert!(Extent::of(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
