//! Runtimes.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use registry_core::RuntimeRegistry;
use registry_core::projection::RuntimeSummary;

use crate::error::ApiError;
use crate::extract::{NoParameters, Query, RuntimePath};
use crate::response::json;
use crate::wire::RuntimeList;

/// Buffer for a runtime with its profiles and limits, in bytes.
const RUNTIME_BYTES: usize = 2_048;

/// All runtimes
///
/// In the order in which the server registered them. One that fails shows as unavailable and
/// hides no other.
#[utoipa::path(
    get,
    path = "/api/runtimes",
    tag = "runtimes",
    responses((status = 200, description = "The runtimes.", body = RuntimeList), (status = 429)),
)]
pub(crate) async fn list_runtimes(
    State(registry): State<Arc<RuntimeRegistry>>,
    _: Query<NoParameters>,
) -> Result<Response, ApiError> {
    let items = registry.runtimes().await;
    let capacity = items.len() * RUNTIME_BYTES;
    json(StatusCode::OK, &RuntimeList { items }, capacity)
}

/// One runtime
///
/// Its status, capabilities, profiles, limits and counts.
#[utoipa::path(
    get,
    path = "/api/runtimes/{runtime_id}",
    tag = "runtimes",
    params(RuntimePath),
    responses((status = 200, description = "The runtime.", body = RuntimeSummary), (status = 429)),
)]
pub(crate) async fn get_runtime(
    State(registry): State<Arc<RuntimeRegistry>>,
    path: RuntimePath,
    _: Query<NoParameters>,
) -> Result<Response, ApiError> {
    let runtime = registry.runtime(&path.runtime_id).await?;
    json(StatusCode::OK, &runtime, RUNTIME_BYTES)
}
