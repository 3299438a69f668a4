//! What a script learns from the exit code.

use std::fs::OpenOptions;

use crate::fixture::{NO_PACE, Running, TestHome, forgetful_server};

#[test]
fn settings_that_can_t_be_used_are_wrong_usage() {
    let home = TestHome::new();
    let file = home.file("file", 0o600, "id: a\n");
    let file = file.display();
    for (flags, reason) in [
        ("--auth none --listen 0.0.0.0:0".to_owned(), "--auth none"),
        (format!("--workspace {file}"), "not a directory"),
        ("--workspace /nonexistent".to_owned(), "workspace"),
        ("--profile-dir /nonexistent".to_owned(), "--profile-dir"),
        (format!("--profile-dir {file}"), "--profile-dir"),
        ("--token ci=/nonexistent".to_owned(), "client `ci`"),
        ("--token-file /nonexistent".to_owned(), "token"),
    ] {
        let line = format!("serve --store memory --listen 127.0.0.1:0 {flags}");
        home.fails(2, &line).reports(&[reason]);
    }
}

#[test]
fn a_browser_that_fails_is_told_and_the_address_is_there() {
    let (home, _server) = forgetful_server(NO_PACE);
    let open = |browser: &str| {
        let mut command = home.command("open");
        command.env("BROWSER", browser);
        Running(command.spawn().unwrap())
    };
    for browser in ["/bin/sh -c false", "/nonexistent"] {
        let failed = open(browser).exits_with(1);
        failed.reports(&["the browser could not be started", "BROWSER"]);
        failed.prints(&["/#code="]);
    }
    let opened = open("/bin/sh -c true").exits_with(0);
    opened.reports(&["opened http://"]);
    assert_eq!(opened.out, "");
}

#[test]
fn help_that_can_t_be_written_is_a_failure() {
    let home = TestHome::new();
    for line in ["--help", "--version", "chat --help", "workers --help"] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = home.command(line);
        let failed = Running(command.stdout(full).spawn().unwrap()).exits_with(1);
        failed.reports(&["error: the output can't be written"]);
    }
}
