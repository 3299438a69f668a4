//! Runtimes.

use http::StatusCode;

use super::json_of;
use crate::answer::Answer;
use crate::api::Api;
use crate::extract::Asked;
use crate::problem::Refusal;
use crate::wire::RuntimeList;

/// Room for a runtime with its profiles and limits, in bytes.
const BYTES_OF_RUNTIME: usize = 2_048;

pub(super) async fn list(api: &Api) -> Result<Answer, Refusal> {
    let items = api.registry().runtimes().await;
    let expected_bytes = items.len() * BYTES_OF_RUNTIME;
    Ok(json_of(
        StatusCode::OK,
        &RuntimeList { items },
        expected_bytes,
    ))
}

pub(super) async fn get(api: &Api, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let runtime = api.registry().runtime(&asked.runtime_id()?).await?;
    Ok(json_of(StatusCode::OK, &runtime, BYTES_OF_RUNTIME))
}
