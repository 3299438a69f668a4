//! What a process may not have, and what nobody reads.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};
use serde_json::json;
use testkit::client::{Client, EMBEDDED};
use testkit::deadline::in_time;
use testkit::json::find;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::{Child, Command};

use crate::process::{BINARY, ServerProcess, full_pipe, send_signal};

#[tokio::test]
async fn a_crash_writes_no_core_dump_unless_that_is_allowed() {
    let home = tempfile::tempdir().unwrap();
    let unlimited = "ulimit -c unlimited";
    let server = ServerProcess::start_within(home.path(), unlimited, &[]).await;
    assert_eq!(core_limit(server.id()), "0");
    server.signal(Signal::ABORT);
    let status = server.ended().await.status;
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()));
    assert!(!status.core_dumped());

    let args = ["--allow-core-dumps"];
    let server = ServerProcess::start_within(home.path(), unlimited, &args).await;
    assert_eq!(core_limit(server.id()), "unlimited");
}

/// The most bytes of a core dump of a process.
fn core_limit(id: u32) -> String {
    let limits = limits_of(id);
    let mut lines = limits.lines();
    let line = lines.find_map(|line| line.strip_prefix("Max core file size"));
    line.unwrap().split_whitespace().next().unwrap().to_owned()
}

fn limits_of(id: u32) -> String {
    fs::read_to_string(format!("/proc/{id}/limits")).unwrap()
}

#[tokio::test]
async fn a_log_that_reaches_the_limit_on_file_sizes_does_not_end_the_server() {
    let home = tempfile::tempdir().unwrap();
    let limits = "ulimit -f 8; exec 2>log";
    let args = ["--store", "memory", "--log", "trace"];
    let server = ServerProcess::start_within(home.path(), limits, &args).await;
    let log = home.path().join("log");
    let is_full = || fs::metadata(&log).is_ok_and(|log| log.len() >= 8 * 512);
    in_time(async {
        while !is_full() {
            server.client.get("/healthz").await.expect(200);
        }
    })
    .await;
    for _ in 0..10 {
        server.client.get("/healthz").await.expect(200);
    }
    server.signal(Signal::TERM);
    assert!(server.ended().await.status.success());
}

#[tokio::test]
async fn connections_are_as_many_as_the_open_files_allow_and_the_log_says_so_once() {
    let home = tempfile::tempdir().unwrap();
    let limits = "ulimit -n 300; exec 2>log";
    let server = ServerProcess::start_within(home.path(), limits, &["--store", "memory"]).await;
    let workspace = server.client.get("/api/workspace").await.expect(200);
    let limit = |name: &str| find(&workspace["limits"], "name", name)["value"].clone();
    assert_eq!(limit("connections"), 150);
    assert_eq!(limit("unauthenticated_connections"), 75);
    let runtimes = server.client.get("/api/runtimes").await.expect(200);
    let embedded = find(&runtimes["items"], "runtime_id", "backend-internal");
    let runs = find(&embedded["limits"], "name", "concurrent_runs");
    assert_eq!(runs["value"], 75);
    let mut connections = Vec::new();
    for _ in 0..400 {
        connections.push(TcpStream::connect(server.client.address()).await.unwrap());
    }
    // A connection of its own, behind all of those.
    let client = Client::new(server.client.base.clone(), server.client.token.clone());
    client.get("/healthz").await.expect(200);
    let log = fs::read_to_string(home.path().join("log")).unwrap();
    assert_eq!(log.matches("fewer connections").count(), 1, "{log}");
    assert!(!log.contains("accept failed"), "{log}");
    server.signal(Signal::TERM);
    assert!(server.ended().await.status.success());
}

#[tokio::test]
async fn a_soft_limit_on_open_files_is_raised() {
    let home = tempfile::tempdir().unwrap();
    let limits = "ulimit -S -n 300; exec 2>log";
    let server = ServerProcess::start_within(home.path(), limits, &["--store", "memory"]).await;
    let process = limits_of(server.id());
    let files = process
        .lines()
        .find_map(|it| it.strip_prefix("Max open files"));
    let mut files = files.unwrap().split_whitespace();
    assert_eq!(files.next(), files.next());
    server.signal(Signal::TERM);
    assert!(server.ended().await.status.success());
}

#[tokio::test]
async fn connections_beyond_the_open_files_wait_and_the_log_says_so() {
    let home = tempfile::tempdir().unwrap();
    // For `/proc` to show the open files.
    let args = ["--store", "memory", "--allow-core-dumps"];
    let server = ServerProcess::start_within(home.path(), "exec 2>log", &args).await;
    // Lowered behind the server's back: it knows of more.
    let id = Pid::from_raw(server.id().try_into().unwrap()).unwrap();
    let open = fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap();
    let few = Rlimit {
        current: Some(u64::try_from(open.count()).unwrap() + 4),
        maximum: getrlimit(Resource::Nofile).maximum,
    };
    prlimit(Some(id), Resource::Nofile, few).unwrap();
    let address = server.client.address();
    let mut connections = Vec::new();
    for _ in 0..80 {
        connections.push(TcpStream::connect(address).await.unwrap());
    }
    let failures = || {
        let log = fs::read_to_string(home.path().join("log")).unwrap();
        log.matches("accept failed").count()
    };
    in_time(async {
        while failures() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(connections);
    // It waits behind all of them.
    server.client.get("/healthz").await.expect(200);
    server.signal(Signal::TERM);
    assert!(server.ended().await.status.success());
}

#[tokio::test]
async fn a_store_that_has_no_space_at_the_start_takes_nothing_until_it_has() {
    let home = tempfile::tempdir().unwrap();
    for blocks in [0, 8] {
        let store = format!("store-{blocks}");
        let limit = format!("ulimit -S -f {blocks}");
        let server = ServerProcess::start_within(home.path(), &limit, &["--store", &store]).await;
        let workers = format!("{EMBEDDED}/workers");
        let refused = server.client.post(&workers, &json!({})).await;
        let problem = refused.expect_problem(503, "runtime_unavailable");
        assert_eq!(problem["reason"], "store_full", "{blocks}");
        let listed = server.client.get("/api/workers").await.expect(200);
        assert_eq!(listed["items"], json!([]));
        if blocks == 0 {
            // What could not be written for other terminals was not begun, either.
            let left = std::fs::read_dir(home.path().join("yoi")).unwrap();
            assert_eq!(left.count(), 0);
        }

        let id = Pid::from_raw(server.id().try_into().unwrap());
        let no_limit = Rlimit {
            current: None,
            maximum: None,
        };
        prlimit(id, Resource::Fsize, no_limit).unwrap();
        let worker = server.client.create_worker().await;
        worker.run("hello").await;
        server.signal(Signal::TERM);
        assert!(server.ended().await.status.success());

        let server = ServerProcess::start(home.path(), &["--store", &store], &[]).await;
        let kept = server.client.worker(&worker.id).transcript("").await;
        assert_eq!(kept["entries"].as_array().unwrap().len(), 2);
    }
}

/// The server's binary with a home and whatever else the test sets.
fn command(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command
        .args(args)
        .env_clear()
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", home)
        .env("YOI_DRAIN_GRACE_MS", "0")
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn a_server_whose_output_nobody_reads_serves_and_ends() {
    let home = tempfile::tempdir().unwrap();
    let (writer, _reader) = full_pipe();
    let args = ["--listen", "unix:socket", "--store", "memory"];
    let mut command = command(home.path(), &args);
    let out = Stdio::from(OwnedFd::from(writer));
    let mut child = command.stdout(out).spawn().unwrap();
    let socket = home.path().join("socket");
    let mut stream = in_time(async {
        loop {
            if let Ok(stream) = UnixStream::connect(&socket).await {
                return stream;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut response = String::new();
    in_time(stream.read_to_string(&mut response)).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    send_signal(&child, Signal::TERM);
    assert!(in_time(child.wait()).await.unwrap().success());
}

#[tokio::test]
async fn a_start_that_fails_and_whose_error_nobody_reads_can_be_ended() {
    let home = tempfile::tempdir().unwrap();
    let (writer, _reader) = full_pipe();
    let mut command = command(home.path(), &["--log", "=,="]);
    let errors = Stdio::from(OwnedFd::from(writer));
    let mut child = command.stderr(errors).spawn().unwrap();
    in_time(async {
        while !takes_sigterm(&child) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    send_signal(&child, Signal::TERM);
    assert!(in_time(child.wait()).await.unwrap().success());
}

/// Whether the process has replaced the default action of SIGTERM.
fn takes_sigterm(child: &Child) -> bool {
    let id = child.id().unwrap();
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
    caught & (1 << (Signal::TERM.as_raw() - 1)) != 0
}
