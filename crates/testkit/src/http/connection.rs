//! A connection whose bytes are the test's own: partial heads, wrong lengths, half a request.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Response;
use crate::deadline::TIMEOUT;

/// Most headers of a response.
const HEADERS_MAX: usize = 64;
/// Bytes that are read at once.
const READ_BYTES: usize = 16 * 1024;

/// An open connection. Dropping it closes it.
///
/// # Errors
/// Of every method: the socket's; [`ErrorKind::UnexpectedEof`] when the server closes in the middle
/// of a response; [`ErrorKind::InvalidData`] when a response is not HTTP/1.1;
/// [`ErrorKind::TimedOut`] after [`TIMEOUT`].
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    unread: BytesMut,
}

impl Connection {
    /// Connects, with `TCP_NODELAY`.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = bounded(TcpStream::connect(address)).await?;
        stream.set_nodelay(true)?;
        let unread = BytesMut::new();
        Ok(Self { stream, unread })
    }

    /// Sends these bytes.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        bounded(self.stream.write_all(bytes)).await
    }

    /// Closes the sending half.
    pub async fn finish_sending(&mut self) -> Result<()> {
        bounded(self.stream.shutdown()).await
    }

    /// The socket, for what has no method here.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Reads the next response to a request other than `HEAD`. Interim responses are skipped.
    pub async fn response(&mut self) -> Result<Response> {
        self.response_to(&http::Method::GET).await
    }

    /// Reads the next response to a request with this method.
    pub async fn response_to(&mut self, method: &http::Method) -> Result<Response> {
        let mut is_closed = false;
        loop {
            let parsed = parse(&self.unread, method == http::Method::HEAD, is_closed)?;
            match parsed {
                Some((response, length)) => {
                    self.unread.advance(length);
                    if response.status >= 200 {
                        return Ok(response);
                    }
                }
                None if is_closed => return Err(ErrorKind::UnexpectedEof.into()),
                None => is_closed = self.read().await? == 0,
            }
        }
    }

    /// Sends one request, and reads its response. A server may refuse a request before it has
    /// taken the whole of it, so a failure to send counts only if there is no response.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Response> {
        let sent = self.send(request).await;
        let response = if request.starts_with(b"HEAD ") {
            self.response_to(&http::Method::HEAD).await
        } else {
            self.response().await
        };
        if response.is_err() {
            sent?;
        }
        response
    }

    /// Reads until the server closes, and gives everything that belongs to no response yet.
    pub async fn read_to_end(&mut self) -> Result<Bytes> {
        while self.read().await? > 0 {}
        Ok(self.unread.split().freeze())
    }

    async fn read(&mut self) -> Result<usize> {
        self.unread.reserve(READ_BYTES);
        bounded(self.stream.read_buf(&mut self.unread)).await
    }
}

async fn bounded<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(TIMEOUT, work).await?
}

/// The response at the beginning of `bytes` and how many of them it takes, if it is whole.
fn parse(bytes: &[u8], is_to_head: bool, is_closed: bool) -> Result<Option<(Response, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(bytes).map_err(invalid)? else {
        return Ok(None);
    };
    let status = head.code.unwrap_or_default();
    let mut headers = HeaderMap::new();
    for header in head.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(invalid)?;
        let value = HeaderValue::from_bytes(header.value).map_err(invalid)?;
        headers.append(name, value);
    }
    // RFC 9112, section 6.3.
    let rest = &bytes[length..];
    let body = if is_to_head || status < 200 || matches!(status, 204 | 304) {
        Some((Bytes::new(), 0))
    } else if headers.contains_key("transfer-encoding") {
        decode_chunks(rest)?
    } else if let Some(length) = headers.get("content-length") {
        let length: usize = length.to_str().map_err(invalid)?.parse().map_err(invalid)?;
        rest.get(..length)
            .map(|body| (Bytes::copy_from_slice(body), length))
    } else {
        is_closed.then(|| (Bytes::copy_from_slice(rest), rest.len()))
    };
    Ok(body.map(|(body, taken)| {
        let response = Response {
            status,
            headers,
            body,
        };
        (response, length + taken)
    }))
}

/// The content of a chunked body without trailers and the bytes that it takes, if it is whole.
fn decode_chunks(bytes: &[u8]) -> Result<Option<(Bytes, usize)>> {
    let (mut body, mut at) = (BytesMut::new(), 0);
    loop {
        let size = httparse::parse_chunk_size(&bytes[at..]);
        let size = size.map_err(|_| Error::from(ErrorKind::InvalidData))?;
        let httparse::Status::Complete((line, size)) = size else {
            return Ok(None);
        };
        let size = usize::try_from(size).map_err(invalid)?;
        let begin = at + line;
        let (Some(chunk), Some(end)) = (
            bytes.get(begin..begin + size),
            bytes.get(begin + size..begin + size + 2),
        ) else {
            return Ok(None);
        };
        if end != b"\r\n" {
            return Err(ErrorKind::InvalidData.into());
        }
        at = begin + size + 2;
        if size == 0 {
            return Ok(Some((body.freeze(), at)));
        }
        body.extend_from_slice(chunk);
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn responses_are_told_apart_by_their_framing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut connection = Connection::open(address).await.expect("a connection");
        let (mut server, _) = listener.accept().await.expect("the connection");
        let written = b"HTTP/1.1 100 Continue\r\n\r\n\
            HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: 1\r\n\r\nhi\
            HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\
            HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n\
            HTTP/1.1 204 No Content\r\n\r\n\
            HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nno";
        server.write_all(written).await.expect("a socket");
        drop(server);

        let first = connection.response().await.expect("a response");
        assert_eq!((first.text(), first.header("x")), ("hi", Some("1")));
        let head = connection.response_to(&http::Method::HEAD).await;
        assert!(head.expect("a response").body.is_empty());
        let chunked = connection.response().await.expect("a response");
        assert_eq!(chunked.text(), "abcd");
        let empty = connection.response().await.expect("a response");
        assert_eq!(empty.status, 204);
        let last = connection.response().await.expect("a response");
        assert!(last.closes_connection());
        assert_eq!((last.status, last.text()), (400, "no"));
        let none = connection.response().await.expect_err("the end");
        assert_eq!(none.kind(), ErrorKind::UnexpectedEof);
    }
}
