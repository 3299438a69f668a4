//! Where the workers of a workspace are kept, and what an operator does with that file.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::args::{StoreAccess, StoreArgs};
use crate::compose::{
    Database, DatabaseSetting, InvalidAddress, LeaseTime, SecretFileError, Secrets, StoreSetting,
    is_database_address, secret_file,
};
use crate::store_path::{self, NoStorePath};

pub use crate::compose::store_copy::{Copied, CopyError, Side, StoreCopyError, copy};
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
    #[error("the address of the database can't be used")]
    Address(#[from] InvalidAddress),
    /// It is the address of something else, or misspelt.
    #[error(
        "the store is neither a file nor an address that is known: that of a database is \
         postgres://USER@HOST[:PORT]/DATABASE"
    )]
    UnknownAddress,
    /// Everybody on this machine can read what a command line has.
    #[error(
        "the address of the database has a password, which everybody on this machine can read: put \
         the address into YOI_STORE, or the password into a file for --store-password-file"
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
                let workspace = match &args.access.store_workspace {
                    Some(name) => name.as_str().to_owned(),
                    None => store_path::workspace_key(&args.access.workspace)?,
                };
                return Ok(StoreSetting::Database(Box::new(DatabaseSetting {
                    database: database(address, &args.access, variable)?,
                    workspace,
                    lease,
                })));
            }
            // A file of such a name is a mistake, and may have a password in it.
            Some(text) if is_like_an_address(text) => {
                return Err(StoreSettingError::UnknownAddress);
            }
            _ => path.clone(),
        },
        None => store_path::default_path(&args.access.workspace, variable)?,
    };
    Ok(StoreSetting::File {
        path,
        on_network_file_system,
    })
}

/// Whether a text that is no address of a database is rather meant as an address than as a file.
fn is_like_an_address(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let beginnings = ["postgres:", "postgresql:", "host=", "dbname=", "user="];
    text.contains("://") || beginnings.iter().any(|it| text.starts_with(it))
}

/// The database at an address, and what gets the server into it.
fn database(
    address: &str,
    access: &StoreAccess,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Database, StoreSettingError> {
    let of_variable = variable(STORE_VARIABLE).and_then(|it| it.into_string().ok());
    let address = with_password(address, of_variable)?;
    let password = access.store_password_file.as_deref().map(secret_file::read);
    let password = password
        .transpose()
        .map_err(StoreSettingError::PasswordFile)?;
    let first_line = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    // A list of passwords matters only where there is no other, and one that isn't there has none.
    let list = variable("PGPASSFILE").map(PathBuf::from);
    let list = list.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".pgpass")));
    let has_other = password.is_some() || has_password(&address);
    let list = list.filter(|path| !has_other && path.is_file());
    let passfile = list.as_deref().map(secret_file::read);
    let secrets = Secrets {
        password: password.map(|text| first_line(&text).into()),
        passfile: passfile
            .transpose()
            .map_err(StoreSettingError::PasswordList)?,
    };
    Ok(Database::new(&address, &secrets)?)
}

/// Whether an address of a database has a password: before the host, or as a parameter.
fn has_password(address: &str) -> bool {
    let (base, query) = address.split_once('?').unwrap_or((address, ""));
    let authority = base.split_once("://").map_or(base, |(_, rest)| rest);
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.is_some_and(|user| user.contains(':'))
        || query.split('&').any(|part| part.starts_with("password="))
}

/// The address with the password that the variable has, if it is otherwise the same.
fn with_password(address: &str, of_variable: Option<String>) -> Result<String, StoreSettingError> {
    match of_variable {
        Some(other) if other == address || without_password(&other) == address => Ok(other),
        _ if has_password(address) => Err(StoreSettingError::PasswordOnCommandLine),
        _ => Ok(address.to_owned()),
    }
}

/// The address of a database as it can be seen by everybody: without what is between the user and
/// the host.
fn without_password(address: &str) -> String {
    let (base, query) = address.split_at(address.find('?').unwrap_or(address.len()));
    let parts = base.rsplit_once('@').and_then(|(user, host)| {
        let (scheme, user) = user.split_once("://")?;
        Some((scheme, user.split_once(':')?.0, host))
    });
    match parts {
        Some((scheme, user, host)) => format!("{scheme}://{user}@{host}{query}"),
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_recognised_without_its_password() {
        for (with, without) in [
            ("postgres://u:p@h/d", "postgres://u@h/d"),
            (
                "postgres://u:p:@@h:1/d?a=b@c:d",
                "postgres://u@h:1/d?a=b@c:d",
            ),
            ("postgres://u@h:1/d", "postgres://u@h:1/d"),
            ("postgres://h/d", "postgres://h/d"),
            ("file", "file"),
        ] {
            assert_eq!(without_password(with), without);
            assert!(!has_password(without));
        }
    }

    #[test]
    fn the_password_of_the_variable_is_for_the_same_address_alone() {
        let own = "postgres://u:p@h/d";
        let with_password = |address| with_password(address, Some(own.to_owned()));
        assert_eq!(with_password("postgres://u@h/d").unwrap(), own);
        assert_eq!(with_password(own).unwrap(), own);
        let other = "postgres://u@h/other";
        assert_eq!(with_password(other).unwrap(), other);
        let refused = with_password("postgres://u:other@h/d");
        let is_refused = |it| matches!(it, Err(StoreSettingError::PasswordOnCommandLine));
        assert!(is_refused(refused));
    }
}
