//! The binary against a real server: what a person types, and what comes back.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "cli/fixture.rs"]
mod fixture;

use fixture::{Home, Ran, Workshop};
use serde_json::Value;

#[test]
fn a_second_terminal_finds_the_server_creates_a_worker_and_talks_to_it() {
    let shop = Workshop::open();
    let worker = shop.creates_a_worker();
    let reply = shop
        .yoi(["send", &worker, "good morning", "--follow"])
        .done();
    assert!(
        reply.out.contains("“good morning”") && reply.out.ends_with('\n'),
        "{}",
        reply.out
    );

    let listed = shop
        .yoi(["workers", "--runtime", "backend-internal"])
        .done()
        .out;
    assert!(
        listed.starts_with("WORKER") && listed.contains(&worker),
        "{listed}"
    );
    let shown = shop.yoi(["show", &worker]).done().out;
    assert!(
        shown.contains("embedded") && shown.contains("2 entries, 1 to 2"),
        "{shown}"
    );
    let said = shop.yoi(["transcript", &worker]).done().out;
    assert!(
        said.contains("1  user  ") && said.contains("2  assistant  "),
        "{said}"
    );
    let events = shop.yoi(["events", &worker]).done().out;
    assert!(
        events.contains("worker_created") && events.contains("completed"),
        "{events}"
    );
    let runtimes = shop.yoi(["runtimes"]).done().out;
    assert!(runtimes.contains("backend-internal") && runtimes.contains("local-compat"));
    assert_eq!(shop.close(), Some(0));
}

#[test]
fn json_is_one_document_for_every_command() {
    let shop = Workshop::open();
    let created = shop.yoi(["create", "--json", "--name", "Büro"]).json();
    assert_eq!(created["display_name"], "Büro");
    let worker = created["worker_id"].as_str().unwrap();
    let accepted = shop.yoi(["--json", "send", worker, "hi"]).json();
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
        let document = shop.yoi(command.iter().chain(&["--json"])).json();
        assert!(document.is_object(), "{command:?}: {document}");
    }
}

#[test]
fn followed_json_is_one_event_a_line() {
    let shop = Workshop::open();
    let worker = shop.creates_a_worker();
    let followed = shop
        .yoi(["send", &worker, "hi", "--follow", "--json"])
        .done()
        .out;
    let events: Vec<Value> = followed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.first().unwrap()["kind"], "output_delta");
    assert_eq!(events.last().unwrap()["kind"], "run_finished");

    shop.yoi(["stop", &worker]).done();
    let all = shop
        .yoi(["events", &worker, "--follow", "--json"])
        .done()
        .out;
    let last: Value = serde_json::from_str(all.lines().last().unwrap()).unwrap();
    assert_eq!(last["kind"], "worker_stopped");
}

#[test]
fn a_busy_worker_refuses_another_input_until_its_run_is_cancelled() {
    let shop = Workshop::open_slow();
    let worker = shop.creates_a_worker();
    let run = shop.yoi(["send", &worker, "hi"]).done().out;
    let busy = shop.yoi(["send", &worker, "again"]).ended(1);
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
    let busy = shop.yoi(["send", &worker, "again", "--json"]).ended(1);
    let problem: Value = serde_json::from_str(&busy.err).unwrap();
    assert_eq!(
        (busy.out.as_str(), &problem["code"]),
        ("", &"worker_busy".into())
    );

    let mismatch = shop.yoi(["cancel", &worker, "--run", "another"]).ended(1);
    assert!(mismatch.err.contains("[run_mismatch]"), "{}", mismatch.err);
    let cancelled = shop
        .yoi(["cancel", &worker, "--run", run.trim()])
        .done()
        .out;
    assert_eq!(cancelled, format!("cancelled run {run}"));
    assert_eq!(
        shop.yoi(["cancel", &worker]).done().out,
        "there was no active run\n"
    );
}

#[test]
fn a_follower_is_told_that_the_run_was_cancelled() {
    let shop = Workshop::open_slow();
    let worker = shop.creates_a_worker();
    let mut follower = shop.begins(["send", &worker, "hi", "--follow"]);
    follower.has_begun_to_print();
    shop.yoi(["cancel", &worker]).done();
    let ran = follower.ends().ended(1);
    assert!(ran.err.contains("was cancelled"), "{}", ran.err);
}

#[test]
fn ctrl_c_ends_the_command_and_not_the_run() {
    let shop = Workshop::open_slow();
    let worker = shop.creates_a_worker();
    let mut follower = shop.begins(["send", &worker, "hi", "--follow"]);
    follower.has_begun_to_print();
    follower.interrupt();
    let ran = follower.ends().ended(130);
    let told = format!("the run goes on; end it with `yoi cancel {worker} --run ");
    assert!(ran.err.contains(&told), "{}", ran.err);
    assert_eq!(
        shop.yoi(["show", &worker, "--json"]).json()["state"],
        "running"
    );
}

#[test]
fn a_follower_of_events_ends_with_the_worker() {
    let shop = Workshop::open();
    let worker = shop.creates_a_worker();
    let mut follower = shop.begins(["events", &worker, "--follow"]);
    follower.has_begun_to_print();
    assert_eq!(
        shop.yoi(["stop", &worker]).done().out,
        format!("{worker} is stopped\n")
    );
    assert!(follower.ends().done().out.contains("worker_stopped"));
    let refused = shop.yoi(["send", &worker, "hi"]).ended(1);
    assert!(refused.err.contains("[worker_stopped]"), "{}", refused.err);
}

#[test]
fn a_follower_ends_when_the_server_does() {
    let shop = Workshop::open_slow();
    let worker = shop.creates_a_worker();
    let mut follower = shop.begins(["send", &worker, "hi", "--follow"]);
    follower.has_begun_to_print();
    assert_eq!(shop.close(), Some(0));
    let ran = follower.ends();
    // Either it still heard that the run was cancelled, or it found nobody to ask.
    assert!(matches!(ran.code, 1 | 3), "{}: {}", ran.code, ran.err);
    assert!(
        ran.err.starts_with("error: ") || ran.err.contains("\nerror: "),
        "{}",
        ran.err
    );
}

#[test]
fn a_repeated_key_repeats_nothing() {
    let shop = Workshop::open();
    let create = || shop.yoi(["create", "--idempotency-key", "k1"]).done();
    let (first, again) = (create(), create());
    assert_eq!(first.out, again.out);
    assert!(again.err.contains("this key created"), "{}", again.err);
    let worker = first.out.trim();
    let send = || {
        shop.yoi(["send", worker, "hi", "--follow", "--idempotency-key", "k2"])
            .done()
    };
    assert_eq!(send().out, send().out);
    let page = shop.yoi(["transcript", worker, "--json"]).json();
    assert_eq!(page["last_sequence"], 2);
}

#[test]
fn an_input_may_come_from_standard_input() {
    let shop = Workshop::open();
    let worker = shop.creates_a_worker();
    for args in [
        &["send", &worker, "--follow"][..],
        &["send", &worker, "-", "--follow"],
    ] {
        let ran = shop.yoi_reading("from a pipe\n", args).done();
        assert!(ran.out.contains("“from a pipe”"), "{}", ran.out);
    }
    let empty = shop.yoi_reading("", ["send", &worker]).ended(1);
    assert!(empty.err.contains("[input_empty]"), "{}", empty.err);
}

#[test]
fn local_records_are_shown_and_nothing_more() {
    let home = Home::new();
    let record = home.path("data/workers/rev");
    std::fs::create_dir_all(&record).unwrap();
    let metadata = serde_json::json!({
        "worker_name": "rev", "workspace_root": home.path("workspace"),
    });
    std::fs::write(record.join("metadata.json"), metadata.to_string()).unwrap();
    let shop = Workshop::at(home);

    let listed = shop
        .yoi(["workers", "--kind", "local_compat", "--json"])
        .json();
    let worker = listed["items"][0]["worker_id"].as_str().unwrap();
    let at = |verb: &'static str| [verb, worker, "--runtime", "local-compat"];
    let shown = shop.yoi(at("show")).done().out;
    assert!(
        shown.contains("recorded") && shown.contains("rev"),
        "{shown}"
    );
    assert!(
        !shown.contains(shop.directory().to_str().unwrap()),
        "{shown}"
    );
    for verb in ["transcript", "events", "cancel", "stop"] {
        let refused = shop.yoi(at(verb)).ended(1);
        assert!(
            refused.err.contains("[operation_unsupported]"),
            "{verb}: {}",
            refused.err
        );
    }
    let refused = shop.yoi(["create", "--runtime", "local-compat"]).ended(1);
    assert!(
        refused.err.contains("[operation_unsupported]"),
        "{}",
        refused.err
    );
    // A worker of one runtime is unknown in another.
    let foreign = shop.yoi(["show", worker]).ended(1);
    assert!(foreign.err.contains("[unknown_worker]"), "{}", foreign.err);
}

#[test]
fn what_was_not_understood_is_exit_code_2() {
    let home = Home::new();
    for args in [
        &["show", "w1@backend-internal"][..],
        &["runtimes", "--server", "https://127.0.0.1:1"],
        &["workers", "--limit", "0"],
        &["--json", "serve"],
        &["nonsense"],
    ] {
        let ran = home.yoi(args).ended(2);
        assert!(
            ran.err.starts_with("error: ") && ran.out.is_empty(),
            "{args:?}: {}",
            ran.err
        );
    }
}

#[test]
fn a_server_that_is_not_there_is_exit_code_3() {
    let home = Home::new();
    let nobody = home.yoi(["workers"]).ended(3);
    assert!(
        nobody.err.contains("no running server was found"),
        "{}",
        nobody.err
    );
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let absent = home
        .yoi(["workers", "--server", &format!("http://{port}")])
        .ended(3);
    assert!(absent.err.contains("connection refused"), "{}", absent.err);
}

#[test]
fn a_stranger_gets_in_with_the_token_file_alone() {
    let shop = Workshop::open();
    let stranger = Home::new();
    let refused = stranger.yoi(["runtimes", "--server", shop.url()]).ended(1);
    assert!(refused.err.contains("[unauthorized]"), "{}", refused.err);
    assert!(refused.err.contains("--token-file"), "{}", refused.err);
    let with = |mode| {
        let file = stranger.file("token", mode, &format!("{}\n", shop.token()));
        let file = file.to_str().unwrap();
        stranger.yoi(["runtimes", "--server", shop.url(), "--token-file", file])
    };
    with(0o600).done();
    let open = with(0o644).ended(2);
    assert!(open.err.contains("can be read by others"), "{}", open.err);
    assert!(!open.err.contains(shop.token()));
}

#[test]
fn a_reader_that_has_read_enough_ends_the_command_quietly() {
    let shop = Workshop::open();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let home = Home::new();
    for args in [
        &["completions", "zsh"][..],
        &["runtimes", "--server", shop.url()],
    ] {
        let file = home.file("token", 0o600, shop.token());
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
    let home = Home::new();
    let ran = Ran::of(
        home.command(["serve", "--workspace", "/nowhere"])
            .envs([("YOI_TOKEN_FILE", ""), ("YOI_LIMIT", "")])
            .output()
            .unwrap(),
    );
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (
            1,
            "error: the workspace is not a directory that can be read\n"
        )
    );
}
