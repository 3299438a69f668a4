//! What to do about an error: the `hint:` line below it.

use http_api::wire::{Problem, ProblemCode, reason};
use registry_core::{UnavailableReason, WorkerRef};
use yoi_workspace_server::StoreOpenError;
use yoi_workspace_server::store::{CopyError, MaintenanceError, StoreCopyError};

use crate::args::command_line;
use crate::error::{Error, LookupError, RunEnd, Unreachable, UsageError};
use crate::failure::{self, Failure, accepts_again};

/// Advice about `error`, in one line.
pub(crate) fn hint(error: &Error) -> Option<String> {
    let advice = match error {
        Error::Api(error) => return about_problem(&error.problem),
        Error::AcceptsNoInput { worker, .. } => {
            let transcript = command_line("transcript", worker);
            return Some(format!(
                "`yoi chat` starts a new one; `{transcript}` shows this conversation"
            ));
        }
        Error::RunEnded(end) => return about_run(end),
        Error::Lookup(LookupError::Ambiguous { .. }) => "type more of the id of one of these",
        Error::Lookup(LookupError::NoMatch { .. }) => "`yoi workers --all` lists them",
        Error::Lookup(LookupError::NoLastWorker) => {
            "`yoi create` creates one, `yoi workers` lists those there are"
        }
        Error::Store(error) => return about_file(error).map(str::to_owned),
        Error::StoreCopy(error) => return about_copy(error).map(str::to_owned),
        Error::StoreBeyondRecovery => "go back to a backup; what `yoi export` wrote is whole, too",
        Error::Usage(UsageError::StoreInMemory) => "--store FILE names a file",
        Error::Usage(UsageError::StoreInDatabase) => {
            "the database's own tools check it and copy it, pg_dump for example"
        }
        Error::Unreachable(Unreachable::NoneFound) => {
            "start one with `yoi serve`, or name one with --server URL"
        }
        Error::Unreachable(Unreachable::Several(_)) => {
            "name one with --server URL, or go to the directory of its workspace"
        }
        Error::Unreachable(Unreachable::Refused { .. } | Unreachable::NotFoundAgain { .. }) => {
            "is it running? `yoi serve` starts a server"
        }
        Error::BrowserFailed => "open the address yourself, or name another browser in BROWSER",
        Error::InvalidResponse { .. } => "is it a yoi server, of this version?",
        Error::NothingListed => {
            "`yoi runtimes` says how each runtime is; the server's log says more"
        }
        Error::Unreachable(Unreachable::TimedOut { .. } | Unreachable::Lost { .. })
        | Error::Usage(_)
        | Error::TooManyPages { .. }
        | Error::Declined
        | Error::ExportFile { .. }
        | Error::Interrupted
        | Error::Output(_)
        | Error::Setup(_) => return None,
    };
    Some(advice.to_owned())
}

fn about_problem(problem: &Problem) -> Option<String> {
    let advice = match problem.code {
        ProblemCode::InvalidIdentifier
        | ProblemCode::InvalidQuery
        | ProblemCode::InvalidBody
        | ProblemCode::InvalidCursor
        | ProblemCode::InvalidPageToken => {
            let parts = [&problem.field, &problem.reason].into_iter().flatten();
            let parts: Vec<_> = parts.map(ToString::to_string).collect();
            return (!parts.is_empty()).then(|| parts.join(": "));
        }
        ProblemCode::WorkerBusy => {
            let cancel = command_line("cancel", &worker(problem)?);
            let run = problem.active_run_id.as_ref()?;
            format!("run {run} is active; `{cancel}` ends it")
        }
        ProblemCode::RunMismatch => {
            format!("the active run is {}", problem.active_run_id.as_ref()?)
        }
        ProblemCode::OperationUnsupported => {
            let capability = problem.capability?.as_str();
            format!("that runtime lacks {capability}; see `yoi runtimes`")
        }
        ProblemCode::CursorExpired => {
            let transcript = command_line("transcript", &worker(problem)?);
            format!("`{transcript}` shows the text of the expired events")
        }
        ProblemCode::InputTooLarge | ProblemCode::BodyTooLarge => {
            format!("at most {} bytes", problem.limit_bytes?)
        }
        ProblemCode::CapacityExhausted | ProblemCode::TooManyPollers => {
            let limit = problem.limit.as_ref()?;
            if limit.as_str() == STORED_WORKERS {
                // Waiting doesn't help: nothing makes way by itself.
                return Some(format!(
                    "delete workers, or raise `yoi serve --limit {STORED_WORKERS}=N`"
                ));
            }
            format!("{limit} is reached; `yoi runtimes --json` shows the limits")
        }
        ProblemCode::QuotaExhausted => {
            let quota = problem.limit.as_ref()?;
            format!("this token's quota {quota} is reached; it is free again as runs and reads end")
        }
        ProblemCode::InsufficientScope => {
            "this token may read alone; give another one with --token-file FILE".to_owned()
        }
        ProblemCode::Overloaded => "the server is busy; try again in a moment".to_owned(),
        ProblemCode::RuntimeUnavailable => {
            let reason = problem.reason.as_ref()?.as_str();
            return Some(about_unavailable(reason).unwrap_or_else(|| format!("reason: {reason}")));
        }
        ProblemCode::Internal => {
            format!("see the server's log for request {}", problem.request_id)
        }
        ProblemCode::Unauthorized => "give the server's token with --token-file FILE".to_owned(),
        ProblemCode::UnknownRuntime => "`yoi runtimes` lists them".to_owned(),
        ProblemCode::UnknownWorker => {
            "`yoi workers --all` lists them; --runtime names another runtime".to_owned()
        }
        ProblemCode::UnknownProfile => {
            "`yoi runtimes --json` lists each runtime's profiles".to_owned()
        }
        ProblemCode::UnknownModel => "`yoi runtimes --json` lists each runtime's models".to_owned(),
        ProblemCode::MisdirectedHost => {
            "use a host name that the server is configured to accept".to_owned()
        }
        ProblemCode::MisdirectedInstance => {
            "the server was replaced meanwhile; run the command again".to_owned()
        }
        ProblemCode::CrossOriginRejected
        | ProblemCode::UnknownRoute
        | ProblemCode::MethodNotAllowed
        | ProblemCode::RequestTimeout
        | ProblemCode::WorkerStopped
        | ProblemCode::UnsupportedMediaType
        | ProblemCode::InputEmpty
        | ProblemCode::IdempotencyConflict
        | ProblemCode::ShuttingDown => return None,
    };
    Some(advice)
}

/// Advice about a runtime that is unavailable because its store fails, because a run is still
/// ending, or because the server stands by; the same words as in `docs/failures.md`.
fn about_unavailable(reason: &str) -> Option<String> {
    if reason == UnavailableReason::RunStillEnding.as_str() {
        return Some(RUN_STILL_ENDING.to_owned());
    }
    if reason == reason::STANDBY {
        return Some(STANDING_BY.to_owned());
    }
    let (cause, advice) = store_reason(reason)?;
    Some(format!("{cause}; {advice}"))
}

/// Cause and advice, if `reason` is one of a store.
pub(crate) fn store_reason(reason: &str) -> Option<(&'static str, &'static str)> {
    let mut reasons = STORE_REASONS.iter();
    let (_, cause, advice) = reasons.find(|(name, _, _)| *name == reason)?;
    Some((cause, advice))
}

/// The runtime's limit on workers where they are kept in a store.
const STORED_WORKERS: &str = "stored_workers";

/// The run ends as soon as its engine lets go and its end is stored.
const RUN_STILL_ENDING: &str = "wait until the run has ended, then try again; if the server's disk \
                                is full, free space there";

/// Only the other server can be asked meanwhile.
const STANDING_BY: &str = "another server has the workspace, or its database can't be reached; ask that \
                           server, or wait until this one takes over";

/// Reason, cause and advice.
const STORE_REASONS: [(&str, &str, &str); 3] = [
    (
        UnavailableReason::StoreFull.as_str(),
        "the server's disk, or its database's, is full",
        "free space there, then try again",
    ),
    (
        UnavailableReason::StoreFailed.as_str(),
        "the server can't read or write its store",
        "`yoi store check` on the server's machine, or is its database up? its log says more",
    ),
    (
        UnavailableReason::StoreLost.as_str(),
        "the server's store is gone, or is another server's",
        "put the file back, or restart the server; its log says more. With a database the server ends \
         by itself: ask the one that has taken over",
    ),
];

/// Advice about the file of a store. Most of its errors say themselves what to do.
fn about_file(error: &MaintenanceError) -> Option<&'static str> {
    match error {
        MaintenanceError::Missing => Some(
            "`yoi serve` creates it; `yoi store path` says where, --workspace and --store name another",
        ),
        MaintenanceError::Open(StoreOpenError::NotAStore) => {
            Some("`yoi store path` says which file; if it was a store, go back to a backup of it")
        }
        MaintenanceError::Open(StoreOpenError::Io(_) | StoreOpenError::Database(_)) => {
            Some("may you read and write the file and its directory, and is its disk well?")
        }
        MaintenanceError::Target(_) => Some("may you write to that directory, and is there space?"),
        MaintenanceError::Open(
            StoreOpenError::InUse
            | StoreOpenError::NoSpace
            | StoreOpenError::Full
            | StoreOpenError::TooNew { .. }
            | StoreOpenError::NotAFile
            | StoreOpenError::SymbolicLink
            | StoreOpenError::Damaged
            | StoreOpenError::JournalUnusable
            | StoreOpenError::OnNetwork
            | StoreOpenError::UnwritableOnNetwork
            | StoreOpenError::LibraryTooOld { .. },
        )
        | MaintenanceError::TargetExists => None,
    }
}

fn about_copy(error: &StoreCopyError) -> Option<&'static str> {
    match error {
        StoreCopyError::Same => Some(
            "TO is a file that isn't there yet, or with --to-workspace another workspace of the database",
        ),
        StoreCopyError::InUse(_) => None,
        StoreCopyError::Leased(_) => Some(
            "a server that was killed has its workspace until its lease is over: the seconds of its --store-lease",
        ),
        StoreCopyError::Unkept(_) => Some("name a file, or the address of a database"),
        StoreCopyError::Missing => {
            Some("is the path right? In a database --from-workspace names the workspace")
        }
        StoreCopyError::NotEmpty => {
            Some("name a file that isn't there yet, or with --to-workspace another workspace")
        }
        StoreCopyError::File(_, error) => about_file(error),
        StoreCopyError::Database(..) => None,
        StoreCopyError::Copy(CopyError::Source(_)) => {
            Some("`yoi store check` says whether a file is whole; TO has no workers")
        }
        StoreCopyError::Copy(CopyError::Target(_)) => Some(
            "is there space? TO has no workers, unless it is a database whose last answer was lost",
        ),
    }
}

fn about_run(end: &RunEnd) -> Option<String> {
    let Failure { cause, advice } = failure::of_end(end)?;
    let again = end.retry_after_s.map(accepts_again);
    let again = again.map(|again| format!("; {again}")).unwrap_or_default();
    Some(format!("{cause}; {advice}{again}"))
}

fn worker(problem: &Problem) -> Option<WorkerRef> {
    Some(WorkerRef::new(
        problem.runtime_id.clone()?,
        problem.worker_id.clone()?,
    ))
}

#[cfg(test)]
mod tests;
