//! How a command names a worker: by runtime and worker id, never by a display ref.

use clap::Args;
use registry_core::id::IdError;
use registry_core::{RuntimeId, WorkerId, WorkerRef};

/// The runtime that is meant when none is named: the one inside the server.
pub(crate) const DEFAULT_RUNTIME: &str = "backend-internal";

/// One worker of one runtime.
#[derive(Args)]
pub(crate) struct WorkerArgs {
    /// The runtime that holds the worker
    #[arg(long, value_name = "ID", default_value = DEFAULT_RUNTIME)]
    runtime: RuntimeId,
    /// The worker's id within its runtime
    #[arg(value_name = "WORKER", value_parser = worker_id)]
    worker: WorkerId,
}

impl WorkerArgs {
    /// The key of the worker.
    pub(crate) fn worker_ref(&self) -> WorkerRef {
        WorkerRef::new(self.runtime.clone(), self.worker.clone())
    }
}

/// Why a text names no worker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum WorkerArgError {
    #[error(transparent)]
    NotAnId(#[from] IdError),
    #[error("a display ref is for people and names no worker; write `{0}`")]
    DisplayRef(Correction),
}

/// What to write instead of a display ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Correction {
    Exact(WorkerRef),
    InGeneral,
}

impl std::fmt::Display for Correction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(worker) => {
                write!(f, "--runtime {} {}", worker.runtime_id, worker.worker_id)
            }
            Self::InGeneral => f.write_str("--runtime RUNTIME WORKER"),
        }
    }
}

/// Parses a worker id. A display ref is refused, even one that would name the right worker.
pub(super) fn worker_id(text: &str) -> Result<WorkerId, WorkerArgError> {
    let Some((worker, runtime)) = text.split_once('@') else {
        return Ok(text.parse()?);
    };
    let correction = match (runtime.parse(), worker.parse()) {
        (Ok(runtime), Ok(worker)) => Correction::Exact(WorkerRef::new(runtime, worker)),
        _ => Correction::InGeneral,
    };
    Err(WorkerArgError::DisplayRef(correction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_ref_is_refused_with_what_to_write_instead() {
        assert_eq!(
            worker_id("w1@local-compat").unwrap_err().to_string(),
            "a display ref is for people and names no worker; write `--runtime local-compat w1`"
        );
        for odd in ["@", "w@", "@r", "w@r@r", "W@r"] {
            let message = worker_id(odd).unwrap_err().to_string();
            assert!(
                message.ends_with("write `--runtime RUNTIME WORKER`"),
                "{message}"
            );
        }
    }

    #[test]
    fn an_id_is_taken_as_it_is() {
        assert_eq!(worker_id("w1").unwrap().as_str(), "w1");
        assert_eq!(
            worker_id("W1"),
            Err(IdError::ForbiddenCharacter { at: 0 }.into())
        );
    }
}
