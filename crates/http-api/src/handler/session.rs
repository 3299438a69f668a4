//! Signing in and out, for pages in a browser.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::api::now;
use crate::client::Scope;
use crate::error::ApiError;
use crate::extract::{NoParameters, OptionalJsonBody, Query};
use crate::principal::Principal;
use crate::response::{ONE_BYTES, json};
use crate::session_code::CODE_LIFETIME;
use crate::state::ApiState;
use crate::token::NoRandomness;
use crate::wire::{
    CreateSessionBody, CreateSessionCodeBody, ProblemCode, SessionCode, SessionInfo,
};

/// Who the request's credentials are of
///
/// And what they may do: `client` is `owner` for the server's own token. Quotas are of named tokens.
#[utoipa::path(
    get,
    path = "/api/session",
    tag = "workspace",
    responses((status = 200, description = "The client.", body = SessionInfo)),
)]
pub(crate) async fn get_session(
    principal: Principal,
    _: Query<NoParameters>,
) -> Result<Response, ApiError> {
    let client = principal.client();
    let usage = principal.quota_usage();
    let session = SessionInfo {
        client: client.map(|client| client.name.to_string()),
        scope: client.map_or(Scope::Operate, |client| client.scope),
        quotas: usage.map_or(Vec::new(), |usage| usage.quotas.named().into()),
    };
    json(StatusCode::OK, &session, ONE_BYTES)
}

/// Issue a one-time code
///
/// For the address of a page: whoever has the token puts the code there, and the page exchanges it for
/// a session. It can be used once, within a minute, and for what the token may do. No body, or
/// `null`, is the same as an empty object.
#[utoipa::path(
    post,
    path = "/api/session-codes",
    tag = "workspace",
    request_body = CreateSessionCodeBody,
    responses((status = 201, description = "The code.", body = SessionCode)),
)]
pub(crate) async fn create_session_code(
    State(state): State<ApiState>,
    principal: Principal,
    _: Query<NoParameters>,
    _: OptionalJsonBody<CreateSessionCodeBody>,
) -> Result<Response, ApiError> {
    let expires_at = now() + CODE_LIFETIME;
    let code = state.session_codes.issue(principal);
    let code = code.map_err(|error| no_secret(&error))?;
    json(
        StatusCode::CREATED,
        &SessionCode { code, expires_at },
        ONE_BYTES,
    )
}

/// Exchange a token or a code for a cookie
///
/// For pages in a browser: a token or a one-time code is exchanged for a session cookie that
/// scripts can't read. The session may do what the token may. It ends after twelve hours, with its
/// token, with the server, or when there are too many. Without authorisation no cookie is set,
/// because none is needed. No body, or `null`, is the same as an empty object.
#[utoipa::path(
    post,
    path = "/api/session",
    tag = "workspace",
    request_body = CreateSessionBody,
    responses((status = 204, description = "The cookie is set.")),
)]
pub(crate) async fn create_session(
    State(state): State<ApiState>,
    principal: Principal,
    _: Query<NoParameters>,
    headers: HeaderMap,
    OptionalJsonBody(CreateSessionBody { code }): OptionalJsonBody<CreateSessionBody>,
) -> Result<Response, ApiError> {
    let (principal, refusal) = match code {
        Some(code) => (state.session_codes.redeem(&code), ApiError::refused_code()),
        None => (Some(principal), ApiError::new(ProblemCode::Unauthorized)),
    };
    match principal {
        // A code may be older than the token that its client has by now.
        Some(Principal::Token(credential)) if state.credentials.accept(&credential) => {
            // The browser forgets its earlier session, so nobody else needs that.
            state.sessions.end(&cookies(&headers));
            let client = credential.client.name.to_string();
            let cookie = state.sessions.open(credential);
            let cookie = cookie.map_err(|error| no_secret(&error))?;
            tracing::info!(session_of = client, "a session was opened");
            set_cookie(cookie)
        }
        Some(Principal::Anybody) => Ok(StatusCode::NO_CONTENT.into_response()),
        // A session opens no further session.
        Some(Principal::Anonymous | Principal::Session(_) | Principal::Token(_)) | None => {
            Err(refusal)
        }
    }
}

/// End the session
///
/// Signs the page out: its cookie is not taken any more, and removed. Whoever shows a token instead
/// goes on with that.
#[utoipa::path(
    delete,
    path = "/api/session",
    tag = "workspace",
    responses((status = 204, description = "The session has ended.")),
)]
pub(crate) async fn delete_session(
    State(state): State<ApiState>,
    principal: Principal,
    _: Query<NoParameters>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if matches!(principal, Principal::Anybody) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    set_cookie(state.sessions.end(&cookies(&headers)))
}

/// The cookies of a request as one header.
fn cookies(headers: &HeaderMap) -> Vec<u8> {
    let cookies = headers.get_all(COOKIE).iter();
    let cookies: Vec<&[u8]> = cookies.map(HeaderValue::as_bytes).collect();
    cookies.join(&b';')
}

fn set_cookie(cookie: String) -> Result<Response, ApiError> {
    let cookie = HeaderValue::try_from(cookie).map_err(|_| ApiError::internal())?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}

fn no_secret(error: &NoRandomness) -> ApiError {
    let error = error as &dyn std::error::Error;
    tracing::error!(error, "no session can be opened");
    ApiError::internal()
}
