//! The server as a binary of its own; `yoi serve` is the same.

use std::process::ExitCode;

use clap::Parser;
use yoi_workspace_server::ServeArgs;

/// Serves one workspace: an embedded worker runtime and local records behind one HTTP API
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(flatten)]
    serve: ServeArgs,
}

fn main() -> ExitCode {
    yoi_workspace_server::run(Cli::parse().serve)
}
