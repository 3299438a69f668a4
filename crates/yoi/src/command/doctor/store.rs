//! Where conversations are kept, and whether they can be: this machine knows the place, the
//! server how it is.

use std::path::{Path, PathBuf};

use registry_core::projection::RuntimeSummary;
use yoi_workspace_server::config::StoreSetting;
use yoi_workspace_server::server_file::StorePlace;
use yoi_workspace_server::store::{Found, Space, inspect, space};

use super::check::Check;
use super::runtime::creates_workers;
use crate::args::ServerUrl;
use crate::connect::store_of;
use crate::error::Error;
use crate::hint::store_reason;
use crate::output::diagnostic;
use crate::output::quantity::size;

/// How many workers of a store can't be read.
const UNREADABLE_WORKERS: &str = "store_unreadable_worker";

/// Where conversations are kept, as far as this machine knows. It has no name of a file: a report
/// may be shown to others.
pub(super) enum Place {
    Memory,
    File(PathBuf),
    Database,
    Unknown,
}

impl Place {
    /// That of a running server.
    pub(super) fn of_server(server: &ServerUrl) -> Self {
        match store_of(server) {
            Some(StorePlace::Memory) => Self::Memory,
            Some(StorePlace::File(path)) => Self::File(path.into()),
            Some(StorePlace::Database) => Self::Database,
            Some(StorePlace::Unknown) | None => Self::Unknown,
        }
    }

    /// That of a server that would be started here.
    pub(super) fn of_setting(setting: StoreSetting) -> Self {
        match setting {
            StoreSetting::Memory => Self::Memory,
            StoreSetting::File { path, .. } => Self::File(path),
            StoreSetting::Database(_) => Self::Database,
            StoreSetting::Own(_) => Self::Unknown,
        }
    }
}

/// The rows about the store of a running server.
pub(super) fn check(place: &Place, runtimes: &[RuntimeSummary], checks: &mut Vec<Check>) {
    let diagnostics = runtimes
        .iter()
        .filter(|runtime| creates_workers(runtime))
        .flat_map(|runtime| &runtime.diagnostics);
    let failure = diagnostics
        .clone()
        .find_map(|found| Some((found, store_reason(found.code.as_str())?)));
    let row = row(place);
    checks.push(match (failure, place) {
        (None, Place::File(_) | Place::Database) => Check {
            detail: format!("{}; accepts changes", row.detail),
            ..row
        },
        (None, Place::Memory | Place::Unknown) => row,
        (Some((found, (_, advice))), _) => {
            let detail = format!("{}; {}", row.detail, diagnostic::text(found));
            Check::failed("store", detail).advise(advice)
        }
    });
    let unreadable = diagnostics
        .filter(|found| found.code.as_str() == UNREADABLE_WORKERS)
        .map(|found| {
            let check = Check::failed("stored workers", diagnostic::text(found));
            check.advise("`yoi store check` says what is wrong")
        });
    checks.extend(unreadable);
}

/// The row about the place of a server that would be started here: whether it would start.
pub(super) fn row_without_server(place: &Place) -> Check {
    let row = row(place);
    let Place::File(path) = place else {
        return row;
    };
    match inspect(path) {
        Ok(Found::Store) => row,
        Ok(Found::Nothing) => Check::noted("store", row.detail).advise("`yoi serve` creates it"),
        Err(error) => Check::error("store", &Error::Store(error.into())),
    }
}

/// The row about a place, without what a server says of it.
fn row(place: &Place) -> Check {
    match place {
        Place::Memory => Check::noted("store", "memory: conversations end with the server")
            .advise("`yoi serve` without `--store memory` keeps them"),
        Place::Unknown => Check::noted("store", "known where the server runs"),
        Place::File(path) => file_row(path),
        Place::Database => Check::ok("store", "a database"),
    }
}

fn file_row(path: &Path) -> Check {
    let advice = "`yoi store path` names it; `yoi store backup FILE` copies it";
    match space(path) {
        Ok(Space {
            file_bytes,
            free_bytes,
        }) => {
            let bytes = file_bytes.map_or("not there yet".to_owned(), size);
            let free = size(free_bytes);
            let detail = format!("a file, {bytes}; {free} free on its disk");
            Check::ok("store", detail).advise(advice)
        }
        Err(error) => Check::failed("store", format!("a file; {}", error.kind()))
            .advise("can its directory be read?"),
    }
}
