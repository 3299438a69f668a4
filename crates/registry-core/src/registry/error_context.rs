//! Translates a source's error to the registry's, adding the ids that the source leaves out.

use crate::error::{Cause, RegistryError, SourceError, UnavailableReason};
use crate::id::{ProfileId, RunId, RuntimeId, WorkerRef};
use crate::page::InvalidPageToken;
use crate::text::DisplayName;

/// The ids that an operation named.
#[derive(Clone, Copy)]
pub(super) enum ErrorContext<'a> {
    /// A runtime as a whole.
    Runtime {
        runtime_id: &'a RuntimeId,
        profile: Option<&'a ProfileId>,
        model: Option<&'a DisplayName>,
    },
    /// One worker, and the run that was named.
    Worker {
        worker: &'a WorkerRef,
        expected: Option<&'a RunId>,
    },
}

impl<'a> ErrorContext<'a> {
    fn runtime_id(self) -> &'a RuntimeId {
        match self {
            Self::Runtime { runtime_id, .. } => runtime_id,
            Self::Worker { worker, .. } => &worker.runtime_id,
        }
    }

    /// An error that makes no sense for the operation means that the source is broken, and is
    /// reported as unavailable.
    pub(super) fn registry_error(self, error: SourceError) -> RegistryError {
        let runtime_id = self.runtime_id().clone();
        match (error, self) {
            (SourceError::UnknownWorker, Self::Worker { worker, .. }) => {
                RegistryError::UnknownWorker {
                    worker: worker.clone(),
                }
            }
            (
                SourceError::UnknownProfile,
                Self::Runtime {
                    profile: Some(profile),
                    ..
                },
            ) => RegistryError::UnknownProfile {
                runtime_id,
                profile: profile.clone(),
            },
            (
                SourceError::UnknownModel,
                Self::Runtime {
                    model: Some(model), ..
                },
            ) => RegistryError::UnknownModel {
                runtime_id,
                model: model.clone(),
            },
            (SourceError::WorkerBusy { active_run }, Self::Worker { worker, .. }) => {
                RegistryError::WorkerBusy {
                    worker: worker.clone(),
                    active_run,
                }
            }
            (SourceError::WorkerStopped, Self::Worker { worker, .. }) => {
                RegistryError::WorkerStopped {
                    worker: worker.clone(),
                }
            }
            (
                SourceError::RunMismatch { active_run },
                Self::Worker {
                    worker,
                    expected: Some(expected),
                },
            ) => RegistryError::RunMismatch {
                worker: worker.clone(),
                expected: expected.clone(),
                active_run,
            },
            (SourceError::TooManyPollers { limit }, Self::Worker { worker, .. }) => {
                RegistryError::TooManyPollers {
                    worker: worker.clone(),
                    limit,
                }
            }
            (SourceError::InputEmpty, Self::Worker { worker, .. }) => RegistryError::InputEmpty {
                worker: worker.clone(),
            },
            (SourceError::InputTooLarge { limit_bytes }, Self::Worker { worker, .. }) => {
                RegistryError::InputTooLarge {
                    worker: worker.clone(),
                    limit_bytes,
                }
            }
            (SourceError::CursorExpired { oldest, latest }, Self::Worker { worker, .. }) => {
                RegistryError::CursorExpired {
                    worker: worker.clone(),
                    oldest,
                    latest,
                }
            }
            (SourceError::InvalidPosition, Self::Runtime { .. }) => {
                RegistryError::InvalidPageToken(InvalidPageToken)
            }
            (SourceError::Unavailable { reason, cause }, _) => RegistryError::RuntimeUnavailable {
                runtime_id,
                reason,
                cause,
            },
            (SourceError::ShuttingDown, _) => RegistryError::ShuttingDown { runtime_id },
            (SourceError::CapacityExhausted { limit }, _) => {
                RegistryError::CapacityExhausted { runtime_id, limit }
            }
            (SourceError::IdempotencyConflict, _) => {
                RegistryError::IdempotencyConflict { runtime_id }
            }
            (
                unexpected @ (SourceError::UnknownWorker
                | SourceError::UnknownProfile
                | SourceError::UnknownModel
                | SourceError::WorkerBusy { .. }
                | SourceError::WorkerStopped
                | SourceError::RunMismatch { .. }
                | SourceError::TooManyPollers { .. }
                | SourceError::InputEmpty
                | SourceError::InputTooLarge { .. }
                | SourceError::CursorExpired { .. }
                | SourceError::InvalidPosition),
                Self::Runtime { .. } | Self::Worker { .. },
            ) => RegistryError::RuntimeUnavailable {
                runtime_id,
                reason: UnavailableReason::SourceFailed,
                cause: Some(Cause::from(unexpected)),
            },
        }
    }
}
