//! The wired server without a socket, in a runtime whose time passes only when every task waits.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use axum::body::{self, Body};
use bytes::Bytes;
use http::Request;
use http_api::Api;
use http_body_util::Full;
use testkit::http::Response;
use testkit::json::text;
use testkit::local_records::{SECRETS, record, write};
use testkit::server::{Workspace, offline};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;
use yoi_workspace_server::Server;
use yoi_workspace_server::config::AuthSetting;

use crate::response;

/// The id of the embedded runtime.
pub(crate) const EMBEDDED: &str = "backend-internal";
/// The path of its workers.
pub(crate) const WORKERS_PATH: &str = "/api/runtimes/backend-internal/workers";
/// The id of the local records.
pub(crate) const LOCAL: &str = "local-compat";
/// The one other origin whose pages may call.
pub(crate) const ALLOWED_ORIGIN: &str = "https://app.example";
/// The token.
pub(crate) const TOKEN: &str = "canary-token-of-more-than-22-characters";
/// Most workers at once. Few, because the checks read whole lists; creating one more evicts the
/// oldest stopped one.
const WORKERS_MAX: usize = 32;
/// Longest wait for events. Short, because it is real: no clock that stands still and jumps to the
/// next timer waits for the threads that read local records.
const WAIT_MAX: Duration = Duration::from_millis(2);

/// A server, a session, and a worker that takes inputs.
pub struct ServerFixture {
    runtime: Runtime,
    api: Api,
    pub(crate) port: u16,
    /// The value of the session's cookie.
    pub(crate) session: String,
    worker: RefCell<String>,
    last_number: Cell<u64>,
    /// What no response may contain.
    secrets: Vec<String>,
    // Keeps the port and the directories.
    _server: Server,
    _workspace: Workspace,
}

impl ServerFixture {
    /// A server with a workspace and a data directory of its own.
    ///
    /// # Panics
    /// When the server does not start.
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("an async runtime");
        let workspace = Workspace::new();
        let mut local = record("reviewer", workspace.root());
        local["resolved_manifest_snapshot"]["profile"]["source"]["provenance"] =
            "/CANARY/profile".into();
        write(&workspace.data_dir().join("workers/canary"), &local);
        let mut config = workspace.config();
        config.engine = offline(Duration::ZERO);
        config.limits.workers = WORKERS_MAX;
        config.limits.wait = WAIT_MAX;
        config.auth = AuthSetting::Token(TOKEN.parse().expect("a token"));
        config.allowed_origins = vec![ALLOWED_ORIGIN.parse().expect("an origin")];
        let server = runtime.block_on(Server::bind(config));
        let server = server.expect("the server binds");
        let mut fixture = Self {
            api: server.api().clone(),
            runtime,
            port: server.address().expect("a TCP address").port(),
            session: String::new(),
            worker: RefCell::default(),
            last_number: Cell::default(),
            secrets: vec![TOKEN.to_owned(), "CANARY".to_owned()],
            _server: server,
            _workspace: workspace,
        };
        let response = fixture.post("/api/session", "{}");
        let cookie = response.header("set-cookie").expect("a session's cookie");
        let pair = cookie.split(';').next().unwrap_or_default();
        let (_, session) = pair.split_once('=').expect("a cookie is a pair");
        session.clone_into(&mut fixture.session);
        let directories = [fixture._workspace.root(), fixture._workspace.data_dir()];
        let paths = directories.map(|path| path.display().to_string());
        fixture.secrets.extend(paths);
        fixture.secrets.push(fixture.session.clone());
        fixture
            .secrets
            .extend(SECRETS.iter().map(ToString::to_string));
        fixture.worker = fixture.new_worker().into();
        fixture
    }

    /// The response to a request, as a connection would hand it over.
    pub(crate) fn respond(&self, request: Request<Full<Bytes>>) -> Response {
        let response = self.api.router().oneshot(request.map(Body::new));
        let response = self.runtime.block_on(async {
            let (head, body) = response.await.expect("a router never fails").into_parts();
            let body = body::to_bytes(body, usize::MAX).await;
            http::Response::from_parts(head, body.expect("a whole body"))
        });
        response.into()
    }

    /// [`ServerFixture::respond`], with the checks of every response.
    pub(crate) fn respond_checked(&self, request: Request<Full<Bytes>>) -> Response {
        let method = request.method().clone();
        let response = self.respond(request);
        response::check(&method, &response, &self.secrets);
        response
    }

    /// A `POST` of an authorised client.
    pub(crate) fn post(&self, path: &str, body: &str) -> Response {
        let request = self.authorised("POST", path).body(body.to_owned().into());
        self.respond(request.expect("a request"))
    }

    /// A `GET` of an authorised client.
    pub(crate) fn get(&self, path: &str) -> Response {
        let request = self.authorised("GET", path).body(Full::default());
        self.respond(request.expect("a request"))
    }

    /// The head of a request of an authorised client.
    pub(crate) fn authorised(&self, method: &str, path: &str) -> http::request::Builder {
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
        let response = self.get(&format!("{WORKERS_PATH}/{known}"));
        if response.status == 200 && response.json()["state"] != "stopped" {
            return known;
        }
        let next = self.new_worker();
        self.worker.replace(next.clone());
        next
    }

    fn new_worker(&self) -> String {
        let created = self.post(WORKERS_PATH, "{}").expect(201);
        text(&created["worker_id"]).to_owned()
    }

    /// A new worker.
    pub(crate) fn temporary_worker(&self) -> TemporaryWorker<'_> {
        self.stop_later(&format!("{WORKERS_PATH}/{}", self.new_worker()))
    }

    /// The worker at `path`.
    pub(crate) fn stop_later(&self, path: &str) -> TemporaryWorker<'_> {
        TemporaryWorker {
            server: self,
            path: path.to_owned(),
        }
    }

    /// A number that was not given out before.
    pub(crate) fn next_number(&self) -> u64 {
        self.last_number.set(self.last_number.get() + 1);
        self.last_number.get()
    }
}

impl Default for ServerFixture {
    fn default() -> Self {
        Self::new()
    }
}

/// A worker that is stopped when this is dropped, so that a check never exhausts the workers.
pub(crate) struct TemporaryWorker<'a> {
    server: &'a ServerFixture,
    pub(crate) path: String,
}

impl Drop for TemporaryWorker<'_> {
    fn drop(&mut self) {
        self.server.post(&format!("{}/stop", self.path), "{}");
    }
}
