//! The command line: `yoi serve` runs the workspace server, every other command is a client
//! of a running one.
//!
//! Reading order: [`args`] (flags), [`connect`] (finds the server), [`client`] (the API),
//! [`retry`] and [`follow`] (events as they come), [`command`] (one file for each group of
//! commands), [`last_worker`] (what `-` means), [`complete`] (completions), [`output`] (the only
//! place that prints), [`error`], [`failure`] and [`hint`].

mod api_name;
mod args;
mod client;
mod command;
mod complete;
mod connect;
mod error;
mod failure;
mod follow;
mod hint;
mod last_worker;
mod output;
mod retry;
#[cfg(test)]
mod scripted_server;
mod state_directory;

use std::env;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};
use clap_complete::CompleteEnv;

use yoi_workspace_server::args as server_args;

use args::Cli;
use error::Exit;

/// The same as in `yoi-workspace-server`, because `yoi serve` is that server (ADR 19).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if std::env::var_os(complete::VARIABLE).is_some() {
        command::forbid_core_dumps();
    }
    // Ends the process if a shell asks for completions.
    CompleteEnv::with_factory(Cli::command)
        .var(complete::VARIABLE)
        .complete();
    match parse() {
        Ok(cli) => command::run(cli),
        Err(error) => print(&error).into(),
    }
}

/// Prints what clap found: an error, or the help or version that was asked for.
fn print(error: &clap::Error) -> Exit {
    let printed = error.print().and_then(|()| io::stdout().flush());
    match printed {
        _ if error.use_stderr() => Exit::Usage,
        Ok(()) => Exit::Success,
        Err(failure) => command::report_unprinted(failure),
    }
}

fn parse() -> Result<Cli, clap::Error> {
    let matches = server_args::parse(Cli::command(), env::args_os())?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut Cli::command()))
}
