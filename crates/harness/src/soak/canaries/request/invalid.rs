//! Invalid values for each part of a request. They contain the echo marker where a server could
//! be tempted to repeat them.

/// In place of an id.
pub(super) const IDS: [&str; 9] = [
    "PARROT-id",
    "",
    "..%2f..%2fPARROT",
    "%00PARROT",
    "PARROT%0d%0aPARROT",
    "%ff%fePARROT",
    "0190a3c0-0000-7000-8000-000000000000",
    "local-compat",
    "no-such-id",
];
/// Unknown parameters, and parameters with invalid values.
pub(super) const QUERIES: [&str; 19] = [
    "PARROT=1",
    "after=PARROT",
    "after=PARROTPARROTPARROTPARR",
    "after=AAAAAAAAAAAAAAAAAAAAAA",
    "after=18446744073709551615",
    "before=PARROT",
    "limit=PARROT",
    "limit=0",
    "limit=-1",
    "limit=99999999999999999999",
    "limit=1&limit=PARROT",
    "page_token=PARROT",
    "page_token=cGFycm90",
    "state=PARROT",
    "runtime_id=PARROT",
    "implementation_kind=PARROT",
    "wait_ms=PARROT",
    "batch_ms=PARROT",
    "%50ARROT=%PARROT",
];
/// Methods that most paths do not allow.
pub(super) const METHODS: [&str; 9] = [
    "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "get", "PARROT", "GET",
];
/// Headers that replace the right ones, or are sent beside them.
pub(super) const HEADERS: [(&str, &str); 22] = [
    ("Authorization", "Bearer PARROT-wrong-token-PARROT-wrong"),
    ("Authorization", "Basic PARROT"),
    ("Authorization", ""),
    ("Host", "PARROT.example"),
    ("Host", ""),
    ("Host", "127.0.0.1"),
    ("Origin", "http://PARROT.example"),
    ("Origin", "null"),
    ("Sec-Fetch-Site", "cross-site"),
    ("Sec-Fetch-Site", "PARROT"),
    ("Cookie", "yoi_session=PARROT"),
    ("X-Request-Id", "PARROT-request"),
    ("X-Forwarded-Host", "PARROT.example"),
    ("User-Agent", "PARROT-agent"),
    ("Referer", "http://PARROT.example/PARROT"),
    ("Idempotency-Key", "PARROT-key"),
    ("Idempotency-Key", "PARROT key \u{e9}"),
    ("Idempotency-Key", ""),
    ("Content-Type", "PARROT/type"),
    ("Content-Type", "text/plain; charset=PARROT"),
    ("Accept", "PARROT/*"),
    ("X-PARROT", "PARROT"),
];
/// Bodies that no operation accepts.
pub(super) const BODIES: [&[u8]; 16] = [
    b"",
    b"PARROT",
    b"{\"PARROT\":1}",
    b"[\"PARROT\"]",
    b"\"PARROT\"",
    b"null",
    b"{\"content\":[\"PARROT\"]}",
    b"{\"content\":{\"PARROT\":\"PARROT\"}}",
    b"{\"content\":\"x\",\"content\":\"PARROT",
    b"{\"content\":\"\xff\xfePARROT\"}",
    b"{\"content\":\"  \"}",
    b"{\"profile\":\"PARROT profile\"}",
    b"{\"profile\":\"no:such.profile\"}",
    b"{\"display_name\":[\"PARROT\"]}",
    b"{\"run_id\":\"PARROT\"}",
    b"{\"run_id\":1e999}",
];
/// Requests that are not HTTP.
pub(super) const NOT_HTTP: [&[u8]; 8] = [
    b"PARROT\r\n\r\n",
    b"GET / PARROT/9.9\r\n\r\n",
    b"GET /PARROT HTTP/1.1\r\nPARROT\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: PARROT\r\nContent-Length: PARROT\r\n\r\n",
    b"POST /PARROT HTTP/1.1\r\nContent-Length: 9\r\nContent-Length: 10\r\n\r\nPARROT",
    b"POST /PARROT HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nPARROT\r\n",
    b"GET /PARROT HTTP/1.1\r\nHost: PARR",
    b"\x16\x03\x01PARROT\x00\xff\r\n\r\n",
];
