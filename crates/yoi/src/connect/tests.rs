//! Which server is chosen, and with which token.

mod random_days;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use http_api::InstanceId;
use jiff::Timestamp;
use tempfile::TempDir;
use yoi_workspace_server::server_file::{Description, ServerFile};
use yoi_workspace_server::token_file::{SecretFileError, TokenFileError};

use super::*;
use crate::error::Unreachable;
use crate::scripted_server::TOKEN;

const OTHER_TOKEN: &str = "another-token-of-22-characters-or-more";

/// The server files of one user, and their workspaces.
struct Machine {
    directory: TempDir,
}

impl Machine {
    /// With the workspaces `a`, `ab` and `a/inner`.
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["a/inner/deep", "a/src", "ab", "elsewhere"] {
            std::fs::create_dir_all(directory.path().join(name)).unwrap();
        }
        Self { directory }
    }

    /// The canonical path of a directory.
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join(name)
    }

    /// A server of the workspace `root` on `port`, which is also the second in which it starts.
    fn starts(&self, root: &str, port: u16, token: Option<&str>) -> ServerFile {
        let server = Description {
            address: ([127, 0, 0, 1], port).into(),
            name: root.parse().unwrap(),
            token: token.map(|token| token.parse().unwrap()),
            instance: InstanceId::generate().unwrap(),
            started_at: Timestamp::from_second(port.into()).unwrap(),
            store: StorePlace::Memory,
            workspace_root: self.path(root),
        };
        ServerFile::write(&self.path("run"), &server).unwrap()
    }

    fn running(&self) -> RunningServers {
        server_file::running(&self.path("run"))
    }

    /// Finds a server for a command that is run in `directory`.
    fn find(&self, args: &ClientArgs, directory: &str) -> Result<Target, Error> {
        find(args, unset, Some(&self.path(directory)), &self.running())
    }

    fn find_again(&self, known: &Target) -> Option<u16> {
        let target = find_again(&args(None, None), unset, known, &self.running());
        target.map(|target| port_and_token(&target).0).ok()
    }
}

fn args(server: Option<&str>, token_file: Option<&Path>) -> ClientArgs {
    ClientArgs {
        server: server.map(|url| url.parse().unwrap()),
        token_file: token_file.map(Into::into),
        json: false,
    }
}

fn unset(_: &str) -> Option<OsString> {
    None
}

fn token_file(mode: u32, content: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    std::fs::set_permissions(file.path(), PermissionsExt::from_mode(mode)).unwrap();
    file
}

/// The port and the token of the server that was found.
fn port_and_token(target: &Target) -> (u16, Option<&str>) {
    let url = target.server.to_string();
    let (_, port) = url.rsplit_once(':').unwrap();
    let token = target.token.as_ref().map(Token::reveal);
    (port.parse().unwrap(), token)
}

/// What the chosen server's port is, and why it was chosen.
fn port_and_reason(target: Result<Target, Error>) -> (u16, Reason) {
    let target = target.unwrap();
    (port_and_token(&target).0, target.reason)
}

#[test]
fn the_server_of_the_workspace_around_the_directory_is_chosen() {
    let machine = Machine::new();
    let _files = [
        machine.starts("a", 1, Some(TOKEN)),
        machine.starts("ab", 3, None),
    ];
    let chosen = |directory: &str| port_and_reason(machine.find(&args(None, None), directory));
    let alone = Reason::Workspace { others: 0 };
    assert_eq!(chosen("a"), (1, alone.clone()));
    assert_eq!(chosen("a/src"), (1, alone.clone()));
    assert_eq!(chosen("a/inner/deep"), (1, alone.clone()));
    assert_eq!(chosen("ab"), (3, alone.clone()));
    let _inner = machine.starts("a/inner", 2, None);
    assert_eq!(chosen("a/inner/deep"), (2, alone.clone()));
    assert_eq!(chosen("a/src"), (1, alone));
    let _newer = machine.starts("ab", 4, None);
    assert_eq!(chosen("ab"), (4, Reason::Workspace { others: 1 }));
}

#[test]
fn without_a_match_the_only_server_is_asked_and_of_several_none() {
    let machine = Machine::new();
    let outside = || machine.find(&args(None, None), "elsewhere");
    let error = outside().unwrap_err();
    assert!(matches!(error, Error::Unreachable(Unreachable::NoneFound)));
    let _a = machine.starts("a", 1, Some(TOKEN));
    let name = Some("a".parse().unwrap());
    assert_eq!(port_and_reason(outside()), (1, Reason::OnlyOne { name }));
    let _ab = machine.starts("ab", 2, None);
    let error = outside().unwrap_err().message();
    assert!(
        error.ends_with(": “ab” at http://127.0.0.1:2, “a” at http://127.0.0.1:1"),
        "{error}"
    );
    assert!(!error.contains(machine.path("").to_str().unwrap()));
    let named = args(Some("http://127.0.0.1:1"), None);
    assert_eq!(
        port_and_reason(machine.find(&named, "ab")),
        (1, Reason::Named)
    );
    // Without a directory no workspace matches.
    let nowhere = find(&args(None, None), unset, None, &machine.running());
    assert!(matches!(
        nowhere,
        Err(Error::Unreachable(Unreachable::Several(_)))
    ));
}

#[test]
fn a_named_server_gets_the_token_of_exactly_that_address() {
    let machine = Machine::new();
    let _files = [
        machine.starts("a", 1, Some(TOKEN)),
        machine.starts("ab", 2, Some(OTHER_TOKEN)),
    ];
    for (url, token) in [
        ("http://127.0.0.1:1/", Some(TOKEN)),
        ("http://localhost:1", None),
        ("http://127.0.0.1:3", None),
    ] {
        let target = machine.find(&args(Some(url), None), "ab").unwrap();
        assert_eq!(target.reason, Reason::Named);
        assert_eq!(port_and_token(&target).1, token, "{url}");
        assert_eq!(target.instance.is_some(), token.is_some());
    }
}

#[test]
fn a_flag_takes_precedence_over_the_environment_and_that_over_running_servers() {
    let file = token_file(0o600, &format!("{TOKEN}\n"));
    let path = file.path().as_os_str().to_owned();
    let variable = move |name: &str| match name {
        "YOI_SERVER" => Some("http://127.0.0.1:5".into()),
        "YOI_TOKEN_FILE" => Some(path.clone()),
        _ => None,
    };
    let machine = Machine::new();
    let _file = machine.starts("a", 5, Some(OTHER_TOKEN));
    let running = machine.running();
    let target = find(&args(None, None), &variable, None, &running).unwrap();
    assert_eq!(port_and_token(&target), (5, Some(TOKEN)));
    let flag = args(Some("http://127.0.0.1:6"), None);
    let target = find(&flag, &variable, None, &running).unwrap();
    assert_eq!(port_and_token(&target).0, 6);
}

#[test]
fn an_empty_variable_is_unset_and_an_invalid_one_is_an_error() {
    let machine = Machine::new();
    let _file = machine.starts("a", 5, None);
    let find = |text: &'static str| {
        let variable = |name: &str| (name == "YOI_SERVER").then(|| text.into());
        find(&args(None, None), variable, None, &machine.running())
    };
    assert!(find("").is_ok());
    let Err(Error::Usage(UsageError::ServerVariable(error))) = find("https://h") else {
        panic!("https is accepted");
    };
    assert_eq!(error, ServerUrlError::Https);
}

#[test]
fn a_token_file_that_is_open_to_others_or_has_no_token_is_refused_and_never_quoted() {
    let refusal = |mode, content| {
        let file = token_file(mode, content);
        let args = args(Some("http://127.0.0.1:1"), Some(file.path()));
        let error = find(&args, unset, None, &RunningServers::default()).unwrap_err();
        assert!(!error.message().contains(content));
        let Error::Usage(UsageError::TokenFile { source, .. }) = error else {
            panic!("{error:?}");
        };
        source
    };
    for mode in [0o640, 0o604, 0o660] {
        let refusal = refusal(mode, TOKEN);
        assert!(matches!(
            refusal,
            TokenFileError::File(SecretFileError::OpenToOthers)
        ));
    }
    let refusal = refusal(0o600, "not a token, but secret");
    assert!(matches!(refusal, TokenFileError::NoToken(_)));
}

#[test]
fn a_server_is_found_again_as_itself_or_as_another_of_its_workspace() {
    let machine = Machine::new();
    let first = machine.starts("a", 1, None);
    let known = machine.find(&args(None, None), "a").unwrap();
    let _other = machine.starts("ab", 3, None);
    let newer = machine.starts("a", 4, None);
    assert_eq!(machine.find_again(&known), Some(1), "it still runs");
    drop(first);
    assert_eq!(machine.find_again(&known), Some(4));
    // Another workspace's server at the old address, and even as the only one.
    let _there = machine.starts("ab", 1, None);
    assert_eq!(machine.find_again(&known), Some(4));
    drop(newer);
    assert_eq!(machine.find_again(&known), None);
}

#[test]
fn a_health_check_reads_no_token_and_no_file_that_it_does_not_need() {
    let machine = Machine::new();
    let check = |server: Option<&str>, listen: &str| {
        let args = args(server, Some(Path::new("/nonexistent")));
        let variable = |name: &str| (name == LISTEN_VARIABLE).then(|| listen.into());
        let directory = machine.path("a");
        let target = find_without_token(&args, variable, Some(&directory), || {
            assert_eq!(server, None, "a server that is named needs no file");
            machine.running()
        })?;
        assert_eq!(target.token.map(|token| token.reveal().to_owned()), None);
        Ok::<_, Error>(target.server.to_string())
    };
    let named = Some("http://127.0.0.1:9");
    assert_eq!(check(named, ":1").unwrap(), "http://127.0.0.1:9");
    for (listen, url) in [
        (":8788", "http://127.0.0.1:8788"),
        ("[::]:8788", "http://[::1]:8788"),
        ("unix:/run/s,nonsense,localhost:81", "http://localhost:81"),
        ("", "http://127.0.0.1:8787"),
    ] {
        assert_eq!(check(None, listen).unwrap(), url);
    }
    let error = check(None, "unix:/run/s,0,localhost:0").unwrap_err();
    assert!(matches!(error, Error::Unreachable(Unreachable::NoneFound)));
    let _file = machine.starts("a", 1, Some(TOKEN));
    assert_eq!(check(None, ":8788").unwrap(), "http://127.0.0.1:1");
}

#[test]
fn a_named_server_is_found_again_at_its_address_alone() {
    let machine = Machine::new();
    let named = args(Some("http://127.0.0.1:1"), None);
    let by_address = machine.find(&named, "a").unwrap();
    let first = machine.starts("a", 1, None);
    let known = machine.find(&named, "a").unwrap();
    drop(first);
    let _elsewhere = machine.starts("a", 4, None);
    assert_eq!(machine.find_again(&known), None);
    let other = machine.starts("ab", 1, None);
    assert_eq!(machine.find_again(&known), None);
    // Nothing but the address was ever known of this one.
    assert_eq!(machine.find_again(&by_address), Some(1));
    drop(other);
    let _back = machine.starts("a", 1, None);
    assert_eq!(machine.find_again(&known), Some(1));
}
