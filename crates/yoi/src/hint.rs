//! What to do about an error: the `hint:` line below it.

use http_api::wire::{Problem, ProblemCode};
use registry_core::WorkerRef;
use registry_core::projection::RunErrorCode;

use crate::args::command_line;
use crate::error::{Error, Unreachable};

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
        Error::RunEnded(end) => about_run(end.error_code?),
        Error::Unreachable(Unreachable::NoneFound) => {
            "start one with `yoi serve`, or name one with --server URL"
        }
        Error::Unreachable(Unreachable::Refused { .. }) => {
            "is it running? `yoi serve` starts a server"
        }
        Error::InvalidResponse { .. } => "is it a yoi server, of this version?",
        Error::Unreachable(Unreachable::TimedOut { .. } | Unreachable::Lost { .. })
        | Error::Usage(_)
        | Error::TooManyPages { .. }
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
            format!("{limit} is reached; `yoi runtimes --json` shows the limits")
        }
        ProblemCode::RuntimeUnavailable => format!("reason: {}", problem.reason.as_ref()?),
        ProblemCode::Internal => {
            format!("see the server's log for request {}", problem.request_id)
        }
        ProblemCode::Unauthorized => "give the server's token with --token-file FILE".to_owned(),
        ProblemCode::UnknownRuntime => "`yoi runtimes` lists them".to_owned(),
        ProblemCode::UnknownWorker => {
            "`yoi workers` lists them; --runtime names another runtime".to_owned()
        }
        ProblemCode::UnknownProfile => {
            "`yoi runtimes --json` lists each runtime's profiles".to_owned()
        }
        ProblemCode::MisdirectedHost => {
            "use a host name that the server is configured to accept".to_owned()
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

/// Apart from sending the message again, all of this is done where the server runs.
fn about_run(code: RunErrorCode) -> &'static str {
    match code {
        RunErrorCode::Unauthorized => {
            "the model's provider rejects the server's key; set another and restart the server"
        }
        RunErrorCode::RateLimited => {
            "the model's provider asks for fewer requests; try again in a moment"
        }
        RunErrorCode::Unreachable => {
            "the server can't reach the model's provider; check its network and endpoint"
        }
        RunErrorCode::TimedOut => {
            "the model's provider did not respond in time; try again, or choose another model"
        }
        RunErrorCode::InvalidResponse => {
            "the model's endpoint speaks another protocol; check the server's YOI_MODEL_ENDPOINT"
        }
        RunErrorCode::Refused => "the model's provider refuses this content; rephrase it",
        RunErrorCode::Misconfigured => {
            "the server's model settings are wrong; check YOI_MODEL, then restart the server"
        }
        RunErrorCode::OutputLimit => "ask for a shorter reply, or for the rest of it",
        RunErrorCode::Interrupted => "the server was shut down; send the message again",
        RunErrorCode::Internal | RunErrorCode::EnginePanicked => "see the server's log for the run",
    }
}

fn worker(problem: &Problem) -> Option<WorkerRef> {
    Some(WorkerRef::new(
        problem.runtime_id.clone()?,
        problem.worker_id.clone()?,
    ))
}

#[cfg(test)]
mod tests;
