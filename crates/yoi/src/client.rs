//! The API's client: one typed method for each operation that the commands need. A response
//! keeps its text beside the typed value, so that `--json` prints what the server sent.

mod query;
mod response;

pub(crate) use query::{EventsQuery, TranscriptQuery, WorkersQuery};
pub(crate) use response::Response;

use std::io;
use std::time::Duration;

use http_api::wire::{
    CancelRunBody, CreateSessionCodeBody, CreateWorkerBody, Health, Readiness, RenameWorkerBody,
    RuntimeList, SendInputBody, SessionCode, StopWorkerBody, WorkspaceInfo, header, path,
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
use crate::connect::Target;
use crate::error::Error;
use response::transport_error;

/// Timeout for connecting: enough for a busy network, too short to wait for a dead host.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout for a request until its response has been read. Longer than any wait of the
/// server: 30 s for events, and 30 s for a cancelled run to end.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(45);

/// A cheap handle on shared connections.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    target: Target,
}

impl Client {
    /// Sends nothing yet.
    pub(crate) fn new(target: Target) -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            // The token is for this server: neither a proxy nor another host may see it.
            .no_proxy()
            .redirect(Policy::none())
            // The server speaks plain HTTP, so a machine without certificate authorities will do.
            .tls_certs_only([])
            .build()
            .map_err(|error| Error::Setup(io::Error::other(error)))?;
        Ok(Self { http, target })
    }

    pub(crate) fn server(&self) -> &ServerUrl {
        &self.target.server
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    pub(crate) async fn health(&self) -> Result<Response<Health>, Error> {
        self.get(path::HEALTHZ, &()).await
    }

    pub(crate) async fn readiness(&self) -> Result<Response<Readiness>, Error> {
        self.get(path::READYZ, &()).await
    }

    pub(crate) async fn workspace(&self) -> Result<Response<WorkspaceInfo>, Error> {
        self.get(path::WORKSPACE, &()).await
    }

    /// A one-time code for the page in a browser.
    pub(crate) async fn session_code(&self) -> Result<Response<SessionCode>, Error> {
        self.post(path::SESSION_CODES, &CreateSessionCodeBody {}, None)
            .await
    }

    pub(crate) async fn runtimes(&self) -> Result<Response<RuntimeList>, Error> {
        self.get(path::RUNTIMES, &()).await
    }

    pub(crate) async fn workers(
        &self,
        query: &WorkersQuery,
    ) -> Result<Response<WorkerPage>, Error> {
        self.get(path::WORKERS, query).await
    }

    pub(crate) async fn worker(&self, worker: &WorkerRef) -> Result<Response<WorkerDetail>, Error> {
        self.get(&path::worker(worker), &()).await
    }

    pub(crate) async fn create(
        &self,
        runtime: &RuntimeId,
        body: &CreateWorkerBody,
        key: Option<&IdempotencyKey>,
    ) -> Result<Response<WorkerDetail>, Error> {
        self.post(&path::runtime_workers(runtime), body, key).await
    }

    pub(crate) async fn send_input(
        &self,
        worker: &WorkerRef,
        content: String,
        key: Option<&IdempotencyKey>,
    ) -> Result<Response<AcceptedInput>, Error> {
        let body = SendInputBody { content };
        self.post(&path::input(worker), &body, key).await
    }

    /// Cancels a worker's active run; the response comes when it has ended.
    pub(crate) async fn cancel(
        &self,
        worker: &WorkerRef,
        body: &CancelRunBody,
    ) -> Result<Response<CancelResult>, Error> {
        self.post(&path::cancel(worker), body, None).await
    }

    /// Stops a worker for good; the response comes when its run has ended.
    pub(crate) async fn stop(&self, worker: &WorkerRef) -> Result<Response<WorkerDetail>, Error> {
        self.post(&path::stop(worker), &StopWorkerBody {}, None)
            .await
    }

    pub(crate) async fn rename(
        &self,
        worker: &WorkerRef,
        body: &RenameWorkerBody,
    ) -> Result<Response<WorkerDetail>, Error> {
        let url = self.server().join(&path::worker(worker));
        self.exchange(self.http.patch(url).json(body)).await
    }

    /// Deletes a worker with its conversation; the response comes when its run has ended.
    pub(crate) async fn delete(&self, worker: &WorkerRef) -> Result<(), Error> {
        let url = self.server().join(&path::worker(worker));
        let response = self.send(self.http.delete(url)).await?;
        response::read_empty(self.server(), response).await
    }

    pub(crate) async fn transcript(
        &self,
        worker: &WorkerRef,
        query: &TranscriptQuery,
    ) -> Result<Response<TranscriptPage>, Error> {
        self.get(&path::transcript(worker), query).await
    }

    /// A worker's events after a cursor; waits for the first one as `query` says.
    pub(crate) async fn events(
        &self,
        worker: &WorkerRef,
        query: &EventsQuery,
    ) -> Result<Response<EventBatch>, Error> {
        self.get(&path::events(worker), query).await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<Response<T>, Error> {
        let url = self.server().join(path);
        self.exchange(self.http.get(url).query(query)).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        key: Option<&IdempotencyKey>,
    ) -> Result<Response<T>, Error> {
        let mut request = self.http.post(self.server().join(path)).json(body);
        if let Some(key) = key {
            request = request.header(header::IDEMPOTENCY_KEY, key.as_str());
        }
        self.exchange(request).await
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<Response<T>, Error> {
        let response = self.send(request).await?;
        response::read(self.server(), response).await
    }

    async fn send(&self, mut request: RequestBuilder) -> Result<reqwest::Response, Error> {
        if let Some(token) = &self.target.token {
            request = request.bearer_auth(token.reveal());
        }
        // Another server at the same address refuses what is not meant for it.
        if let Some(instance) = &self.target.instance {
            request = request.header(header::INSTANCE, instance.as_str());
        }
        let sent = request.send().await;
        sent.map_err(|error| transport_error(self.server(), &error))
    }
}

#[cfg(test)]
mod tests;
