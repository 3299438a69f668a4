//! The API as a client sees it: one typed method for each operation that the commands need.
//!
//! An answer is kept in two forms: the typed one for people, and the text as it came, so
//! that `--json` prints what the server said and not what this program made of it.

mod answer;
mod query;

pub(crate) use answer::Answer;
pub(crate) use query::{EventsQuery, TranscriptBound, TranscriptQuery, WorkersQuery};

use std::io;
use std::time::Duration;

use http_api::Token;
use http_api::wire::{
    CancelRunBody, CreateWorkerBody, Health, Readiness, RuntimeList, SendInputBody, StopWorkerBody,
    WorkspaceInfo, header, path,
};
use registry_core::projection::{
    AcceptedInput, CancelResult, EventBatch, TranscriptPage, WorkerDetail, WorkerPage,
};
use registry_core::{IdempotencyKey, RuntimeId, WorkerRef};
use reqwest::RequestBuilder;
use reqwest::redirect::Policy;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::ServerUrl;
use crate::failure::{Failure, Unreachable};

/// How long a connection may take to be made, in seconds: a busy network, but no dead host.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a request may take until its answer has been read, in seconds. Longer than any
/// wait that the server grants: 30 s for events, and as long for a cancelled run to end.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(45);

/// A server, and what gets in there.
pub(crate) struct Client {
    http: reqwest::Client,
    server: ServerUrl,
    token: Option<Token>,
}

impl Client {
    /// A client of `server`. Nothing is sent yet.
    pub(crate) fn new(server: ServerUrl, token: Option<Token>) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            // The token is for this server: neither a proxy nor another host may see it.
            .no_proxy()
            .redirect(Policy::none())
            .build()
            .map_err(|error| Failure::Setup(io::Error::other(error)))?;
        Ok(Self {
            http,
            server,
            token,
        })
    }

    /// Whether the server runs.
    pub(crate) async fn health(&self) -> Result<Answer<Health>, Failure> {
        self.get(path::HEALTHZ, &[]).await
    }

    /// Whether the server takes requests.
    pub(crate) async fn readiness(&self) -> Result<Answer<Readiness>, Failure> {
        self.get(path::READYZ, &[]).await
    }

    /// The workspace, and the server itself.
    pub(crate) async fn workspace(&self) -> Result<Answer<WorkspaceInfo>, Failure> {
        self.get(path::WORKSPACE, &[]).await
    }

    /// All runtimes.
    pub(crate) async fn runtimes(&self) -> Result<Answer<RuntimeList>, Failure> {
        self.get(path::RUNTIMES, &[]).await
    }

    /// A page of workers.
    pub(crate) async fn workers(
        &self,
        query: &WorkersQuery,
    ) -> Result<Answer<WorkerPage>, Failure> {
        self.get(path::WORKERS, &query.pairs()).await
    }

    /// One worker.
    pub(crate) async fn worker(&self, worker: &WorkerRef) -> Result<Answer<WorkerDetail>, Failure> {
        self.get(&path::worker(worker), &[]).await
    }

    /// Creates a worker.
    pub(crate) async fn create(
        &self,
        runtime: &RuntimeId,
        body: &CreateWorkerBody,
        key: Option<&IdempotencyKey>,
    ) -> Result<Answer<WorkerDetail>, Failure> {
        self.post(&path::runtime_workers(runtime), body, key).await
    }

    /// Sends a worker an input, which starts a run.
    pub(crate) async fn send_input(
        &self,
        worker: &WorkerRef,
        content: String,
        key: Option<&IdempotencyKey>,
    ) -> Result<Answer<AcceptedInput>, Failure> {
        let body = SendInputBody { content };
        self.post(&path::input(worker), &body, key).await
    }

    /// Ends a worker's active run; answers when it has ended.
    pub(crate) async fn cancel(
        &self,
        worker: &WorkerRef,
        body: &CancelRunBody,
    ) -> Result<Answer<CancelResult>, Failure> {
        self.post(&path::cancel(worker), body, None).await
    }

    /// Stops a worker for good; answers when its run has ended.
    pub(crate) async fn stop(&self, worker: &WorkerRef) -> Result<Answer<WorkerDetail>, Failure> {
        self.post(&path::stop(worker), &StopWorkerBody {}, None)
            .await
    }

    /// A page of a worker's transcript.
    pub(crate) async fn transcript(
        &self,
        worker: &WorkerRef,
        query: &TranscriptQuery,
    ) -> Result<Answer<TranscriptPage>, Failure> {
        self.get(&path::transcript(worker), &query.pairs()).await
    }

    /// A worker's events after a cursor; waits for the first one as long as the query says.
    pub(crate) async fn events(
        &self,
        worker: &WorkerRef,
        query: &EventsQuery,
    ) -> Result<Answer<EventBatch>, Failure> {
        self.get(&path::events(worker), &query.pairs()).await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Answer<T>, Failure> {
        self.exchange(self.http.get(self.server.at(path, query)))
            .await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        key: Option<&IdempotencyKey>,
    ) -> Result<Answer<T>, Failure> {
        let mut request = self.http.post(self.server.at(path, &[])).json(body);
        if let Some(key) = key {
            request = request.header(header::IDEMPOTENCY_KEY, key.as_str());
        }
        self.exchange(request).await
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        mut request: RequestBuilder,
    ) -> Result<Answer<T>, Failure> {
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.reveal());
        }
        let response = request.send().await.map_err(|error| self.failed(&error))?;
        answer::read(self, response).await
    }

    /// What the failure of an exchange says about the server.
    fn failed(&self, error: &reqwest::Error) -> Failure {
        let server = self.server.clone();
        let unreachable = if error.is_connect() {
            Unreachable::Refused {
                server,
                source: io_error(error),
            }
        } else if error.is_timeout() {
            Unreachable::TimedOut { server }
        } else {
            Unreachable::Lost { server }
        };
        unreachable.into()
    }
}

/// The kind of the input or output error below `error`, if it is one: what a person wants to
/// know ("connection refused"), without the layers above it.
fn io_error(error: &reqwest::Error) -> Option<io::Error> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>()
            && error.raw_os_error().is_some()
        {
            return Some(error.kind().into());
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests;
