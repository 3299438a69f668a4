//! What a server answers while it stands by, and how it takes over on the same socket.

#[path = "support/server.rs"]
#[expect(dead_code, reason = "these tests need a part of the fixture alone")]
mod server;

use std::sync::Arc;

use http_api::{
    Api, ApiConfig, Auth, InstanceId, Listener, Listeners, ServeReport, serve, serve_standby,
};
use registry_core::RuntimeRegistry;
use server::{Answer, TOKEN, WORKER, in_time, read_to_end};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The origin whose pages may use the server.
const ALLOWED: &str = "https://app.example";

/// A server that stands by.
struct Standby {
    port: u16,
    config: ApiConfig,
    take_over: oneshot::Sender<()>,
    standing_by: JoinHandle<(Listeners, ServeReport)>,
}

impl Standby {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let auth = Auth::Token(TOKEN.parse().expect("a token"));
        let mut config = ApiConfig::new("Test".parse().expect("a name"), auth, port);
        config.allowed_origins = vec![ALLOWED.parse().expect("an origin")];
        config.instance = Some(InstanceId::generate().expect("an id"));
        let (take_over, taken_over) = oneshot::channel();
        let of_standby = config.clone();
        let standing_by = tokio::spawn(async move {
            let mut listeners = Listeners::from(vec![Listener::Tcp(listener)]);
            let takeover = async {
                let _ = taken_over.await;
            };
            let report = serve_standby(&mut listeners, &of_standby, takeover).await;
            (listeners, report)
        });
        Self {
            port,
            config,
            take_over,
            standing_by,
        }
    }

    async fn connect(&self) -> TcpStream {
        connect(self.port).await
    }

    /// Sends a request that doesn't ask for the connection to be closed, and reads until it is.
    async fn send(&self, method: &str, target: &str, headers: &str) -> Answer {
        let port = self.port;
        let host = format!("Host: 127.0.0.1:{port}\r\n");
        self.send_to_host(&host, method, target, headers).await
    }

    async fn send_to_host(&self, host: &str, method: &str, target: &str, more: &str) -> Answer {
        let mut stream = self.connect().await;
        let request = format!("{method} {target} HTTP/1.1\r\n{host}{more}\r\n");
        stream
            .write_all(request.as_bytes())
            .await
            .expect("it reads");
        Answer::parse(&read_to_end(&mut stream).await)
    }
}

async fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).await;
    stream.expect("it listens")
}

#[track_caller]
fn expect_standby(answer: &Answer) {
    let problem = answer.problem();
    assert_eq!((answer.status, answer.code()), (503, "runtime_unavailable"));
    let reason = problem.reason.as_ref().map(ToString::to_string);
    assert_eq!(reason.as_deref(), Some("standby"));
    assert!(problem.retryable);
    assert!(problem.detail.as_str().contains("changed nothing"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("www-authenticate"), None);
}

/// Every response has these, refusals among them.
#[track_caller]
fn expect_common_headers(answer: &Answer) {
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("x-request-id").map(str::len), Some(36));
}

#[tokio::test]
async fn a_standby_runs_and_is_ready_for_nothing_whoever_asks() {
    let standby = Standby::start().await;
    let health = standby.send("GET", "/healthz", "").await;
    assert_eq!(health.status, 200);
    assert_eq!(health.json()["status"], "ok");
    expect_common_headers(&health);
    let input = format!("{WORKER}/input");
    let with_token = format!("Authorization: Bearer {TOKEN}\r\n");
    let with_body = "Content-Type: application/json\r\nContent-Length: 16\r\n";
    for (method, target, headers) in [
        ("GET", "/readyz", ""),
        ("GET", "/", ""),
        ("GET", "/assets/main.js", ""),
        ("GET", "/metrics", ""),
        ("GET", "/api/openapi.json", ""),
        ("GET", "/api/workspace", &with_token),
        ("GET", "/api/workspace", "Authorization: Bearer wrong\r\n"),
        ("GET", "/no/such/path", ""),
        // Its body never comes: it isn't waited for.
        ("POST", &input, with_body),
        ("DELETE", WORKER, ""),
    ] {
        let answer = standby.send(method, target, headers).await;
        expect_standby(&answer);
        expect_common_headers(&answer);
    }
    let head = standby.send("HEAD", "/readyz", "").await;
    assert_eq!((head.status, head.body.len()), (503, 0));
}

#[tokio::test]
async fn a_standby_refuses_what_is_not_meant_for_it_as_always() {
    let standby = Standby::start().await;
    let stranger = "Host: evil.example\r\n";
    for target in ["/", "/api/workspace", "/no/such/path"] {
        let answer = standby.send_to_host(stranger, "GET", target, "").await;
        assert_eq!((answer.status, answer.code()), (421, "misdirected_host"));
        expect_common_headers(&answer);
    }
    // Probes name any host, or none.
    let answer = standby.send_to_host(stranger, "GET", "/readyz", "").await;
    expect_standby(&answer);
    let answer = standby.send_to_host(stranger, "GET", "/healthz", "").await;
    assert_eq!(answer.status, 200);

    let other = InstanceId::generate().expect("an id");
    let named = format!("Yoi-Instance: {}\r\n", other.as_str());
    let answer = standby.send("GET", "/api/workspace", &named).await;
    assert_eq!(
        (answer.status, answer.code()),
        (421, "misdirected_instance")
    );
    let foreign = "Origin: https://evil.example\r\n";
    let answer = standby.send("GET", "/api/workspace", foreign).await;
    assert_eq!(
        (answer.status, answer.code()),
        (403, "cross_origin_rejected")
    );
    let answer = standby.send("POST", "/healthz", "").await;
    assert_eq!((answer.status, answer.code()), (405, "method_not_allowed"));
}

#[tokio::test]
async fn pages_of_an_allowed_origin_may_read_that_a_server_stands_by() {
    let standby = Standby::start().await;
    let origin = format!("Origin: {ALLOWED}\r\n");
    let answer = standby.send("GET", "/api/workspace", &origin).await;
    expect_standby(&answer);
    assert_eq!(answer.header("access-control-allow-origin"), Some(ALLOWED));
    let preflight = format!("{origin}Access-Control-Request-Method: POST\r\n");
    let answer = standby.send("OPTIONS", "/api/workspace", &preflight).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some(ALLOWED));
}

#[tokio::test]
async fn the_same_socket_is_served_after_the_takeover_and_refuses_nobody_meanwhile() {
    let standby = Standby::start().await;
    let mut silent = standby.connect().await;
    let mut half_sent = standby.connect().await;
    let mut late = standby.connect().await;
    half_sent.write_all(b"GET / HT").await.expect("it reads");
    // Once this is answered, those before it have been accepted.
    expect_standby(&standby.send("GET", "/readyz", "").await);
    let request = format!(
        "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n",
        standby.port
    );
    standby.take_over.send(()).expect("it stands by");
    let sent = late.write_all(format!("{request}\r\n").as_bytes()).await;
    sent.expect("it reads");
    expect_standby(&Answer::parse(&read_to_end(&mut late).await));
    drop(late);
    let (listeners, report) = in_time(standby.standing_by).await.expect("no panic");
    assert_eq!((report.accepted, report.cut), (4, 2));
    for open in [&mut silent, &mut half_sent] {
        assert_eq!(read_to_end(open).await, b"", "closed, and nothing said");
    }

    let mut early = connect(standby.port).await;
    let request = format!("{request}Connection: close\r\n\r\n");
    let sent = early.write_all(request.as_bytes()).await;
    sent.expect("it listens");
    let registry = RuntimeRegistry::builder().build();
    let api = Api::new(Arc::new(registry), standby.config);
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(serve(listeners, api, async {
        let _ = stopped.await;
    }));
    let answer = Answer::parse(&read_to_end(&mut early).await);
    assert_eq!(answer.status, 200);
    stop.send(()).expect("it serves");
    assert_eq!(in_time(serving).await.expect("no panic").accepted, 1);
}
