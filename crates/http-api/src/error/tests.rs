//! Every error has its code, every code its texts, and no error shows its cause.

use registry_core::{
    Capability, Cursor, FixedText, RegistryError, RuntimeId, UnavailableReason, WorkerRef,
};

use super::*;

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
            RegistryError::UnknownModel {
                runtime_id: runtime_id(),
                model: "none".parse().unwrap(),
            },
            Code::UnknownModel,
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
            | RegistryError::UnknownModel { .. }
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

/// One error of each constructor, with the code that it must have.
fn every_error_of_the_api() -> Vec<(ApiError, ProblemCode)> {
    use ProblemCode as Code;
    let (field, reason) = ("limit", "It is wrong.");
    vec![
        (
            ApiError::invalid_identifier(field, reason),
            Code::InvalidIdentifier,
        ),
        (ApiError::invalid_query(field, reason), Code::InvalidQuery),
        (ApiError::invalid_body(None, reason), Code::InvalidBody),
        (ApiError::invalid_cursor(), Code::InvalidCursor),
        (ApiError::invalid_page_token(), Code::InvalidPageToken),
        (ApiError::new(ProblemCode::Unauthorized), Code::Unauthorized),
        (
            ApiError::new(ProblemCode::CrossOriginRejected),
            Code::CrossOriginRejected,
        ),
        (ApiError::new(ProblemCode::UnknownRoute), Code::UnknownRoute),
        (
            ApiError::new(ProblemCode::MethodNotAllowed),
            Code::MethodNotAllowed,
        ),
        (
            ApiError::new(ProblemCode::RequestTimeout),
            Code::RequestTimeout,
        ),
        (ApiError::body_too_large(9), Code::BodyTooLarge),
        (
            ApiError::new(ProblemCode::UnsupportedMediaType),
            Code::UnsupportedMediaType,
        ),
        (
            ApiError::new(ProblemCode::MisdirectedHost),
            Code::MisdirectedHost,
        ),
        (
            ApiError::new(ProblemCode::MisdirectedInstance),
            Code::MisdirectedInstance,
        ),
        (
            ApiError::capacity_exhausted("unread_response_bytes"),
            Code::CapacityExhausted,
        ),
        (ApiError::overloaded("bodies_bytes"), Code::Overloaded),
        (
            ApiError::quota_exhausted("token_runs"),
            Code::QuotaExhausted,
        ),
        (
            ApiError::new(ProblemCode::InsufficientScope),
            Code::InsufficientScope,
        ),
        (ApiError::new(ProblemCode::ShuttingDown), Code::ShuttingDown),
        (ApiError::internal(), Code::Internal),
    ]
}

#[test]
fn every_error_has_its_code_and_every_code_an_error() {
    let registry = every_registry_error().into_iter();
    let errors = registry.map(|(error, code)| (ApiError::from(error), code));
    let mut answered = Vec::new();
    for (error, code) in errors.chain(every_error_of_the_api()) {
        assert_eq!(error.code(), code);
        answered.push(code);
    }
    for code in ProblemCode::ALL {
        assert!(answered.contains(code), "{code:?} is never answered");
    }
}

#[test]
fn the_name_the_urn_and_the_status_of_a_code_agree() {
    for code in ProblemCode::ALL {
        let name = serde_json::to_value(code).unwrap();
        assert_eq!(name, code.as_str());
        assert_eq!(code.urn(), format!("urn:yoi:problem:{}", code.as_str()));
        let response = ApiError::new(*code).into_response();
        assert_eq!(response.status().as_u16(), code.status());
        assert_eq!(response.extensions().get(), Some(code));
    }
}

#[test]
fn responses_have_the_headers_that_their_status_demands() {
    for (error, code) in every_registry_error() {
        let response = ApiError::from(error).into_response();
        let headers = response.headers();
        let retries = matches!(code.retry(), Retry::After(_));
        assert_eq!(headers.contains_key(RETRY_AFTER), retries, "{code:?}");
        let unsupported = code == ProblemCode::OperationUnsupported;
        assert_eq!(headers.contains_key(ALLOW), unsupported, "{code:?}");
    }
    let response = ApiError::new(ProblemCode::Unauthorized).into_response();
    assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
}

#[test]
fn a_problem_names_what_it_is_about() {
    let problem = |error: RegistryError| ApiError::from(error).0.problem;
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

/// Nothing was changed when the store did not take it, so nobody has to find out. A read is refused
/// with the same words, so they must not speak of a write, nor say that reading works.
#[test]
fn a_runtime_whose_store_fails_says_so_in_words_that_are_true_of_reads_and_changes() {
    for (reason, name) in [
        (UnavailableReason::StoreFull, "store_full"),
        (UnavailableReason::StoreFailed, "store_failed"),
        (UnavailableReason::StoreLost, "store_lost"),
    ] {
        let error = ApiError::from(RegistryError::RuntimeUnavailable {
            runtime_id: runtime_id(),
            reason,
            cause: Some(CANARY.into()),
        });
        let problem = error.0.problem;
        assert_eq!(problem.code, ProblemCode::RuntimeUnavailable);
        assert!(problem.retryable);
        assert_eq!(problem.reason.unwrap().as_str(), name);
        let detail = problem.detail.as_str();
        assert!(detail.contains("has changed nothing."), "{detail}");
        for untrue in ["Nothing was changed", "store it", "Reading still works"] {
            assert!(!detail.contains(untrue), "{detail}");
        }
    }
}

#[test]
fn the_cause_of_a_failure_is_not_in_its_problem() {
    for (error, _) in every_registry_error() {
        let text = serde_json::to_string(&ApiError::from(error).0.problem).unwrap();
        assert!(!text.contains(CANARY), "{text}");
    }
}

#[test]
fn texts_are_sentences_of_ours() {
    for code in ProblemCode::ALL {
        assert!(!code.title().ends_with('.'), "{code:?}");
        assert!(code.detail().ends_with('.'), "{code:?}");
    }
}
