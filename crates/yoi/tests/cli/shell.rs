//! Completions and man pages.

use crate::fixture::{NO_PACE, Running, TestHome, assert_contains, server};

/// What bash is offered for the last of `words`.
fn completed(home: &TestHome, words: &[&str]) -> Vec<String> {
    let mut command = home.command("-- yoi");
    command.args(words).env("YOI_COMPLETE", "bash");
    command.env("_CLAP_COMPLETE_INDEX", words.len().to_string());
    command.env("_CLAP_IFS", "\n");
    let out = Running(command.spawn().unwrap()).exits_with(0).out;
    out.lines().map(str::to_owned).collect()
}

#[test]
fn completions_know_workers_runtimes_profiles_and_commands() {
    let (home, server) = server(NO_PACE);
    let worker = home.yoi("create --name Erster").out.trim().to_owned();
    assert_eq!(completed(&home, &["show", ""]).first().unwrap(), "Erster");
    assert_eq!(completed(&home, &["chat", "Er"]), ["Erster"]);
    assert_eq!(completed(&home, &["send", &worker[..9]]), [worker.as_str()]);
    let runtimes = completed(&home, &["create", "--runtime", "ba"]);
    assert_eq!(runtimes, ["backend-internal"]);
    let profiles = completed(&home, &["chat", "--profile", "builtin:d"]);
    assert_contains(&profiles.join(" "), &["default"]);
    assert_eq!(completed(&home, &["transc"]), ["transcript"]);
    server.stop();
    // Without a server there are no names, and no error.
    assert!(!completed(&home, &["show", ""]).contains(&"Erster".to_owned()));
}

#[test]
fn every_shell_has_a_script_that_asks_this_program() {
    let home = TestHome::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = home.yoi(&format!("completions {shell}"));
        script.prints(&["YOI_COMPLETE", "yoi"]);
    }
}

#[test]
fn every_command_has_a_man_page() {
    let home = TestHome::new();
    let directory = home.path("man");
    home.yoi(&format!("man-pages {}", directory.display()));
    for (page, part) in [
        ("yoi.1", "yoi serve"),
        ("yoi-chat.1", "Ctrl"),
        ("yoi-store-backup.1", ""),
    ] {
        let page = std::fs::read_to_string(directory.join(page)).unwrap();
        assert_contains(&page, &[".TH", part]);
    }
}
