//! `store`: what an operator does with the file that keeps the workers of a workspace. No server is
//! asked: the file is worked on directly.

mod copy;
mod report;

use std::path::{Path, PathBuf};

use serde_json::json;
use yoi_workspace_server::args::StoreArgs;
use yoi_workspace_server::config::StoreSetting;
use yoi_workspace_server::server_file::StorePlace;
use yoi_workspace_server::store::{self, MaintenanceError};
use yoi_workspace_server::{LeaseTime, StoreOpenError};

use crate::args::{StoreCommand, StoreFlags, StoreTargetArgs};
use crate::connect::running_here;
use crate::error::{Error, Exit, UsageError};
use crate::output::quantity::size;
use crate::output::{Format, Terminal};

/// Runs one of the commands, and returns the exit code.
pub(super) fn run(
    command: &StoreCommand,
    terminal: &mut Terminal,
    format: Format,
) -> Result<Exit, Error> {
    match command {
        StoreCommand::Path(flags) => print_path(&named_file(flags, terminal)?, terminal, format)?,
        StoreCommand::Check(flags) => {
            return check(&named_file(flags, terminal)?, terminal, format);
        }
        StoreCommand::Backup(StoreTargetArgs { file, flags }) => {
            backup(&named_file(flags, terminal)?, file, terminal, format)?;
        }
        StoreCommand::Compact(flags) => compact(&named_file(flags, terminal)?, terminal, format)?,
        StoreCommand::Recover(StoreTargetArgs { file, flags }) => {
            return recover(&named_file(flags, terminal)?, file, terminal, format);
        }
        StoreCommand::Copy(args) => return copy::copy(args, terminal, format),
    }
    Ok(Exit::Success)
}

/// The file that the flags name.
fn named_file(flags: &StoreFlags, terminal: &mut Terminal) -> Result<PathBuf, UsageError> {
    let place = &flags.place;
    let path = file(place)?;
    if place.store.is_none() {
        let places = places_of_servers(&place.access.workspace);
        // A file that an earlier server has left is not what is meant.
        if places.contains(&StorePlace::Database) {
            return Err(UsageError::StoreInDatabase);
        }
        if places.iter().any(|place| is_elsewhere(place, &path)) {
            terminal.note(OTHER_STORE);
        }
    }
    Ok(path)
}

/// Where `args` and the environment say that the workers are kept, as `yoi serve` understands them.
pub(super) fn setting(args: &StoreArgs) -> Result<StoreSetting, UsageError> {
    // It matters to a server alone, as the lease does.
    let on_network_file_system = false;
    let variable = |name: &str| std::env::var_os(name);
    let setting = store::setting(args, on_network_file_system, LeaseTime::default(), variable);
    setting.map_err(UsageError::StoreSetting)
}

fn file(args: &StoreArgs) -> Result<PathBuf, UsageError> {
    match setting(args)? {
        StoreSetting::File { path, .. } => Ok(std::path::absolute(&path).unwrap_or(path)),
        StoreSetting::Memory | StoreSetting::Own(_) => Err(UsageError::StoreInMemory),
        StoreSetting::Database(_) => Err(UsageError::StoreInDatabase),
    }
}

const OTHER_STORE: &str = "warning: the running server of this workspace keeps its workers elsewhere; \
     --store FILE names its file";

/// Where the running servers of a workspace keep its workers.
fn places_of_servers(workspace: &Path) -> Vec<StorePlace> {
    let Ok(workspace) = workspace.canonicalize() else {
        return Vec::new();
    };
    let running = running_here();
    let servers = running.of_workspace(&workspace);
    servers.map(|server| server.store.clone()).collect()
}

/// Whether a place is another one than the file at `path`.
fn is_elsewhere(place: &StorePlace, path: &Path) -> bool {
    // Two names of the same file.
    let resolved = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match place {
        StorePlace::Memory | StorePlace::Database => true,
        StorePlace::File(other) => resolved(Path::new(other)) != resolved(path),
        StorePlace::Unknown => false,
    }
}

fn print_path(path: &Path, terminal: &mut Terminal, format: Format) -> Result<(), Error> {
    let path = path.display().to_string();
    match format {
        Format::Text => terminal.line(&path),
        Format::Json => terminal.json(&json!({ "path": path }).to_string()),
    }
}

fn check(path: &Path, terminal: &mut Terminal, format: Format) -> Result<Exit, Error> {
    let spinner = terminal.spinner("checking");
    let checked = store::check(path);
    drop(spinner);
    let report = match checked {
        Ok(report) => Some(report),
        // That it can't be opened is what was to be found out.
        Err(MaintenanceError::Open(StoreOpenError::Damaged)) => None,
        Err(error) => return Err(store_error(error, path)),
    };
    match (format, &report) {
        (Format::Json, report) => {
            let document = match report {
                Some(report) => report::document(report, path),
                None => report::unopened_document(path),
            };
            terminal.json(&document.to_string())?;
        }
        (Format::Text, Some(report)) => report::print(report, path, terminal)?,
        (Format::Text, None) => report::print_unopened(path, terminal)?,
    }
    if report.is_some_and(|report| report.is_sound()) {
        return Ok(Exit::Success);
    }
    terminal.hint(RECOVER_HINT);
    Ok(Exit::Failed)
}

const RECOVER_HINT: &str = "keep a copy of the file; with the server stopped, \
     `yoi store recover FILE` saves what can be read in a new one";

fn backup(path: &Path, to: &Path, terminal: &mut Terminal, format: Format) -> Result<(), Error> {
    let spinner = terminal.spinner("copying");
    let copied = store::backup(path, to);
    drop(spinner);
    copied.map_err(|error| store_error(error, to))?;
    let bytes = bytes_of(to);
    let (from, to) = (path.display().to_string(), to.display().to_string());
    match format {
        Format::Text => terminal.line(&format!("copied {from} to {to} ({})", size(bytes))),
        Format::Json => {
            let document = json!({ "source": from, "path": to, "file_bytes": bytes });
            terminal.json(&document.to_string())
        }
    }
}

fn compact(path: &Path, terminal: &mut Terminal, format: Format) -> Result<(), Error> {
    let spinner = terminal.spinner("compacting");
    let compacted = store::compact(path);
    drop(spinner);
    let done = compacted.map_err(|error| store_error(error, path))?;
    match format {
        Format::Text => terminal.line(&format!(
            "{} before, {} now",
            size(done.bytes_before),
            size(done.bytes_after)
        )),
        Format::Json => {
            let document = json!({
                "bytes_before": done.bytes_before,
                "bytes_after": done.bytes_after,
                "profiles_removed": done.profiles_removed,
            });
            terminal.json(&document.to_string())
        }
    }
}

fn recover(path: &Path, to: &Path, terminal: &mut Terminal, format: Format) -> Result<Exit, Error> {
    let spinner = terminal.spinner("recovering");
    let recovered = store::recover(path, to);
    drop(spinner);
    if let Err(MaintenanceError::Open(StoreOpenError::Damaged)) = recovered {
        return Err(Error::StoreBeyondRecovery);
    }
    let salvage = recovered.map_err(|error| store_error(error, to))?;
    match format {
        Format::Json => terminal.json(&report::salvage_document(&salvage, to).to_string())?,
        Format::Text => report::print_salvage(&salvage, path, to, terminal)?,
    }
    Ok(if salvage.is_whole() {
        Exit::Success
    } else {
        Exit::Failed
    })
}

/// The error of an operation that writes `to`, or has no other file.
fn store_error(error: MaintenanceError, to: &Path) -> Error {
    if matches!(error, MaintenanceError::TargetExists) {
        let path = to.to_owned();
        return UsageError::OutputExists { path }.into();
    }
    Error::Store(error)
}

/// The size of a file that was just written.
fn bytes_of(path: &Path) -> u64 {
    path.metadata().map_or(0, |found| found.len())
}
