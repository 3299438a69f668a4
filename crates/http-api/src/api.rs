//! The API as one value: the registry, the settings, and what answers requests with both.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Body;
use jiff::Timestamp;
use registry_core::page::PAGE_LIMIT_MAX;
use registry_core::port::EVENT_WAIT_MAX;
use registry_core::projection::{Limit, LimitUnit};
use registry_core::{FixedText, RuntimeRegistry};

use crate::answer_bytes::AnswerBytes;
use crate::config::{ApiConfig, Auth};
use crate::layer::{self, BoxError};
use crate::metrics::Metrics;
use crate::openapi::{self, Particulars};
use crate::routes::Router;
use crate::session::Sessions;
use crate::wire::{API_VERSION, WorkspaceInfo};

/// The version of the server; all our packages share it.
const SERVER_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The API over a registry. A cheap `Clone` handle on shared state.
#[derive(Clone)]
pub struct Api(Arc<Shared>);

struct Shared {
    registry: Arc<RuntimeRegistry>,
    config: ApiConfig,
    workspace: WorkspaceInfo,
    document: Bytes,
    sessions: Sessions,
    metrics: Metrics,
    answer_bytes: AnswerBytes,
    draining: Draining,
    router: Router,
}

/// Whether the server is ending. A cheap `Clone` handle on one flag, which never goes back.
#[derive(Debug, Clone, Default)]
pub struct Draining(Arc<AtomicBool>);

impl Draining {
    /// From now on `/readyz` answers 503, so that no new work is sent here.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Api {
    /// The API over `registry`. Its OpenAPI document is made here, once.
    pub fn new(registry: Arc<RuntimeRegistry>, config: ApiConfig) -> Self {
        let sessions = Sessions::new(config.port);
        let mut profiles: Vec<_> = registry
            .descriptors()
            .flat_map(|runtime| &runtime.profiles)
            .map(|profile| profile.profile_id.clone())
            .collect();
        profiles.sort_unstable();
        profiles.dedup();
        let document = openapi::document_bytes(&Particulars {
            server_version: SERVER_VERSION,
            cookie_name: sessions.cookie_name(),
            auth_is_on: matches!(config.auth, Auth::Token(_)),
            input_bytes_max: config.input_bytes_max,
            profiles,
        });
        let metrics = Metrics::new();
        let answer_limit = config.connection.answer_bytes;
        Self(Arc::new(Shared {
            registry,
            workspace: workspace(&config),
            document,
            sessions,
            answer_bytes: AnswerBytes::new(answer_limit, metrics.answer_bytes()),
            metrics,
            draining: Draining::default(),
            router: Router::new(),
            config,
        }))
    }

    /// The handle that makes `/readyz` answer 503.
    pub fn draining(&self) -> Draining {
        self.0.draining.clone()
    }

    pub(crate) fn registry(&self) -> &RuntimeRegistry {
        &self.0.registry
    }

    pub(crate) fn config(&self) -> &ApiConfig {
        &self.0.config
    }

    pub(crate) fn workspace(&self) -> &WorkspaceInfo {
        &self.0.workspace
    }

    pub(crate) fn document(&self) -> Bytes {
        self.0.document.clone()
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn answer_bytes(&self) -> &AnswerBytes {
        &self.0.answer_bytes
    }

    pub(crate) fn router(&self) -> &Router {
        &self.0.router
    }

    /// The answer to a request, after every check: what [`serve()`](crate::serve()) gives to
    /// each connection, for whoever asks without one. It never fails: a panic in a handler
    /// becomes the problem `internal`. `HEAD` is answered with the body of `GET`; to leave it
    /// out is the connection's affair.
    ///
    /// # Panics
    /// Outside of a tokio executor with time, when a body or a source has to be waited for.
    ///
    /// # Cancellation
    /// A mutation that has reached its runtime is carried out all the same.
    pub fn answer<B>(&self, request: Request<B>) -> impl Future<Output = Response<Bytes>>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<BoxError>,
    {
        layer::observe(self, request)
    }
}

/// The present instant, cut to the millisecond as all times of the API are.
fn started_at() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

fn workspace(config: &ApiConfig) -> WorkspaceInfo {
    let mut limits = Vec::from(config.connection.named());
    let wait_ms = u64::try_from(EVENT_WAIT_MAX.as_millis()).unwrap_or(u64::MAX);
    limits.extend([
        Limit::new("page_items", LimitUnit::Count, u64::from(PAGE_LIMIT_MAX)),
        Limit::new("event_wait_ms", LimitUnit::Milliseconds, wait_ms),
    ]);
    WorkspaceInfo {
        display_name: config.display_name.clone(),
        server_version: FixedText::new(SERVER_VERSION),
        api_version: API_VERSION,
        started_at: started_at(),
        limits,
    }
}
