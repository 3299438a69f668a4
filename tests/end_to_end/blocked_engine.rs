//! An engine that computes without awaiting holds up its own run and nobody else's requests.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::future::join_all;
use testkit::client::Worker;
use testkit::deadline::in_time;
use testkit::http::Connection;
use testkit::json::text;
use testkit::server::TestServer;
use tokio::runtime::Builder;
use tokio::sync::{Notify, mpsc};
use worker_runtime::{EngineError, Output, Turn, TurnEngine};
use yoi_workspace_server::config::EngineSetting;

/// How long the engine blocks its thread.
const BLOCKED_FOR: Duration = Duration::from_secs(2);
/// Longest delay of a request while it does.
const DELAY_MAX: Duration = Duration::from_millis(100);
/// The machine may be busy with something else during one attempt, hardly during all.
const ATTEMPTS: usize = 5;
/// Connections that are open before the engine blocks.
const OPEN_CONNECTIONS: usize = 8;

/// Writes something when it is notified, and then blocks its thread.
struct BlockingEngine {
    start: Arc<Notify>,
    reports: mpsc::UnboundedSender<Report>,
}

#[derive(Debug, PartialEq, Eq)]
enum Report {
    Blocks,
    Ended,
}

#[async_trait]
impl TurnEngine for BlockingEngine {
    async fn run(&self, _: Turn, output: Output) -> Result<(), EngineError> {
        self.start.notified().await;
        output.push("let me compute").await?;
        let _ = self.reports.send(Report::Blocks);
        // As a computation would, but it leaves the processor to the requests.
        thread::sleep(BLOCKED_FOR);
        let _ = self.reports.send(Report::Ended);
        Ok(())
    }
}

/// How long clients waited while the engine blocked its thread.
#[derive(Debug, Clone, Copy)]
struct Delays {
    /// The longest of all requests that began in this time.
    request: Duration,
    /// Of the poll that waited for what the engine wrote before it blocked.
    poll: Duration,
}

#[test]
fn an_engine_that_computes_for_two_seconds_delays_no_request() {
    delays_at_most(DELAY_MAX, |delays| delays.request);
}

/// The reader that a write wakes must not be queued behind the engine's thread.
#[test]
fn an_engine_that_computes_for_two_seconds_delays_no_reader_of_what_it_wrote_before() {
    delays_at_most(DELAY_MAX, |delays| delays.poll);
}

/// Panics when each attempt took longer than `max`.
#[track_caller]
fn delays_at_most(max: Duration, of: impl Fn(Delays) -> Duration) {
    let start = Arc::new(Notify::new());
    let (sender, mut reports) = mpsc::unbounded_channel();
    let engine = EngineSetting::Own(Arc::new(BlockingEngine {
        start: Arc::clone(&start),
        reports: sender,
    }));
    // The clients have a thread of their own, so that only the server's delays are measured.
    let servers = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let clients = Builder::new_current_thread().enable_all().build().unwrap();
    let server = servers.block_on(TestServer::start_with(|config| config.engine = engine));
    let mut seen = Vec::new();
    while seen.iter().all(|delays| of(*delays) > max) {
        assert!(seen.len() < ATTEMPTS, "{seen:?}");
        seen.push(clients.block_on(delays(&server, &start, &mut reports)));
    }
    servers.block_on(server.shut_down());
}

/// Has the engine block its thread once.
async fn delays(
    server: &TestServer,
    start: &Notify,
    reports: &mut mpsc::UnboundedReceiver<Report>,
) -> Delays {
    let worker = server.create_worker().await;
    let accepted = worker.send("compute!").await;
    let cursor = text(&accepted["cursor"]).to_owned();
    let mut open = Vec::new();
    for _ in 0..OPEN_CONNECTIONS {
        let mut connection = Connection::open(server.address()).await.unwrap();
        delay(server, &worker, &mut connection).await;
        open.push(connection);
    }
    let poll = tokio::spawn({
        let (worker, cursor) = (worker.clone(), cursor.clone());
        async move {
            worker.events_after(&cursor).await;
            Instant::now()
        }
    });
    server.until_in_flight(1).await;
    start.notify_one();
    assert_eq!(in_time(reports.recv()).await, Some(Report::Blocks));
    let blocked = Instant::now();
    let mut longest = Duration::ZERO;
    // Ends with the two seconds, or when the requests of a round were held up until then.
    while reports.try_recv().is_err() {
        let began = Instant::now();
        let mut new = Connection::open(server.address()).await.unwrap();
        delay(server, &worker, &mut new).await;
        longest = longest.max(began.elapsed());
        let delays = open.iter_mut().map(|open| delay(server, &worker, open));
        longest = longest.max(join_all(delays).await.into_iter().max().unwrap());
    }
    worker.run_events_after(&cursor).await;
    Delays {
        request: longest,
        poll: poll.await.unwrap() - blocked,
    }
}

/// How long a request for the busy worker takes.
async fn delay(server: &TestServer, worker: &Worker, connection: &mut Connection) -> Duration {
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
        worker.path,
        server.address(),
        server.token
    );
    let began = Instant::now();
    let response = connection.exchange(request.as_bytes()).await.unwrap();
    response.expect(200);
    began.elapsed()
}
