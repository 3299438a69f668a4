//! The end of a server: nobody is left waiting, and nothing is lost half done.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::fixture::{Answer, EMBEDDED, TestServer, client, long_input, offline, until_in_hand};
use crate::process::ServerProcess;

/// How soon an operator may expect the process to be gone.
const GONE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn sigterm_answers_pollers_ends_runs_and_exits_with_zero_in_time() {
    let home = tempfile::tempdir().unwrap();
    let args = ["--offline-pace-ms", "200", "--log", "debug"];
    let server = ServerProcess::start(home.path(), &args, &[]).await;
    let http = client();
    let post = async |path: &str, body: &Value| {
        let request = http
            .post(format!("{}{path}", server.base))
            .bearer_auth(&server.token);
        Answer::to(request.json(body)).await
    };
    let mut pollers = Vec::new();
    for _ in 0..8 {
        let worker = post(&format!("{EMBEDDED}/workers"), &json!({}))
            .await
            .expect(201);
        let path = format!(
            "{EMBEDDED}/workers/{}",
            worker["worker_id"].as_str().unwrap()
        );
        // An idle worker's poller has nothing to wait for but the end.
        let idle = worker["conversation"]["latest_cursor"]
            .as_str()
            .unwrap()
            .to_owned();
        pollers.push(format!(
            "{}{path}/events?after={idle}&wait_ms=30000",
            server.base
        ));
        let busy = post(&format!("{EMBEDDED}/workers"), &json!({}))
            .await
            .expect(201);
        let busy = format!("{EMBEDDED}/workers/{}", busy["worker_id"].as_str().unwrap());
        post(
            &format!("{busy}/input"),
            &json!({ "content": long_input() }),
        )
        .await
        .expect(202);
    }
    let polls: Vec<_> = pollers
        .into_iter()
        .map(|url| tokio::spawn(Answer::to(http.get(url).bearer_auth(&server.token))))
        .collect();
    until_in_hand(&http, &server.base, &server.token, polls.len()).await;

    let began = Instant::now();
    server.signal(Signal::TERM);
    for poll in polls {
        poll.await.unwrap().expect(200);
    }
    let ended = server.ended().await;
    assert!(ended.status.success(), "{:?}\n{}", ended.status, ended.log);
    assert!(began.elapsed() < GONE, "{:?}", began.elapsed());
    assert!(ended.log.contains("\"runs_cancelled\":8"), "{}", ended.log);
    assert!(ended.log.contains("\"runs_abandoned\":0"), "{}", ended.log);
    let left: Vec<_> = std::fs::read_dir(home.path().join("yoi"))
        .unwrap()
        .collect();
    assert!(left.is_empty(), "the server file is gone: {left:?}");
}

#[tokio::test]
async fn a_run_that_the_end_cuts_short_ends_as_cancelled() {
    let server =
        TestServer::start_with(|config| config.engine = offline(Duration::from_millis(200))).await;
    let worker = server.create_worker().await;
    let accepted = worker.hears(&long_input()).await;
    let cursor = accepted["cursor"].as_str().unwrap().to_owned();
    let path = format!(
        "{}/events?after={cursor}&wait_ms=30000&limit=200",
        worker.path
    );
    let url = format!("{}{path}", server.base);
    // The first delta: the run is really under way.
    let first = server.get(&path).await.expect(200);
    let next = first["next_cursor"].as_str().unwrap();
    let url = url.replace(&cursor, next);
    let poll = tokio::spawn(Answer::to(server.http.get(url).bearer_auth(&server.token)));
    server.until_in_hand(1).await;
    let ending = server.end().await;
    assert_eq!((ending.runs_cancelled, ending.runs_abandoned), (1, 0));
    poll.await.unwrap().expect(200);
}

#[tokio::test]
async fn an_idle_server_ends_at_once_with_its_connections_open() {
    let home = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(home.path(), &[], &[]).await;
    let http = client();
    // The client keeps this connection for a next request that never comes.
    Answer::to(http.get(format!("{}/healthz", server.base)))
        .await
        .expect(200);
    let began = Instant::now();
    server.signal(Signal::INT);
    let ended = server.ended().await;
    assert!(ended.status.success());
    assert!(began.elapsed() < GONE);
}

#[tokio::test]
async fn a_server_whose_log_nobody_reads_any_more_answers_and_ends_as_ever() {
    let home = tempfile::tempdir().unwrap();
    let server = ServerProcess::start_with_broken_log(home.path(), &["--log", "trace"]).await;
    let http = client();
    for _ in 0..2 {
        Answer::to(http.get(format!("{}/healthz", server.base)))
            .await
            .expect(200);
    }
    server.signal(Signal::TERM);
    let ended = server.ended().await;
    assert!(ended.status.success(), "{:?}", ended.status);
}

#[tokio::test]
async fn a_log_reader_that_stalls_holds_up_neither_requests_nor_the_end() {
    let home = tempfile::tempdir().unwrap();
    let (server, _reader) = ServerProcess::start_with_stalled_log(home.path()).await;
    let http = client();
    for _ in 0..500 {
        let health = http.get(format!("{}/healthz", server.base));
        Answer::to(health).await.expect(200);
    }
    let began = Instant::now();
    server.signal(Signal::TERM);
    assert!(server.ended().await.status.success());
    assert!(began.elapsed() < GONE, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_second_signal_ends_the_server_at_once() {
    let home = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(home.path(), &[], &[]).await;
    let address = server.base.trim_start_matches("http://").to_owned();
    // A request whose body never comes to its end holds the orderly end up.
    let mut client = TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "POST /api/session HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{",
        server.token
    );
    client.write_all(head.as_bytes()).await.unwrap();
    until_in_hand(&crate::fixture::client(), &server.base, &server.token, 1).await;
    server.signal(Signal::TERM);
    server.signal(Signal::INT);
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
        "YOI_LOG_FORMAT",
        "YOI_LOG",
        "YOI_OFFLINE_PACE_MS",
        "YOI_LIMIT",
    ]
    .map(|name| (name, ""));
    let server = ServerProcess::start(home.path(), &[], &empty).await;
    assert!(!server.token.is_empty(), "{}", server.line);
    server.signal(Signal::TERM);
    let ended = server.ended().await;
    assert!(ended.status.success(), "{}", ended.log);
    // `--log info` is the default.
    assert!(ended.log.contains("\"serving\""), "{}", ended.log);
}
