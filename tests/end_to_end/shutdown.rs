//! The end of a server: every request is answered, every run ends, and nothing holds it up.

use std::time::Duration;

use rustix::process::Signal;
use testkit::deadline::in_time;
use testkit::http::Connection;
use testkit::json::text;
use testkit::server::{TestServer, long_input, offline};

use crate::process::ServerProcess;

/// How long a signal may be repeated until that is another request.
const REPETITION: Duration = Duration::from_millis(100);

#[tokio::test]
async fn sigterm_answers_pollers_ends_runs_and_exits_with_zero() {
    let home = tempfile::tempdir().unwrap();
    let args = ["--offline-pace-ms", "200", "--log", "debug"];
    let server = ServerProcess::start(home.path(), &args, &[]).await;
    let client = &server.client;
    let mut polls = Vec::new();
    for _ in 0..8 {
        // A poll of an idle worker waits for nothing but the end.
        let idle = client.create_worker().await;
        let cursor = idle.latest_cursor().await;
        polls.push(tokio::spawn(
            async move { idle.events_after(&cursor).await },
        ));
        let busy = client.create_worker().await;
        busy.send(&long_input()).await;
    }
    client.until_in_flight(polls.len()).await;

    server.signal(Signal::TERM);
    for poll in polls {
        poll.await.unwrap();
    }
    let ended = server.ended().await;
    assert!(ended.status.success(), "{:?}\n{}", ended.status, ended.log);
    assert!(ended.log.contains("\"runs_ended\":8"), "{}", ended.log);
    assert!(ended.log.contains("\"runs_abandoned\":0"), "{}", ended.log);
    let left = std::fs::read_dir(home.path().join("yoi")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["workspace-key"], "the server file is gone");
}

#[tokio::test]
async fn a_run_at_shutdown_ends_as_cancelled() {
    let engine = offline(Duration::from_millis(200));
    let server = TestServer::start_with(|config| config.engine = engine).await;
    let worker = server.create_worker().await;
    let accepted = worker.send(&long_input()).await;
    // The first delta: the run has begun.
    let first = worker.events_after(text(&accepted["cursor"])).await;
    let poll = tokio::spawn(async move {
        let next = text(&first["next_cursor"]);
        worker.events_after(next).await
    });
    server.until_in_flight(1).await;
    let ending = server.shut_down().await;
    assert_eq!((ending.runs_ended, ending.runs_abandoned), (1, 0));
    poll.await.unwrap();
}

#[tokio::test]
async fn an_idle_server_ends_at_once_with_its_connections_open() {
    let home = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(home.path(), &[], &[]).await;
    // The client keeps this connection for a next request.
    let client = server.client.clone();
    client.get("/healthz").await.expect(200);
    server.signal(Signal::INT);
    let ended = server.ended().await;
    assert!(ended.status.success(), "{}", ended.log);
    // None was waited for until the server gave it up.
    let none_cut = "\"connections_cut\":0";
    assert!(ended.log.contains(none_cut), "{}", ended.log);
}

#[tokio::test]
async fn a_server_whose_log_reader_is_gone_answers_and_ends_as_usual() {
    let home = tempfile::tempdir().unwrap();
    let server = ServerProcess::start_with_broken_log(home.path(), &["--log", "trace"]).await;
    for _ in 0..2 {
        server.client.get("/healthz").await.expect(200);
    }
    server.signal(Signal::TERM);
    let ended = server.ended().await;
    assert!(ended.status.success(), "{:?}", ended.status);
}

#[tokio::test]
async fn a_stalled_log_reader_delays_neither_requests_nor_the_end() {
    let home = tempfile::tempdir().unwrap();
    let (server, _reader) = ServerProcess::start_with_stalled_log(home.path()).await;
    for _ in 0..500 {
        server.client.get("/healthz").await.expect(200);
    }
    server.signal(Signal::TERM);
    assert!(server.ended().await.status.success());
}

#[tokio::test]
async fn a_second_signal_ends_the_server_at_once() {
    let home = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(home.path(), &[], &[]).await;
    let address = server.client.address();
    // A request whose body never ends delays the orderly end.
    let mut connection = Connection::open(address).await.unwrap();
    let part = format!(
        "POST /api/session HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{",
        server.client.token
    );
    connection.send(part.as_bytes()).await.unwrap();
    server.client.until_in_flight(1).await;
    server.signal(Signal::TERM);
    server.signal(Signal::INT);
    assert_eq!(server.ended().await.status.code(), Some(130));
}

#[tokio::test]
async fn sigterm_first_says_not_ready_and_goes_on_serving() {
    let home = tempfile::tempdir().unwrap();
    // Only the second signal ends it.
    let args = ["--drain-grace-ms", "600000"];
    let server = ServerProcess::start(home.path(), &args, &[]).await;
    let mut kept = Connection::open(server.client.address()).await.unwrap();
    let request = |path: &str| {
        let host = server.client.address();
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")
    };
    let response = kept.exchange(request("/readyz").as_bytes()).await;
    response.unwrap().expect(200);
    server.signal(Signal::TERM);
    // Each request has a connection of its own.
    let anew = async || {
        let request = server.client.request("GET", "/readyz");
        server
            .client
            .send(request.header("connection", "close"))
            .await
    };
    in_time(async { while anew().await.status != 503 {} }).await;
    let response = kept.exchange(request("/readyz").as_bytes()).await;
    response.unwrap().expect_problem(503, "shutting_down");
    server.client.create_worker().await;
    // Sooner, it would be a repetition of the first.
    tokio::time::sleep(REPETITION).await;
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await.status.code(), Some(130));
}

#[tokio::test]
async fn an_empty_variable_counts_as_unset() {
    let home = tempfile::tempdir().unwrap();
    let empty = [
        "YOI_LISTEN",
        "YOI_WORKSPACE",
        "YOI_NAME",
        "YOI_AUTH",
        "YOI_TOKEN_FILE",
        "YOI_ALLOWED_HOST",
        "YOI_ALLOWED_ORIGIN",
        "YOI_DRAIN_GRACE_MS",
        "YOI_ALLOW_CORE_DUMPS",
        "YOI_LOG_FORMAT",
        "YOI_LOG",
        "YOI_OFFLINE_PACE_MS",
        "YOI_LIMIT",
    ]
    .map(|name| (name, ""));
    let server = ServerProcess::start(home.path(), &[], &empty).await;
    assert!(!server.client.token.is_empty(), "{}", server.line);
    server.signal(Signal::TERM);
    let ended = server.ended().await;
    assert!(ended.status.success(), "{}", ended.log);
    // `--log info` is the default.
    assert!(ended.log.contains("\"serving\""), "{}", ended.log);
}
