//! What a crash of a command leaves.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use rustix::process::Signal;

use crate::fixture::{NO_PACE, Running, TestHome, server};

/// A command that may write core dumps of any size, and waits for events.
fn waiting(home: &TestHome, worker: &str, flag: &str) -> Running {
    let command = home.command(&format!("{flag} events --follow {worker}"));
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "ulimit -c unlimited; exec \"$@\"", "sh"]);
    shell.arg(command.get_program()).args(command.get_args());
    let variables = command.get_envs();
    shell
        .env_clear()
        .envs(variables.filter_map(|(name, value)| Some((name, value?))))
        .current_dir(home.path("workspace"))
        .stdout(std::process::Stdio::piped());
    let mut running = Running(shell.spawn().unwrap());
    running.wait_for_output();
    running
}

/// The most bytes of a core dump of a command.
fn core_limit(command: &Running) -> String {
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", command.0.id())).unwrap();
    let mut lines = limits.lines();
    let line = lines.find_map(|line| line.strip_prefix("Max core file size"));
    line.unwrap().split_whitespace().next().unwrap().to_owned()
}

#[test]
fn a_command_that_crashes_writes_no_core_dump_unless_that_is_allowed() {
    let (home, _server) = server(NO_PACE);
    let worker = home.create_worker();
    home.yoi(&format!("send {worker} hi --follow"));
    let mut command = waiting(&home, &worker, "");
    assert_eq!(core_limit(&command), "0");
    command.signal(Signal::ABORT);
    let status = command.0.wait().unwrap();
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()));
    assert!(!status.core_dumped());

    let mut command = waiting(&home, &worker, "--allow-core-dumps");
    assert_eq!(core_limit(&command), "unlimited");
    command.0.kill().unwrap();
    command.0.wait().unwrap();
}
