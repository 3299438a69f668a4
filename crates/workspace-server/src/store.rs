//! Where the workers of a workspace are kept, and what an operator does with that file.

use std::ffi::OsString;

use crate::args::StoreArgs;
use crate::compose::StoreSetting;
use crate::store_path::{self, NoStorePath};

pub use crate::compose::store_maintenance::{
    Compacted, Found, Lost, MaintenanceError, Problem, Report, Salvage, Space, backup, check,
    compact, inspect, recover, space,
};

/// The value of `--store` that keeps workers in memory.
pub const IN_MEMORY: &str = "memory";

/// Where the workers are kept, by the flags and, without `--store`, by the workspace.
///
/// # Errors
/// See [`NoStorePath`].
pub fn setting(
    args: &StoreArgs,
    on_network_file_system: bool,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<StoreSetting, NoStorePath> {
    let path = match &args.store {
        Some(word) if word.as_os_str() == IN_MEMORY => return Ok(StoreSetting::Memory),
        Some(path) => path.clone(),
        None => store_path::default_path(&args.workspace, variable)?,
    };
    Ok(StoreSetting::File {
        path,
        on_network_file_system,
    })
}
