//! `doctor`: what a person would otherwise check by hand, in the order in which it matters.
//! What can't be checked because of what failed before it is left out.
//!
//! A report is made to be shown to others: no row has a token, or a path of this machine.

mod answer;
mod check;
mod runtime;
mod server;

use super::{find, until_done};
use crate::args::{ClientArgs, DoctorArgs};
use crate::client::Client;
use crate::connect::Found;
use crate::failure::{Exit, Failure};
use crate::output::{Format, Terminal, table};
use check::{Check, Outcome};

/// Checks the server that `args` mean, prints what was found, and gives the exit code.
pub(super) fn doctor(
    doctor: &DoctorArgs,
    args: &ClientArgs,
    terminal: &mut Terminal,
    format: Format,
) -> Result<Exit, Failure> {
    let mut checks = Vec::new();
    let examined = match find(args, terminal) {
        Ok(found) => {
            let spinner = terminal.spinner("checking");
            let examined = until_done(examine(found, doctor.ask_model, &mut checks));
            drop(spinner);
            examined
        }
        Err(failure) => match server::not_found(&failure) {
            Some(check) => {
                checks.push(check);
                Err(failure)
            }
            None => return Err(failure),
        },
    };
    let exit = match examined {
        Ok(()) if checks.iter().all(|check| check.outcome != Outcome::Failed) => Exit::Done,
        Err(failure @ (Failure::Interrupted | Failure::Setup(_))) => return Err(failure),
        Err(Failure::Unreachable(_)) => Exit::Unreachable,
        Ok(()) | Err(_) => Exit::Failed,
    };
    print(&checks, terminal, format)?;
    Ok(exit)
}

/// Adds a row for everything that can be checked. A failure has its row as well, and ends
/// the examination.
async fn examine(found: Found, ask_model: bool, checks: &mut Vec<Check>) -> Result<(), Failure> {
    let token_known = found.token.is_some();
    let client = Client::new(found.server.clone(), found.token)?;
    server::examine(&client, &found.server, token_known, checks).await?;
    let runtimes = runtime::examine(&client, checks).await?;
    let creates = runtimes.iter().find(|runtime| runtime::creates(runtime));
    match (creates, ask_model) {
        (Some(runtime), true) => checks.push(answer::ask(&client, &runtime.runtime_id).await?),
        (Some(_), false) => checks.push(
            Check::noted("answer", "not asked")
                .advise("`yoi doctor --ask-model` has it answer one short message"),
        ),
        (None, _) => checks.push(
            Check::failed("answer", "no runtime creates workers")
                .advise("`yoi runtimes` shows what each can do"),
        ),
    }
    for runtime in &runtimes {
        runtime::limits(runtime, checks);
    }
    Ok(())
}

fn print(checks: &[Check], terminal: &mut Terminal, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => {
            let document = serde_json::to_string(checks).expect("text serialises");
            terminal.json(&document)
        }
        Format::Text => terminal.table(&table::checks(checks.iter().map(Check::cells))),
    }
}

#[cfg(test)]
mod tests;
