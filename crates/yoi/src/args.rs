//! What may be typed: the commands and their flags. What a value must look like is decided
//! by the type it parses into, so that a command never meets a half-checked text.

mod chat;
mod doctor;
mod filter;
mod server_url;
mod target;

pub(crate) use chat::ChatArgs;
pub(crate) use doctor::DoctorArgs;
pub(crate) use filter::{KindFilter, StateFilter};
pub(crate) use server_url::{ServerUrl, ServerUrlError};
pub(crate) use target::{DEFAULT_RUNTIME, WorkerArgs};

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use registry_core::page::{PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX};
use registry_core::{Cursor, DisplayName, IdempotencyKey, PageToken, ProfileId, RunId, RuntimeId};

use yoi_workspace_server::ServeArgs;

const OVERVIEW: &str = "\
Examples:
  yoi serve                                    start a server
  yoi chat                                     talk to a worker; Ctrl-D leaves
  W=$(yoi create --name reviewer)              create a worker
  yoi send \"$W\" \"What is a cursor?\" --follow   talk to it
  yoi workers --json                           for programs: the API's own JSON
  yoi doctor                                   something does not work? ask here

Exit codes: 0 done · 1 the operation failed · 2 wrong usage · 3 no server reachable ·
130 interrupted. With --json a refusal by the server is one line of problem JSON on
standard error; standard output only ever carries what was asked for.";

/// Run a workspace server, and talk to its workers.
#[derive(Parser)]
#[command(name = "yoi", version, after_help = OVERVIEW)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which server a client command asks, and in which form it answers. Accepted before the
/// command's name and after it; what stands after it wins.
#[derive(Debug, Default, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Server and output")]
pub(crate) struct ClientArgs {
    /// The server to ask [env: YOI_SERVER] [default: the newest one running here]
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<ServerUrl>,
    /// A file with the server's token, readable by you alone [env: YOI_TOKEN_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Print the API's JSON, unchanged
    #[arg(long)]
    pub(crate) json: bool,
}

impl ClientArgs {
    /// These flags, and where one is absent that of `outer`.
    pub(crate) fn or(self, outer: Self) -> Self {
        Self {
            server: self.server.or(outer.server),
            token_file: self.token_file.or(outer.token_file),
            json: self.json || outer.json,
        }
    }
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a workspace server in the foreground
    Serve(Box<ServeArgs>),
    /// Talk to a worker: a new one, or the one that is named
    #[command(after_help = chat::EXAMPLES)]
    Chat(ChatArgs),
    #[command(flatten)]
    Client(ClientCommand),
    /// Check what stands between you and an answer, and say what to do about it
    #[command(after_help = doctor::MEANING)]
    Doctor(DoctorArgs),
    /// Print a completion script for a shell
    #[command(
        after_help = "Example:\n  yoi completions bash > ~/.local/share/bash-completion/completions/yoi"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// What to ask of a running server.
#[derive(Subcommand)]
pub(crate) enum ClientCommand {
    /// List the runtimes
    Runtimes(RuntimesArgs),
    /// List workers, newest first within each runtime
    Workers(WorkersArgs),
    /// Create a worker and print its id
    #[command(after_help = "Example:\n  W=$(yoi create --name reviewer)")]
    Create(CreateArgs),
    /// Show one worker
    Show(OneWorkerArgs),
    /// Send a worker an input and print the run's id; or, with --follow, the reply
    #[command(after_help = SEND_EXAMPLES)]
    Send(SendArgs),
    /// Print a page of a worker's transcript, by default the newest
    Transcript(TranscriptArgs),
    /// Print a worker's events, by default from the oldest retained
    Events(EventsArgs),
    /// Cancel a worker's active run; the worker stays usable
    Cancel(CancelArgs),
    /// Stop a worker for good
    Stop(OneWorkerArgs),
}

const SEND_EXAMPLES: &str = "\
Examples:
  yoi send \"$W\" \"Say hello\" --follow
  git diff | yoi send \"$W\" --follow

Ctrl-C ends the command, not the run: cancel that with `yoi cancel`.";

impl ClientCommand {
    /// The flags about server and output that stand after the command's name.
    pub(crate) fn client(&self) -> &ClientArgs {
        match self {
            Self::Runtimes(args) => &args.client,
            Self::Workers(args) => &args.client,
            Self::Create(args) => &args.client,
            Self::Show(args) | Self::Stop(args) => &args.client,
            Self::Send(args) => &args.client,
            Self::Transcript(args) => &args.client,
            Self::Events(args) => &args.client,
            Self::Cancel(args) => &args.client,
        }
    }
}

/// Flags of `runtimes`.
#[derive(Args)]
pub(crate) struct RuntimesArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Flags of `workers`.
#[derive(Args)]
pub(crate) struct WorkersArgs {
    /// Only workers of this runtime
    #[arg(long, value_name = "ID")]
    pub(crate) runtime: Option<RuntimeId>,
    /// Only workers of runtimes of this kind
    #[arg(long)]
    pub(crate) kind: Option<KindFilter>,
    /// Only workers in this state
    #[arg(long)]
    pub(crate) state: Option<StateFilter>,
    /// Most workers of a page, 1 to 200 [default: 50]
    #[arg(long, value_name = "N", value_parser = page_limit())]
    pub(crate) limit: Option<u32>,
    /// Every page, not only one
    #[arg(long, conflicts_with = "page_token")]
    pub(crate) all: bool,
    /// Begin where the page before this one ended
    #[arg(long, value_name = "TOKEN")]
    pub(crate) page_token: Option<PageToken>,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Flags of `create`.
#[derive(Args)]
pub(crate) struct CreateArgs {
    /// The runtime that is to hold the worker
    #[arg(long, value_name = "ID", default_value = DEFAULT_RUNTIME)]
    pub(crate) runtime: RuntimeId,
    /// The worker's name, for people
    #[arg(long)]
    pub(crate) name: Option<DisplayName>,
    /// The worker's profile; `yoi runtimes --json` lists them
    #[arg(long, value_name = "ID")]
    pub(crate) profile: Option<ProfileId>,
    /// Repeating the command with the same key creates nothing new
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<IdempotencyKey>,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Flags of the commands that need no more than a worker: `show`, `stop`.
#[derive(Args)]
pub(crate) struct OneWorkerArgs {
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Flags of `send`.
#[derive(Args)]
pub(crate) struct SendArgs {
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
    /// What to say; `-` or nothing reads standard input, less its last line break
    pub(crate) text: Option<String>,
    /// Print the reply while it is produced; with --json its events, one a line
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Repeating the command with the same key and text sends nothing new
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<IdempotencyKey>,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Flags of `transcript`.
#[derive(Args)]
pub(crate) struct TranscriptArgs {
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
    /// Most entries, 1 to 200 [default: 50]
    #[arg(long, value_name = "N", value_parser = page_limit())]
    pub(crate) limit: Option<u32>,
    /// Only entries before this number
    #[arg(long, value_name = "SEQUENCE", conflicts_with = "after")]
    pub(crate) before: Option<u64>,
    /// Only entries after this number
    #[arg(long, value_name = "SEQUENCE")]
    pub(crate) after: Option<u64>,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Flags of `events`.
#[derive(Args)]
pub(crate) struct EventsArgs {
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
    /// Only events after this position
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<Cursor>,
    /// Go on printing events until the worker is stopped
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Most events, 1 to 200 [default: 50]
    #[arg(long, value_name = "N", value_parser = page_limit(), conflicts_with = "follow")]
    pub(crate) limit: Option<u32>,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Flags of `cancel`.
#[derive(Args)]
pub(crate) struct CancelArgs {
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
    /// Only this run, and no other that may have become active meanwhile
    #[arg(long, value_name = "ID")]
    pub(crate) run: Option<RunId>,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// The numbers that the API takes as a page's size.
fn page_limit() -> clap::builder::RangedI64ValueParser<u32> {
    // The help texts name these numbers.
    const { assert!(PAGE_LIMIT_DEFAULT == 50 && PAGE_LIMIT_MAX == 200) };
    clap::value_parser!(u32).range(1..=i64::from(PAGE_LIMIT_MAX))
}

#[cfg(test)]
mod tests;
