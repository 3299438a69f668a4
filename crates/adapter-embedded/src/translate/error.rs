//! The runtime's errors as the registry's.

use registry_core::{FixedText, SourceError, UnavailableReason};
use worker_runtime as runtime;

use super::id::{cursor, run_id};

pub(crate) fn read_error(error: runtime::ReadError) -> SourceError {
    match error {
        runtime::ReadError::UnknownWorker(_) => SourceError::UnknownWorker,
        runtime::ReadError::Store(error) => store_unavailable(error),
    }
}

pub(crate) fn create_error(error: runtime::CreateError) -> SourceError {
    match error {
        // The registry's display names are a subset of the runtime's.
        runtime::CreateError::DisplayName(_) => SourceError::failed(error),
        runtime::CreateError::UnknownProfile => SourceError::UnknownProfile,
        runtime::CreateError::UnknownModel => SourceError::UnknownModel,
        runtime::CreateError::IdempotencyConflict => SourceError::IdempotencyConflict,
        runtime::CreateError::Stopping(_) => SourceError::ShuttingDown,
        runtime::CreateError::Capacity(error) => capacity(error),
        runtime::CreateError::Store(error) => store_unavailable(error),
    }
}

pub(crate) fn input_error(error: runtime::InputError) -> SourceError {
    match error {
        runtime::InputError::UnknownWorker(_) => SourceError::UnknownWorker,
        runtime::InputError::WorkerStopped { .. } => SourceError::WorkerStopped,
        runtime::InputError::IdempotencyConflict { .. } => SourceError::IdempotencyConflict,
        runtime::InputError::Busy { run_id: active, .. } => SourceError::WorkerBusy {
            active_run: run_id(active),
        },
        runtime::InputError::Empty => SourceError::InputEmpty,
        runtime::InputError::TooLarge { maximum, .. } => SourceError::InputTooLarge {
            limit_bytes: u64::try_from(maximum).unwrap_or(u64::MAX),
        },
        runtime::InputError::Stopping(_) => SourceError::ShuttingDown,
        runtime::InputError::Capacity(error) => capacity(error),
        runtime::InputError::Store(error) => store_unavailable(error),
    }
}

pub(crate) fn cancel_error(error: runtime::CancelError) -> SourceError {
    match error {
        runtime::CancelError::UnknownWorker(_) => SourceError::UnknownWorker,
        runtime::CancelError::RunMismatch { active, .. } => SourceError::RunMismatch {
            active_run: run_id(active),
        },
        runtime::CancelError::StillEnding(error) => still_ending(error),
        runtime::CancelError::Capacity(error) => capacity(error),
        runtime::CancelError::Store(error) => store_unavailable(error),
    }
}

pub(crate) fn stop_error(error: runtime::StopError) -> SourceError {
    match error {
        runtime::StopError::UnknownWorker(_) => SourceError::UnknownWorker,
        runtime::StopError::StillEnding(error) => still_ending(error),
        runtime::StopError::Capacity(error) => capacity(error),
        runtime::StopError::Store(error) => store_unavailable(error),
    }
}

pub(crate) fn rename_error(error: runtime::RenameError) -> SourceError {
    match error {
        runtime::RenameError::UnknownWorker(_) => SourceError::UnknownWorker,
        // The registry's display names are a subset of the runtime's.
        runtime::RenameError::DisplayName(_) => SourceError::failed(error),
        runtime::RenameError::Capacity(error) => capacity(error),
        runtime::RenameError::Store(error) => store_unavailable(error),
    }
}

pub(crate) fn delete_error(error: runtime::DeleteError) -> SourceError {
    match error {
        runtime::DeleteError::UnknownWorker(_) => SourceError::UnknownWorker,
        runtime::DeleteError::StillEnding(error) => still_ending(error),
        runtime::DeleteError::Capacity(error) => capacity(error),
        runtime::DeleteError::Store(error) => store_unavailable(error),
    }
}

pub(crate) fn events_error(error: runtime::EventsError) -> SourceError {
    match error {
        runtime::EventsError::UnknownWorker(_) => SourceError::UnknownWorker,
        runtime::EventsError::Expired(expired) => SourceError::CursorExpired {
            oldest: cursor(expired.oldest),
            latest: cursor(expired.latest),
        },
        runtime::EventsError::Capacity(error) => {
            let pollers = [
                runtime::LimitName::WorkerPollers,
                runtime::LimitName::Pollers,
            ];
            if pollers.contains(&error.limit) {
                SourceError::TooManyPollers {
                    limit: FixedText::new(error.limit.as_str()),
                }
            } else {
                capacity(error)
            }
        }
        runtime::EventsError::Store(error) => store_unavailable(error),
    }
}

pub(crate) fn store_unavailable(error: runtime::StoreUnavailable) -> SourceError {
    SourceError::Unavailable {
        reason: match error.kind {
            runtime::store::StoreErrorKind::Full => UnavailableReason::StoreFull,
            runtime::store::StoreErrorKind::Failed => UnavailableReason::StoreFailed,
            runtime::store::StoreErrorKind::Lost => UnavailableReason::StoreLost,
        },
        cause: Some(Box::new(error)),
    }
}

fn capacity(error: runtime::CapacityExhausted) -> SourceError {
    SourceError::CapacityExhausted {
        limit: FixedText::new(error.limit.as_str()),
    }
}

fn still_ending(error: runtime::StillEnding) -> SourceError {
    SourceError::Unavailable {
        reason: UnavailableReason::RunStillEnding,
        cause: Some(Box::new(error)),
    }
}
