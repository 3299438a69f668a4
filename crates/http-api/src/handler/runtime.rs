//! Runtimes.

use http::StatusCode;

use super::serialised;
use crate::answer::Answer;
use crate::api::Api;
use crate::extract::Asked;
use crate::problem::Refusal;
use crate::wire::RuntimeList;

pub(super) async fn list(api: &Api) -> Result<Answer, Refusal> {
    let items = api.registry().runtimes().await;
    serialised(StatusCode::OK, &RuntimeList { items })
}

pub(super) async fn get(api: &Api, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let runtime = api.registry().runtime(&asked.runtime_id()?).await?;
    serialised(StatusCode::OK, &runtime)
}
