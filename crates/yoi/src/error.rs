//! Everything that can go wrong in a client command, and the exit code of each.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use http_api::wire::{Problem, ProblemCode, limit};
use registry_core::projection::{
    Diagnostic, RunErrorCode, RunErrorDetail, RunOutcome, Usage, WorkerState, WorkerSummary,
};
use registry_core::{DisplayName, RunId, UnavailableReason, WorkerRef};
use yoi_workspace_server::store::{MaintenanceError, StoreCopyError, StoreSettingError};
use yoi_workspace_server::token_file::TokenFileError;

use crate::api_name::error_name;
use crate::args::{ServerUrl, ServerUrlError};

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Success = 0,
    /// The operation failed.
    Failed = 1,
    /// Wrong usage; clap exits with the same number.
    Usage = 2,
    /// No server was found, or it does not respond.
    Unreachable = 3,
    /// Ctrl-C: 128 plus the number of SIGINT, the convention of shells.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Usage(#[from] UsageError),
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    #[error("{}. {} [{}]", .0.problem.title, .0.problem.detail, .0.problem.code.as_str())]
    Api(Box<ApiError>),
    #[error("{server} sent a response that is not of this API ({defect})")]
    InvalidResponse {
        server: ServerUrl,
        defect: ResponseDefect,
    },
    #[error("{0}")]
    RunEnded(RunEnd),
    #[error(transparent)]
    Lookup(#[from] LookupError),
    #[error("worker {worker} is {}: it accepts no input", state.as_str())]
    AcceptsNoInput {
        worker: WorkerRef,
        state: WorkerState,
    },
    #[error("the server's list of workers does not end: gave up after {pages} pages")]
    TooManyPages { pages: usize },
    #[error("the workers can't be listed")]
    NothingListed,
    #[error("not confirmed: nothing was deleted")]
    Declined,
    #[error("the browser could not be started")]
    BrowserFailed,
    #[error("{} can't be written", path.display())]
    ExportFile { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Store(MaintenanceError),
    #[error(transparent)]
    StoreCopy(#[from] StoreCopyError),
    #[error("the beginning of the store is damaged, so that nothing of it can be read")]
    StoreBeyondRecovery,
    #[error("interrupted")]
    Interrupted,
    #[error("the output can't be written")]
    Output(#[source] io::Error),
    #[error("the client can't be set up")]
    Setup(#[source] io::Error),
}

/// The command line, its environment or its input is wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsageError {
    #[error("--{flag} is for client commands; `yoi {command}` is none")]
    ClientFlag {
        flag: &'static str,
        command: &'static str,
    },
    #[error("YOI_SERVER is not the address of a server: {0}")]
    ServerVariable(ServerUrlError),
    #[error("can't use {}", path.display())]
    TokenFile {
        path: PathBuf,
        source: TokenFileError,
    },
    #[error("the input can't be read")]
    InputUnreadable(#[source] io::Error),
    #[error("the input is not UTF-8 text")]
    InputNotText,
    #[error("there is no message on standard input")]
    InputBlank,
    #[error("a chat at a terminal has no JSON; --json needs --once or a message on standard input")]
    JsonAtTerminal,
    #[error("the first of two arguments names the worker, and this can't be a name")]
    NoWorkerName,
    #[error("deleting can't be undone: add --yes where nobody can be asked")]
    Unconfirmed,
    #[error("{} is there already, and is not overwritten", path.display())]
    OutputExists { path: PathBuf },
    #[error(transparent)]
    StoreSetting(StoreSettingError),
    #[error("the workers of this workspace are kept in memory: there is no file")]
    StoreInMemory,
    #[error("the workers of this workspace are kept in a database: there is no file")]
    StoreInDatabase,
    #[error("the input is larger than {max_bytes} bytes, the most that the server takes")]
    InputTooLarge { max_bytes: usize },
}

/// Which worker is meant can't be said.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupError {
    #[error("“{text}” fits {count} workers")]
    Ambiguous {
        text: String,
        /// The first ones of `count`.
        candidates: Vec<WorkerSummary>,
        count: usize,
    },
    #[error("no worker has the name “{text}”")]
    NoMatch { text: String },
    #[error("no worker was used in this workspace yet")]
    NoLastWorker,
}

/// No server responds.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreachable {
    #[error("no running server was found")]
    NoneFound,
    #[error(
        "several servers run, and none is of a workspace that this directory is in: {}",
        listed(.0)
    )]
    Several(Vec<ListedServer>),
    #[error("the server at {server} is gone, and no other one of its workspace was found")]
    NotFoundAgain { server: ServerUrl },
    #[error("no server responds at {server}")]
    Refused {
        server: ServerUrl,
        source: Option<io::Error>,
    },
    #[error("{server} did not respond in time")]
    TimedOut { server: ServerUrl },
    #[error("the connection to {server} was lost")]
    Lost { server: ServerUrl },
}

/// A server that the user may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedServer {
    pub(crate) name: Option<DisplayName>,
    pub(crate) url: ServerUrl,
}

impl std::fmt::Display for ListedServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "“{name}” at {}", self.url),
            None => write!(f, "one at {}", self.url),
        }
    }
}

fn listed(servers: &[ListedServer]) -> String {
    let servers: Vec<_> = servers.iter().map(ToString::to_string).collect();
    servers.join(", ")
}

/// A problem that the server responded with.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) problem: Problem,
    /// The problem as it came, byte for byte.
    pub(crate) json: String,
    pub(crate) retry_after: Option<Duration>,
}

/// Why a response is not one of this API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ResponseDefect {
    #[error("status {0} without a problem")]
    Status(u16),
    #[error("unexpected JSON, or none")]
    Json,
    #[error("larger than {max_bytes} bytes")]
    Oversized { max_bytes: usize },
    #[error("a page without the entries that come next")]
    NoProgress,
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunEnd {
    pub(crate) run_id: RunId,
    /// `None` once the server no longer knows it.
    pub(crate) outcome: Option<RunOutcome>,
    pub(crate) error_code: Option<RunErrorCode>,
    pub(crate) error_detail: Option<RunErrorDetail>,
    pub(crate) retry_after_s: Option<u64>,
    pub(crate) usage: Option<Usage>,
    /// What readers of the reply should know.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl RunEnd {
    /// # Errors
    /// [`Error::RunEnded`] unless the run completed.
    pub(crate) fn into_result(self) -> Result<(), Error> {
        match self.outcome {
            Some(RunOutcome::Completed) => Ok(()),
            Some(RunOutcome::Cancelled | RunOutcome::Failed | RunOutcome::TimedOut) | None => {
                Err(Error::RunEnded(self))
            }
        }
    }
}

impl std::fmt::Display for RunEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let outcome = match self.outcome {
            Some(RunOutcome::Completed) => "completed",
            Some(RunOutcome::Cancelled) => "was cancelled",
            Some(RunOutcome::Failed) => "failed",
            Some(RunOutcome::TimedOut) => "timed out",
            None => "has ended, but its outcome is no longer known",
        };
        write!(f, "run {} {outcome}", self.run_id)?;
        match self.error_code {
            Some(code) => write!(f, " [{}]", error_name(code, self.error_detail)),
            None => Ok(()),
        }
    }
}

impl Error {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Unreachable(_) => Exit::Unreachable,
            Self::Api(_)
            | Self::InvalidResponse { .. }
            | Self::RunEnded(_)
            | Self::Lookup(_)
            | Self::AcceptsNoInput { .. }
            | Self::TooManyPages { .. }
            | Self::NothingListed
            | Self::Declined
            | Self::BrowserFailed
            | Self::ExportFile { .. }
            | Self::Store(_)
            | Self::StoreCopy(_)
            | Self::StoreBeyondRecovery
            | Self::Setup(_) => Exit::Failed,
            Self::Interrupted => Exit::Interrupted,
            Self::Output(_) if self.is_closed_pipe() => Exit::Success,
            Self::Output(_) => Exit::Failed,
        }
    }

    /// Whether the reader of standard output has gone (`yoi workers | head`), which is no
    /// failure.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Whether the same request may succeed in a moment.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(Unreachable::NoneFound | Unreachable::Several(_)) => false,
            Self::Unreachable(_) => true,
            Self::Api(error) => error.problem.retryable,
            Self::Usage(_)
            | Self::InvalidResponse { .. }
            | Self::RunEnded(_)
            | Self::Lookup(_)
            | Self::AcceptsNoInput { .. }
            | Self::TooManyPages { .. }
            | Self::NothingListed
            | Self::Declined
            | Self::BrowserFailed
            | Self::ExportFile { .. }
            | Self::Store(_)
            | Self::StoreCopy(_)
            | Self::StoreBeyondRecovery
            | Self::Interrupted
            | Self::Output(_)
            | Self::Setup(_) => false,
        }
    }

    /// Whether a read was refused because too many responses wait for slow clients. The
    /// request only has to be made again.
    pub(crate) fn is_response_budget_exhausted(&self) -> bool {
        self.problem().is_some_and(|problem| {
            problem.retryable
                && problem.code == ProblemCode::CapacityExhausted
                && problem.limit == Some(limit::UNREAD_RESPONSE_BYTES.into())
        })
    }

    /// How long the server asks to wait before the next attempt.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        if let Self::Api(error) = self {
            error.retry_after
        } else {
            None
        }
    }

    pub(crate) fn problem(&self) -> Option<&Problem> {
        if let Self::Api(error) = self {
            Some(&error.problem)
        } else {
            None
        }
    }

    /// Whether the server runs, but its store failed a read or a change. Nothing was changed.
    pub(crate) fn is_store_failure(&self) -> bool {
        let reason = self.problem().and_then(|problem| problem.reason.as_ref());
        reason.is_some_and(|reason| {
            [
                UnavailableReason::StoreFull,
                UnavailableReason::StoreFailed,
                UnavailableReason::StoreLost,
            ]
            .iter()
            .any(|known| known.as_str() == reason.as_str())
        })
    }

    pub(crate) fn problem_code(&self) -> Option<ProblemCode> {
        self.problem().map(|problem| problem.code)
    }

    /// The message and those of its causes, in one line.
    pub(crate) fn message(&self) -> String {
        let mut message = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            message.push_str(&format!(": {error}"));
            cause = error.source();
        }
        message
    }
}

#[cfg(test)]
pub(crate) mod tests;
