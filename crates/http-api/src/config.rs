//! What the composition root decides about the API, and the bounds of a connection.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use registry_core::DisplayName;
use registry_core::projection::{Limit, LimitUnit};

use crate::client::NamedToken;
use crate::instance::InstanceId;
use crate::origin::{AllowedHost, AllowedOrigin};
use crate::session::CookieSecurity;
use crate::token::Token;
use crate::wire::limit;

/// Most connections at a time. Every poller of a full runtime (10,000) holds one; the rest
/// leaves room for everybody else.
pub const CONNECTIONS_MAX: usize = 12_000;
/// Longest request head from accept, and longest idle keep-alive. Long enough for any client
/// on a bad line, short enough that 12,000 idle ones are gone before they are missed.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Most bytes of a request head: the usual bound of proxies and servers.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Longest wait for the whole of a body.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes of a body: the largest input (128 KiB) with every byte escaped as `\u00XX`
/// (768 KiB), and the JSON around it.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Most bytes of request bodies that are kept, over all connections: 32 of the largest, and as much
/// again for short ones.
pub const BODIES_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The least that a client sends of a body and takes of a response, in bytes a second over
/// [`RATE_WINDOW`]. Any usable line is faster; a client that keeps memory and a connection busy
/// with a byte now and then is not.
pub const RATE_BYTES_PER_S_MIN: usize = 4 * 1024;
/// How long a client may be slower than [`RATE_BYTES_PER_S_MIN`]: longer than an interruption that a
/// line recovers from. At that rate it is about the 64 KiB by which the kernel reports progress on
/// loopback.
pub const RATE_WINDOW: Duration = Duration::from_secs(15);
/// Longest wait for open connections once the server is ending.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait, after the last response of a connection, for the client to read it and close.
pub const LINGERING_CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Most bytes of responses that clients have not read yet, over all connections: some twenty of the
/// largest pages (1 MiB of text, every byte escaped as `\u00XX`), a quarter of what the
/// runtime itself may hold.
pub const UNREAD_RESPONSE_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Largest input that the OpenAPI document promises when the composition root names none.
pub const INPUT_BYTES_MAX_DEFAULT: u64 = 128 * 1024;

/// Which credentials the API asks for.
#[derive(Debug, Clone)]
pub enum Auth {
    /// A token, this one or a named one, or a session cookie that was exchanged for it. Whoever has this
    /// one is the owner: there are no quotas.
    Token(Token),
    /// None: everybody who reaches the server may use it. For loopback alone.
    None,
}

/// What the composition root decides about the API.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// The workspace's name for people.
    pub display_name: DisplayName,
    /// The most bytes of an input, as the runtimes enforce it; for the OpenAPI document.
    pub input_bytes_max: u64,
    /// Which credentials the API asks for.
    pub auth: Auth,
    /// Tokens besides that of `auth`, if that has one.
    pub named_tokens: Vec<NamedToken>,
    /// The port, which names the session cookie: cookies know no ports, so two servers of
    /// one machine would overwrite each other's.
    pub port: u16,
    /// This start of the server; `None` refuses every request that names one.
    pub instance: Option<InstanceId>,
    /// The names this server answers to.
    pub allowed_hosts: Vec<AllowedHost>,
    /// The origin under which a proxy shows this server to browsers; `None` without one. Its host has
    /// to be among the names. If it is https, cookies are `Secure`, and a page of the same
    /// host over plain HTTP is a foreign one.
    pub public_origin: Option<AllowedOrigin>,
    /// Other origins whose pages may use the API.
    pub allowed_origins: Vec<AllowedOrigin>,
    /// The bounds of connections.
    pub connection: ConnectionLimits,
    /// Counts the log lines that were dropped, for the metrics; `None` where nothing drops any.
    pub dropped_log_lines: Option<DroppedLogLines>,
    /// What else to measure: each adds metrics of its own, asked anew each time.
    pub collectors: Vec<Arc<dyn Collector>>,
}

/// Reads how many log lines were dropped since the start. A cheap `Clone` handle.
#[derive(Clone)]
pub struct DroppedLogLines(Arc<dyn Fn() -> u64 + Send + Sync>);

impl DroppedLogLines {
    /// A handle on a counter that never goes back.
    pub fn new(count: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(count))
    }

    pub(crate) fn count(&self) -> u64 {
        (self.0)()
    }
}

impl fmt::Debug for DroppedLogLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DroppedLogLines({})", self.count())
    }
}

impl ApiConfig {
    /// A server on loopback `port`, for nobody else's pages.
    pub fn new(display_name: DisplayName, auth: Auth, port: u16) -> Self {
        Self {
            display_name,
            input_bytes_max: INPUT_BYTES_MAX_DEFAULT,
            auth,
            named_tokens: Vec::new(),
            port,
            instance: None,
            allowed_hosts: AllowedHost::loopback(port),
            public_origin: None,
            allowed_origins: Vec::new(),
            connection: ConnectionLimits::default(),
            dropped_log_lines: None,
            collectors: Vec::new(),
        }
    }

    pub(crate) fn cookie_security(&self) -> CookieSecurity {
        match &self.public_origin {
            Some(origin) if origin.is_https() => CookieSecurity::Secure,
            Some(_) | None => CookieSecurity::Plain,
        }
    }
}

/// The bounds of connections; the defaults are this module's constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// See [`CONNECTIONS_MAX`].
    pub connections: usize,
    /// See [`HEAD_TIMEOUT`].
    pub head_timeout: Duration,
    /// See [`HEAD_BYTES_MAX`].
    pub head_bytes: usize,
    /// See [`BODY_TIMEOUT`].
    pub body_timeout: Duration,
    /// See [`BODY_BYTES_MAX`].
    pub body_bytes: usize,
    /// See [`UNREAD_RESPONSE_BYTES_MAX`].
    pub unread_response_bytes: usize,
    /// See [`BODIES_BYTES_MAX`].
    pub bodies_bytes: usize,
    /// See [`RATE_BYTES_PER_S_MIN`].
    pub rate_bytes_per_s: usize,
    /// See [`RATE_WINDOW`].
    pub rate_window: Duration,
    /// See [`DRAIN_TIMEOUT`].
    pub drain_timeout: Duration,
    /// See [`LINGERING_CLOSE_TIMEOUT`].
    pub lingering_close_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS_MAX,
            head_timeout: HEAD_TIMEOUT,
            head_bytes: HEAD_BYTES_MAX,
            body_timeout: BODY_TIMEOUT,
            body_bytes: BODY_BYTES_MAX,
            unread_response_bytes: UNREAD_RESPONSE_BYTES_MAX,
            bodies_bytes: BODIES_BYTES_MAX,
            rate_bytes_per_s: RATE_BYTES_PER_S_MIN,
            rate_window: RATE_WINDOW,
            drain_timeout: DRAIN_TIMEOUT,
            lingering_close_timeout: LINGERING_CLOSE_TIMEOUT,
        }
    }
}

impl ConnectionLimits {
    /// Most connections that have shown no valid credentials: half of all, so that there is always
    /// a place for who has some.
    pub(crate) fn unauthenticated_connections(&self) -> usize {
        (self.connections / 2).max(1)
    }

    /// The least that a client sends or takes in a window.
    pub(crate) fn rate_window_bytes(&self) -> usize {
        let bytes = self.rate_window.as_millis() * self.rate_bytes_per_s as u128 / 1000;
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// The bounds as clients see them.
    pub(crate) fn named(&self) -> [Limit; 10] {
        let count = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        let millis = |value: Duration| u64::try_from(value.as_millis()).unwrap_or(u64::MAX);
        let (things, bytes, ms) = (LimitUnit::Count, LimitUnit::Bytes, LimitUnit::Milliseconds);
        let unauthenticated = count(self.unauthenticated_connections());
        let rate = count(self.rate_bytes_per_s);
        [
            Limit::new("connections", things, count(self.connections)),
            Limit::new("unauthenticated_connections", things, unauthenticated),
            Limit::new("head_bytes", bytes, count(self.head_bytes)),
            Limit::new("head_timeout_ms", ms, millis(self.head_timeout)),
            Limit::new("body_bytes", bytes, count(self.body_bytes)),
            Limit::new("body_timeout_ms", ms, millis(self.body_timeout)),
            Limit::new(
                limit::UNREAD_RESPONSE_BYTES,
                bytes,
                count(self.unread_response_bytes),
            ),
            Limit::new(limit::BODIES_BYTES, bytes, count(self.bodies_bytes)),
            Limit::new("client_bytes_per_s", bytes, rate),
            Limit::new("client_rate_window_ms", ms, millis(self.rate_window)),
        ]
    }
}
