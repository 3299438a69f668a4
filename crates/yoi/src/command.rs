//! Runs a command: finds the server, sends the requests, prints the result.

mod chat;
mod create;
mod delete;
mod doctor;
mod events;
mod export;
mod input;
mod list;
mod lookup;
mod open;
mod reconnect;
mod reply;
mod send;
mod session;
mod show;
mod store;

use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory as _;
use registry_core::WorkerRef;
use yoi_workspace_server::core_dumps;
use yoi_workspace_server::signal::survive_file_size_limit;

use crate::args::{Cli, ClientArgs, ClientCommand, Command, OneWorkerCommand};
use crate::client::Client;
use crate::complete;
use crate::error::{Error, Exit, UsageError};
use crate::last_worker::LastWorker;
use crate::output::{Format, Terminal};
use reconnect::ReconnectPolicy;
pub(crate) use session::block_on;
use session::{Session, find, find_again};

pub(crate) fn run(cli: Cli) -> ExitCode {
    let mut terminal = Terminal::of_process();
    let mut format = Format::Text;
    // Before a file is written. Without it, `ulimit -f` ends the command without a word.
    let _ = survive_file_size_limit();
    // The server does so itself, and logs it.
    if !cli.allow_core_dumps && !matches!(cli.command, Command::Serve(_)) {
        forbid_core_dumps();
    }
    let result = match cli.command {
        Command::Serve(mut serve) => match refuse(cli.client.any_flag(), "serve") {
            Ok(()) => {
                serve.allow_core_dumps |= cli.allow_core_dumps;
                return yoi_workspace_server::run(*serve);
            }
            Err(error) => Err(error),
        },
        Command::Completions { shell } => {
            refuse(cli.client.any_flag(), "completions").and_then(|()| {
                let script = complete::script(shell);
                terminal.content(&String::from_utf8_lossy(&script))
            })
        }
        Command::ManPages { directory } => {
            refuse(cli.client.any_flag(), "man-pages").and_then(|()| man_pages(&directory))
        }
        Command::Store(command) => {
            if cli.client.json || command.wants_json() {
                format = Format::Json;
            }
            let allowed = refuse(cli.client.server_flag(), "store");
            match allowed.and_then(|()| store::run(&command, &mut terminal, format)) {
                Ok(exit) => return exit.into(),
                Err(error) => Err(error),
            }
        }
        Command::Client(command) => {
            let args = command.client().clone().or(cli.client);
            format = Format::new(&args);
            run_client(command, &args, &mut terminal, format)
        }
        Command::Chat(chat) => {
            let args = chat.client.clone().or(cli.client);
            format = Format::new(&args);
            chat::chat(&chat, &args, &mut terminal, format)
        }
        Command::Doctor(doctor) => {
            let args = doctor.client.clone().or(cli.client);
            format = Format::new(&args);
            match doctor::doctor(&doctor, &args, &mut terminal, format) {
                Ok(exit) => return exit.into(),
                Err(error) => Err(error),
            }
        }
    };
    match result {
        Ok(()) => Exit::Success.into(),
        Err(error) => report(&error, &mut terminal, format).into(),
    }
}

/// Says that what clap prints could not be printed.
pub(crate) fn report_unprinted(failure: io::Error) -> Exit {
    let error = Error::Output(failure);
    report(&error, &mut Terminal::of_process(), Format::Text)
}

fn report(error: &Error, terminal: &mut Terminal, format: Format) -> Exit {
    // Someone who pressed Ctrl-C or closed the pipe needs no message about it.
    if !error.is_closed_pipe() && !matches!(error, Error::Interrupted) {
        terminal.error(error, format);
    }
    error.exit()
}

/// Before a token is read. A command that can't is as good as others, which don't.
pub(crate) fn forbid_core_dumps() {
    let _ = core_dumps::forbid();
}

fn run_client(
    command: ClientCommand,
    args: &ClientArgs,
    terminal: &mut Terminal,
    format: Format,
) -> Result<(), Error> {
    let find_again = find_again(args.clone());
    let target = find(args, terminal)?;
    let last_worker = LastWorker::of(&target);
    let client = Client::new(target)?;
    let mut session = Session {
        client,
        find_again,
        reconnect: ReconnectPolicy::DEFAULT,
        last_worker,
        terminal,
        format,
    };
    block_on(dispatch(&mut session, command))
}

async fn dispatch(session: &mut Session<'_>, command: ClientCommand) -> Result<(), Error> {
    match command {
        ClientCommand::Runtimes(_) => list::runtimes(session).await,
        ClientCommand::Workers(args) => list::workers(session, args).await,
        ClientCommand::Create(args) => create::create(session, args).await,
        ClientCommand::Open(args) => open::open(session, &args, open::of_desktop).await,
        ClientCommand::OneWorker(command) => {
            let worker = lookup::worker(session, command.args().0).await?;
            // Remembered before it is used, so that another terminal can already say `cancel -`.
            if !matches!(command, OneWorkerCommand::Delete(_)) {
                session.last_worker.set(&worker);
            }
            dispatch_to_worker(session, &worker, command).await
        }
    }
}

async fn dispatch_to_worker(
    session: &mut Session<'_>,
    worker: &WorkerRef,
    command: OneWorkerCommand,
) -> Result<(), Error> {
    match command {
        OneWorkerCommand::Show(_) => show::worker(session, worker).await,
        OneWorkerCommand::Send(args) => send::send(session, worker, args).await,
        OneWorkerCommand::Transcript(args) => show::transcript(session, worker, &args).await,
        OneWorkerCommand::Events(args) => events::events(session, worker, &args).await,
        OneWorkerCommand::Cancel(args) => send::cancel(session, worker, args).await,
        OneWorkerCommand::Stop(_) => create::stop(session, worker).await,
        OneWorkerCommand::Rename(args) => create::rename(session, worker, args).await,
        OneWorkerCommand::Delete(args) => delete::delete(session, worker, &args).await,
        OneWorkerCommand::Export(args) => {
            let export = export::export(session, worker, &args);
            session::until_interrupted(export).await
        }
    }
}

/// Writes a page for each command.
fn man_pages(directory: &Path) -> Result<(), Error> {
    let written = std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), directory));
    written.map_err(|source| Error::ExportFile {
        path: directory.to_owned(),
        source,
    })
}

/// `serve`, `completions` and `store` ask no server, so flags about one mean nothing to them.
fn refuse(flag: Option<&'static str>, command: &'static str) -> Result<(), Error> {
    match flag {
        Some(flag) => Err(UsageError::ClientFlag { flag, command }.into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
