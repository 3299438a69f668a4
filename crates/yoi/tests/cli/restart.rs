//! A server that is restarted and still has its workers.

use std::io::Write as _;
use std::net::TcpStream;

use serde_json::Value;
use testkit::address::ReservedAddress;

use crate::fixture::{ENDLESS_PACE, TestHome, TestServer, assert_contains, server};
use crate::prepared::{PreparedServer, accepted, events, interrupted, problem, transcript, worker};
use crate::terminal::Terminal;

/// What the worker is called: a whole id, which is not looked up.
const ID: &str = "01a223b8-d9f2-76f9-baef-bbd62806a7ba";

#[test]
fn a_chat_goes_on_with_the_same_worker_after_a_restart() {
    let home = TestHome::new();
    let reserved = ReservedAddress::new();
    let address = reserved.get();
    let before = PreparedServer::start(
        address,
        vec![
            worker(&Value::Null),
            transcript(None),
            accepted("run-1"),
            events("run-1", "Half a re", None),
            None,
        ],
    );
    let command = format!("chat {ID} --server http://{address}");
    let mut chat = Terminal::start(&home.command(&command));
    chat.send("hi");
    chat.wait_for("Half a re");
    chat.wait_for("looking for the server");
    before.requests();
    let after = PreparedServer::start(
        address,
        vec![
            worker(&interrupted("run-1")),
            problem(410, "cursor_expired"),
            transcript(Some(("run-1", "Half a reply"))),
            worker(&interrupted("run-1")),
            accepted("run-2"),
            events("run-2", "A whole one", Some("completed")),
        ],
    );
    chat.wait_for("connected to");
    chat.wait_for("ply");
    chat.wait_for("the reply stops here: the server was restarted");
    chat.wait_for("run run-1 failed [interrupted]");
    chat.wait_for("send the message again");
    chat.send("hi again");
    chat.wait_for("A whole one");
    chat.leave();
    let inputs = after.requests();
    let inputs: Vec<_> = inputs
        .iter()
        .filter(|line| line.ends_with("/input"))
        .collect();
    assert_eq!(
        inputs,
        ["POST /api/runtimes/backend-internal/workers/w1/input"]
    );
}

#[test]
fn a_followed_reply_that_a_restart_ends_is_a_failed_run() {
    let home = TestHome::new();
    let reserved = ReservedAddress::new();
    let address = reserved.get();
    let before = PreparedServer::start(
        address,
        vec![accepted("run-1"), events("run-1", "Half", None)],
    );
    let mut follower = home.spawn(&format!("send {ID} hi --follow --server http://{address}"));
    follower.wait_for_output();
    before.requests();
    // Its own attempts may take any of these answers, in the order of a client that reconnects.
    let _after = PreparedServer::start(
        address,
        vec![
            problem(401, "unauthorized"),
            worker(&interrupted("run-1")),
            problem(410, "cursor_expired"),
            transcript(Some(("run-1", "Half a reply"))),
            worker(&interrupted("run-1")),
        ],
    );
    let finished = follower.exits_with(1);
    assert!(finished.out.ends_with("alf a reply\n"), "{}", finished.out);
    finished.reports(&[
        "the reply stops here: the server was restarted",
        "run run-1 failed [interrupted]",
        "send the message again",
    ]);
}

/// A supervisor starts the next server as soon as it has asked the last one to end.
#[test]
fn a_server_that_starts_while_the_one_before_it_drains_is_found_and_has_its_workers() {
    let home = TestHome::new();
    let reserved = ReservedAddress::new();
    let address = reserved.get();
    let mut serve = home.command("serve --offline-pace-ms 0 --listen");
    serve.arg(address.to_string());
    let old = TestServer::start(&mut serve);
    // A body that doesn't come to its end keeps the old server from ending.
    let mut unfinished = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /api/session HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{",
        old.token
    );
    unfinished.write_all(head.as_bytes()).unwrap();
    let worker = home.create_worker();
    old.drain();
    let waits = "another server has the store";
    let _new = TestServer::start_and_wait(&mut serve, waits, || drop(unfinished));
    home.yoi("workers").prints(&[&worker]);
    assert_eq!(old.ended(), Some(0));
    home.yoi("workers").prints(&[&worker]);
}

/// Whatever the new server still knows, the run has failed, and there is a server.
#[test]
fn a_followed_reply_on_a_server_that_is_killed_and_restarted_is_a_failure() {
    let (home, server) = server(ENDLESS_PACE);
    let worker = home.create_worker();
    let mut follower = home.spawn(&format!("send {worker} hi --follow"));
    follower.wait_for_output();
    server.kill();
    let _server = home.start_server(ENDLESS_PACE);
    let finished = follower.exits_with(1);
    assert_contains(&finished.err, &["looking for the server", "connected to"]);
}
