//! Runtimes.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::json;
use crate::api::Api;
use crate::extract::AtRuntime;
use crate::problem::Refusal;
use crate::wire::RuntimeList;

pub(crate) async fn list(State(api): State<Api>) -> Result<Response, Refusal> {
    let items = api.registry().runtimes().await;
    json(StatusCode::OK, &RuntimeList { items })
}

pub(crate) async fn get(
    State(api): State<Api>,
    AtRuntime(runtime_id): AtRuntime,
) -> Result<Response, Refusal> {
    let runtime = api.registry().runtime(&runtime_id).await?;
    json(StatusCode::OK, &runtime)
}
