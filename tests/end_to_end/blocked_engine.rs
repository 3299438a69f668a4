//! An engine that computes without awaiting holds up its own run and nobody else's requests.

use std::sync::{Arc, Mutex, mpsc};

use async_trait::async_trait;
use futures_util::future::join_all;
use testkit::client::Worker;
use testkit::deadline::in_time;
use testkit::http::Connection;
use testkit::json::text;
use testkit::server::TestServer;
use tokio::runtime::Builder;
use tokio::sync::{Notify, oneshot};
use worker_runtime::{EngineError, Output, Turn, TurnEngine};
use yoi_workspace_server::config::EngineSetting;

/// Connections that are open before the engine blocks.
const OPEN_CONNECTIONS: usize = 8;
/// Requests on each of them, and on new ones, while it does.
const ROUNDS: usize = 20;

/// Writes something when it is notified, and then blocks its thread until it is released.
struct BlockingEngine {
    start: Arc<Notify>,
    blocks: Mutex<Option<oneshot::Sender<()>>>,
    released: Mutex<mpsc::Receiver<()>>,
}

#[async_trait]
impl TurnEngine for BlockingEngine {
    async fn run(&self, _: Turn, output: Output) -> Result<(), EngineError> {
        self.start.notified().await;
        output.push("let me compute").await?;
        let blocks = self.blocks.lock().unwrap().take();
        blocks.expect("one run").send(()).unwrap();
        // As a computation would, but it leaves the processor to the requests. An error means that
        // the test has failed.
        let _ = self.released.lock().unwrap().recv();
        Ok(())
    }
}

/// A run whose engine blocks its thread, for as long as `release` isn't used.
struct Blocked {
    worker: Worker,
    cursor: String,
    /// Connections from before.
    open: Vec<Connection>,
    /// Ends with the poll that waited for what the engine wrote before it blocked.
    poll: tokio::task::JoinHandle<serde_json::Value>,
}

#[test]
fn an_engine_that_computes_holds_up_no_request() {
    while_blocked(async |server, blocked| {
        for _ in 0..ROUNDS {
            let mut new = Connection::open(server.address()).await.unwrap();
            request(server, &blocked.worker, &mut new).await;
            let open = blocked.open.iter_mut();
            join_all(open.map(|open| request(server, &blocked.worker, open))).await;
        }
    });
}

/// The reader that a write wakes must not be queued behind the engine's thread.
#[test]
fn an_engine_that_computes_holds_up_no_reader_of_what_it_wrote_before() {
    while_blocked(async |_, blocked| {
        let events = in_time(&mut blocked.poll).await.unwrap();
        assert_eq!(events["events"][0]["text"], "let me compute");
    });
}

/// Does `something` while the engine blocks its thread, and only then releases it.
fn while_blocked(something: impl AsyncFnOnce(&TestServer, &mut Blocked)) {
    let start = Arc::new(Notify::new());
    let (blocks, has_blocked) = oneshot::channel();
    // The clients have a thread of their own, so that the server's threads alone can be blocked.
    let servers = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let clients = Builder::new_current_thread().enable_all().build().unwrap();
    // Dropped before the runtime, which waits for the engine's thread.
    let (release, released) = mpsc::channel();
    let engine = EngineSetting::Own(Arc::new(BlockingEngine {
        start: Arc::clone(&start),
        blocks: Mutex::new(Some(blocks)),
        released: Mutex::new(released),
    }));
    let server = servers.block_on(TestServer::start_with(|config| config.engine = engine));
    clients.block_on(async {
        let mut blocked = blocked(&server, &start, has_blocked).await;
        something(&server, &mut blocked).await;
        release.send(()).unwrap();
        blocked.worker.run_events_after(&blocked.cursor).await;
    });
    servers.block_on(server.shut_down());
}

/// Has the engine block its thread.
async fn blocked(
    server: &TestServer,
    start: &Notify,
    has_blocked: oneshot::Receiver<()>,
) -> Blocked {
    let worker = server.create_worker().await;
    let accepted = worker.send("compute!").await;
    let cursor = text(&accepted["cursor"]).to_owned();
    let mut open = Vec::new();
    for _ in 0..OPEN_CONNECTIONS {
        let mut connection = Connection::open(server.address()).await.unwrap();
        request(server, &worker, &mut connection).await;
        open.push(connection);
    }
    let poll = tokio::spawn({
        let (worker, cursor) = (worker.clone(), cursor.clone());
        async move { worker.events_after(&cursor).await }
    });
    server.until_in_flight(1).await;
    start.notify_one();
    in_time(has_blocked).await.unwrap();
    Blocked {
        worker,
        cursor,
        open,
        poll,
    }
}

/// A request for the busy worker, which is answered.
async fn request(server: &TestServer, worker: &Worker, connection: &mut Connection) {
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
        worker.path,
        server.address(),
        server.token
    );
    let response = in_time(connection.exchange(request.as_bytes())).await;
    response.unwrap().expect(200);
}
