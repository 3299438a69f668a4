//! The image, as far as it goes without a container engine: its commands and its environment, as
//! another user and with a root that can't be written.

use std::process::Command;

use serde_json::Value;

use crate::fixture::{TestHome, assert_contains};

const SCRIPT: &str = include_str!("container.sh");

/// The configuration of the image.
fn image() -> Value {
    serde_json::from_str(include_str!("../../../../packaging/image.json")).unwrap()
}

/// The words of a list of the configuration.
fn words(list: &Value) -> Vec<String> {
    serde_json::from_value(list.clone()).unwrap()
}

/// A command of the image. The program has a path, which engines find by `PATH`.
fn command(words: &[String]) -> String {
    assert_eq!(words[0], "yoi");
    format!("/usr/local/bin/{}", words.join(" "))
}

/// Runs a container with these variables, its health check once, and ends it; returns what the
/// script prints, and the log.
fn run(data: &str, variables: &[String]) -> (String, String) {
    let home = TestHome::new();
    let root = home.path("root");
    std::fs::create_dir(&root).unwrap();
    let image = image();
    let serve = [words(&image["Entrypoint"]), words(&image["Cmd"])].concat();
    let check = words(&image["Healthcheck"]["Test"]);
    let mut unshare = Command::new("unshare");
    unshare
        .args(["--user", "--map-root-user", "--mount"])
        .args(["sh", "-c", SCRIPT, "sh"])
        .arg(root)
        .args([env!("CARGO_BIN_EXE_yoi"), data])
        .args([command(&serve), command(&check[1..])])
        .args(variables);
    let output = unshare.output().unwrap();
    let [out, log] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
    (out, log)
}

#[track_caller]
fn assert_healthy((out, log): &(String, String)) {
    let lines: Vec<_> = out.lines().collect();
    let expected = ["health check: 0", "server: 0"];
    assert_eq!(lines[1..], expected, "{out}{log}");
    assert_contains(lines[0], &["yoi is listening on http://127.0.0.1:"]);
    assert!(!log.contains("error"), "{log}");
}

/// The variables of the image, but for the address: tests listen on loopback alone.
fn variables() -> Vec<String> {
    let mut variables = words(&image()["Env"]);
    variables.retain(|variable| !variable.starts_with("YOI_LISTEN="));
    variables.push("YOI_LISTEN=127.0.0.1:0".to_owned());
    variables
}

#[test]
fn the_image_serves_is_healthy_and_ends_as_another_user_with_a_read_only_root() {
    let ran = run("volume", &variables());
    assert_healthy(&ran);
    assert!(!ran.1.contains("can't find this server"), "{}", ran.1);
}

#[test]
fn the_image_needs_no_home_and_no_volume_when_it_keeps_workers_in_memory() {
    let mut variables = variables();
    variables.retain(|it| !it.starts_with("HOME=") && !it.starts_with("YOI_STORE="));
    variables.push("YOI_STORE=memory".to_owned());
    assert_healthy(&run("none", &variables));
}
