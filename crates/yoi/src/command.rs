//! Carrying out a command: find the server, ask it, print what it says.

mod chat;
mod create;
mod doctor;
mod events;
mod input;
mod list;
mod reply;
mod send;
mod show;

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::args::{Cli, ClientArgs, ClientCommand, Command};
use crate::client::{Answer, Client};
use crate::connect::{self, Choice, Found};
use crate::failure::{Exit, Failure, UsageError};
use crate::output::{Format, Terminal};

/// A command on its way: whom it asks, and where and how it answers.
struct Session<'a> {
    client: Client,
    terminal: &'a mut Terminal,
    format: Format,
}

/// Carries out what was typed.
pub(crate) fn run(cli: Cli) -> ExitCode {
    let mut terminal = Terminal::of_process();
    let mut format = Format::Text;
    let result = match cli.command {
        Command::Serve(serve) => match refuse_client_flags(&cli.client, "serve") {
            Ok(()) => return yoi_workspace_server::run(*serve),
            Err(failure) => Err(failure),
        },
        Command::Completions { shell } => refuse_client_flags(&cli.client, "completions")
            .and_then(|()| completions(shell, &mut terminal)),
        Command::Client(command) => {
            let args = command.client().clone().or(cli.client);
            format = Format::of(&args);
            ask(command, &args, &mut terminal, format)
        }
        Command::Chat(chat) => {
            let args = chat.client.clone().or(cli.client);
            format = Format::of(&args);
            chat::chat(chat, args, &mut terminal, format)
        }
        Command::Doctor(doctor) => {
            let args = doctor.client.clone().or(cli.client);
            format = Format::of(&args);
            match doctor::doctor(&doctor, &args, &mut terminal, format) {
                Ok(exit) => return exit.into(),
                Err(failure) => Err(failure),
            }
        }
    };
    let Err(failure) = result else {
        return Exit::Done.into();
    };
    // Whoever interrupts a command, or stops reading, knows what happened.
    if !failure.is_closed_pipe() && !matches!(failure, Failure::Interrupted) {
        terminal.failure(&failure, format);
    }
    failure.exit().into()
}

/// Carries out a command that asks a server.
fn ask(
    command: ClientCommand,
    args: &ClientArgs,
    terminal: &mut Terminal,
    format: Format,
) -> Result<(), Failure> {
    let found = find(args, terminal)?;
    let client = Client::new(found.server, found.token)?;
    let mut session = Session {
        client,
        terminal,
        format,
    };
    until_done(session.carry_out(command))
}

/// The server that `args` and the environment mean.
fn find(args: &ClientArgs, terminal: &mut Terminal) -> Result<Found, Failure> {
    let found = connect::find(args, |name| std::env::var_os(name), connect::running_here)?;
    if let Choice::NewestOf(2..) = found.choice {
        terminal.aside(&format!(
            "note: several servers run here; this asks the newest, {}. --server names another",
            found.server
        ));
    }
    Ok(found)
}

/// Does `work`. One thread is enough for a program that waits for one answer at a time.
fn until_done<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Setup)?;
    runtime.block_on(work)
}

impl Session<'_> {
    async fn carry_out(&mut self, command: ClientCommand) -> Result<(), Failure> {
        match command {
            ClientCommand::Runtimes(_) => list::runtimes(self).await,
            ClientCommand::Workers(args) => list::workers(self, args).await,
            ClientCommand::Create(args) => create::create(self, args).await,
            ClientCommand::Show(args) => show::worker(self, &args.worker).await,
            ClientCommand::Send(args) => send::send(self, args).await,
            ClientCommand::Transcript(args) => show::transcript(self, &args).await,
            ClientCommand::Events(args) => events::events(self, &args).await,
            ClientCommand::Cancel(args) => send::cancel(self, args).await,
            ClientCommand::Stop(args) => create::stop(self, &args.worker).await,
        }
    }

    /// Prints `answer` as JSON, or as `for_people` does.
    fn print<T>(
        &mut self,
        answer: &Answer<T>,
        for_people: impl FnOnce(&T, &mut Terminal) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.terminal.json(&answer.json),
            Format::Text => for_people(&answer.value, self.terminal),
        }
    }
}

/// Runs `work` until it ends or the user presses Ctrl-C.
async fn until_interrupted<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        // Dropped by the other arm it loses a poll at most, and a poll changes nothing.
        result = work => result,
        // Cancel-safe: nothing is lost but the wait. Without a signal handler only `work` ends
        // this, and Ctrl-C the process.
        Ok(()) = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
    }
}

fn completions(shell: clap_complete::Shell, terminal: &mut Terminal) -> Result<(), Failure> {
    let mut script = Vec::new();
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut script);
    terminal.content(&String::from_utf8_lossy(&script))
}

/// `serve` and `completions` ask no server, so flags about one mean nothing to them.
fn refuse_client_flags(args: &ClientArgs, command: &'static str) -> Result<(), Failure> {
    let given = [
        ("server", args.server.is_some()),
        ("token-file", args.token_file.is_some()),
        ("json", args.json),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((flag, _)) => Err(UsageError::ClientFlag { flag, command }.into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
