//! What a command works with: the client, the terminal and the output format.

use std::rc::Rc;

use jiff::Timestamp;

use super::reconnect::{FindAgain, ReconnectPolicy};
use crate::args::ClientArgs;
use crate::client::{Client, Response};
use crate::connect::{self, Target};
use crate::error::Error;
use crate::last_worker::LastWorker;
use crate::output::{Format, Terminal};

pub(super) struct Session<'a> {
    pub(super) client: Client,
    /// For commands that go on after an outage.
    pub(super) find_again: FindAgain,
    pub(super) reconnect: ReconnectPolicy,
    pub(super) last_worker: LastWorker,
    pub(super) terminal: &'a mut Terminal,
    pub(super) format: Format,
}

impl Session<'_> {
    /// Prints `response` as JSON, or as `print_text` does.
    pub(super) fn print<T>(
        &mut self,
        response: &Response<T>,
        print_text: impl FnOnce(&T, &mut Terminal) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self.format {
            Format::Json => self.terminal.json(&response.json),
            Format::Text => print_text(&response.value, self.terminal),
        }
    }
}

/// Finds the server that `args` and the environment name.
pub(super) fn find(args: &ClientArgs, terminal: &mut Terminal) -> Result<Target, Error> {
    let target = connect::find(args, |name| std::env::var_os(name), connect::running_here)?;
    if target.other_servers > 0 {
        terminal.terminal_note(&format!(
            "note: several servers run here; using the newest, {}. --server names another",
            target.server
        ));
    }
    Ok(target)
}

/// Finds the server that `args` name once more, or its replacement: one that starts from now on.
pub(super) fn find_again(args: ClientArgs) -> FindAgain {
    let since = Timestamp::now();
    Rc::new(move |known: &_| {
        let variable = |name: &str| std::env::var_os(name);
        connect::find_again(&args, variable, known, since, connect::running_here)
    })
}

/// Runs `work` on a single-threaded runtime: a client waits for one response at a time.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Setup)?;
    runtime.block_on(work)
}

/// Runs `work` until it ends or the user presses Ctrl-C.
pub(super) async fn until_interrupted<T>(
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        // Dropping it loses a poll at most, and a poll changes nothing.
        result = work => result,
        // Cancel-safe: only the wait is lost. Without a signal handler Ctrl-C ends the process.
        Ok(()) = tokio::signal::ctrl_c() => Err(Error::Interrupted),
    }
}
