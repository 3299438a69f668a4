//! Clients with tokens of their own: what they may do, how much they may use, and how they are
//! revoked.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use rustix::process::Signal;
use serde_json::json;
use testkit::client::{Client, EMBEDDED};
use testkit::deadline::in_time;
use testkit::server::{TestServer, long_input, offline};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use yoi_workspace_server::NamedTokenFile;

use crate::process::ServerProcess;
use crate::reload::write_token;

const CI: &str = "CANARY-token-of-the-client-ci";
const OWN: &str = "CANARY-token-of-the-server-itself";
const OTHER: &str = "CANARY-another-token-of-the-client";

/// A server whose runs take long, and a client `ci` with these settings.
async fn server_with(settings: &str) -> (TestServer, Client) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("ci");
    write_token(&path, CI);
    let text = format!("ci={}{settings}", path.display());
    let file: NamedTokenFile = text.parse().unwrap();
    let server = TestServer::start_with(|config| {
        config.named_tokens = vec![file];
        config.engine = offline(Duration::from_secs(10));
    })
    .await;
    let ci = Client::new(server.base.clone(), CI.to_owned());
    (server, ci)
}

async fn metric(client: &Client, line: &str) -> Option<u64> {
    let metrics = client.get("/metrics").await;
    let mut lines = metrics.text().lines();
    let value = lines.find_map(|found| found.strip_prefix(line))?.trim();
    value.parse().ok()
}

#[tokio::test]
async fn a_client_that_may_only_read_changes_nothing_by_its_token_or_its_session() {
    let (server, ci) = server_with(",scope=read").await;
    let worker = server.create_worker().await;
    let session = ci.post("/api/session", &json!({})).await;
    let cookie = session.header("set-cookie").unwrap().to_owned();
    for path in ["/api/workers", &worker.path, "/api/runtimes"] {
        ci.get(path).await.expect(200);
        let request = ci.anonymous("GET", path).header("cookie", &cookie);
        ci.send(request).await.expect(200);
    }
    for (method, path) in [
        ("POST", format!("{EMBEDDED}/workers")),
        ("POST", format!("{}/input", worker.path)),
        ("POST", format!("{}/cancel", worker.path)),
        ("POST", format!("{}/stop", worker.path)),
        ("PATCH", worker.path.clone()),
        ("DELETE", worker.path.clone()),
    ] {
        let by_token = ci.request(method, &path);
        let by_session = ci.anonymous(method, &path).header("cookie", &cookie);
        for request in [by_token, by_session] {
            let response = ci.send(request.json(&json!({ "content": "hi" }))).await;
            let challenge = response.header("www-authenticate").unwrap().to_owned();
            assert_eq!(challenge, "Bearer error=\"insufficient_scope\"");
            response.expect_problem(403, "insufficient_scope");
        }
    }
    assert_eq!(worker.detail().await["state"], "idle");
    let who = ci.get("/api/session").await.expect(200);
    assert_eq!(
        (&who["client"], &who["scope"]),
        (&json!("ci"), &json!("read"))
    );
    let owner = server.get("/api/session").await.expect(200);
    assert_eq!(
        (&owner["client"], &owner["quotas"]),
        (&json!("owner"), &json!([]))
    );
}

#[tokio::test]
async fn a_client_s_runs_count_until_they_end_and_other_clients_runs_do_not() {
    let (server, ci) = server_with(",runs=2").await;
    let mut workers = Vec::new();
    for _ in 0..4 {
        workers.push(ci.create_worker().await);
    }
    let keyed = async |key: &str| {
        let path = format!("{}/input", workers[0].path);
        let body = json!({ "content": long_input() });
        ci.post_with_key(&path, key, &body).await
    };
    keyed("once").await.expect(202);
    // Neither a repetition nor a refusal starts a run.
    keyed("once").await.expect(202);
    keyed("twice").await.expect_problem(409, "worker_busy");
    workers[1].send(&long_input()).await;
    for _ in 0..2 {
        let refused = workers[2].try_send("hi").await;
        let problem = refused.expect_problem(429, "quota_exhausted");
        assert_eq!(problem["limit"], "token_runs");
    }
    // An input that is sent again gets its answer, though the quota is used up.
    keyed("once").await.expect(202);
    let as_owner = server.worker(&workers[2].id);
    as_owner.send(&long_input()).await;

    workers[1].cancel(&json!({})).await.expect(200);
    // The owner's run in a worker of the client is the owner's.
    let owned = server.worker(&workers[1].id);
    owned.send(&long_input()).await;
    workers[3].send(&long_input()).await;
    owned.cancel(&json!({})).await.expect(200);
    workers[1]
        .try_send("hi")
        .await
        .expect_problem(429, "quota_exhausted");
    // A worker that is deleted has no run.
    workers[0].stop().await.expect(200);
    let path = workers[0].path.clone();
    ci.send(ci.request("DELETE", &path)).await.expect(204);
    workers[1].send(&long_input()).await;
    let refusals = "yoi_http_client_quota_refusals_total{client=\"ci\"}";
    assert_eq!(metric(&server, refusals).await, Some(3));
    let requests = "yoi_http_client_requests_total{client=\"ci\"}";
    assert!(metric(&server, requests).await > Some(10));
}

#[tokio::test]
async fn a_client_s_waiting_readers_and_unfinished_bodies_count_against_it_alone() {
    let (server, ci) = server_with(",polls=1,bytes=1000").await;
    let worker = server.create_worker().await;
    let cursor = worker.latest_cursor().await;
    let poll = format!("{}/events?after={cursor}&wait_ms=30000", worker.path);
    let waiting = tokio::spawn({
        let (ci, poll) = (ci.clone(), poll.clone());
        async move { ci.get(&poll).await }
    });
    server.until_in_flight(1).await;
    let problem = ci.get(&poll).await.expect_problem(429, "quota_exhausted");
    assert_eq!(problem["limit"], "token_polls");
    let at_once = format!("{}/events?after={cursor}", worker.path);
    ci.get(&at_once).await.expect(200);
    let ends_early = format!("{}/events?after={cursor}&wait_ms=1", worker.path);
    server.get(&ends_early).await.expect(200);
    waiting.abort();
    in_time(async { while ci.get(&ends_early).await.status != 200 {} }).await;

    // One body may be larger than the quota, and then no other.
    let mut unfinished = TcpStream::connect(server.address()).await.unwrap();
    let head = format!(
        "POST {EMBEDDED}/workers HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {CI}\r\n\
         Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n",
        server.address(),
    );
    unfinished.write_all(head.as_bytes()).await.unwrap();
    let used = "yoi_http_client_bytes{client=\"ci\"}";
    in_time(async { while metric(&server, used).await != Some(5_000) {} }).await;
    let refused = ci.post(&format!("{EMBEDDED}/workers"), &json!({})).await;
    let problem = refused.expect_problem(429, "quota_exhausted");
    assert_eq!(problem["limit"], "token_bytes");
    server.create_worker().await;
    drop(unfinished);
    in_time(async { while metric(&server, used).await != Some(0) {} }).await;
    ci.create_worker().await;
}

#[tokio::test]
async fn a_client_is_revoked_by_taking_its_token_away_and_comes_back_with_another() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("ci");
    write_token(&path, CI);
    let args = ["--token", "ci=ci"];
    let server = ServerProcess::start(home.path(), &args, &[]).await;
    let base = &server.client.base;
    let [ci, other] = [CI, OTHER].map(|it| Client::new(base.clone(), it.to_owned()));
    let session = ci.post("/api/session", &json!({})).await;
    let cookie = session.header("set-cookie").unwrap().to_owned();
    let session_status = async || {
        let request = ci.anonymous("GET", "/api/workspace");
        ci.send(request.header("cookie", &cookie)).await.status
    };
    let worker = ci.create_worker().await;
    assert_eq!(session_status().await, 200);

    fs::remove_file(&path).unwrap();
    server.signal(Signal::HUP);
    in_time(async { while ci.get("/api/workspace").await.status == 200 {} }).await;
    worker
        .try_send("hi")
        .await
        .expect_problem(401, "unauthorized");
    assert_eq!(session_status().await, 401);
    server.client.get("/api/workspace").await.expect(200);

    write_token(&path, OTHER);
    server.signal(Signal::HUP);
    in_time(async { while other.get("/api/workspace").await.status != 200 {} }).await;
    assert_eq!(ci.get("/api/workspace").await.status, 401);
    assert_eq!(session_status().await, 401);
    let requests = "yoi_http_client_requests_total{client=\"ci\"}";
    assert!(
        metric(&other, requests).await > Some(3),
        "it is the same client"
    );

    server.signal(Signal::TERM);
    let ended = server.ended().await;
    assert!(
        ended.log.contains("this client has no token any more"),
        "{}",
        ended.log
    );
    let created = ended
        .log
        .lines()
        .find(|line| line.contains("create_worker"));
    let created = created.unwrap();
    assert!(
        created.contains("ci") && created.contains("client"),
        "{created}"
    );
    assert!(created.contains(&worker.id), "{created}");
    assert!(!ended.log.contains("CANARY"), "{}", ended.log);
}

#[tokio::test]
async fn a_client_is_revoked_while_the_server_waits_for_a_token_of_its_own() {
    let home = tempfile::tempdir().unwrap();
    let [ci_path, own_path] = ["ci", "own"].map(|name| home.path().join(name));
    write_token(&ci_path, CI);
    write_token(&own_path, OWN);
    let args = ["--token", "ci=ci", "--token-file", "own"];
    let server = ServerProcess::start(home.path(), &args, &[]).await;
    let base = &server.client.base;
    let ci = Client::new(base.clone(), CI.to_owned());
    ci.get("/api/workspace").await.expect(200);

    fs::remove_file(&ci_path).unwrap();
    fs::remove_file(&own_path).unwrap();
    let mode = Mode::RUSR | Mode::WUSR;
    mknodat(CWD, &own_path, FileType::Fifo, mode, 0).unwrap();
    server.signal(Signal::HUP);
    in_time(async { while ci.get("/api/workspace").await.status == 200 {} }).await;
    // It can be opened like this only while somebody reads.
    let non_blocking = OFlags::NONBLOCK.bits().cast_signed();
    let write = async || {
        let mut options = OpenOptions::new();
        let options = options.write(true).custom_flags(non_blocking);
        loop {
            match options.open(&own_path) {
                Ok(mut pipe) => return pipe.write_all(OTHER.as_bytes()).unwrap(),
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    in_time(write()).await;
    let own = Client::new(base.clone(), OTHER.to_owned());
    in_time(async { while own.get("/api/workspace").await.status != 200 {} }).await;
}

#[tokio::test]
async fn a_client_without_a_usable_token_keeps_the_server_from_starting() {
    let home = tempfile::tempdir().unwrap();
    let config = |text: &str| {
        let mut config = yoi_workspace_server::ServerConfig::new(home.path().to_owned());
        config.named_tokens = vec![text.parse().unwrap()];
        config
    };
    let refused = yoi_workspace_server::Server::bind(config("ci=/nowhere")).await;
    let said = refused.err().unwrap().to_string();
    assert_eq!(said, "the token of client `ci` can't be used");
}
