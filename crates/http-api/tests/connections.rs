//! How connections are served, and how they end.

#[path = "support/server.rs"]
#[expect(dead_code, reason = "these tests need a part of the fixture alone")]
mod server;

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use http_api::{ApiConfig, ServeReport};
use registry_core::SourceError;
use registry_core::projection::WorkerState;
use server::{Answer, Server, WORKER, embedded, hasty, in_time, read_to_end, worker};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
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
) -> (Server, tokio::net::TcpStream) {
    let reached = Arc::new(Notify::new());
    let mut source = embedded();
    source.catalog.checkpoint();
    let (at_work, released) = (Arc::clone(&reached), Mutex::new(released));
    source.catalog.expect_get().returning(move |_| {
        at_work.notify_one();
        // The mock's answer is synchronous: a thread of the executor waits for it.
        let released = released.lock().expect("asked once");
        let released = released.recv_timeout(Duration::from_secs(5));
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
    let hasty = |config: &mut ApiConfig| hasty(&mut config.connection);
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
        hasty(&mut config.connection);
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
async fn no_more_connections_than_the_limit_are_served_at_a_time() {
    let server = Server::with(|config| config.connection.connections = 1).await;
    let mut holder = server.connect().await;
    let request = server
        .head("GET", "/healthz", "")
        .replace("close", "keep-alive");
    holder.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    in_time(holder.read_exact(&mut first)).await.unwrap();
    let mut waiter = server.connect().await;
    waiter
        .write_all(server.head("GET", "/healthz", "").as_bytes())
        .await
        .unwrap();
    let early = tokio::time::timeout(Duration::from_millis(100), waiter.read_u8()).await;
    assert!(early.is_err(), "it was answered beside the first");
    drop(holder);
    let mut rest = Vec::new();
    in_time(waiter.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(Answer::parse(&rest).status, 200);
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_own_wait() {
    use async_trait::async_trait;
    use registry_core::WorkerId;
    use registry_core::port::{EventsQuery, RuntimeSource, TranscriptQuery};
    use registry_core::port::{RuntimeDescriptor, SourceStatus, WorkerCatalog, WorkerObservation};
    use registry_core::projection::{EventBatch, TranscriptPage};

    /// Waits for ever; notifies when a wait begins and when it is dropped.
    struct Waiting(registry_core::mock::MockSource, Arc<Notify>, Arc<Notify>);
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
        async fn events(&self, _: &WorkerId, _: &EventsQuery) -> Result<EventBatch, SourceError> {
            let _guard = NotifyOnDrop(Arc::clone(&self.2));
            self.1.notify_one();
            std::future::pending().await
        }
    }
    #[async_trait]
    impl RuntimeSource for Waiting {
        fn descriptor(&self) -> &RuntimeDescriptor {
            self.0.descriptor()
        }
        async fn status(&self) -> Result<SourceStatus, SourceError> {
            self.0.status().await
        }
        fn catalog(&self) -> &dyn WorkerCatalog {
            self.0.catalog()
        }
        fn observation(&self) -> Option<&dyn WorkerObservation> {
            Some(self)
        }
    }

    let (began, dropped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let source = Waiting(embedded(), Arc::clone(&began), Arc::clone(&dropped));
    let server = Server::over_any(vec![Arc::new(source)], |_| {}).await;
    let mut stream = server.connect().await;
    let target = format!("{WORKER}/events?wait_ms=30000");
    stream
        .write_all(server.head("GET", &target, "").as_bytes())
        .await
        .unwrap();
    in_time(began.notified()).await;
    drop(stream);
    in_time(dropped.notified()).await;
    // The thread that served it counts it right after.
    let aborted = "workers/{worker_id}/events\",status=\"499\"} 1";
    let counted = async {
        while !String::from_utf8_lossy(&server.get("/metrics").await.body).contains(aborted) {}
    };
    in_time(counted).await;
}
