//! What a command works with: the client, the terminal and the output format.

use std::rc::Rc;

use yoi_workspace_server::server_file::PassedOver;

use super::reconnect::{FindAgain, ReconnectPolicy};
use crate::args::ClientArgs;
use crate::client::{Client, Response};
use crate::connect::{self, Reason, Target};
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

/// Finds the server that `args`, the environment or the current directory name, and says what the
/// user may not expect.
pub(super) fn find(args: &ClientArgs, terminal: &mut Terminal) -> Result<Target, Error> {
    let running = connect::running_here();
    for passed_over in &running.passed_over {
        terminal.note(&about_passed_over(passed_over));
    }
    let directory = connect::current_directory();
    let variable = |name: &str| std::env::var_os(name);
    let target = connect::find(args, variable, directory.as_deref(), &running)?;
    if let Some(note) = about_choice(&target) {
        terminal.note(&note);
    }
    Ok(target)
}

/// Finds a server once more, or its replacement.
pub(super) fn find_again(args: ClientArgs) -> FindAgain {
    Rc::new(move |known: &_| {
        let variable = |name: &str| std::env::var_os(name);
        connect::find_again(&args, variable, known, &connect::running_here())
    })
}

fn about_passed_over(passed_over: &PassedOver) -> String {
    let what = match passed_over {
        PassedOver::Files(1, directory) => {
            format!("a server file was passed over in {}", directory.display())
        }
        PassedOver::Files(count, directory) => {
            format!(
                "{count} server files were passed over in {}",
                directory.display()
            )
        }
        PassedOver::Directory(path) => {
            format!(
                "the directory of server files {} was passed over",
                path.display()
            )
        }
    };
    format!("note: {what}: not yours, a link, or open to others")
}

fn about_choice(target: &Target) -> Option<String> {
    let server = &target.server;
    match &target.reason {
        Reason::Named | Reason::Workspace { others: 0 } => None,
        Reason::Workspace { .. } => Some(format!(
            "note: several servers of this workspace run; asking the newest, {server}. --server \
             names another"
        )),
        Reason::OnlyOne { name } => {
            let name = name.as_ref().map(|name| format!("“{name}” at "));
            let name = name.unwrap_or_default();
            Some(format!(
                "note: no server of this directory's workspace runs; asking the only one, \
                 {name}{server}"
            ))
        }
    }
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
