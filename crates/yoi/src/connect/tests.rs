//! Which server is chosen, and with which token.

use std::os::unix::fs::PermissionsExt;

use yoi_workspace_server::token_file::TokenFileError;

use super::*;
use crate::scripted_server::TOKEN;

const OTHER_TOKEN: &str = "another-token-of-22-characters-or-more";

fn running(servers: &[(&str, Option<&str>)]) -> Vec<RunningServer> {
    let server = |(url, token): &(&str, Option<&str>)| RunningServer {
        url: (*url).to_owned(),
        token: token.map(|token| token.parse().unwrap()),
        started_at: jiff::Timestamp::UNIX_EPOCH,
    };
    servers.iter().map(server).collect()
}

fn client_args(server: Option<&str>, token_file: Option<&std::path::Path>) -> ClientArgs {
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

fn revealed(target: &Target) -> Option<&str> {
    target.token.as_ref().map(Token::reveal)
}

#[test]
fn without_a_name_the_newest_running_server_is_chosen() {
    let two = running(&[
        ("http://127.0.0.1:2", Some(TOKEN)),
        ("http://127.0.0.1:1", None),
    ]);
    let target = find(&client_args(None, None), unset, || two).unwrap();
    assert_eq!(target.server.to_string(), "http://127.0.0.1:2");
    assert_eq!(revealed(&target), Some(TOKEN));
    assert_eq!(target.other_servers, 1);
}

#[test]
fn without_any_running_server_there_is_an_error() {
    let error = find(&client_args(None, None), unset, Vec::new).unwrap_err();
    assert!(matches!(error, Error::Unreachable(Unreachable::NoneFound)));
}

#[test]
fn a_named_server_gets_the_token_of_exactly_that_address() {
    let here = || {
        running(&[
            ("http://127.0.0.1:2", Some(OTHER_TOKEN)),
            ("http://127.0.0.1:1", Some(TOKEN)),
        ])
    };
    let token = |url| {
        let target = find(&client_args(Some(url), None), unset, here).unwrap();
        assert_eq!(target.other_servers, 0);
        revealed(&target).map(str::to_owned)
    };
    assert_eq!(token("http://127.0.0.1:1/").as_deref(), Some(TOKEN));
    assert_eq!(token("http://localhost:1"), None);
    assert_eq!(token("http://127.0.0.1:3"), None);
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
    let here = || running(&[("http://127.0.0.1:5", Some(OTHER_TOKEN))]);
    let target = find(&client_args(None, None), &variable, here).unwrap();
    assert_eq!(target.server.to_string(), "http://127.0.0.1:5");
    assert_eq!(revealed(&target), Some(TOKEN));

    let flags = client_args(Some("http://127.0.0.1:6"), None);
    assert_eq!(
        find(&flags, &variable, here).unwrap().server.to_string(),
        "http://127.0.0.1:6"
    );
}

#[test]
fn an_empty_variable_is_unset_and_an_invalid_one_is_an_error() {
    let here = || running(&[("http://127.0.0.1:5", None)]);
    let set_to =
        |text: &'static str| move |name: &str| (name == "YOI_SERVER").then(|| OsString::from(text));
    assert!(find(&client_args(None, None), set_to(""), here).is_ok());
    assert!(matches!(
        find(&client_args(None, None), set_to("https://h"), here),
        Err(Error::Usage(UsageError::ServerVariable(
            ServerUrlError::Https
        )))
    ));
}

#[test]
fn a_token_file_that_others_can_read_is_refused() {
    for mode in [0o640, 0o604, 0o660] {
        let file = token_file(mode, TOKEN);
        let flags = client_args(Some("http://127.0.0.1:1"), Some(file.path()));
        assert!(matches!(
            find(&flags, unset, Vec::new),
            Err(Error::Usage(UsageError::TokenFile {
                source: TokenFileError::OpenToOthers,
                ..
            }))
        ));
    }
}

#[test]
fn a_token_file_without_a_token_is_refused_and_never_quoted() {
    let file = token_file(0o600, "not a token, but secret");
    let flags = client_args(Some("http://127.0.0.1:1"), Some(file.path()));
    let error = find(&flags, unset, Vec::new).unwrap_err();
    assert!(matches!(
        error,
        Error::Usage(UsageError::TokenFile {
            source: TokenFileError::NoToken(_),
            ..
        })
    ));
    assert!(!error.message().contains("secret"));
}

#[test]
fn a_server_is_found_again_at_its_address_or_as_one_that_started_later() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let server = |url: &str, started_at| RunningServer {
        url: url.to_owned(),
        token: None,
        started_at,
    };
    let known = "http://127.0.0.1:1".parse().unwrap();
    let again = |servers: Vec<RunningServer>| {
        let target = find_again(&client_args(None, None), unset, &known, at(5), || servers);
        target.map(|target| target.server.to_string()).ok()
    };
    let (restarted, same) = ("http://127.0.0.1:3", "http://127.0.0.1:1");
    // A server that ran all along belongs to another workspace.
    let beside = || server("http://127.0.0.1:2", at(4));
    assert_eq!(again(vec![beside()]), None);
    let servers = vec![server(restarted, at(6)), beside()];
    assert_eq!(again(servers).as_deref(), Some(restarted));
    let servers = vec![beside(), server(same, at(3))];
    assert_eq!(again(servers).as_deref(), Some(same));
    // A server that still runs has no replacement.
    let servers = vec![server(restarted, at(6)), server(same, at(3))];
    assert_eq!(again(servers).as_deref(), Some(same));
}
