//! The workspace and the server itself.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderValue, StatusCode};

use super::json;
use crate::api::Api;
use crate::config::Auth;
use crate::extract::JsonBody;
use crate::metrics::MEDIA_TYPE_METRICS;
use crate::problem::{EdgeRefusal, Refusal};
use crate::wire::{
    CreateSessionBody, Health, HealthStatus, MEDIA_TYPE_JSON, Readiness, ReadinessStatus,
};

pub(crate) async fn workspace(State(api): State<Api>) -> Result<Response, Refusal> {
    json(StatusCode::OK, api.workspace())
}

pub(crate) async fn create_session(
    State(api): State<Api>,
    JsonBody(CreateSessionBody {}): JsonBody<CreateSessionBody>,
) -> Result<Response, Refusal> {
    let mut response = StatusCode::NO_CONTENT.into_response();
    match api.config().auth {
        Auth::None => {}
        Auth::Token(_) => {
            let cookie = api.sessions().open().map_err(|error| {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "no session can be opened");
                EdgeRefusal::Internal
            })?;
            let cookie = HeaderValue::try_from(cookie).map_err(|_| EdgeRefusal::Internal)?;
            response.headers_mut().insert(SET_COOKIE, cookie);
        }
    }
    Ok(response)
}

pub(crate) async fn health() -> Result<Response, Refusal> {
    let status = HealthStatus::Ok;
    json(StatusCode::OK, &Health { status })
}

pub(crate) async fn readiness(State(api): State<Api>) -> Result<Response, Refusal> {
    if api.draining().has_begun() {
        return Err(EdgeRefusal::ShuttingDown.into());
    }
    let status = ReadinessStatus::Ready;
    json(StatusCode::OK, &Readiness { status })
}

pub(crate) async fn metrics(State(api): State<Api>) -> Response {
    let runtimes = api.registry().runtimes().await;
    let text = api.metrics().encode(&runtimes);
    let media_type = HeaderValue::from_static(MEDIA_TYPE_METRICS);
    ([(CONTENT_TYPE, media_type)], text).into_response()
}

pub(crate) async fn document(State(api): State<Api>) -> Response {
    let media_type = HeaderValue::from_static(MEDIA_TYPE_JSON);
    ([(CONTENT_TYPE, media_type)], api.document()).into_response()
}
