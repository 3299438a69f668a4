//! The commands and their flags. Every value is parsed into its type here, so that no command
//! handles unchecked text.

mod chat;
mod client;
mod doctor;
mod edit;
mod export;
mod filter;
mod open;
mod reasoning;
mod server_url;
mod store;
mod version;
mod worker;

pub(crate) use chat::{ChatArgs, ChatOpening};
pub(crate) use client::ClientArgs;
pub(crate) use doctor::DoctorArgs;
pub(crate) use edit::{DeleteArgs, RenameArgs};
pub(crate) use export::{ExportArgs, ExportFormat};
pub(crate) use filter::{KindFilter, StateFilter};
pub(crate) use open::OpenArgs;
pub(crate) use reasoning::ReasoningMode;
pub(crate) use server_url::{ServerUrl, ServerUrlError};
pub(crate) use store::{StoreCommand, StoreCopyArgs, StoreFlags, StoreTargetArgs};
pub(crate) use worker::{WorkerArgs, WorkerName, command_line, runtime_or_default};

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand};
use clap_complete::{ArgValueCompleter, Shell};
use registry_core::page::{PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX};
use registry_core::{Cursor, DisplayName, IdempotencyKey, PageToken, ProfileId, RunId, RuntimeId};
use yoi_workspace_server::ServeArgs;

use crate::complete;
use version::VERSION;
use worker::DEFAULT_RUNTIME;

const OVERVIEW: &str = "\
Examples:
  yoi serve                                    start a server
  yoi chat                                     talk to a worker; Ctrl-D leaves
  W=$(yoi create --name reviewer)              create a worker
  yoi send \"$W\" \"What is a cursor?\" --follow   talk to it
  yoi show reviewer                            by name, or by a part of the id
  yoi workers --json                           for programs: the API's own JSON
  yoi doctor                                   find out what does not work
  yoi store backup workers.sqlite3             copy all conversations to a file

Exit codes: 0 success · 1 the operation failed · 2 wrong usage · 3 no server reachable ·
130 interrupted. With --json an error response of the server is one line of problem JSON on
standard error; standard output carries nothing but the result.";

/// Run a workspace server, and talk to its workers.
#[derive(Parser)]
#[command(name = "yoi", version = VERSION.as_str(), after_help = OVERVIEW)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Let a crash of this command write its memory to disk, with the token in it
    #[arg(long, env = "YOI_ALLOW_CORE_DUMPS", value_parser = BoolishValueParser::new())]
    pub(crate) allow_core_dumps: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a workspace server in the foreground
    Serve(Box<ServeArgs>),
    /// Chat with a new worker or an existing one
    #[command(after_help = chat::EXAMPLES)]
    Chat(ChatArgs),
    #[command(flatten)]
    Client(ClientCommand),
    /// Check the server, the token, the model and the limits, and say how to fix what fails
    #[command(after_help = doctor::LEGEND)]
    Doctor(DoctorArgs),
    /// Check, copy, compact or recover the file that keeps the workers
    #[command(subcommand, after_help = store::NOTES)]
    Store(StoreCommand),
    /// Print a completion script for a shell
    #[command(after_help = COMPLETIONS_NOTES)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the man pages, one for each command
    #[command(hide = true)]
    ManPages {
        /// Where to, created if it is not there
        directory: PathBuf,
    },
}

const COMPLETIONS_NOTES: &str = "\
Example:
  yoi completions bash > ~/.local/share/bash-completion/completions/yoi

The script asks `yoi`, which must be in the PATH, and that asks the running server: it knows workers,
runtimes, profiles and models. --server on the command line is not heeded, YOI_SERVER is.";

/// The commands that send requests to a running server.
#[derive(Subcommand)]
pub(crate) enum ClientCommand {
    /// List the runtimes
    Runtimes(RuntimesArgs),
    /// List the workers that are not stopped, newest first within each runtime
    #[command(visible_aliases = ["ls", "ps"], after_help = WORKERS_NOTES)]
    Workers(WorkersArgs),
    /// Create a worker and print its id
    #[command(
        visible_alias = "new",
        after_help = "Example:\n  W=$(yoi create --name reviewer)"
    )]
    Create(CreateArgs),
    /// Open the server's page in a browser, signed in
    #[command(after_help = open::NOTES)]
    Open(OpenArgs),
    #[command(flatten)]
    OneWorker(OneWorkerCommand),
}

/// The commands about one worker.
#[derive(Subcommand)]
pub(crate) enum OneWorkerCommand {
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
    /// Give a worker another name
    Rename(RenameArgs),
    /// Delete a worker with its conversation
    #[command(visible_alias = "rm", after_help = edit::DELETE_NOTES)]
    Delete(DeleteArgs),
    /// Write a worker's whole conversation as Markdown or JSON
    #[command(after_help = export::EXAMPLES)]
    Export(ExportArgs),
}

const WORKERS_NOTES: &str = "\
With --state or --json no worker is hidden.";

const SEND_EXAMPLES: &str = "\
Examples:
  yoi send \"$W\" \"Say hello\" --follow
  git diff | yoi send \"$W\" --follow

Ctrl-C ends the command, not the run: cancel that with `yoi cancel`.";

impl ClientCommand {
    /// The client flags after the command's name.
    pub(crate) fn client(&self) -> &ClientArgs {
        match self {
            Self::Runtimes(args) => &args.client,
            Self::Workers(args) => &args.client,
            Self::Create(args) => &args.client,
            Self::Open(args) => &args.client,
            Self::OneWorker(command) => command.args().1,
        }
    }
}

impl OneWorkerCommand {
    /// The worker that the command is about, and the client flags after the command's name.
    pub(crate) fn args(&self) -> (&WorkerArgs, &ClientArgs) {
        match self {
            Self::Show(args) | Self::Stop(args) => (&args.worker, &args.client),
            Self::Send(args) => (&args.worker, &args.client),
            Self::Transcript(args) => (&args.worker, &args.client),
            Self::Events(args) => (&args.worker, &args.client),
            Self::Cancel(args) => (&args.worker, &args.client),
            Self::Rename(args) => (&args.worker, &args.client),
            Self::Delete(args) => (&args.worker, &args.client),
            Self::Export(args) => (&args.worker, &args.client),
        }
    }
}

#[derive(Args)]
pub(crate) struct RuntimesArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

#[derive(Args)]
pub(crate) struct WorkersArgs {
    /// Only workers of this runtime
    #[arg(long, value_name = "ID", add = ArgValueCompleter::new(complete::runtimes))]
    pub(crate) runtime: Option<RuntimeId>,
    /// Only workers of runtimes of this kind
    #[arg(long)]
    pub(crate) kind: Option<KindFilter>,
    /// Only workers in this state
    #[arg(long)]
    pub(crate) state: Option<StateFilter>,
    /// Maximum number of workers, 1 to 200 [default: 50]
    #[arg(long, value_name = "N", value_parser = page_limit())]
    pub(crate) limit: Option<u32>,
    /// List all workers, also stopped ones, and all pages
    #[arg(long, short, conflicts_with = "page_token")]
    pub(crate) all: bool,
    /// Show the page after the one that printed this token
    #[arg(long, value_name = "TOKEN")]
    pub(crate) page_token: Option<PageToken>,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

#[derive(Args)]
pub(crate) struct CreateArgs {
    /// The runtime to create the worker in
    #[arg(
        long,
        value_name = "ID",
        default_value = DEFAULT_RUNTIME,
        add = ArgValueCompleter::new(complete::runtimes)
    )]
    pub(crate) runtime: RuntimeId,
    /// The worker's name, for people
    #[arg(long)]
    pub(crate) name: Option<DisplayName>,
    /// The worker's profile; `yoi runtimes --json` lists them
    #[arg(long, value_name = "ID", add = ArgValueCompleter::new(complete::profiles))]
    pub(crate) profile: Option<ProfileId>,
    /// The worker's model; `yoi runtimes --json` lists them
    #[arg(long, value_name = "NAME", add = ArgValueCompleter::new(complete::models))]
    pub(crate) model: Option<DisplayName>,
    /// Repeating the command with the same key creates nothing new
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<IdempotencyKey>,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Flags of `show` and `stop`.
#[derive(Args)]
pub(crate) struct OneWorkerArgs {
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

#[derive(Args)]
pub(crate) struct SendArgs {
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
    /// The message; `-` or nothing reads standard input, without its last line break
    pub(crate) text: Option<String>,
    /// Print the reply while it is produced; with --json its events, one per line
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// What to print of the model's reasoning, on standard error
    #[arg(long, value_enum, default_value_t, requires = "follow")]
    pub(crate) reasoning: ReasoningMode,
    /// Repeating the command with the same key and text sends nothing new
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<IdempotencyKey>,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

#[derive(Args)]
pub(crate) struct TranscriptArgs {
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
    /// Maximum number of entries, 1 to 200 [default: 50]
    #[arg(long, value_name = "N", value_parser = page_limit())]
    pub(crate) limit: Option<u32>,
    /// Only entries before this number
    #[arg(long, value_name = "SEQUENCE", conflicts_with = "after")]
    pub(crate) before: Option<u64>,
    /// Only entries after this number
    #[arg(long, value_name = "SEQUENCE")]
    pub(crate) after: Option<u64>,
    /// What to print of the reasoning before each reply
    #[arg(long, value_enum, default_value_t)]
    pub(crate) reasoning: ReasoningMode,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

#[derive(Args)]
pub(crate) struct EventsArgs {
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
    /// Only events after this position
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<Cursor>,
    /// Keep printing events until the worker is stopped
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Maximum number of events, 1 to 200 [default: 50]
    #[arg(long, value_name = "N", value_parser = page_limit(), conflicts_with = "follow")]
    pub(crate) limit: Option<u32>,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

#[derive(Args)]
pub(crate) struct CancelArgs {
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
    /// Cancel only this run, not one that has become active since
    #[arg(long, value_name = "ID")]
    pub(crate) run: Option<RunId>,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

fn page_limit() -> clap::builder::RangedI64ValueParser<u32> {
    // The help texts name these numbers.
    const { assert!(PAGE_LIMIT_DEFAULT == 50 && PAGE_LIMIT_MAX == 200) };
    clap::value_parser!(u32).range(1..=i64::from(PAGE_LIMIT_MAX))
}

#[cfg(test)]
mod tests;
