//! `doctor`: checks the server, the token, the runtimes, the model and the store, in this order. Checks
//! that an earlier failure makes impossible are left out.
//!
//! A report may be shown to others: no row has a token or a path of this machine.

mod check;
mod health;
mod model;
mod runtime;
mod server;
mod store;

use std::time::Instant;

use registry_core::RunId;

use super::session::{block_on, find};
use crate::args::{ClientArgs, DoctorArgs};
use crate::client::Client;
use crate::connect::{Target, provider_words};
use crate::error::{Error, Exit};
use crate::output::table::Table;
use crate::output::{Format, Terminal};
use check::{Check, Outcome};

/// Checks the server that `args` name, prints a row for each check, and returns the exit code.
pub(super) fn doctor(
    doctor: &DoctorArgs,
    args: &ClientArgs,
    terminal: &mut Terminal,
    format: Format,
) -> Result<Exit, Error> {
    if doctor.quiet {
        return Ok(health::check(args, terminal));
    }
    let mut checks = Vec::new();
    let result = match find(args, terminal) {
        Ok(target) => {
            let spinner = terminal.timed_spinner("checking".to_owned(), Instant::now());
            let place = store::Place::of_server(&target.server);
            let result = block_on(check(target, &place, doctor, &mut checks));
            drop(spinner);
            result
        }
        Err(error) => match server::not_found(&error) {
            Some(check) => {
                checks.push(check);
                let setting = super::store::setting(&doctor.place)?;
                checks.push(store::row_without_server(&store::Place::of_setting(
                    setting,
                )));
                Err(error)
            }
            None => return Err(error),
        },
    };
    let exit = match result {
        Ok(()) if checks.iter().all(|check| check.outcome != Outcome::Failed) => Exit::Success,
        Err(error @ (Error::Interrupted | Error::Setup(_))) => return Err(error),
        Err(Error::Unreachable(_)) => Exit::Unreachable,
        Ok(()) | Err(_) => Exit::Failed,
    };
    match format {
        Format::Json => {
            let document = serde_json::to_string(&checks).expect("text serialises");
            terminal.json(&document)?;
        }
        Format::Text => {
            let width = terminal.columns();
            terminal.table(&Table::within(width, check::COLUMNS, &checks))?;
        }
    }
    Ok(exit)
}

/// Adds a row for each check. An error has its row as well, and ends the checks.
async fn check(
    target: Target,
    place: &store::Place,
    doctor: &DoctorArgs,
    checks: &mut Vec<Check>,
) -> Result<(), Error> {
    let client = Client::new(target)?;
    server::check(&client, checks).await?;
    let runtimes = runtime::check(&client, checks).await?;
    let creates_workers = runtimes
        .iter()
        .find(|runtime| runtime::creates_workers(runtime));
    checks.push(match creates_workers {
        Some(runtime) if doctor.ask_model => {
            let words_of = |run: &RunId| provider_words(client.server(), run);
            model::ask(&client, runtime, doctor.model.clone(), words_of).await?
        }
        Some(_) => Check::noted("answer", "not tested")
            .advise("`yoi doctor --ask-model` sends the model one short message"),
        None => Check::failed("answer", "no runtime can create workers")
            .advise("`yoi runtimes` shows what each can do"),
    });
    store::check(place, &runtimes, checks);
    for runtime in &runtimes {
        runtime::check_limits(runtime, place, checks);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
