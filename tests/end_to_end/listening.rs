//! Where a server listens, and what it says about that.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::process::Signal;
use testkit::client::Client;
use testkit::deadline::in_time;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::process::ServerProcess;

/// The status of a request over the Unix socket at `path`.
async fn status_over(path: &Path, target: &str, headers: &str) -> u16 {
    let mut stream = UnixStream::connect(path).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    in_time(stream.read_to_string(&mut response)).await.unwrap();
    response.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_unix_socket_is_served_beside_an_address_to_its_owner_alone() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("yoi.sock");
    let socket = format!("unix:{}", path.display());
    let server = ServerProcess::start(home.path(), &["--listen", &socket], &[]).await;
    server.client.get("/api/workspace").await.expect(200);
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let bearer = format!("Authorization: Bearer {}\r\n", server.client.token);
    let local = format!("Host: localhost\r\n{bearer}");
    let foreign = format!("Host: evil.example\r\n{bearer}");
    assert_eq!(status_over(&path, "/api/workspace", &local).await, 200);
    assert_eq!(status_over(&path, "/api/workspace", &foreign).await, 421);
    let anonymous = "Host: localhost\r\n";
    assert_eq!(status_over(&path, "/api/workspace", anonymous).await, 401);

    server.signal(Signal::TERM);
    let ended = server.ended().await;
    assert!(ended.status.success(), "{}", ended.log);
    assert!(!path.exists());
    assert!(!ended.log.contains("yoi.sock"), "{}", ended.log);
}

#[tokio::test]
async fn a_server_of_all_addresses_shows_one_that_works_and_answers_probes_of_any_host() {
    let home = tempfile::tempdir().unwrap();
    let mut server = ServerProcess::start(home.path(), &["--listen", ":0"], &[]).await;
    let line = server.next_line().await;
    let url = line.strip_prefix("yoi is also listening on ").unwrap();
    let client = Client::new(url.to_owned(), server.client.token.clone());
    client.get("/api/workspace").await.expect(200);
    for (path, status) in [("/healthz", 200), ("/readyz", 200), ("/api/workspace", 421)] {
        let request = client.request("GET", path).header("host", "10.1.2.3:8787");
        assert_eq!(client.send(request).await.status, status, "{path}");
    }
    server.signal(Signal::TERM);
    let log = server.ended().await.log;
    assert!(warns(&log, "plain HTTP off loopback"), "{log}");
}

#[tokio::test]
async fn a_server_without_token_warns_and_one_on_loopback_with_a_token_does_not() {
    let home = tempfile::tempdir().unwrap();
    for (auth, is_warned) in [("none", true), ("token", false)] {
        let server = ServerProcess::start(home.path(), &["--auth", auth], &[]).await;
        server.signal(Signal::TERM);
        let log = server.ended().await.log;
        assert_eq!(warns(&log, "no token is asked for"), is_warned, "{log}");
        assert!(!warns(&log, "plain HTTP off loopback"), "{log}");
    }
}

/// Whether a line of the log is a warning with these words.
fn warns(log: &str, words: &str) -> bool {
    let mut lines = log.lines();
    lines.any(|line| line.contains("\"WARN\"") && line.contains(words))
}

/// What an administrator has to know when commands of an older version find no server.
#[tokio::test]
async fn a_server_whose_first_directory_for_its_file_can_t_be_used_says_so() {
    let home = tempfile::tempdir().unwrap();
    for (directory, is_told) in [("/proc", true), (home.path().to_str().unwrap(), false)] {
        let variables = [("XDG_RUNTIME_DIR", directory)];
        let server = ServerProcess::start(home.path(), &["--store", "memory"], &variables).await;
        server.signal(Signal::TERM);
        let log = server.ended().await.log;
        assert_eq!(log.contains("in the second"), is_told, "{directory}: {log}");
    }
}
