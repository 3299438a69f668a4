//! The one error type of this crate. It is answered as a problem (RFC 9457), whose code decides
//! its status and texts (`wire/problem.rs`).
//!
//! `registry-core` and what it calls know no HTTP; handlers and middleware build no problem themselves.

mod registry;
#[cfg(test)]
mod tests;

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use registry_core::id::IdError;
use registry_core::{FixedText, WorkerRef};

use crate::current_request;
use crate::wire::{MEDIA_TYPE_PROBLEM, Problem, ProblemCode, Retry, reason};

/// The challenge to a client that may only read.
pub(crate) const INSUFFICIENT_SCOPE_CHALLENGE: &str = "Bearer error=\"insufficient_scope\"";
/// Seconds after which a client asks a standby again: it notices within less that the workspace is
/// free.
const STANDBY_RETRY_S: u16 = 1;

/// Why a request was not carried out. Every text in it is ours: nothing that a client sent can
/// get into one, except ids that parsed.
#[derive(Debug, Clone)]
pub(crate) struct ApiError(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    problem: Problem,
    retry: Retry,
    /// The `Allow` header of a 405 that a handler answers. The router adds its own.
    allow: Option<&'static str>,
}

/// Errors that need no runtime.
impl ApiError {
    /// An id in the path, a header or the query that did not parse.
    pub(crate) fn invalid_identifier(field: &'static str, reason: &'static str) -> Self {
        Self::field(ProblemCode::InvalidIdentifier, Some(field), reason)
    }

    /// The same, with the reason that the parser found.
    pub(crate) fn id(field: &'static str, error: IdError) -> Self {
        let reason = match error {
            IdError::Empty => "It is empty.",
            IdError::TooLong { .. } => "It is too long.",
            IdError::ForbiddenCharacter { .. } => "It has a character that no such id has.",
        };
        Self::invalid_identifier(field, reason)
    }

    /// A query parameter with a wrong value; no field when the parameter is not one of ours.
    pub(crate) fn invalid_query(
        field: impl Into<Option<&'static str>>,
        reason: &'static str,
    ) -> Self {
        Self::field(ProblemCode::InvalidQuery, field.into(), reason)
    }

    /// A body that is not what the operation takes; no field when all of it is meant.
    pub(crate) fn invalid_body(
        field: impl Into<Option<&'static str>>,
        reason: &'static str,
    ) -> Self {
        Self::field(ProblemCode::InvalidBody, field.into(), reason)
    }

    pub(crate) fn invalid_cursor() -> Self {
        let reason = "It is not a cursor.";
        Self::field(ProblemCode::InvalidCursor, Some("after"), reason)
    }

    pub(crate) fn invalid_page_token() -> Self {
        let reason = "It is not a page token of this list.";
        Self::field(ProblemCode::InvalidPageToken, Some("page_token"), reason)
    }

    pub(crate) fn body_too_large(limit_bytes: u64) -> Self {
        Self::new(ProblemCode::BodyTooLarge).with(|p| p.limit_bytes = Some(limit_bytes))
    }

    /// A limit of the server itself, by the name that `GET /api/workspace` gives it.
    pub(crate) fn capacity_exhausted(limit: &'static str) -> Self {
        Self::new(ProblemCode::CapacityExhausted).with(|p| p.limit = Some(FixedText::new(limit)))
    }

    /// A limit of what the server keeps for all clients, by the name that `GET /api/workspace`
    /// gives it.
    pub(crate) fn overloaded(limit: &'static str) -> Self {
        Self::new(ProblemCode::Overloaded).with(|p| p.limit = Some(FixedText::new(limit)))
    }

    /// A quota of the client that sent the request, by its name.
    pub(crate) fn quota_exhausted(quota: &'static str) -> Self {
        Self::new(ProblemCode::QuotaExhausted).with(|p| p.limit = Some(FixedText::new(quota)))
    }

    /// The server stands by.
    pub(crate) fn standby() -> Self {
        let mut error = Self::new(ProblemCode::RuntimeUnavailable).with(|p| {
            p.reason = Some(FixedText::new(reason::STANDBY));
            p.detail = FixedText::new(STANDBY_DETAIL);
        });
        error.0.retry = Retry::After(STANDBY_RETRY_S);
        error
    }

    /// A one-time code that opens nothing.
    pub(crate) fn refused_code() -> Self {
        let detail = "The code is unknown, was used before, is too old, or its token is not valid \
                      any more: get another one with a token.";
        Self::new(ProblemCode::Unauthorized).with(|p| p.detail = FixedText::new(detail))
    }

    pub(crate) fn internal() -> Self {
        Self::new(ProblemCode::Internal)
    }

    /// An error with nothing to say besides its code.
    pub(crate) fn new(code: ProblemCode) -> Self {
        Self(Box::new(Inner {
            problem: problem(code),
            retry: code.retry(),
            allow: None,
        }))
    }

    fn field(code: ProblemCode, field: Option<&'static str>, reason: &'static str) -> Self {
        Self::new(code).with(|p| {
            p.field = field.map(FixedText::new);
            p.reason = Some(FixedText::new(reason));
        })
    }

    fn worker(code: ProblemCode, worker: WorkerRef) -> Self {
        Self::new(code).with(|p| {
            p.runtime_id = Some(worker.runtime_id);
            p.worker_id = Some(worker.worker_id);
        })
    }

    fn with(mut self, change: impl FnOnce(&mut Problem)) -> Self {
        change(&mut self.0.problem);
        self
    }

    #[cfg(test)]
    pub(crate) fn code(&self) -> ProblemCode {
        self.0.problem.code
    }

    #[cfg(test)]
    pub(crate) fn problem_field(&self) -> Option<FixedText> {
        self.0.problem.field.clone()
    }
}

/// A problem of this code, without the request's id.
fn problem(code: ProblemCode) -> Problem {
    Problem {
        problem_type: FixedText::new(code.urn()),
        title: FixedText::new(code.title()),
        status: code.status(),
        code,
        detail: FixedText::new(code.detail()),
        retryable: code.retry() != Retry::Never,
        request_id: String::new(),
        field: None,
        reason: None,
        runtime_id: None,
        worker_id: None,
        run_id: None,
        active_run_id: None,
        profile: None,
        model: None,
        capability: None,
        limit: None,
        limit_bytes: None,
        oldest_cursor: None,
        latest_cursor: None,
        transcript: None,
    }
}

impl IntoResponse for ApiError {
    /// The problem, with the id of the request that the task works on. The response's extensions
    /// carry the [`ProblemCode`], for the access log.
    fn into_response(self) -> Response {
        let Inner {
            mut problem,
            retry,
            allow,
        } = *self.0;
        problem.request_id = current_request::id().to_string();
        let code = problem.code;
        let body = serde_json::to_vec(&problem)
            .expect("a problem has string keys alone and no map that could fail");
        let status = StatusCode::from_u16(code.status())
            .expect("every code's status is a number from 400 to 599");
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE_PROBLEM));
        if let Retry::After(seconds) = retry {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        // RFC 6750 §3.1.
        let mut challenge = |text| {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(text));
        };
        if code == ProblemCode::Unauthorized {
            challenge("Bearer");
        } else if code == ProblemCode::InsufficientScope {
            challenge(INSUFFICIENT_SCOPE_CHALLENGE);
        }
        response.extensions_mut().insert(code);
        response
    }
}

const STANDBY_DETAIL: &str = "This server stands by until the workspace is free: another server has it, or \
                              its database can't be reached. The request has changed nothing; send it to \
                              the other, or try again.";

/// A problem of this code as the OpenAPI document shows it.
pub(crate) fn example(code: ProblemCode) -> Problem {
    Problem {
        request_id: "01980000-0000-7000-8000-0000000000ff".to_owned(),
        ..problem(code)
    }
}
