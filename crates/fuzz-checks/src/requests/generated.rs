//! The request that a fuzzer's bytes stand for: valid in most parts and hostile in any, so that
//! requests get past the first checks.

use arbitrary::Arbitrary;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use http_api::operations;
use http_body_util::Full;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

use crate::marker::Text;
use crate::server::{ALLOWED_ORIGIN, EMBEDDED, LOCAL, ServerFixture, TOKEN};

/// The parts of a request. The corpus in `fuzz/corpus` depends on the order of fields and variants.
#[derive(Debug, Arbitrary)]
pub(super) struct GeneratedRequest {
    method: Verb,
    target: Target,
    query: Vec<Parameter>,
    host: Host,
    origin: Option<Origin>,
    site: Option<Site>,
    credentials: Credentials,
    media_type: MediaType,
    more: Vec<(Name, Text)>,
    body: Content,
}

#[derive(Debug, Arbitrary)]
enum Verb {
    /// The method of the operation that the target names.
    OfOperation,
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
    PageToken(bool),
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
    Same,
    Allowed,
    Twice,
    Any(Text),
}

#[derive(Debug, Arbitrary)]
enum Site {
    SameOrigin,
    None,
    Any(Text),
}

#[derive(Debug, Arbitrary)]
enum Credentials {
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

impl GeneratedRequest {
    /// The request, unless a connection would refuse its method, target or headers.
    pub(super) fn request(&self, server: &ServerFixture) -> Option<Request<Full<Bytes>>> {
        let mut target = self.target(server);
        for (at, parameter) in self.query.iter().enumerate() {
            target.push(if at == 0 { '?' } else { '&' });
            target += &parameter.text();
        }
        let uri = Uri::try_from(target).ok()?;
        let mut request = Request::builder().method(self.method()?).uri(uri);
        for (name, value) in self.headers(server) {
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = HeaderValue::from_bytes(value.as_bytes());
            if let (Ok(name), Ok(value)) = (name, value) {
                request = request.header(name, value);
            }
        }
        request.body(Full::from(self.body.bytes())).ok()
    }

    fn method(&self) -> Option<Method> {
        const KNOWN: [&str; 9] = [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT",
        ];
        let name = match (&self.method, &self.target) {
            (Verb::OfOperation, Target::Operation { at, .. } | Target::Absolute { at, .. }) => {
                operation(*at).method.as_str()
            }
            (Verb::OfOperation, Target::Any(_)) => "GET",
            (Verb::Known(at), _) => pick(&KNOWN, *at),
            (Verb::Any(name), _) => name,
        };
        Method::from_bytes(name.as_bytes()).ok()
    }

    fn target(&self, server: &ServerFixture) -> String {
        match &self.target {
            Target::Operation {
                at,
                runtime,
                worker,
            } => operation(*at)
                .path
                .replace("{runtime_id}", &runtime.text(EMBEDDED))
                .replace("{worker_id}", &worker.text(&server.worker())),
            Target::Absolute { at, authority } => {
                let own = format!("localhost:{}", server.port);
                let authority = authority.as_ref().map_or(own, Text::whole);
                format!("http://{authority}{}", operation(*at).path)
            }
            Target::Any(text) => format!("/{}", text.whole()),
        }
    }

    fn headers(&self, server: &ServerFixture) -> Vec<(String, String)> {
        const HOSTS: [&str; 4] = ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"];
        let own = format!("localhost:{}", server.port);
        let hosts = match &self.host {
            Host::Right(at) => vec![format!("{}:{}", pick(&HOSTS, *at), server.port)],
            Host::Missing => vec![],
            Host::Twice => vec![own.clone(); 2],
            Host::Any(text) => vec![text.whole()],
        };
        let origins = match &self.origin {
            None => vec![],
            Some(Origin::Same) => vec![format!("http://{own}")],
            Some(Origin::Allowed) => vec![ALLOWED_ORIGIN.to_owned()],
            Some(Origin::Twice) => vec![ALLOWED_ORIGIN.to_owned(); 2],
            Some(Origin::Any(text)) => vec![text.whole()],
        };
        let site = self.site.as_ref().map(|site| match site {
            Site::SameOrigin => "same-origin".to_owned(),
            Site::None => "none".to_owned(),
            Site::Any(text) => text.whole(),
        });
        let media_type = match &self.media_type {
            MediaType::Json => Some("application/json".to_owned()),
            MediaType::None => None,
            MediaType::Any(text) => Some(text.whole()),
        };
        let mut headers = Vec::new();
        let mut add = |name: &str, values: Vec<String>| {
            headers.extend(values.into_iter().map(|value| (name.to_owned(), value)));
        };
        add("host", hosts);
        add("origin", origins);
        add("sec-fetch-site", Vec::from_iter(site));
        add("content-type", Vec::from_iter(media_type));
        headers.extend(self.credentials.headers(server));
        let more = self.more.iter();
        headers.extend(more.map(|(name, value)| (name.text().to_owned(), value.whole())));
        headers
    }
}

fn operation(at: u8) -> &'static http_api::OperationInfo {
    let all = operations();
    &all[usize::from(at) % all.len()]
}

fn pick<'a>(choices: &[&'a str], at: u8) -> &'a str {
    choices[usize::from(at) % choices.len()]
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
        const STATES: [&str; 7] = [
            "idle",
            "queued",
            "running",
            "cancelling",
            "stopped",
            "recorded",
            "x",
        ];
        const RUNTIMES: [&str; 2] = [EMBEDDED, LOCAL];
        // `1 backend-internal ` and `1 local-compat `: the beginning of either list.
        const TOKENS: [&str; 2] = ["MSBiYWNrZW5kLWludGVybmFsIA", "MSBsb2NhbC1jb21wYXQg"];
        match self {
            Self::Limit(limit) => format!("limit={limit}"),
            Self::WaitMs(wait) => format!("wait_ms={wait}"),
            Self::State(at) => format!("state={}", pick(&STATES, *at)),
            Self::Runtime(is_local) => format!("runtime_id={}", RUNTIMES[usize::from(*is_local)]),
            Self::PageToken(is_local) => format!("page_token={}", TOKENS[usize::from(*is_local)]),
            Self::After(sequence) => format!("after={sequence}"),
            Self::Any(name, value) => format!("{}={}", name.whole(), value.whole()),
        }
    }
}

impl Credentials {
    fn headers(&self, server: &ServerFixture) -> Vec<(String, String)> {
        let bearer = |token: &str| ("authorization".to_owned(), format!("Bearer {token}"));
        let session = || {
            let cookie = format!("a=b; yoi_session_{}={}", server.port, server.session);
            ("cookie".to_owned(), cookie)
        };
        match self {
            Self::Token => vec![bearer(TOKEN)],
            Self::Session => vec![session()],
            Self::SessionAnd(text) => vec![session(), ("authorization".to_owned(), text.whole())],
            Self::None => Vec::new(),
            Self::Wrong(text) => vec![bearer(&text.whole())],
            Self::Cut(at) => vec![bearer(&TOKEN[..usize::from(*at) % TOKEN.len()])],
            Self::Twice => vec![bearer(TOKEN); 2],
        }
    }
}

impl Name {
    fn text(&self) -> &str {
        match self {
            Self::IdempotencyKey => "idempotency-key",
            Self::Preflight => "access-control-request-method",
            Self::Forwarded => "x-forwarded-host",
            Self::Any(name) => name,
        }
    }
}

impl Content {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Empty => Vec::new(),
            Self::Object => b"{}".to_vec(),
            Self::Input(text) => {
                let input = serde_json::json!({ "content": text.whole() });
                input.to_string().into()
            }
            Self::Any(bytes) => bytes.clone(),
        }
    }
}
