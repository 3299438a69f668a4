//! What handlers and middleware share.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::FromRef;
use bytes::Bytes;
use registry_core::RuntimeRegistry;

use crate::byte_budget::{BodyBudget, ResponseBudget};
use crate::config::ApiConfig;
use crate::credentials::Credentials;
use crate::metrics::Metrics;
use crate::middleware::RefusalLog;
use crate::session::Sessions;
use crate::session_code::SessionCodes;
use crate::wire::WorkspaceInfo;

/// The state of the API. A cheap `Clone` handle.
#[derive(Clone)]
pub(crate) struct ApiState(Arc<Shared>);

/// What the handles share.
pub(crate) struct Shared {
    pub(crate) registry: Arc<RuntimeRegistry>,
    pub(crate) config: ApiConfig,
    pub(crate) workspace: WorkspaceInfo,
    /// The OpenAPI document as it is sent.
    pub(crate) openapi: Bytes,
    pub(crate) credentials: Credentials,
    pub(crate) sessions: Sessions,
    pub(crate) session_codes: SessionCodes,
    pub(crate) metrics: Metrics,
    pub(crate) response_budget: ResponseBudget,
    pub(crate) body_budget: BodyBudget,
    pub(crate) refusal_log: RefusalLog,
    pub(crate) draining: Draining,
}

/// Whether the server is ending. A cheap `Clone` handle on one flag, which is never reset.
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

impl ApiState {
    pub(crate) fn new(
        registry: Arc<RuntimeRegistry>,
        config: ApiConfig,
        workspace: WorkspaceInfo,
        openapi: Bytes,
    ) -> Self {
        let metrics = Metrics::new(config.dropped_log_lines.clone(), &config.collectors);
        let limits = &config.connection;
        Self(Arc::new(Shared {
            registry,
            workspace,
            openapi,
            credentials: Credentials::new(&config.auth, &config.named_tokens, &metrics),
            sessions: Sessions::new(config.port, config.cookie_security()),
            session_codes: SessionCodes::default(),
            response_budget: ResponseBudget::new(
                limits.unread_response_bytes,
                metrics.unread_response_bytes.clone(),
            ),
            body_budget: BodyBudget::new(limits.bodies_bytes, metrics.bodies_bytes.clone()),
            refusal_log: RefusalLog::default(),
            metrics,
            draining: Draining::default(),
            config,
        }))
    }
}

impl Deref for ApiState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl FromRef<ApiState> for Arc<RuntimeRegistry> {
    fn from_ref(state: &ApiState) -> Self {
        Arc::clone(&state.registry)
    }
}
