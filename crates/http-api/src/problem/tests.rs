//! Every refusal has its code, every code its texts, and none tells what it must not.

use registry_core::{
    Capability, Cursor, FixedText, RegistryError, RuntimeId, UnavailableReason, WorkerRef,
};

use super::*;
use http::HeaderMap;

const CANARY: &str = "/home/canary/secret.sock";

fn runtime_id() -> RuntimeId {
    "backend-internal".parse().unwrap()
}

fn worker() -> WorkerRef {
    WorkerRef::new(runtime_id(), "w1".parse().unwrap())
}

/// One error of each variant, with the code that it must have. The match below is there to
/// break the build when a variant is added.
fn every_registry_error() -> Vec<(RegistryError, ProblemCode)> {
    use ProblemCode as Code;
    let limit = FixedText::new("workers");
    let all = vec![
        (
            RegistryError::UnknownRuntime {
                runtime_id: runtime_id(),
            },
            Code::UnknownRuntime,
        ),
        (
            RegistryError::UnknownWorker { worker: worker() },
            Code::UnknownWorker,
        ),
        (
            RegistryError::UnknownProfile {
                runtime_id: runtime_id(),
                profile: "builtin:none".parse().unwrap(),
            },
            Code::UnknownProfile,
        ),
        (
            RegistryError::WorkerBusy {
                worker: worker(),
                active_run: "r1".parse().unwrap(),
            },
            Code::WorkerBusy,
        ),
        (
            RegistryError::WorkerStopped { worker: worker() },
            Code::WorkerStopped,
        ),
        (
            RegistryError::RunMismatch {
                worker: worker(),
                expected: "r1".parse().unwrap(),
                active_run: "r2".parse().unwrap(),
            },
            Code::RunMismatch,
        ),
        (
            RegistryError::OperationUnsupported {
                runtime_id: runtime_id(),
                capability: Capability::CreateWorker,
            },
            Code::OperationUnsupported,
        ),
        (
            RegistryError::RuntimeUnavailable {
                runtime_id: runtime_id(),
                reason: UnavailableReason::SourceFailed,
                cause: Some(CANARY.into()),
            },
            Code::RuntimeUnavailable,
        ),
        (
            RegistryError::ShuttingDown {
                runtime_id: runtime_id(),
            },
            Code::ShuttingDown,
        ),
        (
            RegistryError::CapacityExhausted {
                runtime_id: runtime_id(),
                limit: limit.clone(),
            },
            Code::CapacityExhausted,
        ),
        (
            RegistryError::TooManyPollers {
                worker: worker(),
                limit,
            },
            Code::TooManyPollers,
        ),
        (
            RegistryError::InputEmpty { worker: worker() },
            Code::InputEmpty,
        ),
        (
            RegistryError::InputTooLarge {
                worker: worker(),
                limit_bytes: 9,
            },
            Code::InputTooLarge,
        ),
        (
            RegistryError::CursorExpired {
                worker: worker(),
                oldest: Cursor::new(1, 2),
                latest: Cursor::new(1, 3),
            },
            Code::CursorExpired,
        ),
        (
            RegistryError::InvalidPageToken(registry_core::page::InvalidPageToken),
            Code::InvalidPageToken,
        ),
        (
            RegistryError::IdempotencyConflict {
                runtime_id: runtime_id(),
            },
            Code::IdempotencyConflict,
        ),
    ];
    for (error, _) in &all {
        match error {
            RegistryError::UnknownRuntime { .. }
            | RegistryError::UnknownWorker { .. }
            | RegistryError::UnknownProfile { .. }
            | RegistryError::WorkerBusy { .. }
            | RegistryError::WorkerStopped { .. }
            | RegistryError::RunMismatch { .. }
            | RegistryError::OperationUnsupported { .. }
            | RegistryError::RuntimeUnavailable { .. }
            | RegistryError::ShuttingDown { .. }
            | RegistryError::CapacityExhausted { .. }
            | RegistryError::TooManyPollers { .. }
            | RegistryError::InputEmpty { .. }
            | RegistryError::InputTooLarge { .. }
            | RegistryError::CursorExpired { .. }
            | RegistryError::InvalidPageToken(_)
            | RegistryError::IdempotencyConflict { .. } => {}
        }
    }
    all
}

fn every_edge_refusal() -> Vec<(EdgeRefusal, ProblemCode)> {
    use ProblemCode as Code;
    let (field, reason) = ("limit", "It is wrong.");
    vec![
        (
            EdgeRefusal::InvalidIdentifier { field, reason },
            Code::InvalidIdentifier,
        ),
        (
            EdgeRefusal::InvalidQuery {
                field: Some(field),
                reason,
            },
            Code::InvalidQuery,
        ),
        (
            EdgeRefusal::InvalidBody {
                field: None,
                reason,
            },
            Code::InvalidBody,
        ),
        (EdgeRefusal::InvalidCursor, Code::InvalidCursor),
        (EdgeRefusal::InvalidPageToken, Code::InvalidPageToken),
        (EdgeRefusal::Unauthorized, Code::Unauthorized),
        (EdgeRefusal::CrossOriginRejected, Code::CrossOriginRejected),
        (EdgeRefusal::UnknownRoute, Code::UnknownRoute),
        (
            EdgeRefusal::MethodNotAllowed { allow: "GET" },
            Code::MethodNotAllowed,
        ),
        (EdgeRefusal::RequestTimeout, Code::RequestTimeout),
        (
            EdgeRefusal::BodyTooLarge { limit_bytes: 9 },
            Code::BodyTooLarge,
        ),
        (
            EdgeRefusal::UnsupportedMediaType,
            Code::UnsupportedMediaType,
        ),
        (EdgeRefusal::MisdirectedHost, Code::MisdirectedHost),
        (
            EdgeRefusal::CapacityExhausted {
                limit: "answer_bytes",
            },
            Code::CapacityExhausted,
        ),
        (EdgeRefusal::ShuttingDown, Code::ShuttingDown),
        (EdgeRefusal::Internal, Code::Internal),
    ]
}

#[test]
fn every_refusal_has_its_code_and_no_code_is_without_a_refusal() {
    let mut seen = Vec::new();
    for (error, code) in every_registry_error() {
        assert_eq!(Refusal::from(error).code(), code);
        seen.push(code);
    }
    for (refusal, code) in every_edge_refusal() {
        assert_eq!(Refusal::from(refusal).code(), code);
        seen.push(code);
    }
    for code in ProblemCode::ALL {
        assert!(seen.contains(code), "{code:?} is never answered");
    }
}

#[test]
fn the_wire_name_the_urn_and_the_status_of_a_code_agree() {
    for code in ProblemCode::ALL {
        let name = serde_json::to_value(code).unwrap();
        assert_eq!(name, code.as_str());
        assert_eq!(code.urn(), format!("urn:yoi:problem:{}", code.as_str()));
        let response = Refusal::new(*code).render("id".to_owned());
        assert_eq!(response.status.as_u16(), code.status());
    }
}

fn headers(refusal: Refusal) -> HeaderMap {
    HeaderMap::from_iter(refusal.render("id".to_owned()).headers)
}

#[test]
fn headers_say_what_the_status_demands() {
    for (error, code) in every_registry_error() {
        let headers = headers(Refusal::from(error));
        let retries = matches!(text(code).retry, Retry::After { .. });
        assert_eq!(headers.contains_key(RETRY_AFTER), retries, "{code:?}");
        assert_eq!(
            headers.contains_key(ALLOW),
            code.status() == 405,
            "{code:?}"
        );
    }
    let unauthorised = headers(EdgeRefusal::Unauthorized.into());
    assert_eq!(unauthorised[WWW_AUTHENTICATE], "Bearer");
    let wrong_method = EdgeRefusal::MethodNotAllowed { allow: "GET, HEAD" };
    assert_eq!(headers(wrong_method.into())[ALLOW], "GET, HEAD");
}

#[test]
fn a_problem_says_what_it_is_about() {
    let problem = |error: RegistryError| Refusal::from(error).0.problem;
    let busy = problem(RegistryError::WorkerBusy {
        worker: worker(),
        active_run: "r1".parse().unwrap(),
    });
    assert_eq!(busy.active_run_id.unwrap().as_str(), "r1");
    assert_eq!(busy.worker_id.unwrap().as_str(), "w1");
    let expired = problem(RegistryError::CursorExpired {
        worker: worker(),
        oldest: Cursor::new(1, 2),
        latest: Cursor::new(1, 3),
    });
    assert_eq!(expired.oldest_cursor, Some(Cursor::new(1, 2)));
    assert_eq!(expired.latest_cursor, Some(Cursor::new(1, 3)));
    let transcript = "/api/runtimes/backend-internal/workers/w1/transcript";
    assert_eq!(expired.transcript.as_deref(), Some(transcript));
}

#[test]
fn the_cause_of_a_failure_goes_no_further_than_the_log() {
    for (error, _) in every_registry_error() {
        let text = serde_json::to_string(&Refusal::from(error).0.problem).unwrap();
        assert!(!text.contains(CANARY), "{text}");
    }
}

#[test]
fn texts_are_sentences_of_ours() {
    for code in ProblemCode::ALL {
        let of = text(*code);
        assert!(
            !of.title.ends_with('.') && of.detail.ends_with('.'),
            "{code:?}"
        );
    }
}
