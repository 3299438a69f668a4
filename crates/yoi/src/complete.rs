//! Completions that ask the server: workers, runtimes, profiles and models. The shell's script runs
//! the program for each of them, with [`VARIABLE`] set.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::time::Duration;

use clap_complete::env::Shells;
use clap_complete::{CompletionCandidate, Shell};
use registry_core::page::PAGE_LIMIT_MAX;
use registry_core::projection::{RuntimeSummary, WorkerSummary};
use tokio::time::timeout;

use crate::args::ClientArgs;
use crate::client::{Client, WorkersQuery};
use crate::command::block_on;
use crate::connect;
use crate::error::Error;

/// Set while the program completes a command line instead of running it.
pub(crate) const VARIABLE: &str = "YOI_COMPLETE";
const PROGRAM: &str = "yoi";
/// Time after which there are no completions: nobody waits longer for the Tab key.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The script that makes `shell` ask this program.
pub(crate) fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let completer = shells.completer(&shell.to_string());
    let completer = completer.expect("every shell has a completer");
    completer
        .write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)
        .expect("a vector can be written to");
    script
}

/// Workers: by name where that is short for the id, by id once one is begun.
pub(crate) fn workers(current: &OsStr) -> Vec<CompletionCandidate> {
    // One page: more is no choice.
    let query = WorkersQuery {
        limit: Some(PAGE_LIMIT_MAX),
        ..WorkersQuery::default()
    };
    let page = ask(async |client| client.workers(&query).await);
    let workers = page.map(|page| page.value.items).unwrap_or_default();
    of_workers(&workers, current.to_str().unwrap_or_default())
}

pub(crate) fn runtimes(current: &OsStr) -> Vec<CompletionCandidate> {
    of_runtimes(current, |runtime| {
        let name = runtime.display_name.to_string();
        vec![(runtime.runtime_id.to_string(), name)]
    })
}

pub(crate) fn profiles(current: &OsStr) -> Vec<CompletionCandidate> {
    of_runtimes(current, |runtime| {
        let profiles = runtime.profiles.iter();
        profiles
            .map(|profile| {
                (
                    profile.profile_id.to_string(),
                    profile.description.to_string(),
                )
            })
            .collect()
    })
}

pub(crate) fn models(current: &OsStr) -> Vec<CompletionCandidate> {
    of_runtimes(current, |runtime| {
        let models = runtime.models.iter();
        models
            .map(|model| (model.name.to_string(), String::new()))
            .collect()
    })
}

fn of_workers(workers: &[WorkerSummary], current: &str) -> Vec<CompletionCandidate> {
    let mut with_name: HashMap<&str, u32> = HashMap::new();
    for worker in workers {
        *with_name.entry(worker.display_name.as_str()).or_default() += 1;
    }
    let mut candidates = Vec::new();
    for worker in workers {
        let (id, name) = (worker.worker_id.as_str(), worker.display_name.as_str());
        let state = worker.state.as_str();
        let is_typed = name
            .chars()
            .all(|c| c.is_alphanumeric() || "._-".contains(c));
        let is_short = is_typed && !name.starts_with('-') && with_name.get(name) == Some(&1);
        if is_short && name.starts_with(current) {
            candidates.push(candidate(name, format!("{state} {id}")));
        }
        if id.starts_with(current) && (!is_short || !current.is_empty()) {
            candidates.push(candidate(id, format!("{state} {name}")));
        }
    }
    candidates
}

fn of_runtimes(
    current: &OsStr,
    names: impl Fn(&RuntimeSummary) -> Vec<(String, String)>,
) -> Vec<CompletionCandidate> {
    let current = current.to_str().unwrap_or_default();
    let list = ask(async |client| client.runtimes().await);
    let runtimes = list.map(|list| list.value.items).unwrap_or_default();
    let named = runtimes.iter().flat_map(names);
    let fitting = named.filter(|(name, _)| name.starts_with(current));
    fitting.map(|(name, help)| candidate(&name, help)).collect()
}

fn candidate(value: &str, help: String) -> CompletionCandidate {
    let help = (!help.is_empty()).then(|| help.into());
    CompletionCandidate::new(value).help(help)
}

/// Asks the server that a command without flags would use; `None` when there is no answer in time.
fn ask<T>(request: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> Option<T> {
    let variable = |name: &str| std::env::var_os(name);
    let args = ClientArgs::default();
    let directory = connect::current_directory();
    let running = connect::running_here();
    let target = connect::find(&args, variable, directory.as_deref(), &running).ok()?;
    let client = Client::new(target).ok()?;
    let answer = block_on(async { Ok(timeout(TIMEOUT, request(&client)).await) });
    answer.ok()?.ok()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted_server::worker_summary;

    #[test]
    fn a_worker_is_completed_by_name_if_that_is_enough_and_by_id_once_one_is_begun() {
        let worker = |id: &str, name: &str| {
            let mut worker = worker_summary(id, "idle");
            worker["display_name"] = name.into();
            serde_json::from_value(worker).unwrap()
        };
        let workers = [
            worker("01a-1", "Büro"),
            worker("01b-2", "Run expert"),
            worker("01c-3", "Twin"),
            worker("01d-4", "Twin"),
            worker("01e-5", "-c"),
        ];
        let values = |current: &str| -> Vec<String> {
            let candidates = of_workers(&workers, current);
            let values = candidates.iter().map(CompletionCandidate::get_value);
            values
                .map(|value| value.to_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(values(""), ["Büro", "01b-2", "01c-3", "01d-4", "01e-5"]);
        assert_eq!(values("01"), ["01a-1", "01b-2", "01c-3", "01d-4", "01e-5"]);
        assert_eq!(values("B"), ["Büro"]);
        assert_eq!(values("T"), [""; 0]);
    }
}
