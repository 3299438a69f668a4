//! Which server is asked, and with which token.

use std::os::unix::fs::PermissionsExt;

use super::*;

const TOKEN: &str = "a-token-of-at-least-22-characters";
const OTHER_TOKEN: &str = "another-token-of-22-characters-or-more";

fn running(servers: &[(&str, Option<&str>)]) -> Vec<RunningServer> {
    let server = |(url, token): &(&str, Option<&str>)| RunningServer {
        url: (*url).to_owned(),
        token: token.map(|token| token.parse().unwrap()),
        started_at: jiff::Timestamp::UNIX_EPOCH,
    };
    servers.iter().map(server).collect()
}

fn asking(server: Option<&str>, token_file: Option<&std::path::Path>) -> ClientArgs {
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

fn revealed(found: &Found) -> Option<&str> {
    found.token.as_ref().map(Token::reveal)
}

#[test]
fn without_a_name_the_newest_running_server_is_asked() {
    let two = running(&[
        ("http://127.0.0.1:2", Some(TOKEN)),
        ("http://127.0.0.1:1", None),
    ]);
    let found = find(&asking(None, None), unset, || two).unwrap();
    assert_eq!(found.server.to_string(), "http://127.0.0.1:2");
    assert_eq!(revealed(&found), Some(TOKEN));
    assert_eq!(found.choice, Choice::NewestOf(2));
}

#[test]
fn without_any_running_server_there_is_none_to_reach() {
    let failure = find(&asking(None, None), unset, Vec::new).unwrap_err();
    assert!(matches!(
        failure,
        Failure::Unreachable(Unreachable::NoneFound)
    ));
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
        let found = find(&asking(Some(url), None), unset, here).unwrap();
        assert_eq!(found.choice, Choice::Named);
        revealed(&found).map(str::to_owned)
    };
    assert_eq!(token("http://127.0.0.1:1/").as_deref(), Some(TOKEN));
    assert_eq!(token("http://localhost:1"), None);
    assert_eq!(token("http://127.0.0.1:3"), None);
}

#[test]
fn a_flag_comes_before_the_environment_and_that_before_the_running_servers() {
    let file = token_file(0o600, &format!("{TOKEN}\n"));
    let path = file.path().as_os_str().to_owned();
    let variable = move |name: &str| match name {
        "YOI_SERVER" => Some("http://127.0.0.1:5".into()),
        "YOI_TOKEN_FILE" => Some(path.clone()),
        _ => None,
    };
    let here = || running(&[("http://127.0.0.1:5", Some(OTHER_TOKEN))]);
    let found = find(&asking(None, None), &variable, here).unwrap();
    assert_eq!(found.server.to_string(), "http://127.0.0.1:5");
    assert_eq!(revealed(&found), Some(TOKEN));

    let flags = asking(Some("http://127.0.0.1:6"), None);
    assert_eq!(
        find(&flags, &variable, here).unwrap().server.to_string(),
        "http://127.0.0.1:6"
    );
}

#[test]
fn a_variable_that_is_empty_is_unset_and_one_that_is_wrong_is_said_to_be() {
    let here = || running(&[("http://127.0.0.1:5", None)]);
    let set_to =
        |text: &'static str| move |name: &str| (name == "YOI_SERVER").then(|| OsString::from(text));
    assert!(find(&asking(None, None), set_to(""), here).is_ok());
    assert!(matches!(
        find(&asking(None, None), set_to("https://h"), here),
        Err(Failure::Usage(UsageError::ServerVariable(
            ServerUrlError::Https
        )))
    ));
}

#[test]
fn a_token_file_that_others_can_read_is_refused() {
    for mode in [0o640, 0o604, 0o660] {
        let file = token_file(mode, TOKEN);
        let flags = asking(Some("http://127.0.0.1:1"), Some(file.path()));
        assert!(matches!(
            find(&flags, unset, Vec::new),
            Err(Failure::Usage(UsageError::TokenFileShared { .. }))
        ));
    }
}

#[test]
fn a_token_file_without_a_token_is_refused_and_never_quoted() {
    let file = token_file(0o600, "not a token, but secret");
    let flags = asking(Some("http://127.0.0.1:1"), Some(file.path()));
    let failure = find(&flags, unset, Vec::new).unwrap_err();
    assert!(matches!(
        failure,
        Failure::Usage(UsageError::TokenFileInvalid { .. })
    ));
    assert!(!failure.line().contains("secret"));
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
        let found = find_again(&asking(None, None), unset, &known, at(5), || servers);
        found.map(|found| found.server.to_string()).ok()
    };
    let (restarted, same) = ("http://127.0.0.1:3", "http://127.0.0.1:1");
    // One that ran all along is another workspace's.
    let beside = || server("http://127.0.0.1:2", at(4));
    assert_eq!(again(vec![beside()]), None);
    let servers = vec![server(restarted, at(6)), beside()];
    assert_eq!(again(servers).as_deref(), Some(restarted));
    let servers = vec![beside(), server(same, at(3))];
    assert_eq!(again(servers).as_deref(), Some(same));
    // A glitch is no end: nothing takes the place of a server that still runs.
    let servers = vec![server(restarted, at(6)), server(same, at(3))];
    assert_eq!(again(servers).as_deref(), Some(same));
}
