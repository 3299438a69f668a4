//! The API as one value: routes and middleware over a registry.

use std::sync::Arc;

use axum::Router;
use jiff::Timestamp;
use registry_core::page::PAGE_LIMIT_MAX;
use registry_core::port::{EVENT_BATCH_MAX, EVENT_WAIT_MAX};
use registry_core::projection::{Limit, LimitUnit};
use registry_core::{FixedText, RuntimeRegistry};

use crate::client::NamedToken;
use crate::config::ApiConfig;
use crate::openapi;
use crate::router::router;
use crate::state::{ApiState, Draining};
use crate::token::{NoRandomness, Token};
use crate::wire::{API_VERSION, WorkspaceInfo};

/// The version of the server; all our packages share it.
const SERVER_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The API over a registry. A cheap `Clone` handle on shared state.
#[derive(Clone)]
pub struct Api {
    pub(crate) state: ApiState,
    router: Router,
}

impl Api {
    /// The API over `registry`. Its OpenAPI document is made here, once.
    pub fn new(registry: Arc<RuntimeRegistry>, config: ApiConfig) -> Self {
        let document = openapi::document(SERVER_VERSION, &config)
            .to_string()
            .into();
        let workspace = workspace(&config);
        let state = ApiState::new(registry, config, workspace, document);
        Self {
            router: router(state.clone()),
            state,
        }
    }

    /// The routes and middleware, for whoever calls them without a connection. `HEAD` is answered
    /// without a body, and a panic in a handler becomes the problem `internal`.
    ///
    /// # Panics
    /// Outside of a tokio runtime with timers.
    ///
    /// # Cancellation
    /// A mutation that has reached its runtime is carried out all the same.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Takes `token` as the owner's from now on, and no longer the one before; requests under way go
    /// on, and the sessions that were exchanged for the one before end. Returns whether it is
    /// another one.
    pub fn replace_token(&self, token: Token) -> bool {
        let credentials = &self.state.credentials;
        credentials.replace_owner(token, &self.state.metrics)
    }

    /// Takes these named tokens from now on and no others, at most
    /// [`NAMED_TOKENS_MAX`](crate::NAMED_TOKENS_MAX); requests under way go on, and sessions that
    /// were exchanged for others end. A client that had a token before, even if it has been without
    /// one since, keeps its scope, its quotas and what it uses of them. None are taken where no
    /// credentials are asked for.
    pub fn replace_named_tokens(&self, named: &[NamedToken]) {
        let credentials = &self.state.credentials;
        credentials.replace_named(named, &self.state.metrics);
    }

    /// A one-time code by which a page in a browser signs in as the owner, once and within a minute;
    /// see [`page_fragment`](crate::wire::path::page_fragment).
    ///
    /// # Errors
    /// [`NoRandomness`] when the operating system has none.
    pub fn issue_session_code(&self) -> Result<String, NoRandomness> {
        let owner = self.state.credentials.owner();
        self.state.session_codes.issue(owner)
    }

    /// The handle that makes `/readyz` answer 503.
    pub fn draining(&self) -> Draining {
        self.state.draining.clone()
    }
}

/// The present time, cut to the millisecond as all times of the API are.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

fn workspace(config: &ApiConfig) -> WorkspaceInfo {
    let mut limits = Vec::from(config.connection.named());
    let wait_ms = u64::try_from(EVENT_WAIT_MAX.as_millis()).unwrap_or(u64::MAX);
    let batch_ms = u64::try_from(EVENT_BATCH_MAX.as_millis()).unwrap_or(u64::MAX);
    limits.extend([
        Limit::new("page_items", LimitUnit::Count, u64::from(PAGE_LIMIT_MAX)),
        Limit::new("event_wait_ms", LimitUnit::Milliseconds, wait_ms),
        Limit::new("event_batch_ms", LimitUnit::Milliseconds, batch_ms),
    ]);
    WorkspaceInfo {
        display_name: config.display_name.clone(),
        server_version: FixedText::new(SERVER_VERSION),
        api_version: API_VERSION,
        started_at: now(),
        limits,
    }
}
