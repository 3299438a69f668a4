//! Which server is chosen, and with which token.

use std::os::unix::fs::PermissionsExt;

use yoi_workspace_server::token_file::{SecretFileError, TokenFileError};

use super::*;
use crate::scripted_server::TOKEN;

const OTHER_TOKEN: &str = "another-token-of-22-characters-or-more";

/// A server on `port` that started at the second of the same number.
fn running(port: u16, token: Option<&str>) -> RunningServer {
    RunningServer {
        url: format!("http://127.0.0.1:{port}"),
        token: token.map(|token| token.parse().unwrap()),
        started_at: Timestamp::from_second(port.into()).unwrap(),
        store: StorePlace::Unknown,
        workspace: None,
    }
}

fn args(server: Option<&str>, token_file: Option<&std::path::Path>) -> ClientArgs {
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

#[test]
fn without_a_name_the_newest_running_server_is_chosen() {
    let servers = || vec![running(2, Some(TOKEN)), running(1, None)];
    let target = find(&args(None, None), unset, servers).unwrap();
    assert_eq!(port_and_token(&target), (2, Some(TOKEN)));
    assert_eq!(target.other_servers, 1);
    let error = find(&args(None, None), unset, Vec::new).unwrap_err();
    assert!(matches!(error, Error::Unreachable(Unreachable::NoneFound)));
}

#[test]
fn a_named_server_gets_the_token_of_exactly_that_address() {
    let servers = || vec![running(2, Some(OTHER_TOKEN)), running(1, Some(TOKEN))];
    for (url, token) in [
        ("http://127.0.0.1:1/", Some(TOKEN)),
        ("http://localhost:1", None),
        ("http://127.0.0.1:3", None),
    ] {
        let target = find(&args(Some(url), None), unset, servers).unwrap();
        assert_eq!(target.other_servers, 0);
        assert_eq!(port_and_token(&target).1, token, "{url}");
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
    let servers = || vec![running(5, Some(OTHER_TOKEN))];
    let target = find(&args(None, None), &variable, servers).unwrap();
    assert_eq!(port_and_token(&target), (5, Some(TOKEN)));
    let flag = args(Some("http://127.0.0.1:6"), None);
    let target = find(&flag, &variable, servers).unwrap();
    assert_eq!(port_and_token(&target).0, 6);
}

#[test]
fn an_empty_variable_is_unset_and_an_invalid_one_is_an_error() {
    let find = |text: &'static str| {
        let variable = |name: &str| (name == "YOI_SERVER").then(|| text.into());
        find(&args(None, None), variable, || vec![running(5, None)])
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
        let error = find(&args, unset, Vec::new).unwrap_err();
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
fn a_server_is_found_again_at_its_address_or_as_one_that_started_later() {
    let known = "http://127.0.0.1:1".parse().unwrap();
    let since = Timestamp::from_second(5).unwrap();
    let again = |ports: &[u16]| {
        let servers = || ports.iter().map(|port| running(*port, None)).collect();
        let target = find_again(&args(None, None), unset, &known, since, servers);
        target.map(|target| port_and_token(&target).0).ok()
    };
    // A server that ran all along belongs to another workspace.
    assert_eq!(again(&[4]), None);
    assert_eq!(again(&[6, 4]), Some(6));
    assert_eq!(again(&[4, 1]), Some(1));
    // A server that still runs has no replacement.
    assert_eq!(again(&[6, 1]), Some(1));
}
