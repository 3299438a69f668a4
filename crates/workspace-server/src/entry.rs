//! The server as a process: log, threads, signals, the line on standard output and the exit code.

use std::error::Error;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::process::{self, ExitCode};
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::args::ServeArgs;
use crate::compose::{ComposeError, StoreSetting};
use crate::config::{SHUTDOWN_DEADLINE, ServerConfig};
use crate::logging::{self, DroppedLines};
use crate::server::{Server, StartError};
use crate::signal::Signals;

/// The exit code after a second signal: 128 + SIGINT, as shells have it.
const EXIT_SECOND_SIGNAL: i32 = 130;
/// Fewest worker threads: with one, an engine that computes would hold up every connection.
const WORKER_THREADS_MIN: usize = 2;
/// Most threads for blocking calls: one reads files, and one looks up a provider's name for each
/// run that needs a new connection. By default 64 runs may be active.
const BLOCKING_THREADS_MAX: usize = 64;
/// Longest wait for the server to end after a signal. It ends in [`SHUTDOWN_DEADLINE`] by itself
/// unless all its threads are blocked.
const BLOCKED_DEADLINE: Duration = SHUTDOWN_DEADLINE.saturating_add(Duration::from_millis(300));

/// Runs a server until a signal ends it; blocks the calling thread.
///
/// Exit codes: 0 after an orderly shutdown, 1 when the server does not start, 2 when the flags are
/// invalid, 130 after a second signal.
pub fn run(args: ServeArgs) -> ExitCode {
    run_with(args, |_| {})
}

/// [`run`] with a configuration that an embedding program adapts after the flags were read:
/// its own turn engine, more sources.
pub fn run_with(args: ServeArgs, adapt: impl FnOnce(&mut ServerConfig)) -> ExitCode {
    // Kept to the end of the process, because dropping it flushes the log.
    let log = match logging::init(args.log_format, &args.log) {
        Ok(log) => log,
        Err(error) => return fail(&error, ExitCode::from(2)),
    };
    http_api::panic_hook::install();
    let mut config = match ServerConfig::from_args(args, |name| std::env::var_os(name)) {
        Ok(config) => config,
        Err(error) => return fail(&error, ExitCode::from(2)),
    };
    config.dropped_log_lines = Some(log.dropped_lines());
    if config.server_file_dir.is_none() {
        tracing::warn!(
            "other terminals can't find this server: none of XDG_RUNTIME_DIR, XDG_STATE_HOME and \
             HOME names a directory"
        );
    }
    adapt(&mut config);
    raise_open_file_limit();
    match start(config, &log.dropped_lines()) {
        Ok(code) => code,
        Err(error) => fail(&error, ExitCode::FAILURE),
    }
}

/// Lets the process open as many files as it may: each connection is one, and the limit that a
/// shell sets is often 1,024.
fn raise_open_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(error = %error.kind(), "fewer connections than configured may fit");
    }
}

/// Serves on a runtime of several threads, while the calling thread waits for signals and keeps
/// the deadline of the shutdown.
///
/// # Errors
/// When the system has no threads or signal handlers.
fn start(config: ServerConfig, dropped: &DroppedLines) -> io::Result<ExitCode> {
    let supervising = Builder::new_current_thread().enable_all().build()?;
    let serving = serving_runtime()?;
    let code = supervising.block_on(async {
        let mut signals = Signals::listen()?;
        let (stop, stopped) = oneshot::channel();
        let server = serving.spawn(serve(config, async {
            // An error means that the supervisor is gone, which ends the server too.
            let _ = stopped.await;
        }));
        let supervised = supervise(server, stop, async || signals.next().await, dropped);
        io::Result::Ok(supervised.await)
    });
    // A thread that is blocked must not delay the end of the process.
    serving.shutdown_background();
    code
}

fn serving_runtime() -> io::Result<Runtime> {
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    Builder::new_multi_thread()
        .worker_threads(processors.max(WORKER_THREADS_MIN))
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_name("serving")
        .enable_all()
        .build()
}

/// Waits for the server's end. The first signal asks the server to stop; a second one, or
/// [`BLOCKED_DEADLINE`], ends the wait. In the meantime dropped log lines are reported.
///
/// It runs on a thread of its own, because the timers of the server's runtime stand still when all
/// its threads are blocked.
async fn supervise(
    mut server: JoinHandle<ExitCode>,
    stop: oneshot::Sender<()>,
    mut signal: impl AsyncFnMut(),
    dropped: &DroppedLines,
) -> ExitCode {
    let ended = async {
        // Both arms are cancel-safe: a `JoinHandle` keeps its result, and a signal is kept.
        tokio::select! {
            ended = &mut server => return ended,
            () = signal() => {}
        }
        // The receiver is gone when the server ends at this moment.
        let _ = stop.send(());
        tokio::select! {
            ended = server => ended,
            // The log is not flushed: its reader may be what blocks the process.
            () = signal() => process::exit(EXIT_SECOND_SIGNAL),
            () = tokio::time::sleep(BLOCKED_DEADLINE) => {
                tracing::warn!("ended without waiting for blocked threads");
                Ok(ExitCode::SUCCESS)
            }
        }
    };
    // The reports are cancel-safe, and the other arm ends the process.
    tokio::select! {
        // The panic hook has logged a panic.
        ended = ended => ended.unwrap_or(ExitCode::FAILURE),
        never = dropped.report_regularly() => match never {},
    }
}

async fn serve(config: ServerConfig, shutdown: impl Future<Output = ()>) -> ExitCode {
    let store = config.store.clone();
    let server = match Server::bind(config).await {
        Ok(server) => server,
        Err(error) => {
            let code = fail(&error, ExitCode::FAILURE);
            name_file(&error, &store, io::stderr());
            return code;
        }
    };
    if announce(&server, io::stdout()).is_err() {
        tracing::debug!("nobody reads standard output");
    }
    let reloader = server.profile_reloader();
    let reloading = async {
        match reloader {
            Some(reloader) => reloader.run().await,
            None => std::future::pending().await,
        }
    };
    // Dropping the reloading at the server's end loses nothing.
    tokio::select! {
        _report = server.serve(shutdown) => ExitCode::SUCCESS,
        never = reloading => match never {},
    }
}

/// Writes the line with the server's address and token.
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

/// Says on the operator's terminal which file an error is about: the error itself, which may be
/// logged, names none.
fn name_file(error: &StartError, store: &StoreSetting, mut out: impl Write) {
    let is_about_store = matches!(
        error,
        StartError::Compose(ComposeError::Store(_) | ComposeError::Restore(_))
    );
    if let (true, StoreSetting::File { path, .. }) = (is_about_store, store) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        // As in `fail`.
        let _ = writeln!(out, "hint: the file is {}", path.display());
    }
}

/// Writes the error with its causes to standard error.
fn fail(error: &dyn Error, code: ExitCode) -> ExitCode {
    let mut line = format!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    // When standard error is closed, the exit code still tells.
    let _ = writeln!(io::stderr(), "{line}");
    code
}

#[cfg(test)]
mod tests;
