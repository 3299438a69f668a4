//! The command line: `yoi serve` runs the workspace server, every other command asks one.
//!
//! Reading order: [`args`] (what may be typed), [`connect`] (which server is asked),
//! [`client`] (the API, one method for each operation), [`follow`] (reading a worker's
//! events as they come), [`output`] (the only place that writes), [`command`] (one file for
//! each group of commands), [`failure`] (what can go wrong, and the exit codes).

mod args;
mod client;
mod command;
mod connect;
mod failure;
mod follow;
mod output;
#[cfg(test)]
mod scripted_server;
mod spelling;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use yoi_workspace_server::args::without_empty_variables;

use args::Cli;
use failure::Exit;

/// The same as in `yoi-workspace-server`, because `yoi serve` is that server (ADR 19).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match parse() {
        Ok(cli) => command::run(cli),
        Err(error) => {
            // Help goes to standard output, everything else to standard error. A reader that
            // has gone away is no reason to fail.
            let _ = error.print();
            if error.use_stderr() {
                Exit::Usage.into()
            } else {
                Exit::Done.into()
            }
        }
    }
}

/// The command line, and what the environment says of a server.
fn parse() -> Result<Cli, clap::Error> {
    let matches = without_empty_variables(Cli::command()).try_get_matches()?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut Cli::command()))
}
