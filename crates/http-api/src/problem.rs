//! Which problem answers which refusal. A code has one status (`wire/problem.rs`), so here it
//! is decided.
//!
//! Below this file nobody knows HTTP; above it nobody builds a problem by hand.

mod edge;
mod text;

#[cfg(test)]
mod tests;

pub(crate) use edge::EdgeRefusal;
pub(crate) use text::{ProblemText, Retry, text};

use http::header::{ALLOW, CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use registry_core::{FixedText, RegistryError, UnavailableReason, WorkerRef};

use crate::answer::Answer;
use crate::routes;
use crate::wire::{MEDIA_TYPE_PROBLEM, Problem, ProblemCode, path};

/// A request that is not carried out: its problem, all but the request's id.
#[derive(Debug, Clone)]
pub(crate) struct Refusal(Box<Refused>);

#[derive(Debug, Clone)]
struct Refused {
    problem: Problem,
    /// The methods that the resource does take, where the status demands to say so.
    allow: Option<&'static str>,
}

impl Refusal {
    /// A refusal that is about nothing in particular.
    fn new(code: ProblemCode) -> Self {
        let ProblemText {
            title,
            detail,
            retry,
        } = text(code);
        let problem = Problem {
            problem_type: FixedText::new(code.urn()),
            title: FixedText::new(title),
            status: code.status(),
            code,
            detail: FixedText::new(detail),
            retryable: retry != Retry::Never,
            request_id: String::new(),
            field: None,
            reason: None,
            runtime_id: None,
            worker_id: None,
            run_id: None,
            active_run_id: None,
            profile: None,
            capability: None,
            limit: None,
            limit_bytes: None,
            oldest_cursor: None,
            latest_cursor: None,
            transcript: None,
        };
        Self(Box::new(Refused {
            problem,
            allow: None,
        }))
    }

    fn with(code: ProblemCode, complete: impl FnOnce(&mut Problem)) -> Self {
        let mut refusal = Self::new(code);
        complete(&mut refusal.0.problem);
        refusal
    }

    /// A refusal about one worker.
    fn of_worker(code: ProblemCode, worker: WorkerRef) -> Self {
        Self::with(code, |problem| {
            problem.runtime_id = Some(worker.runtime_id);
            problem.worker_id = Some(worker.worker_id);
        })
    }

    fn and(mut self, complete: impl FnOnce(&mut Problem)) -> Self {
        complete(&mut self.0.problem);
        self
    }

    fn allowing(mut self, allow: &'static str) -> Self {
        self.0.allow = Some(allow);
        self
    }

    /// What programs look at.
    pub(crate) fn code(&self) -> ProblemCode {
        self.0.problem.code
    }

    /// A problem of this code as the OpenAPI document shows it.
    pub(crate) fn example(code: ProblemCode, request_id: &str) -> Problem {
        let mut problem = Self::new(code).0.problem;
        problem.request_id = request_id.to_owned();
        problem
    }

    /// The whole answer to the request `request_id`.
    pub(crate) fn render(self, request_id: String) -> Answer {
        let Refused { mut problem, allow } = *self.0;
        problem.request_id = request_id;
        let code = problem.code;
        let body = serde_json::to_vec(&problem)
            .expect("a problem has string keys alone and no map that could fail");
        let mut answer = Answer::whole(status(code), MEDIA_TYPE_PROBLEM, body);
        if let Retry::After { seconds } = text(code).retry {
            answer.say(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = allow {
            answer.say(ALLOW, HeaderValue::from_static(allow));
        }
        if code == ProblemCode::Unauthorized {
            answer.say(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(
            code,
            ProblemCode::RequestTimeout | ProblemCode::BodyTooLarge
        ) {
            // The rest of the body is never read, so no other request can follow.
            answer.say(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}

fn status(code: ProblemCode) -> StatusCode {
    StatusCode::from_u16(code.status()).expect("every code's status is a number from 400 to 599")
}

/// The mapping of everything that the registry may answer.
impl From<RegistryError> for Refusal {
    fn from(error: RegistryError) -> Self {
        use ProblemCode as Code;
        match error {
            RegistryError::UnknownRuntime { runtime_id } => {
                Self::with(Code::UnknownRuntime, |p| p.runtime_id = Some(runtime_id))
            }
            RegistryError::UnknownWorker { worker } => Self::of_worker(Code::UnknownWorker, worker),
            RegistryError::UnknownProfile {
                runtime_id,
                profile,
            } => Self::with(Code::UnknownProfile, |p| {
                p.runtime_id = Some(runtime_id);
                p.profile = Some(profile);
            }),
            RegistryError::WorkerBusy { worker, active_run } => {
                Self::of_worker(Code::WorkerBusy, worker)
                    .and(|p| p.active_run_id = Some(active_run))
            }
            RegistryError::WorkerStopped { worker } => Self::of_worker(Code::WorkerStopped, worker),
            RegistryError::RunMismatch {
                worker,
                expected,
                active_run,
            } => Self::of_worker(Code::RunMismatch, worker).and(|p| {
                p.run_id = Some(expected);
                p.active_run_id = Some(active_run);
            }),
            RegistryError::OperationUnsupported {
                runtime_id,
                capability,
            } => Self::with(Code::OperationUnsupported, |p| {
                p.runtime_id = Some(runtime_id);
                p.capability = Some(capability);
            })
            .allowing(routes::allow_without(capability)),
            error @ RegistryError::RuntimeUnavailable { .. } => Self::unavailable(error),
            RegistryError::ShuttingDown { runtime_id } => {
                Self::with(Code::ShuttingDown, |p| p.runtime_id = Some(runtime_id))
            }
            RegistryError::CapacityExhausted { runtime_id, limit } => {
                Self::with(Code::CapacityExhausted, |p| {
                    p.runtime_id = Some(runtime_id);
                    p.limit = Some(limit);
                })
            }
            RegistryError::TooManyPollers { worker, limit } => {
                Self::of_worker(Code::TooManyPollers, worker).and(|p| p.limit = Some(limit))
            }
            RegistryError::InputEmpty { worker } => Self::of_worker(Code::InputEmpty, worker),
            RegistryError::InputTooLarge {
                worker,
                limit_bytes,
            } => Self::of_worker(Code::InputTooLarge, worker)
                .and(|p| p.limit_bytes = Some(limit_bytes)),
            RegistryError::CursorExpired {
                worker,
                oldest,
                latest,
            } => {
                let transcript = path::transcript(&worker);
                Self::of_worker(Code::CursorExpired, worker).and(|p| {
                    p.oldest_cursor = Some(oldest);
                    p.latest_cursor = Some(latest);
                    p.transcript = Some(transcript);
                })
            }
            RegistryError::InvalidPageToken(_) => EdgeRefusal::InvalidPageToken.into(),
            RegistryError::IdempotencyConflict { runtime_id } => {
                Self::with(Code::IdempotencyConflict, |p| {
                    p.runtime_id = Some(runtime_id);
                })
            }
        }
    }
}

/// What is known when a run outlasts the bounded wait for its end.
const RUN_STILL_ENDING: &str =
    "The cancel or stop stands; the run has not ended yet. Read its events for the end.";

impl Refusal {
    /// A runtime that failed. The cause is logged here, because here it is handled, and goes
    /// no further.
    fn unavailable(error: RegistryError) -> Self {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "runtime unavailable"
        );
        let RegistryError::RuntimeUnavailable {
            runtime_id, reason, ..
        } = error
        else {
            return EdgeRefusal::Internal.into();
        };
        Self::with(ProblemCode::RuntimeUnavailable, |p| {
            p.runtime_id = Some(runtime_id);
            p.reason = Some(FixedText::new(reason.as_str()));
            if reason == UnavailableReason::RunStillEnding {
                p.detail = FixedText::new(RUN_STILL_ENDING);
            }
        })
    }
}
