//! The request that a fuzzer's bytes are: mostly sound, with anything hostile in any part, so
//! that deep places are reached as well as the first gate.

use arbitrary::Arbitrary;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use http_api::operations;
use http_body_util::Full;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

use crate::marker::Text;
use crate::server::{EMBEDDED, FRIEND, LOCAL, TOKEN, World};

/// The parts of a request.
#[derive(Debug, Arbitrary)]
pub(super) struct Shape {
    method: Verb,
    target: Target,
    query: Vec<Parameter>,
    host: Host,
    origin: Option<Origin>,
    site: Option<Site>,
    credential: Credential,
    media_type: MediaType,
    more: Vec<(Name, Text)>,
    body: Content,
}

#[derive(Debug, Arbitrary)]
enum Verb {
    /// The method of the operation that the target names.
    Own,
    Known(u8),
    Any(String),
}

#[derive(Debug, Arbitrary)]
enum Target {
    Operation {
        at: u8,
        runtime: Segment,
        worker: Segment,
    },
    Absolute {
        at: u8,
        authority: Option<Text>,
    },
    Any(Text),
}

#[derive(Debug, Arbitrary)]
enum Segment {
    Right,
    Local,
    Encoded(Vec<u8>),
    Raw(Text),
}

#[derive(Debug, Arbitrary)]
enum Parameter {
    Limit(u16),
    WaitMs(u16),
    State(u8),
    Runtime(bool),
    TokenOf(bool),
    After(u8),
    Any(Text, Text),
}

#[derive(Debug, Arbitrary)]
enum Host {
    Right(u8),
    Missing,
    Twice,
    Any(Text),
}

#[derive(Debug, Arbitrary)]
enum Origin {
    Own,
    Friend,
    Twice,
    Any(Text),
}

#[derive(Debug, Arbitrary)]
enum Site {
    Own,
    NoPage,
    Any(Text),
}

#[derive(Debug, Arbitrary)]
enum Credential {
    Token,
    Session,
    SessionAnd(Text),
    None,
    Wrong(Text),
    Cut(u8),
    Twice,
}

#[derive(Debug, Arbitrary)]
enum MediaType {
    Json,
    None,
    Any(Text),
}

#[derive(Debug, Arbitrary)]
enum Name {
    IdempotencyKey,
    Preflight,
    Forwarded,
    Any(String),
}

#[derive(Debug, Arbitrary)]
enum Content {
    Empty,
    Object,
    Input(Text),
    Any(Vec<u8>),
}

impl Shape {
    /// The request, unless some part of it is nothing that a connection would let through.
    pub(super) fn request(&self, world: &World) -> Option<Request<Full<Bytes>>> {
        let method = self.method()?;
        let mut target = self.target(world);
        for (at, parameter) in self.query.iter().enumerate() {
            target.push(if at == 0 { '?' } else { '&' });
            target += &parameter.text();
        }
        let uri = Uri::try_from(target).ok()?;
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in self.headers(world) {
            // What is no header is refused by the connection, before anything of ours.
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = HeaderValue::from_bytes(value.as_bytes());
            if let (Ok(name), Ok(value)) = (name, value) {
                request = request.header(name, value);
            }
        }
        request.body(Full::from(self.body.bytes())).ok()
    }

    fn operation(at: u8) -> &'static http_api::OperationInfo {
        let all = operations();
        &all[usize::from(at) % all.len()]
    }

    fn method(&self) -> Option<Method> {
        const KNOWN: [&str; 9] = [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT",
        ];
        let name = match (&self.method, &self.target) {
            (Verb::Own, Target::Operation { at, .. } | Target::Absolute { at, .. }) => {
                Self::operation(*at).method.as_str()
            }
            (Verb::Own, Target::Any(_)) => "GET",
            (Verb::Known(at), _) => KNOWN[usize::from(*at) % KNOWN.len()],
            (Verb::Any(name), _) => name,
        };
        Method::from_bytes(name.as_bytes()).ok()
    }

    fn target(&self, world: &World) -> String {
        match &self.target {
            Target::Operation {
                at,
                runtime,
                worker,
            } => Self::operation(*at)
                .path
                .replace("{runtime_id}", &runtime.text(EMBEDDED))
                .replace("{worker_id}", &worker.text(&world.worker())),
            Target::Absolute { at, authority } => {
                let ours = format!("localhost:{}", world.port);
                let authority = authority.as_ref().map_or(ours, Text::whole);
                format!("http://{authority}{}", Self::operation(*at).path)
            }
            Target::Any(text) => format!("/{}", text.whole()),
        }
    }

    fn headers(&self, world: &World) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
        let own = format!("localhost:{}", world.port);
        match &self.host {
            Host::Right(at) => {
                let names = ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"];
                let name = names[usize::from(*at) % names.len()];
                add("host", format!("{name}:{}", world.port));
            }
            Host::Missing => {}
            Host::Twice => (0..2).for_each(|_| add("host", own.clone())),
            Host::Any(text) => add("host", text.whole()),
        }
        match &self.origin {
            None => {}
            Some(Origin::Own) => add("origin", format!("http://{own}")),
            Some(Origin::Friend) => add("origin", FRIEND.to_owned()),
            Some(Origin::Twice) => (0..2).for_each(|_| add("origin", FRIEND.to_owned())),
            Some(Origin::Any(text)) => add("origin", text.whole()),
        }
        match &self.site {
            None => {}
            Some(Site::Own) => add("sec-fetch-site", "same-origin".to_owned()),
            Some(Site::NoPage) => add("sec-fetch-site", "none".to_owned()),
            Some(Site::Any(text)) => add("sec-fetch-site", text.whole()),
        }
        match &self.media_type {
            MediaType::Json => add("content-type", "application/json".to_owned()),
            MediaType::None => {}
            MediaType::Any(text) => add("content-type", text.whole()),
        }
        headers.extend(self.credential.headers(world));
        let more = self
            .more
            .iter()
            .map(|(name, value)| (name.text(), value.whole()));
        headers.extend(more);
        headers
    }
}

impl Segment {
    fn text(&self, right: &str) -> String {
        match self {
            Self::Right => right.to_owned(),
            Self::Local => LOCAL.to_owned(),
            Self::Encoded(bytes) => percent_encode(bytes, NON_ALPHANUMERIC).to_string(),
            Self::Raw(text) => text.whole(),
        }
    }
}

impl Parameter {
    fn text(&self) -> String {
        const STATES: [&str; 6] = ["idle", "running", "cancelling", "stopped", "recorded", "x"];
        // `1 backend-internal ` and `1 local-compat `: the beginning of either list.
        const TOKENS: [&str; 2] = ["MSBiYWNrZW5kLWludGVybmFsIA", "MSBsb2NhbC1jb21wYXQg"];
        match self {
            Self::Limit(limit) => format!("limit={limit}"),
            Self::WaitMs(wait) => format!("wait_ms={wait}"),
            Self::State(at) => format!("state={}", STATES[usize::from(*at) % STATES.len()]),
            Self::Runtime(is_local) => {
                format!("runtime_id={}", if *is_local { LOCAL } else { EMBEDDED })
            }
            Self::TokenOf(is_local) => format!("page_token={}", TOKENS[usize::from(*is_local)]),
            Self::After(sequence) => format!("after={sequence}"),
            Self::Any(name, value) => format!("{}={}", name.whole(), value.whole()),
        }
    }
}

impl Credential {
    fn headers(&self, world: &World) -> Vec<(String, String)> {
        let bearer = |token: &str| ("authorization".to_owned(), format!("Bearer {token}"));
        let session = || {
            let cookie = format!("a=b; yoi_session_{}={}", world.port, world.session);
            ("cookie".to_owned(), cookie)
        };
        match self {
            Self::Token => vec![bearer(TOKEN)],
            Self::Session => vec![session()],
            Self::SessionAnd(text) => vec![session(), ("authorization".to_owned(), text.whole())],
            Self::None => Vec::new(),
            Self::Wrong(text) => vec![bearer(&text.whole())],
            Self::Cut(at) => vec![bearer(&TOKEN[..usize::from(*at) % TOKEN.len()])],
            Self::Twice => vec![bearer(TOKEN), bearer(TOKEN)],
        }
    }
}

impl Name {
    fn text(&self) -> String {
        match self {
            Self::IdempotencyKey => "idempotency-key".to_owned(),
            Self::Preflight => "access-control-request-method".to_owned(),
            Self::Forwarded => "x-forwarded-host".to_owned(),
            Self::Any(name) => name.clone(),
        }
    }
}

impl Content {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Empty => Vec::new(),
            Self::Object => b"{}".to_vec(),
            Self::Input(text) => serde_json::json!({ "content": text.whole() })
                .to_string()
                .into(),
            Self::Any(bytes) => bytes.clone(),
        }
    }
}
