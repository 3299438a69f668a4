//! `yoi doctor`.

use crate::fixture::{IN_MEMORY, NO_PACE, TestHome, assert_contains, server};

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
    doctor("workspace").prints(&["✗  store", "no store of workers"]);
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
