//! Runtimes.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use registry_core::RuntimeRegistry;
use registry_core::projection::RuntimeSummary;

use crate::entity_tag::EntityTag;
use crate::error::ApiError;
use crate::extract::{IfNoneMatch, NoParameters, Query, RuntimePath};
use crate::response::{NOT_MODIFIED, json, to_json, unless_known};
use crate::wire::RuntimeList;

/// Buffer for a runtime with its profiles and limits, in bytes.
const RUNTIME_BYTES: usize = 2_048;

/// All runtimes
///
/// In the order in which the server registered them. One that fails shows as unavailable and
/// hides no other. That they were observed again is no change for `If-None-Match`.
#[utoipa::path(
    get,
    path = "/api/runtimes",
    tag = "runtimes",
    params(IfNoneMatch),
    responses(
        (status = 200, description = "The runtimes.", body = RuntimeList),
        (status = 304, description = NOT_MODIFIED),
        (status = 429),
    ),
)]
pub(crate) async fn list_runtimes(
    State(registry): State<Arc<RuntimeRegistry>>,
    _: Query<NoParameters>,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let items = registry.runtimes().await;
    let capacity = items.len() * RUNTIME_BYTES;
    let mut list = RuntimeList { items };
    let body = to_json(&list, capacity)?;
    // It is another instant in every answer, and no change.
    for runtime in &mut list.items {
        runtime.observed_at = Timestamp::UNIX_EPOCH;
    }
    let tag = EntityTag::of(&to_json(&list, capacity)?);
    Ok(unless_known(&known, &tag, body))
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
