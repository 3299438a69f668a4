//! The server under test: the product's own, all layers on, with an engine that obeys.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use rustix::process::{Signal, set_parent_process_death_signal};
use yoi_workspace_server::ServeArgs;
use yoi_workspace_server::config::EngineSetting;

use crate::engine::Obedient;

/// The name of the hidden subcommand.
pub(crate) const SUBCOMMAND: &str = "server-under-test";

/// The server's own flags, and what no operator may set.
#[derive(Args)]
pub(crate) struct ChildArgs {
    #[command(flatten)]
    serve: ServeArgs,

    /// Keep the engine that the server's flags say
    #[arg(long)]
    pub(crate) engine_as_configured: bool,

    /// Another bound for request heads
    #[arg(long, value_name = "N")]
    head_timeout_ms: Option<u64>,

    /// Another bound for request bodies
    #[arg(long, value_name = "N")]
    body_timeout_ms: Option<u64>,
}

/// Serves until a signal says otherwise, or the harness is gone.
pub(crate) fn run(args: ChildArgs) -> ExitCode {
    // For a harness that is killed; otherwise it ends its server itself.
    if set_parent_process_death_signal(Some(Signal::KILL)).is_err() {
        return ExitCode::FAILURE;
    }
    yoi_workspace_server::run_with(args.serve, |config| {
        if !args.engine_as_configured {
            config.engine = EngineSetting::Own(Arc::new(Obedient::default()));
        }
        let set = |timeout: &mut Duration, milliseconds: Option<u64>| {
            *timeout = milliseconds.map_or(*timeout, Duration::from_millis);
        };
        set(&mut config.connection.head_timeout, args.head_timeout_ms);
        set(&mut config.connection.body_timeout, args.body_timeout_ms);
    })
}
