//! The ids of a path, parsed after percent-decoding.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use registry_core::id::IdError;
use registry_core::{RuntimeId, WorkerId, WorkerRef};
use utoipa::IntoParams;

use crate::error::ApiError;

/// The ids of a path below a runtime.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct RuntimePath {
    /// The runtime.
    #[param(example = "backend-internal")]
    pub(crate) runtime_id: RuntimeId,
}

/// The ids of a path below a worker.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct WorkerPath {
    /// The runtime.
    #[param(example = "backend-internal")]
    pub(crate) runtime_id: RuntimeId,
    /// The worker within that runtime.
    #[param(example = "01980000-0000-7000-8000-000000000001")]
    pub(crate) worker_id: WorkerId,
}

impl From<WorkerPath> for WorkerRef {
    fn from(path: WorkerPath) -> Self {
        Self::new(path.runtime_id, path.worker_id)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RuntimePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = path_params(parts, state).await?;
        Ok(Self {
            runtime_id: path_id(&params, "runtime_id")?,
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for WorkerPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = path_params(parts, state).await?;
        Ok(Self {
            runtime_id: path_id(&params, "runtime_id")?,
            worker_id: path_id(&params, "worker_id")?,
        })
    }
}

async fn path_params<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
) -> Result<RawPathParams, ApiError> {
    let params = RawPathParams::from_request_parts(parts, state).await;
    params.map_err(|_| ApiError::invalid_identifier("path", "It is not UTF-8."))
}

fn path_id<T: FromStr<Err = IdError>>(
    params: &RawPathParams,
    name: &'static str,
) -> Result<T, ApiError> {
    let mut params = params.iter();
    let named = params.find(|(known, _)| *known == name);
    let (_, text) = named.ok_or_else(ApiError::internal)?;
    text.parse().map_err(|error| ApiError::id(name, error))
}
