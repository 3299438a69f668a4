//! Everything that can go wrong in a client command, and the exit code of each.

mod hint;
mod remedy;

pub(crate) use hint::{command_line, hint};
pub(crate) use remedy::remedy;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use http_api::wire::{Problem, ProblemCode, limit};
use registry_core::projection::{RunErrorCode, RunOutcome, WorkerState};
use registry_core::{RunId, WorkerRef};

use crate::args::{ServerUrl, ServerUrlError};
use crate::spelling::spelled;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// What was asked for was done.
    Done = 0,
    /// The operation failed.
    Failed = 1,
    /// The command was not understood. (clap exits with the same number.)
    Usage = 2,
    /// No server was found, or it does not answer.
    Unreachable = 3,
    /// Ctrl-C: 128 and the number of SIGINT, as shells count it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Usage(#[from] UsageError),
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    #[error("{}. {} [{}]", .0.problem.title, .0.problem.detail, .0.problem.code.as_str())]
    Refused(Box<Refusal>),
    #[error("{server} answered something that is not an answer of this API ({what})")]
    NotOurAnswer { server: ServerUrl, what: NotOurs },
    #[error("{0}")]
    RunEnded(RunEnd),
    #[error("worker {worker} is {}: it takes no messages", state.as_str())]
    TakesNothing {
        worker: WorkerRef,
        state: WorkerState,
    },
    #[error("the server's list of workers does not end: gave up after {pages} pages")]
    EndlessList { pages: usize },
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
    #[error("--{flag} is for commands that ask a server; `yoi {command}` does not")]
    ClientFlag {
        flag: &'static str,
        command: &'static str,
    },
    #[error("YOI_SERVER is not the address of a server: {0}")]
    ServerVariable(ServerUrlError),
    #[error("the token file {} can't be read", path.display())]
    TokenFileUnreadable { path: PathBuf, source: io::Error },
    #[error("the token file {} can be read by others; `chmod 600` it first", path.display())]
    TokenFileShared { path: PathBuf },
    #[error("the token file {} holds no token", path.display())]
    TokenFileInvalid { path: PathBuf },
    #[error("the input can't be read")]
    InputUnreadable(#[source] io::Error),
    #[error("the input is not UTF-8 text")]
    InputNotText,
    #[error("there is no message on standard input")]
    InputBlank,
    #[error("a conversation at a terminal has no JSON; --json needs a message on standard input")]
    JsonAtTerminal,
    #[error("the input is larger than {max_bytes} bytes")]
    InputTooLarge { max_bytes: usize },
}

/// No server answers.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreachable {
    #[error("no running server was found")]
    NoneFound,
    #[error("no server answers at {server}")]
    Refused {
        server: ServerUrl,
        source: Option<io::Error>,
    },
    #[error("{server} did not answer in time")]
    TimedOut { server: ServerUrl },
    #[error("the connection to {server} was lost")]
    Lost { server: ServerUrl },
}

/// The server understood, and said no.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Why.
    pub(crate) problem: Problem,
    /// The same, byte for byte as it came.
    pub(crate) json: String,
    /// How long the server asks to be left alone, if it does.
    pub(crate) retry_after: Option<Duration>,
}

/// In what way an answer is not one of this API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotOurs {
    #[error("status {0} without a problem")]
    Status(u16),
    #[error("unexpected JSON, or none")]
    Json,
    #[error("larger than {max_bytes} bytes")]
    Oversized { max_bytes: usize },
}

/// A run that was followed and did not complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunEnd {
    pub(crate) run_id: RunId,
    /// How it ended, if that is still known.
    pub(crate) outcome: Option<RunOutcome>,
    pub(crate) error_code: Option<RunErrorCode>,
}

impl std::fmt::Display for RunEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let how = match self.outcome {
            Some(RunOutcome::Completed) => "completed",
            Some(RunOutcome::Cancelled) => "was cancelled",
            Some(RunOutcome::Failed) => "failed",
            Some(RunOutcome::TimedOut) => "ran longer than a run may",
            None => "has ended, but how is no longer known",
        };
        write!(f, "run {} {how}", self.run_id)?;
        match self.error_code {
            Some(code) => write!(f, " [{}]", spelled(code)),
            None => Ok(()),
        }
    }
}

impl Failure {
    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Unreachable(_) => Exit::Unreachable,
            Self::Refused(_)
            | Self::NotOurAnswer { .. }
            | Self::RunEnded(_)
            | Self::TakesNothing { .. }
            | Self::EndlessList { .. }
            | Self::Setup(_) => Exit::Failed,
            Self::Interrupted => Exit::Interrupted,
            Self::Output(_) if self.is_closed_pipe() => Exit::Done,
            Self::Output(_) => Exit::Failed,
        }
    }

    /// Whether whoever reads our output has read enough (`yoi workers | head`): no failure.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Whether the same request may succeed in a moment.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(Unreachable::NoneFound) => false,
            Self::Unreachable(_) => true,
            Self::Refused(refusal) => refusal.problem.retryable,
            Self::Usage(_)
            | Self::NotOurAnswer { .. }
            | Self::RunEnded(_)
            | Self::TakesNothing { .. }
            | Self::EndlessList { .. }
            | Self::Interrupted
            | Self::Output(_)
            | Self::Setup(_) => false,
        }
    }

    /// Whether a read was refused because too many answers wait for slow clients: nothing is
    /// amiss with the server or the request, and it need only be made again.
    pub(crate) fn lacks_room(&self) -> bool {
        let Self::Refused(refusal) = self else {
            return false;
        };
        let problem = &refusal.problem;
        problem.retryable
            && problem.code == ProblemCode::CapacityExhausted
            && problem.limit == Some(limit::ANSWER_BYTES.into())
    }

    /// How long the server asks to be left alone, if it does.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        if let Self::Refused(refusal) = self {
            refusal.retry_after
        } else {
            None
        }
    }

    /// The failure in one line, its causes included.
    pub(crate) fn line(&self) -> String {
        let mut line = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line
    }
}

#[cfg(test)]
mod tests;
