//! The workspace and the server itself.

use http::header::SET_COOKIE;
use http::{HeaderValue, StatusCode};

use super::serialised;
use crate::answer::Answer;
use crate::api::Api;
use crate::config::Auth;
use crate::extract::Asked;
use crate::metrics::MEDIA_TYPE_METRICS;
use crate::problem::{EdgeRefusal, Refusal};
use crate::wire::{
    CreateSessionBody, Health, HealthStatus, MEDIA_TYPE_JSON, Readiness, ReadinessStatus,
};

pub(super) fn workspace(api: &Api) -> Result<Answer, Refusal> {
    serialised(StatusCode::OK, api.workspace())
}

pub(super) fn create_session(api: &Api, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let CreateSessionBody {} = asked.body()?;
    let mut answer = Answer::without_body(StatusCode::NO_CONTENT);
    match api.config().auth {
        Auth::None => {}
        Auth::Token(_) => {
            let cookie = api.sessions().open().map_err(|error| {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "no session can be opened");
                EdgeRefusal::Internal
            })?;
            let cookie = HeaderValue::try_from(cookie).map_err(|_| EdgeRefusal::Internal)?;
            answer.say(SET_COOKIE, cookie);
        }
    }
    Ok(answer)
}

pub(super) fn health() -> Result<Answer, Refusal> {
    let status = HealthStatus::Ok;
    serialised(StatusCode::OK, &Health { status })
}

pub(super) fn readiness(api: &Api) -> Result<Answer, Refusal> {
    if api.draining().has_begun() {
        return Err(EdgeRefusal::ShuttingDown.into());
    }
    let status = ReadinessStatus::Ready;
    serialised(StatusCode::OK, &Readiness { status })
}

pub(super) async fn metrics(api: &Api) -> Answer {
    let runtimes = api.registry().runtimes().await;
    let text = api.metrics().encode(&runtimes);
    Answer::whole(StatusCode::OK, MEDIA_TYPE_METRICS, text)
}

pub(super) fn document(api: &Api) -> Answer {
    Answer::whole(StatusCode::OK, MEDIA_TYPE_JSON, api.document())
}
