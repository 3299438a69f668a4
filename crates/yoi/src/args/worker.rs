//! How a command names a worker: by the whole of its id, by a part of it, or by its name; never by a
//! display ref.

use clap::Args;
use clap_complete::ArgValueCompleter;
use registry_core::text::DisplayNameError;
use registry_core::{DisplayName, RuntimeId, WorkerId, WorkerRef};
use uuid::Uuid;

use crate::complete;

/// The runtime that new workers are created in, and that a whole id belongs to, when none is named:
/// the one inside the server.
pub(crate) const DEFAULT_RUNTIME: &str = "backend-internal";
/// Length of a worker id that needs no lookup: that of a UUID.
const UUID_CHARS: usize = 36;

#[derive(Debug, Clone, Args)]
pub(crate) struct WorkerArgs {
    /// The worker's runtime; by default all are searched
    #[arg(long, value_name = "ID", add = ArgValueCompleter::new(complete::runtimes))]
    pub(crate) runtime: Option<RuntimeId>,
    /// The worker's name, its id, or the beginning or end of its id; `-` is the one used last
    #[arg(
        value_name = "WORKER",
        value_parser = worker_name,
        add = ArgValueCompleter::new(complete::workers)
    )]
    pub(crate) worker: WorkerName,
}

/// What a user calls a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WorkerName {
    /// `-` or `@last`: the one that was used last in this workspace.
    Last,
    /// A whole id.
    Id(WorkerId),
    /// A name, or a part of an id.
    Text(DisplayName),
}

/// The runtime of a whole id.
pub(crate) fn runtime_or_default(runtime: Option<&RuntimeId>) -> RuntimeId {
    let default = || DEFAULT_RUNTIME.parse().expect("it is a runtime id");
    runtime.cloned().unwrap_or_else(default)
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
pub(super) enum WorkerNameError {
    #[error("neither an id nor a name: {0}")]
    Invalid(#[from] DisplayNameError),
    #[error("a display ref is for display only and names no worker; write `{instead}`")]
    DisplayRef { instead: String },
}

/// Parses what a user calls a worker. A display ref is refused, even one that would name the right
/// worker.
pub(super) fn worker_name(text: &str) -> Result<WorkerName, WorkerNameError> {
    if text == "-" || text == "@last" {
        return Ok(WorkerName::Last);
    }
    if let Some((worker, runtime)) = text.split_once('@') {
        let parsed = (runtime.parse::<RuntimeId>(), worker.parse::<WorkerId>());
        if let (Ok(runtime), Ok(worker)) = parsed {
            let instead = format!("--runtime {runtime} {worker}");
            return Err(WorkerNameError::DisplayRef { instead });
        }
    }
    if text.len() == UUID_CHARS
        && let (Ok(_), Ok(id)) = (text.parse::<Uuid>(), text.to_ascii_lowercase().parse())
    {
        return Ok(WorkerName::Id(id));
    }
    Ok(WorkerName::Text(text.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01a223b8-d9f2-76f9-baef-bbd62806a7ba";

    #[test]
    fn a_display_ref_is_refused_with_what_to_write_instead() {
        let error = WorkerNameError::DisplayRef {
            instead: "--runtime local-compat w1".to_owned(),
        };
        assert_eq!(worker_name("w1@local-compat"), Err(error));
        // None of these is a display ref, and each may be a name.
        for name in ["@", "w@", "@r", "w@r@r", "W@r"] {
            assert!(
                matches!(worker_name(name), Ok(WorkerName::Text(_))),
                "{name}"
            );
        }
    }

    #[test]
    fn a_whole_id_needs_no_lookup_and_everything_else_does() {
        let id = WorkerName::Id(ID.parse().unwrap());
        assert_eq!(worker_name(ID).unwrap(), id);
        assert_eq!(worker_name(&ID.to_ascii_uppercase()).unwrap(), id);
        for text in [&ID[..8], "w1", "Büro 2"] {
            let name = WorkerName::Text(text.parse().unwrap());
            assert_eq!(worker_name(text).unwrap(), name);
        }
        for last in ["-", "@last"] {
            assert_eq!(worker_name(last).unwrap(), WorkerName::Last);
        }
        for nothing in ["", " ", "a\u{1b}b", &"x".repeat(81)] {
            assert!(worker_name(nothing).is_err(), "{nothing:?}");
        }
    }
}
