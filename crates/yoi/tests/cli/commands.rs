//! The client commands.

use serde_json::Value;

use crate::fixture::{ENDLESS_PACE, Finished, NO_PACE, TestHome, server};

#[test]
fn a_client_finds_the_server_creates_a_worker_and_sends_it_input() {
    let (home, server) = server(NO_PACE);
    let worker = home.create_worker();
    let reply = home
        .yoi(["send", &worker, "good morning", "--follow"])
        .success();
    assert!(
        reply.out.contains("“good morning”") && reply.out.ends_with('\n'),
        "{}",
        reply.out
    );

    let listed = home
        .yoi(["workers", "--runtime", "backend-internal"])
        .success()
        .out;
    assert!(
        listed.starts_with("WORKER") && listed.contains(&worker),
        "{listed}"
    );
    let shown = home.yoi(["show", &worker]).success().out;
    assert!(
        shown.contains("embedded") && shown.contains("2 entries, 1 to 2"),
        "{shown}"
    );
    let transcript = home.yoi(["transcript", &worker]).success().out;
    assert!(
        transcript.contains("1  user  ") && transcript.contains("2  assistant  "),
        "{transcript}"
    );
    let events = home.yoi(["events", &worker]).success().out;
    assert!(
        events.contains("worker_created") && events.contains("completed"),
        "{events}"
    );
    let runtimes = home.yoi(["runtimes"]).success().out;
    assert!(runtimes.contains("backend-internal") && runtimes.contains("local-compat"));
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn json_is_one_document_for_every_command() {
    let (home, _server) = server(NO_PACE);
    let created = home.yoi(["create", "--json", "--name", "Büro"]).json();
    assert_eq!(created["display_name"], "Büro");
    let worker = created["worker_id"].as_str().unwrap();
    let accepted = home.yoi(["--json", "send", worker, "hi"]).json();
    assert_eq!(accepted["sequence"], 1);
    for command in [
        &["runtimes"][..],
        &["workers"],
        &["workers", "--all"],
        &["show", worker],
        &["transcript", worker, "--limit", "1"],
        &["events", worker, "--limit", "2"],
        &["cancel", worker],
        &["stop", worker],
    ] {
        let document = home.yoi(command.iter().chain(&["--json"])).json();
        assert!(document.is_object(), "{command:?}: {document}");
    }
}

#[test]
fn followed_json_is_one_event_a_line() {
    let (home, _server) = server(NO_PACE);
    let worker = home.create_worker();
    let followed = home
        .yoi(["send", &worker, "hi", "--follow", "--json"])
        .success()
        .out;
    let events: Vec<Value> = followed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.first().unwrap()["kind"], "output_delta");
    assert_eq!(events.last().unwrap()["kind"], "run_finished");

    home.yoi(["stop", &worker]).success();
    let all = home
        .yoi(["events", &worker, "--follow", "--json"])
        .success()
        .out;
    let last: Value = serde_json::from_str(all.lines().last().unwrap()).unwrap();
    assert_eq!(last["kind"], "worker_stopped");
}

#[test]
fn a_busy_worker_refuses_another_input_until_its_run_is_cancelled() {
    let (home, _server) = server(ENDLESS_PACE);
    let worker = home.create_worker();
    let run = home.yoi(["send", &worker, "hi"]).success().out;
    let busy = home.yoi(["send", &worker, "again"]).exit_code(1);
    assert!(
        busy.err.starts_with("error: ") && busy.err.contains("[worker_busy]"),
        "{}",
        busy.err
    );
    assert!(
        busy.err.contains(&format!("`yoi cancel {worker}` ends it")),
        "{}",
        busy.err
    );
    let busy = home.yoi(["send", &worker, "again", "--json"]).exit_code(1);
    let problem: Value = serde_json::from_str(&busy.err).unwrap();
    assert_eq!(
        (busy.out.as_str(), &problem["code"]),
        ("", &"worker_busy".into())
    );

    let mismatch = home
        .yoi(["cancel", &worker, "--run", "another"])
        .exit_code(1);
    assert!(mismatch.err.contains("[run_mismatch]"), "{}", mismatch.err);
    let cancelled = home
        .yoi(["cancel", &worker, "--run", run.trim()])
        .success()
        .out;
    assert_eq!(cancelled, format!("cancelled run {run}"));
    assert_eq!(
        home.yoi(["cancel", &worker]).success().out,
        "there was no active run\n"
    );
}

#[test]
fn following_a_run_that_is_cancelled_reports_it() {
    let (home, _server) = server(ENDLESS_PACE);
    let worker = home.create_worker();
    let mut follower = home.spawn(["send", &worker, "hi", "--follow"]);
    follower.wait_for_output();
    home.yoi(["cancel", &worker]).success();
    let finished = follower.finish().exit_code(1);
    assert!(finished.err.contains("was cancelled"), "{}", finished.err);
}

#[test]
fn ctrl_c_ends_the_command_and_not_the_run() {
    let (home, _server) = server(ENDLESS_PACE);
    let worker = home.create_worker();
    let mut follower = home.spawn(["send", &worker, "hi", "--follow"]);
    follower.wait_for_output();
    follower.interrupt();
    let finished = follower.finish().exit_code(130);
    let note = format!("the run is still active; `yoi cancel {worker} --run ");
    assert!(finished.err.contains(&note), "{}", finished.err);
    assert_eq!(
        home.yoi(["show", &worker, "--json"]).json()["state"],
        "running"
    );
}

#[test]
fn following_events_ends_when_the_worker_is_stopped() {
    let (home, _server) = server(NO_PACE);
    let worker = home.create_worker();
    let mut follower = home.spawn(["events", &worker, "--follow"]);
    follower.wait_for_output();
    assert_eq!(
        home.yoi(["stop", &worker]).success().out,
        format!("{worker} is stopped\n")
    );
    assert!(follower.finish().success().out.contains("worker_stopped"));
    let refused = home.yoi(["send", &worker, "hi"]).exit_code(1);
    assert!(refused.err.contains("[worker_stopped]"), "{}", refused.err);
}

#[test]
fn following_ends_when_the_server_does() {
    let (home, server) = server(ENDLESS_PACE);
    let worker = home.create_worker();
    let mut follower = home.spawn(["send", &worker, "hi", "--follow"]);
    follower.wait_for_output();
    assert_eq!(server.stop(), Some(0));
    let finished = follower.finish();
    // Either it still received the end of the run, or the server was unreachable.
    assert!(
        matches!(finished.code, 1 | 3),
        "{}: {}",
        finished.code,
        finished.err
    );
    assert!(
        finished.err.starts_with("error: ") || finished.err.contains("\nerror: "),
        "{}",
        finished.err
    );
}

#[test]
fn a_repeated_key_repeats_nothing() {
    let (home, _server) = server(NO_PACE);
    let create = || home.yoi(["create", "--idempotency-key", "k1"]).success();
    let (first, again) = (create(), create());
    assert_eq!(first.out, again.out);
    assert!(again.err.contains("this key created"), "{}", again.err);
    let worker = first.out.trim();
    let send = || {
        home.yoi(["send", worker, "hi", "--follow", "--idempotency-key", "k2"])
            .success()
    };
    assert_eq!(send().out, send().out);
    let page = home.yoi(["transcript", worker, "--json"]).json();
    assert_eq!(page["last_sequence"], 2);
}

#[test]
fn an_input_may_come_from_standard_input() {
    let (home, _server) = server(NO_PACE);
    let worker = home.create_worker();
    for args in [
        &["send", &worker, "--follow"][..],
        &["send", &worker, "-", "--follow"],
    ] {
        let finished = home.yoi_with_input("from a pipe\n", args).success();
        assert!(finished.out.contains("“from a pipe”"), "{}", finished.out);
    }
    let empty = home.yoi_with_input("", ["send", &worker]).exit_code(1);
    assert!(empty.err.contains("[input_empty]"), "{}", empty.err);
}

#[test]
fn local_records_are_listed_and_other_operations_are_unsupported() {
    let home = TestHome::new();
    let record = home.path("data/workers/rev");
    std::fs::create_dir_all(&record).unwrap();
    let metadata = serde_json::json!({
        "worker_name": "rev", "workspace_root": home.path("workspace"),
    });
    std::fs::write(record.join("metadata.json"), metadata.to_string()).unwrap();
    let _server = home.start_server(NO_PACE);

    let listed = home
        .yoi(["workers", "--kind", "local_compat", "--json"])
        .json();
    let worker = listed["items"][0]["worker_id"].as_str().unwrap();
    let at = |verb: &'static str| [verb, worker, "--runtime", "local-compat"];
    let shown = home.yoi(at("show")).success().out;
    assert!(
        shown.contains("recorded") && shown.contains("rev"),
        "{shown}"
    );
    assert!(
        !shown.contains(home.directory().to_str().unwrap()),
        "{shown}"
    );
    for verb in ["transcript", "events", "cancel", "stop"] {
        let refused = home.yoi(at(verb)).exit_code(1);
        assert!(
            refused.err.contains("[operation_unsupported]"),
            "{verb}: {}",
            refused.err
        );
    }
    let refused = home
        .yoi(["create", "--runtime", "local-compat"])
        .exit_code(1);
    assert!(
        refused.err.contains("[operation_unsupported]"),
        "{}",
        refused.err
    );
    // A worker of one runtime is unknown in another.
    let foreign = home.yoi(["show", worker]).exit_code(1);
    assert!(foreign.err.contains("[unknown_worker]"), "{}", foreign.err);
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let home = TestHome::new();
    for args in [
        &["show", "w1@backend-internal"][..],
        &["runtimes", "--server", "https://127.0.0.1:1"],
        &["workers", "--limit", "0"],
        &["--json", "serve"],
        &["nonsense"],
    ] {
        let finished = home.yoi(args).exit_code(2);
        assert!(
            finished.err.starts_with("error: ") && finished.out.is_empty(),
            "{args:?}: {}",
            finished.err
        );
    }
}

#[test]
fn an_unreachable_server_is_exit_code_3() {
    let home = TestHome::new();
    let none = home.yoi(["workers"]).exit_code(3);
    assert!(
        none.err.contains("no running server was found"),
        "{}",
        none.err
    );
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let absent = home
        .yoi(["workers", "--server", &format!("http://{port}")])
        .exit_code(3);
    assert!(absent.err.contains("connection refused"), "{}", absent.err);
}

#[test]
fn another_user_needs_the_token_file() {
    let (_home, server) = server(NO_PACE);
    let other_user = TestHome::new();
    let refused = other_user
        .yoi(["runtimes", "--server", &server.url])
        .exit_code(1);
    assert!(refused.err.contains("[unauthorized]"), "{}", refused.err);
    assert!(refused.err.contains("--token-file"), "{}", refused.err);
    let with = |mode| {
        let file = other_user.file("token", mode, &format!("{}\n", &server.token));
        let file = file.to_str().unwrap();
        other_user.yoi(["runtimes", "--server", &server.url, "--token-file", file])
    };
    with(0o600).success();
    let open = with(0o644).exit_code(2);
    assert!(open.err.contains("is open to others"), "{}", open.err);
    assert!(!open.err.contains(&server.token));
}

#[test]
fn a_closed_pipe_ends_the_command_silently() {
    let (_home, server) = server(NO_PACE);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let home = TestHome::new();
    for args in [
        &["completions", "zsh"][..],
        &["runtimes", "--server", &server.url],
    ] {
        let file = home.file("token", 0o600, &server.token);
        let mut command = home.command(args);
        command
            .env("YOI_TOKEN_FILE", file)
            .stdout(writer.try_clone().unwrap());
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    }
}

#[test]
fn an_empty_variable_of_the_server_counts_as_unset() {
    let home = TestHome::new();
    let finished = Finished::new(
        home.command(["serve", "--workspace", "/nowhere"])
            .envs([("YOI_TOKEN_FILE", ""), ("YOI_LIMIT", "")])
            .output()
            .unwrap(),
    );
    assert_eq!(
        (finished.code, finished.err.as_str()),
        (
            1,
            "error: the workspace is not a directory that can be read\n"
        )
    );
}
