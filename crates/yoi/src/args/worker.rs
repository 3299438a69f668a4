//! How a command names a worker: by runtime and worker id, never by a display ref.

use clap::Args;
use registry_core::id::IdError;
use registry_core::{RuntimeId, WorkerId, WorkerRef};

/// The runtime that commands use when none is named: the one inside the server.
pub(super) const DEFAULT_RUNTIME: &str = "backend-internal";

#[derive(Args)]
pub(crate) struct WorkerArgs {
    /// The worker's runtime
    #[arg(long, value_name = "ID", default_value = DEFAULT_RUNTIME)]
    runtime: RuntimeId,
    /// The worker's id within its runtime
    #[arg(value_name = "WORKER", value_parser = worker_id)]
    worker: WorkerId,
}

impl WorkerArgs {
    pub(crate) fn worker_ref(&self) -> WorkerRef {
        WorkerRef::new(self.runtime.clone(), self.worker.clone())
    }
}

/// The command line that applies `command` to `worker`, as a user would type it.
pub(crate) fn command_line(command: &str, worker: &WorkerRef) -> String {
    let WorkerRef {
        runtime_id,
        worker_id,
    } = worker;
    if runtime_id.as_str() == DEFAULT_RUNTIME {
        format!("yoi {command} {worker_id}")
    } else {
        format!("yoi {command} {worker_id} --runtime {runtime_id}")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum WorkerArgError {
    #[error(transparent)]
    InvalidId(#[from] IdError),
    #[error("a display ref is for display only and names no worker; write `{instead}`")]
    DisplayRef { instead: String },
}

/// Parses a worker id. A display ref is refused, even one that would name the right worker.
pub(super) fn worker_id(text: &str) -> Result<WorkerId, WorkerArgError> {
    let Some((worker, runtime)) = text.split_once('@') else {
        return Ok(text.parse()?);
    };
    let parsed = (runtime.parse::<RuntimeId>(), worker.parse::<WorkerId>());
    let instead = match parsed {
        (Ok(runtime), Ok(worker)) => format!("--runtime {runtime} {worker}"),
        // Text that is no id is not repeated.
        _ => "--runtime RUNTIME WORKER".to_owned(),
    };
    Err(WorkerArgError::DisplayRef { instead })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_ref_is_refused_with_what_to_write_instead() {
        for (text, instead) in [
            ("w1@local-compat", "--runtime local-compat w1"),
            ("@", "--runtime RUNTIME WORKER"),
            ("w@", "--runtime RUNTIME WORKER"),
            ("@r", "--runtime RUNTIME WORKER"),
            ("w@r@r", "--runtime RUNTIME WORKER"),
            ("W@r", "--runtime RUNTIME WORKER"),
        ] {
            let instead = instead.to_owned();
            let error = WorkerArgError::DisplayRef { instead };
            assert_eq!(worker_id(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_worker_id_is_parsed_as_it_is() {
        assert_eq!(worker_id("w1").unwrap().as_str(), "w1");
        let error = IdError::ForbiddenCharacter { at: 0 };
        assert_eq!(worker_id("W1"), Err(error.into()));
    }
}
