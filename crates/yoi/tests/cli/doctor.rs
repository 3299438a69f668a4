//! `yoi doctor`.

use std::path::Path;
use std::process::Command;

use testkit::address::ReservedAddress;

use crate::fixture::{
    Finished, IN_MEMORY, NO_PACE, Running, TestHome, TestServer, assert_contains, server,
};

#[test]
fn without_a_server_doctor_says_how_to_start_one() {
    let report = TestHome::new().fails(3, "doctor");
    report.prints(&["✗  server", "`yoi serve`"]);
    report.prints(&[
        "–  store",
        "a file, not there yet",
        "`yoi serve` creates it",
    ]);
}

#[test]
fn without_a_server_doctor_says_whether_the_store_would_be_refused() {
    let (home, server) = server(NO_PACE);
    server.stop();
    let sound = std::fs::read(home.store_file()).unwrap();
    let path = home.file("store", 0o600, "");
    let doctor = |name: &str| {
        let names = || std::fs::read_dir(home.directory()).unwrap().count();
        let before = names();
        let line = format!("doctor --store {}", home.path(name).display());
        let report = home.fails(3, &line);
        assert_eq!(names(), before, "it creates no file");
        assert!(!report.out.contains(home.directory().to_str().unwrap()));
        report
    };
    doctor("store").prints(&["–  store", "`yoi serve` creates it"]);
    std::fs::write(&path, &sound).unwrap();
    doctor("store").prints(&["✓  store"]);
    // The version, and the kind of the page of the tables.
    let changed = |offset: usize| {
        let mut bytes = sound.clone();
        bytes[offset] ^= 0x80;
        std::fs::write(&path, bytes).unwrap();
        assert!(std::fs::read(&path).unwrap() != sound);
    };
    changed(62);
    doctor("store").prints(&["✗  store", "newer program"]);
    changed(100);
    doctor("store").prints(&["✗  store", "damaged", "`yoi store check`"]);
    std::fs::write(&path, "something else".repeat(100)).unwrap();
    doctor("store").prints(&["✗  store", "no store of workers"]);
    doctor("store/below").prints(&["✗  store", "can't be opened"]);
    doctor("workspace").prints(&["✗  store", "there is no file in the place"]);
}

#[test]
fn doctor_says_where_conversations_are_kept_and_whether_they_can_be() {
    let (home, server) = server(NO_PACE);
    // Not of this directory's workspace: the server itself says where they are.
    home.yoi("doctor --store memory").prints(&[
        "✓  store",
        "a file, ",
        " free on its disk; accepts",
    ]);
    std::fs::remove_file(home.store_file()).unwrap();
    home.fails(1, "create");
    let report = home.fails(1, "doctor");
    report.prints(&["✗  store", "not there yet", "[store_lost]", "–  runtime"]);
    assert!(!report.out.contains(home.directory().to_str().unwrap()));
    server.stop();

    let _server = home.start_server_with(NO_PACE, IN_MEMORY);
    home.yoi("doctor").prints(&["–  store", "memory"]);
}

#[test]
fn doctor_checks_everything_and_asks_the_model_only_with_the_flag() {
    let (home, server) = server(NO_PACE);
    let report = home.yoi("doctor");
    report.prints(&["✓  server", "✓  ready", "✓  token", "✓  version"]);
    report.prints(&["✓  workers", "–  answer"]);
    let workers = || home.json("workers")["items"].clone();
    assert_eq!(workers().as_array().unwrap().len(), 0);

    let rows = home.json("doctor --ask-model");
    let mut answers = rows.as_array().unwrap().iter();
    let answer = answers.find(|row| row["check"] == "answer").unwrap();
    assert_eq!(answer["outcome"], "ok");
    assert_contains(answer["detail"].as_str().unwrap(), &[" ms, "]);
    // The worker that it asked is gone.
    assert_eq!(workers().as_array().unwrap().len(), 0);
    let text = rows.to_string();
    assert!(!text.contains(&server.token), "{text}");
    assert!(!text.contains(home.directory().to_str().unwrap()), "{text}");
}

#[test]
fn doctor_reports_a_token_that_is_rejected_or_open_to_others() {
    let (_home, server) = server(NO_PACE);
    let other_user = TestHome::new();
    let other_token = "another-token-of-22-characters-or-more";
    for (mode, parts) in [
        (0o600, &["✓  server", "✗  token"][..]),
        (0o644, &["others than its owner have access"]),
    ] {
        let file = other_user.file("token", mode, other_token);
        let file = file.to_str().unwrap();
        let line = format!("doctor --server {} --token-file {file}", server.url);
        let report = other_user.fails(1, &line);
        report.prints(parts);
        assert!(!report.out.contains(file), "{}", report.out);
        assert!(!report.out.contains(other_token), "{}", report.out);
    }
}

/// A health check in a container: no home, no place for files, a token file that can't be read.
fn health_check(home: &TestHome, change: impl FnOnce(&mut Command)) -> (i32, String) {
    let mut command = home.command("doctor --quiet");
    command
        .env_clear()
        .env("YOI_TOKEN_FILE", "/nonexistent")
        .current_dir(Path::new("/"));
    change(&mut command);
    let Finished { out, err, code } = Running(command.spawn().unwrap()).finish();
    assert_eq!(out, "");
    (code, err)
}

/// The health check of `server`, which `YOI_LISTEN` names as it does for `yoi serve`.
fn health_of(home: &TestHome, server: &TestServer) -> (i32, String) {
    health_check(home, |command| {
        command.env("YOI_LISTEN", server.address());
    })
}

#[test]
fn a_health_check_is_quiet_about_a_server_that_is_ready_and_leaves_nothing() {
    let (home, server) = server(NO_PACE);
    let healthy = (0, String::new());
    let files = || {
        let list = Command::new("find").arg(home.directory()).output().unwrap();
        String::from_utf8(list.stdout).unwrap()
    };
    let before = files();
    assert_eq!(health_of(&home, &server), healthy);
    let named = health_check(&home, |command| {
        command.args(["--server", &server.url]);
    });
    assert_eq!(named, healthy);
    // By the server's file, from a directory that is not in its workspace.
    let found = health_check(&home, |command| {
        command.env("XDG_RUNTIME_DIR", home.path("run"));
    });
    assert_eq!(found, healthy);
    assert_eq!(files(), before);
    let workers = home.json("workers")["items"].clone();
    assert_eq!(workers.as_array().unwrap().len(), 0);
}

#[test]
fn a_health_check_says_in_one_line_what_is_wrong() {
    let home = TestHome::new();
    let reserved = ReservedAddress::new();
    let address = reserved.get().to_string();
    let flags = format!("--listen {address} --drain-grace-ms 600000");
    let server = home.serve("workspace", &flags);
    server.drain();
    // It takes a moment until the signal has arrived.
    let mut checks = (0..1000).map(|_| health_of(&home, &server));
    let (code, err) = checks.find(|(code, _)| *code != 0).unwrap();
    assert_eq!((code, err.lines().count()), (1, 1), "{err}");
    assert_contains(&err, &["error: ", "[shutting_down]"]);
    server.kill();
    let (code, err) = health_check(&home, |command| {
        command.env("YOI_LISTEN", &address);
    });
    assert_eq!((code, err.lines().count()), (3, 1), "{err}");
    assert_contains(&err, &["error: no server responds at http://", &address]);
    let (code, err) = health_check(&home, |command| {
        command.env("YOI_SERVER", "nowhere");
    });
    assert_eq!((code, err.lines().count()), (2, 1), "{err}");
}
