//! The process around a server: log, signals, the one line on standard output, exit code.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::args::ServeArgs;
use crate::config::ServerConfig;
use crate::logging::{self, LogError};
use crate::server::Server;
use crate::signal::Signals;

/// Runs a server until a signal ends it; blocks the calling thread.
///
/// Exit codes: 0 after an orderly end, 1 when the server does not start, 2 when the flags
/// make no sense.
pub fn run(args: ServeArgs) -> ExitCode {
    run_with(args, |_| {})
}

/// [`run`] with a configuration that an embedding program adapts after the flags were read:
/// its own turn engine, more sources.
pub fn run_with(args: ServeArgs, adapt: impl FnOnce(&mut ServerConfig)) -> ExitCode {
    let _log = match logging::init(args.log_format, &args.log) {
        Ok(guard) => guard,
        Err(error @ LogError::Filter(_)) => return refuse(&error, ExitCode::from(2)),
        Err(error @ LogError::Thread(_)) => return refuse(&error, ExitCode::FAILURE),
    };
    http_api::panic_hook::install();
    let mut config = match ServerConfig::from_args(args, |name| std::env::var_os(name)) {
        Ok(config) => config,
        Err(error) => return refuse(&error, ExitCode::from(2)),
    };
    adapt(&mut config);
    raise_file_limit();
    let signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return refuse(&error, ExitCode::FAILURE),
    };
    // For what is not a request: accepting connections, and ending. The server has threads of
    // its own for what clients ask.
    let executor = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(executor) => executor,
        Err(error) => return refuse(&error, ExitCode::FAILURE),
    };
    executor.block_on(serve_until_signalled(config, signals))
}

/// Lets the process have as many open files as it may: a connection is one, and the limit that
/// a shell sets is often 1,024.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(error = %error.kind(), "fewer connections than configured may fit");
    }
}

async fn serve_until_signalled(config: ServerConfig, signals: Signals) -> ExitCode {
    let server = match Server::bind(config).await {
        Ok(server) => server,
        Err(error) => return refuse(&error, ExitCode::FAILURE),
    };
    if announce(&server, io::stdout()).is_err() {
        tracing::debug!("nobody reads standard output");
    }
    server.serve(signals.first()).await;
    ExitCode::SUCCESS
}

/// Writes the one line that says where the server is and how to get in.
fn announce(server: &Server, mut out: impl Write) -> io::Result<()> {
    let address = server.address();
    match server.token() {
        Some(token) => {
            writeln!(
                out,
                "yoi is listening on http://{address} (token: {})",
                token.reveal()
            )?;
        }
        None => writeln!(
            out,
            "yoi is listening on http://{address} (no token needed)"
        )?,
    }
    out.flush()
}

/// Says on standard error why there is no server, down to the first cause.
fn refuse(error: &dyn Error, code: ExitCode) -> ExitCode {
    let mut line = format!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    // Nothing to do when standard error is closed; the exit code still tells.
    let _ = writeln!(io::stderr(), "{line}");
    code
}
