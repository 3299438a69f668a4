//! The server as a process: log, threads, the lines on standard output and the exit code.

mod supervisor;

use std::error::Error;
use std::io::{self, IsTerminal as _, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, oneshot};

use crate::args::ServeArgs;
use crate::compose::{ComposeError, StoreSetting};
use crate::config::ServerConfig;
use crate::core_dumps;
use crate::listen::ServerAddress;
use crate::logging;
use crate::open_files::{self, Sockets};
use crate::server::{Listening, Server, Standby, Start, StartError};
use crate::server_file;
use crate::service_manager;
use crate::signal::survive_file_size_limit;

use supervisor::{Serving, Supervisor};

/// Fewest worker threads: with one, an engine that computes would hold up every connection.
const WORKER_THREADS_MIN: usize = 2;
/// Most threads for blocking calls, all of which end soon: they parse large events of providers, four
/// at once, and read and write small files. What may hang has threads of its own: local records, look-ups
/// of names and the store.
const BLOCKING_THREADS_MAX: usize = 64;

/// The exit code when the settings are wrong; clap exits with the same number.
const EXIT_USAGE: u8 = 2;

/// Runs a server until a signal ends it; blocks the calling thread.
///
/// Exit codes: 0 after an orderly shutdown, 2 when the flags are wrong, or the workspace, token or profiles
/// that they name can't be used, 1 when the server does not start for another reason, 130 after a second
/// signal.
pub fn run(args: ServeArgs) -> ExitCode {
    run_with(args, |_| {})
}

/// [`run`] with a configuration that an embedding program adapts after the flags were read:
/// its own turn engine, more sources.
pub fn run_with(args: ServeArgs, adapt: impl FnOnce(&mut ServerConfig)) -> ExitCode {
    // First, because everything after it may write or block. Kept until an error was written.
    let supervisor = match survive_file_size_limit().and_then(|()| Supervisor::start()) {
        Ok(supervisor) => supervisor,
        Err(error) => return fail(&error, ExitCode::FAILURE),
    };
    // Kept to the end of the process, because dropping it flushes the log.
    let log = match logging::init(args.log_format, &args.log) {
        Ok(log) => log,
        Err(error) => return fail(&error, ExitCode::from(EXIT_USAGE)),
    };
    http_api::panic_hook::install();
    if !args.allow_core_dumps {
        forbid_core_dumps();
    }
    let variable = |name: &str| std::env::var_os(name);
    // Before the flags: those may fail for the same reason, and then both are said.
    if server_file::directories(|name| variable(name).map(PathBuf::from)).is_empty() {
        tracing::warn!(
            "other terminals can't find this server: none of XDG_RUNTIME_DIR, XDG_STATE_HOME and \
             HOME names a directory"
        );
    }
    let drain_grace = Duration::from_millis(args.drain_grace_ms);
    let mut config = match ServerConfig::from_args(args, variable) {
        Ok(config) => config,
        Err(error) => return fail(&error, ExitCode::from(EXIT_USAGE)),
    };
    config.dropped_log_lines = Some(log.dropped_lines());
    adapt(&mut config);
    fit_open_files(&mut config);
    let serving = match serving_runtime() {
        Ok(serving) => serving,
        Err(error) => return fail(&error, ExitCode::FAILURE),
    };
    let (stop, stopped) = oneshot::channel();
    let (begin, begun) = oneshot::channel();
    let reload = Arc::new(Notify::new());
    let reloading = Arc::clone(&reload);
    let server = async move {
        match begun.await {
            Ok(()) => serve(config, stopped, reloading).await,
            Err(_) => ExitCode::FAILURE,
        }
    };
    let handed_over = Serving {
        server: serving.spawn(server),
        stop,
        drain_grace,
        reload,
        dropped: log.dropped_lines(),
    };
    let code = supervisor.wait(handed_over, begin);
    // A thread that is blocked must not delay the end of the process.
    serving.shutdown_background();
    code
}

/// Before any secret is read. A server that can't is as good as others, which don't.
fn forbid_core_dumps() {
    if let Err(error) = core_dumps::forbid() {
        tracing::warn!(error = %error.kind(), "a crash may write secrets to disk");
    }
}

/// Lowers the numbers of connections and runs to what the limit on open files allows: a connection
/// that is accepted is served, one beyond them makes room instead of waiting for a file to be closed,
/// and a run waits for its turn instead of failing to connect to its provider.
fn fit_open_files(config: &mut ServerConfig) {
    let open_files = open_files::raise_limit();
    let wanted = Sockets {
        connections: config.connection.connections,
        runs: config.limits.concurrent_runs,
    };
    let fitting @ Sockets { connections, runs } = wanted.within(open_files);
    if fitting != wanted {
        tracing::warn!(
            connections,
            wanted = wanted.connections,
            runs,
            wanted_runs = wanted.runs,
            open_files,
            "fewer connections or runs: the limit on open files is too low for more (`ulimit -n`)"
        );
    }
    config.connection.connections = connections;
    config.limits.concurrent_runs = runs;
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

/// Serves until `stopped` says how long load balancers get to notice that it will end.
async fn serve(
    config: ServerConfig,
    mut stopped: oneshot::Receiver<Duration>,
    reload: Arc<Notify>,
) -> ExitCode {
    let store = config.store.clone();
    let started = tokio::select! {
        // Nothing has to be ended in order: dropping the start leaves at most what a crash would.
        _ = &mut stopped => {
            tracing::info!("ended before it served");
            return ExitCode::SUCCESS;
        }
        started = start(config, &reload) => started,
    };
    let server = match started {
        Ok(server) => server,
        Err(error) => {
            let code = if error.is_about_settings() {
                ExitCode::from(EXIT_USAGE)
            } else {
                ExitCode::FAILURE
            };
            let code = fail(&error, code);
            name_file(&error, &store, io::stderr());
            return code;
        }
    };
    let mut lines = announcement(&server);
    if io::stdout().is_terminal() {
        lines += &next_steps(&server);
    }
    print(lines);
    service_manager::ready().await;
    let reloading = server.reloader();
    let draining = server.api().draining();
    let shutdown = async {
        // An error means that the supervisor is gone, which ends the server too.
        let drain_grace = stopped.await.unwrap_or_default();
        draining.begin();
        service_manager::stopping().await;
        if !drain_grace.is_zero() {
            let drain_grace_ms = u64::try_from(drain_grace.as_millis()).unwrap_or(u64::MAX);
            tracing::info!(drain_grace_ms, "not ready any more; going to shut down");
            tokio::time::sleep(drain_grace).await;
        }
    };
    // Dropping the reloading at the server's end loses nothing.
    tokio::select! {
        report = server.serve(shutdown) => if report.store_lost {
            fail(&WorkspaceLost, ExitCode::FAILURE)
        } else {
            ExitCode::SUCCESS
        },
        never = reloading.run(&reload) => match never {},
    }
}

/// Starts the server, which may have to stand by before.
async fn start(config: ServerConfig, reload: &Notify) -> Result<Server, StartError> {
    match Listening::bind(config).await?.open().await? {
        Start::Server(server) => Ok(*server),
        Start::Standby(standby) => take_over(*standby, reload).await,
    }
}

/// Stands by until the server can take over. What was asked to be read again meanwhile is then, before
/// the server answers by it.
async fn take_over(standby: Standby, reload: &Notify) -> Result<Server, StartError> {
    print(standby_lines(standby.addresses()));
    service_manager::standing_by().await;
    let mut reload_asked = false;
    let mut server = pin!(standby.take_over());
    let server = loop {
        // Dropping the wait for a notification loses none.
        tokio::select! {
            server = &mut server => break server?,
            () = reload.notified() => {
                reload_asked = true;
                service_manager::reloading().await;
                service_manager::standing_by().await;
            }
        }
    };
    if reload_asked {
        server.reloader().reload().await;
    }
    Ok(server)
}

/// Writes to standard output. Where nobody reads that it may block, which must not hold up the
/// server.
fn print(lines: String) {
    tokio::task::spawn_blocking(move || {
        let mut out = io::stdout();
        if out
            .write_all(lines.as_bytes())
            .and_then(|()| out.flush())
            .is_err()
        {
            tracing::debug!("nobody reads standard output");
        }
    });
}

/// Why a server ends that nobody has asked to.
#[derive(Debug, thiserror::Error)]
#[error(
    "another server has this workspace now, or the database was away for longer than the lease: \
     nothing was written since; start this one again, with --standby to wait for its turn"
)]
struct WorkspaceLost;

/// The line of a server that stands by.
fn standby_lines(addresses: &[ServerAddress]) -> String {
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    let addresses = addresses.join(" and ");
    format!("yoi is standing by on {addresses} (until the workspace is free)\n")
}

/// The lines with the server's addresses and token. A token that the operator has in a file isn't
/// repeated: standard output often ends up in a log.
fn announcement(server: &Server) -> String {
    let mut addresses = server.addresses().iter();
    let first = addresses.next();
    let first = first.map(ToString::to_string).unwrap_or_default();
    let access = match server.token() {
        None => "no token needed".to_owned(),
        Some(_) if server.has_token_of_file() => "with the token of --token-file".to_owned(),
        Some(token) => format!("token: {}", token.reveal()),
    };
    let mut lines = format!("yoi is listening on {first} ({access})\n");
    for address in addresses {
        lines += &format!("yoi is also listening on {address}\n");
    }
    lines
}

/// What a person at a terminal may do next.
fn next_steps(server: &Server) -> String {
    let mut lines = String::new();
    if let Some(address) = server.page_address() {
        lines += &format!("  in a browser:    {address}\n");
        lines += "                   (once, within a minute; `yoi open` makes another)\n";
    }
    lines += "  in a terminal:   yoi chat\n";
    if server.has_offline_model() {
        lines += "  with a model:    yoi serve --model gpt-5-mini; `yoi serve --help` says more\n";
    }
    lines
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
