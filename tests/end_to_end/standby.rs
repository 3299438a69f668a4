//! A second server on the same file that stands by: what it answers, and how it takes over.

use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::Value;
use testkit::client::{Client, EMBEDDED};
use testkit::deadline::in_time;
use testkit::json::text;
use tokio::net::UnixDatagram;

use crate::process::ServerProcess;
use crate::reload::write_token;
use crate::service_manager::{SERVING, received};

const TOKEN: &str = "a-token-of-both-servers-of-a-home";
const NEW_TOKEN: &str = "a-token-that-came-while-one-stood-by";
const STANDING_BY: &str = "READY=1\nSTATUS=standing by until the workspace is free\n";

/// A home whose servers have one file of workers and one token.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        home.write_token(TOKEN);
        home
    }

    fn write_token(&self, token: &str) {
        write_token(&self.0.path().join("token"), token);
    }

    /// Starts a server, which stands by if there is one.
    async fn start(&self, variables: &[(&str, &str)]) -> ServerProcess {
        let args = ["--standby", "--store", "kept", "--token-file", "token"];
        ServerProcess::start(self.0.path(), &args, variables).await
    }

    /// The files by which other terminals find servers.
    fn server_files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.0.path().join("yoi")).unwrap();
        let files = entries.map(|entry| entry.unwrap().path());
        let is_server_file = |path: &PathBuf| path.to_str().unwrap().contains("/server-");
        files.filter(is_server_file).collect()
    }
}

fn client(server: &ServerProcess) -> Client {
    Client::new(server.client.base.clone(), TOKEN.to_owned())
}

/// Polls until the server is ready. It is reachable all the time, and stands by until then.
async fn becomes_ready(client: &Client) {
    let polling = async {
        loop {
            let response = client.get("/readyz").await;
            if response.status == 200 {
                return;
            }
            expect_standby(&response.expect_problem(503, "runtime_unavailable"));
        }
    };
    in_time(polling).await;
}

fn expect_standby(problem: &Value) {
    assert_eq!(text(&problem["reason"]), "standby");
    assert_eq!(problem["retryable"], true);
}

#[tokio::test]
async fn a_standby_takes_over_on_its_port_when_the_server_ends_in_order_or_by_kill() {
    for signal in [Signal::TERM, Signal::KILL] {
        let home = Home::new();
        let first = home.start(&[]).await;
        assert!(first.line.contains("is listening on"), "{}", first.line);
        let worker = client(&first).create_worker().await;
        worker.run("hello").await;
        let before = worker.transcript("").await;

        let mut second = home.start(&[]).await;
        let (line, base) = (&second.line, &second.client.base);
        let expected = format!("yoi is standing by on {base} (until the workspace is free)");
        assert_eq!(*line, expected);
        let client = client(&second);
        client.get("/healthz").await.expect(200);
        for path in ["/readyz", "/api/workspace", EMBEDDED, "/", "/metrics"] {
            let response = client.get(path).await;
            expect_standby(&response.expect_problem(503, "runtime_unavailable"));
            assert_eq!(response.header("retry-after"), Some("1"));
        }
        assert_eq!(home.server_files().len(), 1, "only that of the first");

        first.signal(signal);
        becomes_ready(&client).await;
        let line = format!("yoi is listening on {base} (with the token of --token-file)");
        assert_eq!(second.next_line().await, line);
        let end = format!("-{}.json", client.address().port());
        let is_its_own = |path: &PathBuf| path.to_str().unwrap().ends_with(&end);
        assert!(home.server_files().iter().any(is_its_own));
        let worker = client.worker(&worker.id);
        let after = worker.transcript("").await;
        assert_eq!(after["entries"], before["entries"]);
        worker.run("hello again").await;

        second.signal(Signal::TERM);
        let ended = second.ended().await;
        assert!(ended.status.success());
        for line in ["standing by", "taking over"] {
            assert_eq!(ended.log.matches(line).count(), 1, "{}", ended.log);
        }
    }
}

#[tokio::test]
async fn a_standby_ends_at_once_with_code_0_and_leaves_the_server_alone() {
    let home = Home::new();
    let first = home.start(&[]).await;
    for signal in [Signal::TERM, Signal::INT] {
        // Beyond the test's deadline: nobody has to notice the end of a standby.
        let standby = home.start(&[("YOI_DRAIN_GRACE_MS", "600000")]).await;
        assert!(standby.line.contains("standing by"), "{}", standby.line);
        standby.signal(signal);
        let ended = standby.ended().await;
        assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
        assert!(!ended.log.contains("blocked"), "{}", ended.log);
    }
    client(&first).create_worker().await;
}

#[tokio::test]
async fn a_store_that_can_not_be_opened_ends_the_standby_with_the_error() {
    let home = Home::new();
    let first = home.start(&[]).await;
    let standby = home.start(&[]).await;
    fs::write(home.0.path().join("kept"), "no store").unwrap();
    first.signal(Signal::KILL);
    let ended = standby.ended().await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.log.contains("error: "), "{}", ended.log);
    assert!(ended.log.contains("hint: the file is"), "{}", ended.log);
}

#[tokio::test]
async fn sighup_to_a_standby_counts_from_its_first_request_and_its_manager_is_told() {
    let home = Home::new();
    let path = home.0.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let first = home.start(&[]).await;
    let second = home
        .start(&[("NOTIFY_SOCKET", path.to_str().unwrap())])
        .await;
    assert_eq!(received(&socket).await, STANDING_BY);
    home.write_token(NEW_TOKEN);
    second.signal(Signal::HUP);
    assert!(received(&socket).await.starts_with("RELOADING=1\n"));
    assert_eq!(received(&socket).await, STANDING_BY);

    first.signal(Signal::TERM);
    assert_eq!(received(&socket).await, SERVING);
    let old = client(&second);
    let new = Client::new(old.base.clone(), NEW_TOKEN.to_owned());
    let refused = old.get("/api/workspace").await;
    refused.expect_problem(401, "unauthorized");
    new.get("/api/workspace").await.expect(200);
}
