//! The wired server, asked without a socket: the composition root's own parts, in a time that
//! passes only when everybody waits.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use axum::body::{self, Body};
use bytes::Bytes;
use http::Request;
use http_api::Api;
use http_body_util::Full;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;
use yoi_workspace_server::config::{AuthSetting, EngineSetting};
use yoi_workspace_server::{Server, ServerConfig};

use crate::answer::Answer;

/// The embedded runtime.
pub(crate) const EMBEDDED: &str = "backend-internal";
/// Where its workers are.
pub(crate) const WORKERS_PATH: &str = "/api/runtimes/backend-internal/workers";
/// The local records.
pub(crate) const LOCAL: &str = "local-compat";
/// The one other origin whose pages may call.
pub(crate) const FRIEND: &str = "https://app.example";
/// The token, in no answer.
pub(crate) const TOKEN: &str = "canary-token-of-more-than-22-characters";
/// Workers held at once. Few, because a check reads every list; the oldest stopped one makes
/// room for the next.
const WORKERS: usize = 32;
/// A record with a secret in every place that has one.
const RECORD: &str = include_str!("server/record.json");
/// What the record must not give away.
const RECORD_SECRETS: &[&str] = &["CANARY", "11111111-2222-4333-8444-555555555555"];

/// A server that listens and is never served, a client with a session, and a worker.
pub struct World {
    runtime: Runtime,
    api: Api,
    /// The value of the session's cookie.
    pub(crate) session: String,
    pub(crate) port: u16,
    worker: RefCell<String>,
    numbers: Cell<u64>,
    secrets: Vec<String>,
    // Bound, so that the port is nobody else's; dropped last.
    _server: Server,
    _directories: [TempDir; 2],
}

impl World {
    /// A world with a workspace and a data directory of its own.
    ///
    /// # Panics
    /// When the machine has no room for it, or the server does not start.
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("an async runtime");
        let directories = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
        let [workspace, data] = directories.each_ref().map(|found| found.path().to_owned());
        keep_record(&workspace, &data);
        let secrets = [&workspace, &data].map(|path| path.display().to_string());
        let mut config = ServerConfig::new(workspace);
        config.local_data_dir = Some(data);
        config.engine = EngineSetting::Offline {
            pace: Duration::ZERO,
        };
        config.limits.workers = WORKERS;
        config.auth = AuthSetting::Token(TOKEN.parse().expect("a token"));
        config.allowed_origins = vec![FRIEND.parse().expect("an origin")];
        let server = runtime.block_on(Server::bind(config));
        let server = server.expect("the server binds");
        let mut world = Self {
            api: server.api().clone(),
            runtime,
            session: String::new(),
            port: server.address().port(),
            worker: RefCell::default(),
            numbers: Cell::default(),
            secrets: Vec::from(secrets),
            _server: server,
            _directories: directories,
        };
        let answer = world.post("/api/session", "{}");
        let cookie = answer.header("set-cookie").expect("a session's cookie");
        let pair = cookie
            .split(';')
            .next()
            .and_then(|pair| pair.split_once('='));
        world.session = pair.expect("a cookie is a pair").1.to_owned();
        world
            .secrets
            .extend([TOKEN.to_owned(), world.session.clone()]);
        world
            .secrets
            .extend(RECORD_SECRETS.iter().map(ToString::to_string));
        world.worker.replace(world.new_worker());
        world
    }

    /// The answer to a request, as it is given to the connection.
    pub(crate) fn ask(&self, request: Request<Full<Bytes>>) -> Answer {
        let response = self.api.router().oneshot(request.map(Body::new));
        let answer = self.runtime.block_on(async {
            let (head, body) = response.await.expect("the router never fails").into_parts();
            let body = body::to_bytes(body, usize::MAX)
                .await
                .expect("a whole body");
            http::Response::from_parts(head, body)
        });
        Answer::of(answer)
    }

    /// A `POST` of a client that may.
    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.ask(
            self.allowed("POST", path)
                .body(Full::from(body.to_owned()))
                .expect("a request"),
        )
    }

    /// A `GET` of a client that may.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask(
            self.allowed("GET", path)
                .body(Full::default())
                .expect("a request"),
        )
    }

    /// The head of a request that passes every gate.
    pub(crate) fn allowed(&self, method: &str, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header("host", format!("localhost:{}", self.port))
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "application/json")
    }

    /// The id of a worker that takes inputs.
    pub(crate) fn worker(&self) -> String {
        let known = self.worker.borrow().clone();
        let path = format!("{WORKERS_PATH}/{known}");
        let state = self.get(&path).json()["state"].clone();
        if state != "stopped" && !state.is_null() {
            return known;
        }
        let next = self.new_worker();
        self.worker.replace(next.clone());
        next
    }

    /// A worker of the caller's own.
    pub(crate) fn guest(&self) -> Guest<'_> {
        self.guest_at(&format!("{WORKERS_PATH}/{}", self.new_worker()))
    }

    /// The worker that stands there, which is the caller's to stop.
    pub(crate) fn guest_at(&self, path: &str) -> Guest<'_> {
        let path = path.to_owned();
        Guest { world: self, path }
    }

    fn new_worker(&self) -> String {
        let created = self.post(WORKERS_PATH, "{}");
        assert_eq!(created.status, 201, "{created:?}");
        let id = created.json()["worker_id"].as_str().map(str::to_owned);
        id.expect("a worker has an id")
    }

    /// A number that was not given out before.
    pub(crate) fn next_number(&self) -> u64 {
        let next = self.numbers.get() + 1;
        self.numbers.set(next);
        next
    }

    /// What must stand in no answer.
    pub(crate) fn secrets(&self) -> &[String] {
        &self.secrets
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// A worker that is stopped at the end of a check, also of one that failed, so that there is
/// always room for the next.
pub(crate) struct Guest<'a> {
    world: &'a World,
    /// Its place in the API.
    pub(crate) path: String,
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        self.world.post(&format!("{}/stop", self.path), "{}");
    }
}

/// Writes a record of the workspace into the data directory.
fn keep_record(workspace: &std::path::Path, data: &std::path::Path) {
    let directory: PathBuf = data.join("workers/canary");
    fs::create_dir_all(&directory).expect("a record's directory");
    let root = workspace.to_str().expect("a path of text");
    let record = RECORD.replace("WORKSPACE", root);
    fs::write(directory.join("metadata.json"), record).expect("a record");
}
