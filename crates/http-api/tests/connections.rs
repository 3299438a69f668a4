//! How connections are served, and how they end.

#[path = "support/server.rs"]
#[expect(dead_code, reason = "these tests need a part of the fixture alone")]
mod server;

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use async_trait::async_trait;
use http_api::{ApiConfig, ServeReport};
use registry_core::mock::MockSource;
use registry_core::port::{
    EventsQuery, RuntimeDescriptor, RuntimeSource, SourceStatus, TranscriptQuery, WorkerCatalog,
    WorkerObservation,
};
use registry_core::projection::{EventBatch, TranscriptPage, WorkerState};
use registry_core::{Cursor, SourceError, WorkerId};
use server::{
    Answer, SHORT_DEADLINE, Server, TEST_TIMEOUT, TOKEN, WORKER, embedded, in_time, read_to_end,
    worker,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    let first = server
        .head("GET", "/healthz", "")
        .replace("close", "keep-alive");
    let last = server.head("GET", "/healthz", "");
    stream.write_all((first + &last).as_bytes()).await.unwrap();
    let text = String::from_utf8(read_to_end(&mut stream).await).unwrap();
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 2, "{text}");
}

#[tokio::test]
async fn head_is_answered_as_get_without_the_body() {
    let server = Server::start().await;
    for target in ["/healthz", WORKER, "/no/such/path"] {
        let send = async |method| {
            let mut stream = server.connect().await;
            let request = server.head(method, target, "");
            stream.write_all(request.as_bytes()).await.unwrap();
            Answer::parse(&read_to_end(&mut stream).await)
        };
        let (get, head) = (send("GET").await, send("HEAD").await);
        assert_eq!(head.status, get.status);
        let length = get.body.len().to_string();
        assert_eq!(head.header("content-length"), Some(length.as_str()));
        assert!(!get.body.is_empty());
        assert!(head.body.is_empty());
    }
}

/// A server one of whose requests has reached its source and waits there.
async fn with_a_request_at_work(
    released: mpsc::Receiver<()>,
    change: impl FnOnce(&mut ApiConfig),
) -> (Server, TcpStream) {
    let reached = Arc::new(Notify::new());
    let mut source = embedded();
    source.catalog.checkpoint();
    let (at_work, released) = (Arc::clone(&reached), Mutex::new(released));
    source.catalog.expect_get().returning(move |_| {
        at_work.notify_one();
        // The mock's answer is synchronous: a thread of the executor waits for it.
        let released = released.lock().expect("asked once");
        let released = released.recv_timeout(TEST_TIMEOUT);
        released.expect("the test lets it go on");
        Ok(worker(WorkerState::Idle))
    });
    let server = Server::over(vec![source], change).await;
    let mut stream = server.connect().await;
    let request = server
        .head("GET", WORKER, "")
        .replace("close", "keep-alive");
    let sent = stream.write_all(request.as_bytes()).await;
    sent.expect("the server reads");
    in_time(reached.notified()).await;
    (server, stream)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_at_work_is_answered_while_the_server_ends() {
    let (release, released) = mpsc::channel();
    let (server, mut stream) = with_a_request_at_work(released, |_| {}).await;
    let stopping = tokio::spawn(server.stop());
    release.send(()).unwrap();
    let answer = Answer::parse(&read_to_end(&mut stream).await);
    assert_eq!(answer.status, 200);
    let report = in_time(stopping).await.unwrap();
    assert_eq!(
        report,
        ServeReport {
            accepted: 1,
            cut: 0
        }
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_ends_at_its_deadline_though_a_thread_is_blocked() {
    let (release, released) = mpsc::channel();
    let hasty = |config: &mut ApiConfig| config.connection.drain_timeout = SHORT_DEADLINE;
    let (server, _stream) = with_a_request_at_work(released, hasty).await;
    let report = server.stop().await;
    assert_eq!(
        report,
        ServeReport {
            accepted: 1,
            cut: 1
        }
    );
    // Only now does the request's thread go on.
    release.send(()).unwrap();
}

#[tokio::test]
async fn idle_connections_end_with_the_server_and_a_stuck_one_is_cut() {
    let server = Server::with(|config| {
        config.connection.drain_timeout = SHORT_DEADLINE;
        config.connection.body_timeout = Duration::from_secs(60);
    })
    .await;
    let mut idle = server.connect().await;
    let request = server
        .head("GET", "/healthz", "")
        .replace("close", "keep-alive");
    idle.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    in_time(idle.read_exact(&mut first)).await.unwrap();
    let mut stuck = server.connect().await;
    let headers = "Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 9\r\n";
    stuck
        .write_all(server.head("POST", "/api/session", headers).as_bytes())
        .await
        .unwrap();
    // `100 Continue` says that the server waits for the body now.
    in_time(stuck.read_exact(&mut first)).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 100");
    let report = server.stop().await;
    assert_eq!(
        report,
        ServeReport {
            accepted: 2,
            cut: 1
        }
    );
    read_to_end(&mut idle).await;
}

#[tokio::test]
async fn connections_without_the_token_keep_nobody_out() {
    let server = Server::with(|config| config.connection.connections = 8).await;
    let mut kept = server.connect().await;
    let request = server
        .head("GET", "/api/workspace", "")
        .replace("close", "keep-alive");
    kept.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    in_time(kept.read_exact(&mut first)).await.unwrap();
    // Nothing, half a head, a head without its body, and a refused request, over and over.
    let mut strangers = Vec::new();
    for sent in [
        "",
        "GET / HTTP/1.1\r\nHost: ",
        "POST /healthz HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nContent-Length: 9\r\n\r\n",
        "GET /api/workspace HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n",
    ]
    .repeat(5)
    {
        let mut stranger = server.connect().await;
        let sent = sent.replace("PORT", &server.port.to_string());
        let _ = stranger.write_all(sent.as_bytes()).await;
        strangers.push(stranger);
        assert_eq!(server.get("/api/workspace").await.status, 200);
    }
    // The first of them were closed, and who has the token was not.
    read_to_end(&mut strangers[0]).await;
    let request = server.head("GET", "/api/workspace", "");
    kept.write_all(request.as_bytes()).await.unwrap();
    let answers = String::from_utf8(read_to_end(&mut kept).await).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 1, "{answers}");
    let metrics = server.get("/metrics").await.body;
    let metrics = String::from_utf8(metrics).unwrap();
    let evicted = metrics.lines().find_map(|line| {
        line.strip_prefix("yoi_http_connections_closed_total{reason=\"evicted\"} ")
    });
    assert!(evicted.unwrap().parse::<u32>().unwrap() >= 16, "{metrics}");
}

#[tokio::test]
async fn a_client_that_closes_its_half_after_the_request_is_answered() {
    let server = Server::start().await;
    let json = "Content-Type: application/json\r\nContent-Length: 16\r\n";
    let input = server.head("POST", &format!("{WORKER}/input"), json) + r#"{"content":"hi"}"#;
    let unfinished = server.head("POST", &format!("{WORKER}/input"), json) + "{";
    for (request, status) in [
        (server.head("GET", "/healthz", ""), 200),
        (
            server
                .head("GET", WORKER, "")
                .replace("close", "keep-alive"),
            200,
        ),
        (server.head("GET", "/api/openapi.json", ""), 200),
        (
            server.head("GET", "/api/workspace", "").replace(TOKEN, "x"),
            401,
        ),
        (server.head("POST", &format!("{WORKER}/stop"), ""), 200),
        (input, 202),
        (unfinished, 400),
    ] {
        let mut stream = server.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = Answer::parse(&read_to_end(&mut stream).await);
        assert_eq!(answer.status, status, "{request}");
        let length = answer.header("content-length").map(str::parse::<usize>);
        assert_eq!(length, Some(Ok(answer.body.len())));
    }
}

/// A source that waits for events for ever if it is to wait at all, and notifies when a wait
/// begins and when it is dropped.
struct Waiting {
    source: MockSource,
    began: Arc<Notify>,
    dropped: Arc<Notify>,
}

struct NotifyOnDrop(Arc<Notify>);

impl Drop for NotifyOnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[async_trait]
impl WorkerObservation for Waiting {
    async fn transcript(
        &self,
        _: &WorkerId,
        _: &TranscriptQuery,
    ) -> Result<TranscriptPage, SourceError> {
        Err(SourceError::UnknownWorker)
    }

    async fn events(&self, _: &WorkerId, query: &EventsQuery) -> Result<EventBatch, SourceError> {
        if query.wait.get() == Duration::ZERO {
            return Ok(EventBatch {
                events: Vec::new(),
                next_cursor: Cursor::new(1, 0),
                caught_up: true,
            });
        }
        let _guard = NotifyOnDrop(Arc::clone(&self.dropped));
        self.began.notify_one();
        std::future::pending().await
    }
}

#[async_trait]
impl RuntimeSource for Waiting {
    fn descriptor(&self) -> &RuntimeDescriptor {
        self.source.descriptor()
    }

    async fn status(&self) -> Result<SourceStatus, SourceError> {
        self.source.status().await
    }

    fn catalog(&self) -> &dyn WorkerCatalog {
        self.source.catalog()
    }

    fn observation(&self) -> Option<&dyn WorkerObservation> {
        Some(self)
    }
}

/// A server, and a client whose poll waits there.
async fn with_a_waiting_poll(
    change: impl FnOnce(&mut ApiConfig),
) -> (Server, TcpStream, Arc<Notify>) {
    let source = Waiting {
        source: embedded(),
        began: Arc::default(),
        dropped: Arc::default(),
    };
    let (began, dropped) = (Arc::clone(&source.began), Arc::clone(&source.dropped));
    let server = Server::over_any(vec![Arc::new(source)], change).await;
    let mut stream = server.connect().await;
    let target = format!("{WORKER}/events?wait_ms=30000");
    let request = server.head("GET", &target, "");
    let sent = stream.write_all(request.as_bytes()).await;
    sent.expect("the server reads");
    in_time(began.notified()).await;
    (server, stream, dropped)
}

#[tokio::test]
async fn no_more_connections_than_the_limit_are_served_at_a_time() {
    let (server, mut holder, _) =
        with_a_waiting_poll(|config| config.connection.connections = 1).await;
    let mut waiter = server.connect().await;
    waiter
        .write_all(server.head("GET", "/healthz", "").as_bytes())
        .await
        .unwrap();
    let early = tokio::time::timeout(Duration::from_millis(100), waiter.read_u8()).await;
    assert!(early.is_err(), "it was answered beside the first");
    holder.shutdown().await.unwrap();
    assert_eq!(Answer::parse(&read_to_end(&mut holder).await).status, 200);
    assert_eq!(Answer::parse(&read_to_end(&mut waiter).await).status, 200);
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_own_wait() {
    let (server, stream, dropped) = with_a_waiting_poll(|_| {}).await;
    stream.set_zero_linger().unwrap();
    drop(stream);
    in_time(dropped.notified()).await;
    // The thread that served it counts it right after.
    let aborted = "workers/{worker_id}/events\",status=\"499\"} 1";
    let counted = async {
        while !String::from_utf8_lossy(&server.get("/metrics").await.body).contains(aborted) {}
    };
    in_time(counted).await;
}

#[tokio::test]
async fn a_client_that_closes_its_half_while_it_waits_is_answered_at_once() {
    let (_server, mut stream, dropped) = with_a_waiting_poll(|_| {}).await;
    stream.shutdown().await.unwrap();
    in_time(dropped.notified()).await;
    let answer = Answer::parse(&read_to_end(&mut stream).await);
    assert_eq!(
        (answer.status, &answer.json()["caught_up"]),
        (200, &true.into())
    );
}

#[tokio::test]
async fn a_body_that_does_not_fit_beside_others_is_refused_before_it_is_read() {
    let server = Server::with(|config| config.connection.bodies_bytes = 64 * 1024).await;
    let target = format!("{WORKER}/input");
    let large = "Content-Type: application/json\r\nContent-Length: 30000\r\n\
                 Expect: 100-continue\r\n";
    let large = server.head("POST", &target, large);
    let mut held = server.connect().await;
    held.write_all(large.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    in_time(held.read_exact(&mut first)).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 100");

    let refused = server.send(large.as_bytes()).await;
    assert_eq!((refused.status, refused.code()), (503, "overloaded"));
    assert_eq!(refused.problem().limit, Some("bodies_bytes".into()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(
        server.post(&target, r#"{"content":"hi"}"#).await.status,
        202
    );
    // It is not authorised to take anything.
    let stranger = server.send(large.replace(TOKEN, "x").as_bytes()).await;
    assert_eq!(stranger.status, 401);

    drop(held);
    let again = async {
        loop {
            let mut stream = server.connect().await;
            stream.write_all(large.as_bytes()).await.unwrap();
            in_time(stream.read_exact(&mut first)).await.unwrap();
            if &first == b"HTTP/1.1 100" {
                return;
            }
        }
    };
    in_time(again).await;
}

#[tokio::test]
async fn a_refused_request_says_that_its_connection_ends_if_its_body_is_not_read() {
    let server = Server::start().await;
    let body = "Content-Length: 2\r\n";
    let post = server.head("POST", &format!("{WORKER}/input"), body) + "{}";
    let too_large = "Content-Length: 99999999\r\n";
    let foreign = post.replace("127.0.0.1", "example.org");
    for (what, request, ends) in [
        (
            "no body",
            server.head("GET", WORKER, "").replace(TOKEN, "x"),
            false,
        ),
        ("no token", post.replace(TOKEN, "x"), true),
        ("another host", foreign, true),
        (
            "too large",
            server.head("POST", "/healthz", too_large),
            true,
        ),
        ("read, but not declared as JSON", post, false),
        (
            "read, but nowhere",
            server.head("POST", "/no/such/path", body) + "{}",
            false,
        ),
    ] {
        let first = request.replace("close", "keep-alive");
        let last = server.head("GET", "/healthz", "");
        let mut stream = server.connect().await;
        stream.write_all((first + &last).as_bytes()).await.unwrap();
        let text = String::from_utf8(read_to_end(&mut stream).await).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 4"), "{what}: {head}");
        let says_so = head.to_lowercase().contains("\r\nconnection: close");
        let answers = text.matches("HTTP/1.1 ").count();
        let expected = (ends, if ends { 1 } else { 2 });
        assert_eq!((says_so, answers), expected, "{what}: {head}");
    }
}
