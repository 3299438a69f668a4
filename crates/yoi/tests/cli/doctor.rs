//! `yoi doctor`.

use crate::fixture::{NO_PACE, TestHome, server};

#[test]
fn without_a_server_doctor_says_how_to_start_one() {
    let home = TestHome::new();
    let finished = home.yoi(["doctor"]).exit_code(3);
    assert!(finished.out.contains("✗  server"), "{}", finished.out);
    assert!(finished.out.contains("`yoi serve`"), "{}", finished.out);
}

#[test]
fn doctor_checks_everything_and_asks_the_model_only_with_the_flag() {
    let (home, server) = server(NO_PACE);
    let finished = home.yoi(["doctor"]).success();
    for row in [
        "✓  server",
        "✓  ready",
        "✓  token",
        "✓  version",
        "✓  workers",
    ] {
        assert!(finished.out.contains(row), "{row}: {}", finished.out);
    }
    assert!(finished.out.contains("–  answer"), "{}", finished.out);
    let workers = || home.yoi(["workers", "--json"]).json()["items"].clone();
    assert_eq!(workers().as_array().unwrap().len(), 0);

    let rows = home.yoi(["doctor", "--ask-model", "--json"]).json();
    let rows = rows.as_array().unwrap();
    let answer = rows.iter().find(|row| row["check"] == "answer").unwrap();
    assert_eq!(answer["outcome"], "ok");
    assert!(answer["detail"].as_str().unwrap().contains(" ms, "));
    assert_eq!(workers()[0]["state"], "stopped");
    for row in rows {
        let text = row.to_string();
        assert!(!text.contains(&server.token), "{text}");
        assert!(!text.contains(home.directory().to_str().unwrap()), "{text}");
    }
}

#[test]
fn doctor_reports_a_token_that_is_rejected_or_open_to_others() {
    let (_home, server) = server(NO_PACE);
    let other_user = TestHome::new();
    let doctor = |token_file: &str| {
        let args = [
            "doctor",
            "--server",
            &server.url,
            "--token-file",
            token_file,
        ];
        let finished = other_user.yoi(args).exit_code(1);
        assert!(!finished.out.contains(token_file), "{}", finished.out);
        finished.out
    };
    let other = "another-token-of-22-characters-or-more";
    let file = other_user.file("token", 0o600, other);
    let report = doctor(file.to_str().unwrap());
    assert!(report.contains("✓  server"), "{report}");
    assert!(report.contains("✗  token"), "{report}");
    assert!(!report.contains(other), "{report}");
    let file = other_user.file("token", 0o644, other);
    let report = doctor(file.to_str().unwrap());
    assert!(report.contains("is open to others"), "{report}");
}
