//! The mapping of every error of the registry.

use std::error::Error as _;

use registry_core::{Capability, FixedText, RegistryError, UnavailableReason};

use super::ApiError;
use crate::wire::{ProblemCode, path};

impl From<RegistryError> for ApiError {
    fn from(error: RegistryError) -> Self {
        use ProblemCode as Code;
        match error {
            RegistryError::UnknownRuntime { runtime_id } => {
                Self::new(Code::UnknownRuntime).with(|p| p.runtime_id = Some(runtime_id))
            }
            RegistryError::UnknownWorker { worker } => Self::worker(Code::UnknownWorker, worker),
            RegistryError::UnknownProfile {
                runtime_id,
                profile,
            } => Self::new(Code::UnknownProfile).with(|p| {
                p.runtime_id = Some(runtime_id);
                p.profile = Some(profile);
            }),
            RegistryError::UnknownModel { runtime_id, model } => Self::new(Code::UnknownModel)
                .with(|p| {
                    p.runtime_id = Some(runtime_id);
                    p.model = Some(model);
                }),
            RegistryError::WorkerBusy { worker, active_run } => {
                Self::worker(Code::WorkerBusy, worker).with(|p| p.active_run_id = Some(active_run))
            }
            RegistryError::WorkerStopped { worker } => Self::worker(Code::WorkerStopped, worker),
            RegistryError::RunMismatch {
                worker,
                expected,
                active_run,
            } => Self::worker(Code::RunMismatch, worker).with(|p| {
                p.run_id = Some(expected);
                p.active_run_id = Some(active_run);
            }),
            RegistryError::OperationUnsupported {
                runtime_id,
                capability,
            } => {
                let mut error = Self::new(Code::OperationUnsupported).with(|p| {
                    p.runtime_id = Some(runtime_id);
                    p.capability = Some(capability);
                });
                error.0.allow = Some(methods_without(capability));
                error
            }
            error @ RegistryError::RuntimeUnavailable { .. } => Self::unavailable(error),
            RegistryError::ShuttingDown { runtime_id } => {
                Self::new(Code::ShuttingDown).with(|p| p.runtime_id = Some(runtime_id))
            }
            RegistryError::CapacityExhausted { runtime_id, limit } => {
                Self::new(Code::CapacityExhausted).with(|p| {
                    p.runtime_id = Some(runtime_id);
                    p.limit = Some(limit);
                })
            }
            RegistryError::TooManyPollers { worker, limit } => {
                Self::worker(Code::TooManyPollers, worker).with(|p| p.limit = Some(limit))
            }
            RegistryError::InputEmpty { worker } => Self::worker(Code::InputEmpty, worker),
            RegistryError::InputTooLarge {
                worker,
                limit_bytes,
            } => Self::worker(Code::InputTooLarge, worker)
                .with(|p| p.limit_bytes = Some(limit_bytes)),
            RegistryError::CursorExpired {
                worker,
                oldest,
                latest,
            } => {
                let transcript = path::transcript(&worker);
                Self::worker(Code::CursorExpired, worker).with(|p| {
                    p.oldest_cursor = Some(oldest);
                    p.latest_cursor = Some(latest);
                    p.transcript = Some(transcript);
                })
            }
            RegistryError::InvalidPageToken(_) => Self::invalid_page_token(),
            RegistryError::IdempotencyConflict { runtime_id } => {
                Self::new(Code::IdempotencyConflict).with(|p| p.runtime_id = Some(runtime_id))
            }
        }
    }
}

impl ApiError {
    /// A runtime that failed. Its cause is logged here and goes no further.
    fn unavailable(error: RegistryError) -> Self {
        let cause = error.source().map(tracing::field::display);
        tracing::warn!(%error, cause, "runtime unavailable");
        let RegistryError::RuntimeUnavailable {
            runtime_id, reason, ..
        } = error
        else {
            return Self::internal();
        };
        Self::new(ProblemCode::RuntimeUnavailable).with(|p| {
            p.runtime_id = Some(runtime_id);
            p.reason = Some(FixedText::new(reason.as_str()));
            if let Some(detail) = unavailable_detail(reason) {
                p.detail = FixedText::new(detail);
            }
        })
    }
}

/// What to do about a runtime that is unavailable for this reason, where more is known than the
/// code says. A store fails reads as well as changes, so the sentences are true of both.
fn unavailable_detail(reason: UnavailableReason) -> Option<&'static str> {
    match reason {
        UnavailableReason::DeadlineExceeded | UnavailableReason::SourceFailed => None,
        UnavailableReason::RunStillEnding => Some(
            "The cancel or stop stands; the run has not ended yet. Read its events for the end, \
             and repeat a delete then.",
        ),
        UnavailableReason::StoreFull => Some(
            "The disk of the server's store is full; the request has changed nothing. Other \
             conversations may still be read. Try again when there is space.",
        ),
        UnavailableReason::StoreFailed => Some(
            "The server's store can't be read or written, and its log says why; the request has \
             changed nothing. Other conversations may work.",
        ),
        UnavailableReason::StoreLost => Some(
            "The server's store is gone or another server's, and its log says more; the request \
             has changed nothing. Conversations in memory can still be read.",
        ),
    }
}

/// The methods that the path of an operation still takes on a runtime that lacks `capability`.
/// RFC 9110 §10.2.1 prescribes an empty list for a resource that takes none.
fn methods_without(capability: Capability) -> &'static str {
    match capability {
        // The same path lists the runtime's workers, or shows the worker.
        Capability::CreateWorker | Capability::RenameWorker | Capability::DeleteWorker => {
            "GET, HEAD"
        }
        Capability::ListWorkers
        | Capability::GetWorker
        | Capability::SendInput
        | Capability::CancelRun
        | Capability::StopWorker
        | Capability::ReadTranscript
        | Capability::ReadEvents => "",
    }
}
