//! The workspace and the server itself.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderValue, StatusCode};
use registry_core::RuntimeRegistry;

use crate::client::Scope;
use crate::error::ApiError;
use crate::extract::{JsonBody, NoParameters, Query};
use crate::metrics::MEDIA_TYPE_METRICS;
use crate::principal::Principal;
use crate::response::{ONE_BYTES, json};
use crate::state::ApiState;
use crate::wire::{
    CreateSessionBody, Health, HealthStatus, MEDIA_TYPE_JSON, ProblemCode, Readiness,
    ReadinessStatus, SessionInfo, WorkspaceInfo,
};

/// The workspace and the server
///
/// Display name, versions, start and the server's named limits.
#[utoipa::path(
    get,
    path = "/api/workspace",
    tag = "workspace",
    responses((status = 200, description = "The workspace.", body = WorkspaceInfo)),
)]
pub(crate) async fn get_workspace(
    State(state): State<ApiState>,
    _: Query<NoParameters>,
) -> Result<Response, ApiError> {
    json(StatusCode::OK, &state.workspace, ONE_BYTES)
}

/// Exchange the token for a cookie
///
/// For pages in a browser: the bearer token is exchanged for a session cookie that scripts can't
/// read. The session lives as long as the server does, and the oldest ends when there are too
/// many. Without authorisation no cookie is set, because none is needed.
#[utoipa::path(
    post,
    path = "/api/session",
    tag = "workspace",
    request_body = CreateSessionBody,
    responses((status = 204, description = "The cookie is set.")),
)]
pub(crate) async fn create_session(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    _: Query<NoParameters>,
    _: JsonBody<CreateSessionBody>,
) -> Result<Response, ApiError> {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Principal::Token(credential) = principal {
        let cookie = state.sessions.open(credential).map_err(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "no session can be opened");
            ApiError::internal()
        })?;
        let cookie = HeaderValue::try_from(cookie).map_err(|_| ApiError::internal())?;
        response.headers_mut().insert(SET_COOKIE, cookie);
        tracing::info!("a session was opened");
    }
    Ok(response)
}

/// Who the request's credentials are of
///
/// And what they may do: `client` is `owner` for the server's own token. Quotas are of named tokens.
#[utoipa::path(
    get,
    path = "/api/session",
    tag = "workspace",
    responses((status = 200, description = "The client.", body = SessionInfo)),
)]
pub(crate) async fn get_session(
    Extension(principal): Extension<Principal>,
    _: Query<NoParameters>,
) -> Result<Response, ApiError> {
    let client = principal.client();
    let usage = principal.quota_usage();
    let session = SessionInfo {
        client: client.map(|client| client.name.to_string()),
        scope: client.map_or(Scope::Operate, |client| client.scope),
        quotas: usage.map_or(Vec::new(), |usage| usage.quotas.named().into()),
    };
    json(StatusCode::OK, &session, ONE_BYTES)
}

/// Whether the server runs
///
/// Needs no authorisation.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "server",
    responses((status = 200, description = "It runs.", body = Health)),
)]
pub(crate) async fn get_health(_: Query<NoParameters>) -> Result<Response, ApiError> {
    let status = HealthStatus::Ok;
    json(StatusCode::OK, &Health { status }, ONE_BYTES)
}

/// Whether the server takes requests
///
/// Needs no authorisation. 503 once the server is ending.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "server",
    responses((status = 200, description = "It takes requests.", body = Readiness), (status = 503)),
)]
pub(crate) async fn get_readiness(
    State(state): State<ApiState>,
    _: Query<NoParameters>,
) -> Result<Response, ApiError> {
    if state.draining.has_begun() {
        return Err(ApiError::new(ProblemCode::ShuttingDown));
    }
    let status = ReadinessStatus::Ready;
    json(StatusCode::OK, &Readiness { status }, ONE_BYTES)
}

/// Metrics for Prometheus
///
/// OpenMetrics text: requests, latency, connections, runtimes and workers.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "server",
    responses((
        status = 200,
        description = "The metrics.",
        body = String,
        content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8",
    )),
)]
pub(crate) async fn get_metrics(
    State(state): State<ApiState>,
    State(registry): State<Arc<RuntimeRegistry>>,
    _: Query<NoParameters>,
) -> Response {
    let runtimes = registry.runtimes().await;
    let text = state.metrics.encode(&runtimes);
    ([(CONTENT_TYPE, MEDIA_TYPE_METRICS)], text).into_response()
}

/// This document
///
/// OpenAPI 3.1, made from the handlers and the types that are sent. Needs no authorisation.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    tag = "server",
    responses((status = 200, description = "The document.", body = Object)),
)]
pub(crate) async fn get_openapi(State(state): State<ApiState>, _: Query<NoParameters>) -> Response {
    ([(CONTENT_TYPE, MEDIA_TYPE_JSON)], state.openapi.clone()).into_response()
}
