//! The server under test: the product's own with every layer on, and the scripted engine.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use rustix::process::{Signal, set_parent_process_death_signal};
use yoi_workspace_server::ServeArgs;
use yoi_workspace_server::config::EngineSetting;

use crate::engine::ScriptedEngine;

pub(crate) const SUBCOMMAND: &str = "server-under-test";

/// The server's own flags, and settings that operators cannot change.
#[derive(Args)]
pub(crate) struct ChildArgs {
    #[command(flatten)]
    serve: ServeArgs,

    /// Use the engine that the server's flags configure
    #[arg(long)]
    engine_as_configured: bool,

    /// Timeout for request heads
    #[arg(long, value_name = "N")]
    head_timeout_ms: Option<u64>,

    /// Timeout for request bodies
    #[arg(long, value_name = "N")]
    body_timeout_ms: Option<u64>,
}

/// Serves until a signal arrives or the harness exits.
pub(crate) fn run(args: ChildArgs) -> ExitCode {
    // The harness ends its server itself, unless it is killed.
    if set_parent_process_death_signal(Some(Signal::KILL)).is_err() {
        return ExitCode::FAILURE;
    }
    yoi_workspace_server::run_with(args.serve, |config| {
        if !args.engine_as_configured {
            config.engine = EngineSetting::Own(Arc::new(ScriptedEngine::default()));
        }
        let set = |timeout: &mut Duration, milliseconds: Option<u64>| {
            *timeout = milliseconds.map_or(*timeout, Duration::from_millis);
        };
        set(&mut config.connection.head_timeout, args.head_timeout_ms);
        set(&mut config.connection.body_timeout, args.body_timeout_ms);
    })
}
