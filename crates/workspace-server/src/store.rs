//! Where the workers of a workspace are kept, and what an operator does with that file.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::args::StoreArgs;
use crate::compose::{
    Database, DatabaseSetting, InvalidAddress, LeaseTime, SecretFileError, Secrets, StoreSetting,
    is_database_address, secret_file,
};
use crate::store_path::{self, NoStorePath};

pub use crate::compose::store_maintenance::{
    Compacted, Found, Lost, MaintenanceError, Problem, Report, Salvage, Space, backup, check,
    compact, inspect, recover, space,
};

/// The value of `--store` that keeps workers in memory.
pub const IN_MEMORY: &str = "memory";

/// Variable that names the place where the workers are kept.
const STORE_VARIABLE: &str = "YOI_STORE";

/// Why the flags don't say where the workers are kept. Carries no path and no secret.
#[derive(Debug, thiserror::Error)]
pub enum StoreSettingError {
    /// There is no place for a file.
    #[error(transparent)]
    NoPlace(#[from] NoStorePath),
    /// The address of a database can't be used.
    #[error("--store is no address of a database that can be used")]
    Address(#[from] InvalidAddress),
    /// Everybody on this machine can read what a command line has.
    #[error(
        "--store has a password, which everybody on this machine can read: put the address into \
         YOI_STORE, or the password into a file for --store-password-file"
    )]
    PasswordOnCommandLine,
    /// The password's file can't be used.
    #[error("--store-password-file can't be used")]
    PasswordFile(#[source] SecretFileError),
    /// The list of passwords can't be used.
    #[error("the file that PGPASSFILE names, or ~/.pgpass, can't be used")]
    PasswordList(#[source] SecretFileError),
}

/// Where the workers are kept, by the flags and, without `--store`, by the workspace.
///
/// # Errors
/// See [`StoreSettingError`].
pub fn setting(
    args: &StoreArgs,
    on_network_file_system: bool,
    lease: LeaseTime,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<StoreSetting, StoreSettingError> {
    let path = match &args.store {
        Some(word) if word.as_os_str() == IN_MEMORY => return Ok(StoreSetting::Memory),
        Some(path) => match path.to_str() {
            Some(address) if is_database_address(address) => {
                let workspace = match &args.store_workspace {
                    Some(name) => name.as_str().to_owned(),
                    None => store_path::workspace_key(&args.workspace)?,
                };
                return Ok(StoreSetting::Database(Box::new(DatabaseSetting {
                    database: database(address, args, variable)?,
                    workspace,
                    lease,
                })));
            }
            _ => path.clone(),
        },
        None => store_path::default_path(&args.workspace, variable)?,
    };
    Ok(StoreSetting::File {
        path,
        on_network_file_system,
    })
}

/// The database at an address, and what gets the server into it.
fn database(
    address: &str,
    args: &StoreArgs,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Database, StoreSettingError> {
    let is_of_variable = variable(STORE_VARIABLE).is_some_and(|it| it == address);
    if !is_of_variable && has_password(address) {
        return Err(StoreSettingError::PasswordOnCommandLine);
    }
    let password = args.store_password_file.as_deref().map(secret_file::read);
    let password = password
        .transpose()
        .map_err(StoreSettingError::PasswordFile)?;
    let first_line = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    let passfile = variable("PGPASSFILE").map(PathBuf::from).or_else(|| {
        let list = PathBuf::from(variable("HOME")?).join(".pgpass");
        list.exists().then_some(list)
    });
    let passfile = passfile.as_deref().map(secret_file::read);
    let secrets = Secrets {
        password: password.map(|text| first_line(&text).into()),
        passfile: passfile
            .transpose()
            .map_err(StoreSettingError::PasswordList)?,
    };
    Ok(Database::new(address, &secrets)?)
}

/// Whether an address of a database has a password: before the host, or as a parameter.
fn has_password(address: &str) -> bool {
    let (base, query) = address.split_once('?').unwrap_or((address, ""));
    let authority = base.split_once("://").map_or(base, |(_, rest)| rest);
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.is_some_and(|user| user.contains(':'))
        || query.split('&').any(|part| part.starts_with("password="))
}
