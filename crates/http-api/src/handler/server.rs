//! The workspace and the server itself.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use registry_core::RuntimeRegistry;

use crate::error::ApiError;
use crate::extract::{NoParameters, Query};
use crate::metrics::MEDIA_TYPE_METRICS;
use crate::response::{ONE_BYTES, json};
use crate::state::ApiState;
use crate::wire::{
    Health, HealthStatus, MEDIA_TYPE_JSON, ProblemCode, Readiness, ReadinessStatus, WorkspaceInfo,
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
/// Needs no authorisation. 503 once the server is ending, and while it stands by.
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
