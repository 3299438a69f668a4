//! What to do about a failure: the line below `error:`.

use http_api::wire::{Problem, ProblemCode};
use registry_core::WorkerRef;

use super::{Failure, Unreachable, remedy};
use crate::args::DEFAULT_RUNTIME;

/// Advice about `failure`, in one line.
pub(crate) fn hint(failure: &Failure) -> Option<String> {
    let fixed = |line: &str| Some(line.to_owned());
    match failure {
        Failure::Refused(refusal) => about(&refusal.problem),
        Failure::Unreachable(Unreachable::NoneFound) => {
            fixed("start one with `yoi serve`, or name one with --server URL")
        }
        Failure::Unreachable(Unreachable::Refused { .. }) => {
            fixed("does it run? `yoi serve` starts one")
        }
        Failure::NotOurAnswer { .. } => fixed("is it a yoi server, of this version?"),
        Failure::RunEnded(end) => end.error_code.map(|code| remedy(code).to_owned()),
        Failure::TakesNothing { worker, .. } => {
            let transcript = command_line("transcript", worker);
            Some(format!(
                "`yoi chat` begins anew; `{transcript}` has what was said"
            ))
        }
        Failure::Unreachable(Unreachable::TimedOut { .. } | Unreachable::Lost { .. })
        | Failure::Usage(_)
        | Failure::EndlessList { .. }
        | Failure::Interrupted
        | Failure::Output(_)
        | Failure::Setup(_) => None,
    }
}

/// The command that does `verb` to `worker`, as one would type it.
pub(crate) fn command_line(verb: &str, worker: &WorkerRef) -> String {
    let WorkerRef {
        runtime_id,
        worker_id,
    } = worker;
    if runtime_id.as_str() == DEFAULT_RUNTIME {
        format!("yoi {verb} {worker_id}")
    } else {
        format!("yoi {verb} {worker_id} --runtime {runtime_id}")
    }
}

fn about(problem: &Problem) -> Option<String> {
    match problem.code {
        ProblemCode::InvalidIdentifier
        | ProblemCode::InvalidQuery
        | ProblemCode::InvalidBody
        | ProblemCode::InvalidCursor
        | ProblemCode::InvalidPageToken => field(problem),
        ProblemCode::WorkerBusy => busy(problem),
        ProblemCode::RunMismatch => active_run(problem),
        ProblemCode::OperationUnsupported => problem
            .capability
            .map(|lacking| format!("{} is missing there; see `yoi runtimes`", lacking.as_str())),
        ProblemCode::CursorExpired => worker(problem).map(|worker| {
            let transcript = command_line("transcript", &worker);
            format!("`{transcript}` has what the events no longer say")
        }),
        ProblemCode::InputTooLarge | ProblemCode::BodyTooLarge => problem
            .limit_bytes
            .map(|bytes| format!("at most {bytes} bytes")),
        ProblemCode::CapacityExhausted | ProblemCode::TooManyPollers => problem
            .limit
            .as_ref()
            .map(|limit| format!("{limit} is reached; `yoi runtimes --json` shows the limits")),
        ProblemCode::RuntimeUnavailable => problem
            .reason
            .as_ref()
            .map(|reason| format!("reason: {reason}")),
        ProblemCode::Internal => Some(format!(
            "the server's log has more about request {}",
            problem.request_id
        )),
        ProblemCode::Unauthorized
        | ProblemCode::CrossOriginRejected
        | ProblemCode::UnknownRuntime
        | ProblemCode::UnknownWorker
        | ProblemCode::UnknownRoute
        | ProblemCode::MethodNotAllowed
        | ProblemCode::RequestTimeout
        | ProblemCode::WorkerStopped
        | ProblemCode::UnsupportedMediaType
        | ProblemCode::MisdirectedHost
        | ProblemCode::InputEmpty
        | ProblemCode::UnknownProfile
        | ProblemCode::IdempotencyConflict
        | ProblemCode::ShuttingDown => fixed(problem.code).map(str::to_owned),
    }
}

/// Advice that needs nothing of the problem but its code.
fn fixed(code: ProblemCode) -> Option<&'static str> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "most codes need no such advice"
    )]
    match code {
        ProblemCode::Unauthorized => Some("give the server's token with --token-file FILE"),
        ProblemCode::UnknownRuntime => Some("`yoi runtimes` lists them"),
        ProblemCode::UnknownWorker => {
            Some("`yoi workers` lists them; --runtime says in which runtime to look")
        }
        ProblemCode::UnknownProfile => Some("`yoi runtimes --json` lists each runtime's profiles"),
        ProblemCode::MisdirectedHost => Some("ask it by a name that it was told to answer to"),
        _ => None,
    }
}

fn field(problem: &Problem) -> Option<String> {
    match (&problem.field, &problem.reason) {
        (Some(field), Some(reason)) => Some(format!("{field}: {reason}")),
        (Some(only), None) | (None, Some(only)) => Some(only.to_string()),
        (None, None) => None,
    }
}

fn active_run(problem: &Problem) -> Option<String> {
    let run = problem.active_run_id.as_ref()?;
    Some(format!("the active run is {run}"))
}

fn busy(problem: &Problem) -> Option<String> {
    let cancel = command_line("cancel", &worker(problem)?);
    let run = problem.active_run_id.as_ref()?;
    Some(format!("run {run} is active; `{cancel}` ends it"))
}

fn worker(problem: &Problem) -> Option<WorkerRef> {
    Some(WorkerRef::new(
        problem.runtime_id.clone()?,
        problem.worker_id.clone()?,
    ))
}
