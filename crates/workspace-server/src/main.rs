//! The server as a binary of its own; `yoi serve` is the same.

use std::env;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use yoi_workspace_server::ServeArgs;
use yoi_workspace_server::args;

/// With glibc's allocator threads wait for each other when one frees what another has allocated.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Serves one workspace: an embedded worker runtime and local records behind one HTTP API
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(flatten)]
    serve: ServeArgs,
}

fn main() -> ExitCode {
    let parsed = args::parse(Cli::command(), env::args_os());
    let cli = parsed.and_then(|matches| {
        let cli = Cli::from_arg_matches(&matches);
        cli.map_err(|error| error.format(&mut Cli::command()))
    });
    match cli {
        Ok(cli) => yoi_workspace_server::run(cli.serve),
        Err(error) => error.exit(),
    }
}
