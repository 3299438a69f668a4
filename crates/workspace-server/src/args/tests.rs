//! What the flags about the store mean.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use clap::{CommandFactory as _, Parser};

use super::*;
use crate::compose::StoreSetting;
use crate::config::{ConfigError, DatabaseSetting, ServerConfig};
use crate::store::StoreSettingError;
use crate::store_path::NoStorePath;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    serve: ServeArgs,
}

fn parse(args: &[&str]) -> Result<ServeArgs, clap::Error> {
    let args = ["serve"].iter().chain(args);
    Cli::try_parse_from(args).map(|cli| cli.serve)
}

/// The configuration of these flags, for a user whose data is in `/data`.
fn config(args: &[&str]) -> ServerConfig {
    let variable = |name: &str| (name == "XDG_DATA_HOME").then(|| OsString::from("/data"));
    ServerConfig::from_args(parse(args).unwrap(), variable).unwrap()
}

/// The file, and whether it may be on a network file system.
fn file(args: &[&str]) -> (PathBuf, bool) {
    match config(args).store {
        StoreSetting::File {
            path,
            on_network_file_system,
        } => (path, on_network_file_system),
        StoreSetting::Memory | StoreSetting::Database(_) | StoreSetting::Own(_) => {
            panic!("no file")
        }
    }
}

#[test]
fn the_flags_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn workers_are_kept_in_a_file_of_the_workspace_unless_another_place_is_named() {
    let (path, on_network) = file(&[]);
    assert!(path.starts_with("/data/yoi/workspaces"), "{path:?}");
    assert!(!on_network);
    let (path, on_network) = file(&["--store", "kept", "--store-on-network-file-system"]);
    assert_eq!(path, Path::new("kept"));
    assert!(on_network);
    // Only the word alone means memory.
    assert_eq!(file(&["--store", "./memory"]).0, Path::new("./memory"));
    let memory = config(&["--store", "memory"]);
    assert!(matches!(memory.store, StoreSetting::Memory));
}

#[test]
fn an_empty_name_of_a_store_is_an_error() {
    let error = parse(&["--store", ""]).err().unwrap();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("--store"), "{error}");
}

#[test]
fn a_file_without_a_place_for_it_is_an_error_that_says_what_to_do() {
    let without_home = |args: &[&str]| ServerConfig::from_args(parse(args).unwrap(), |_| None);
    let error = without_home(&[]).err().unwrap();
    assert!(matches!(
        error,
        ConfigError::Store(StoreSettingError::NoPlace(NoStorePath::NoHome))
    ));
    assert!(error.to_string().contains("--store memory"), "{error}");
    without_home(&["--store", "memory"]).unwrap();
    without_home(&["--store", "kept"]).unwrap();
}

#[test]
fn a_server_stands_by_for_workers_in_a_file_alone() {
    assert!(!config(&[]).standby);
    assert!(config(&["--standby"]).standby);
    let in_memory = parse(&["--standby", "--store", "memory"]).unwrap();
    let error = ServerConfig::from_args(in_memory, |_| None).err().unwrap();
    assert!(matches!(error, ConfigError::StandbyInMemory), "{error}");
    assert!(error.to_string().contains("--store memory"), "{error}");
}

#[test]
fn stopped_workers_are_deleted_only_after_a_time_that_was_asked_for() {
    assert_eq!(config(&[]).delete_stopped_after, None);
    let after = config(&["--delete-stopped-after", "30"]).delete_stopped_after;
    assert_eq!(after, Some(Duration::from_secs(30 * 24 * 60 * 60)));
    for days in ["0", "-1", "36501", "soon", ""] {
        let error = parse(&["--delete-stopped-after", days]).err();
        assert_eq!(error.expect(days).exit_code(), 2, "{days}");
    }
}

/// The workspace and the lease of a database.
fn database(args: &[&str], variable: impl Fn(&str) -> Option<OsString>) -> DatabaseSetting {
    let config = ServerConfig::from_args(parse(args).unwrap(), variable).unwrap();
    match config.store {
        StoreSetting::Database(setting) => *setting,
        StoreSetting::Memory | StoreSetting::File { .. } | StoreSetting::Own(_) => {
            panic!("no database")
        }
    }
}

#[test]
fn a_database_has_a_workspace_and_a_lease() {
    let address = "postgres://yoi@localhost/yoi";
    let setting = database(&["--store", address], |_| None);
    let key = &setting.workspace;
    assert!(key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(setting.lease.get(), Duration::from_secs(10));
    let named = [
        "--store",
        address,
        "--store-workspace",
        "garden-1.b_C",
        "--store-lease",
        "3",
    ];
    let setting = database(&named, |_| None);
    assert_eq!(setting.workspace, "garden-1.b_C");
    assert_eq!(setting.lease.get(), Duration::from_secs(3));
    for (flag, value) in [
        ("--store-workspace", "a b"),
        ("--store-workspace", ""),
        ("--store-workspace", &"x".repeat(65)),
        ("--store-lease", "2"),
        ("--store-lease", "301"),
        ("--store-lease", "soon"),
    ] {
        let error = parse(&["--store", address, flag, value]).err();
        assert_eq!(error.expect(value).exit_code(), 2, "{flag} {value}");
    }
    let unknown = ServerConfig::from_args(
        parse(&["--store", "postgres://localhost:x/"]).unwrap(),
        |_| None,
    );
    let error = unknown.expect_err("no address");
    assert!(matches!(
        error,
        ConfigError::Store(StoreSettingError::Address(_))
    ));
}

#[test]
fn an_address_that_is_not_known_is_no_file() {
    for address in [
        "mysql://yoi@localhost/yoi",
        "POSTGRES://yoi@localhost/yoi",
        "postgres:/yoi:secret@localhost/yoi",
        "host=localhost dbname=yoi",
    ] {
        let args = parse(&["--store", address]).unwrap();
        let error = ServerConfig::from_args(args, |_| None).expect_err(address);
        assert!(
            matches!(error, ConfigError::Store(StoreSettingError::UnknownAddress)),
            "{address}"
        );
    }
    assert_eq!(
        file(&["--store", "data/postgres.sqlite3"]).0,
        Path::new("data/postgres.sqlite3")
    );
}

#[test]
fn a_password_is_taken_from_the_environment_and_files_alone() {
    let config = |args: &[&str], variable: &dyn Fn(&str) -> Option<OsString>| {
        ServerConfig::from_args(parse(args).unwrap(), variable).map(|_| ())
    };
    let in_address = [
        "postgres://yoi:secret@localhost/yoi",
        "postgres://yoi@localhost/yoi?application_name=x&password=secret",
    ];
    for address in in_address {
        let error = config(&["--store", address], &|_| None).unwrap_err();
        let refused = ConfigError::Store(StoreSettingError::PasswordOnCommandLine);
        assert_eq!(error.to_string(), refused.to_string());
        assert!(!format!("{error} {error:?}").contains("secret"));
        // clap has read it from there.
        let variable = |name: &str| (name == "YOI_STORE").then(|| OsString::from(address));
        config(&["--store", address], &variable).unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    std::fs::write(&file, "secret\n").unwrap();
    let with_file = [
        "--store",
        "postgres://yoi@localhost/yoi",
        "--store-password-file",
    ];
    let with_file = [with_file.as_slice(), &[file.to_str().unwrap()]].concat();
    for (mode, is_private) in [(0o644, false), (0o600, true)] {
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(mode))
            .unwrap();
        assert_eq!(
            config(&with_file, &|_| None).is_ok(),
            is_private,
            "{mode:o}"
        );
        // The list of passwords is held to the same.
        let variable = |name: &str| (name == "PGPASSFILE").then(|| file.clone().into_os_string());
        assert_eq!(
            config(&with_file[..2], &variable).is_ok(),
            is_private,
            "{mode:o}"
        );
    }
}
