//! Runtimes.

use http::StatusCode;

use super::json;
use crate::answer::Answer;
use crate::api::Api;
use crate::extract::Asked;
use crate::problem::Refusal;
use crate::wire::RuntimeList;

pub(super) async fn list(api: &Api) -> Result<Answer, Refusal> {
    let items = api.registry().runtimes().await;
    json(StatusCode::OK, &RuntimeList { items })
}

pub(super) async fn get(api: &Api, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let runtime = api.registry().runtime(&asked.runtime_id()?).await?;
    json(StatusCode::OK, &runtime)
}
