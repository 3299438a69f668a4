//! The client commands.

use serde_json::{Value, json};
use testkit::address::ReservedAddress;

use crate::fixture::{ENDLESS_PACE, NO_PACE, Running, TestHome, assert_contains, server};
use crate::terminal::{CTRL_C, Terminal};

/// Begins to follow a run, and waits for its first output.
fn follow(home: &TestHome, worker: &str) -> Running {
    let mut follower = home.spawn(&format!("send {worker} hi --follow"));
    follower.wait_for_output();
    follower
}

fn last_line(text: &str) -> Value {
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

#[test]
fn a_client_finds_the_server_creates_a_worker_and_sends_it_input() {
    let (home, server) = server(NO_PACE);
    let worker = home.create_worker();
    let reply = home.yoi(&format!("send {worker} good-morning --follow"));
    assert!(reply.out.ends_with("“good-morning”\n"), "{}", reply.out);

    let workers = home.yoi("workers --runtime backend-internal");
    workers.prints(&["WORKER", &worker]);
    let show = home.yoi(&format!("show {worker}"));
    show.prints(&["embedded", "2 entries, 1 to 2"]);
    let transcript = home.yoi(&format!("transcript {worker}"));
    transcript.prints(&["1  user  ", "2  assistant  "]);
    let events = home.yoi(&format!("events {worker}"));
    events.prints(&["worker_created", "completed"]);
    home.yoi("runtimes")
        .prints(&["backend-internal", "local-compat"]);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn json_is_one_document_for_every_command() {
    let (home, _server) = server(NO_PACE);
    let created = home.json("create --name Büro");
    assert_eq!(created["display_name"], "Büro");
    let worker = created["worker_id"].as_str().unwrap();
    let accepted = home.yoi(&format!("--json send {worker} hi"));
    assert_eq!(last_line(&accepted.out)["sequence"], 1);
    for line in [
        "runtimes",
        "workers",
        "workers --all",
        "show WORKER",
        "transcript WORKER --limit 1",
        "events WORKER --limit 2",
        "cancel WORKER",
        "rename WORKER Second",
        "export WORKER",
        "stop WORKER",
        "delete WORKER --yes",
    ] {
        let document = home.json(&line.replace("WORKER", worker));
        assert!(document.is_object(), "{line}: {document}");
    }
}

#[test]
fn followed_json_is_one_event_a_line() {
    let (home, _server) = server(NO_PACE);
    let worker = home.create_worker();
    let followed = home.yoi(&format!("send {worker} hi --follow --json")).out;
    let events: Vec<Value> = followed.lines().map(last_line).collect();
    assert_eq!(events.first().unwrap()["kind"], "output_delta");
    assert_eq!(events.last().unwrap()["kind"], "run_finished");
    home.yoi(&format!("stop {worker}"));
    let all = home.yoi(&format!("events {worker} --follow --json"));
    assert_eq!(last_line(&all.out)["kind"], "worker_stopped");
}

#[test]
fn a_busy_worker_refuses_another_input_until_its_run_is_cancelled() {
    let (home, _server) = server(ENDLESS_PACE);
    let worker = home.create_worker();
    let run = home.yoi(&format!("send {worker} hi")).out;
    let busy = home.fails(1, &format!("send {worker} again"));
    assert!(busy.err.starts_with("error: "), "{}", busy.err);
    busy.reports(&["[worker_busy]", &format!("`yoi cancel {worker}` ends it")]);
    let busy = home.fails(1, &format!("send {worker} again --json"));
    assert_eq!(busy.out, "");
    assert_eq!(last_line(&busy.err)["code"], "worker_busy");

    let mismatch = home.fails(1, &format!("cancel {worker} --run another"));
    mismatch.reports(&["[run_mismatch]"]);
    let cancelled = home.yoi(&format!("cancel {worker} --run {run}"));
    assert_eq!(cancelled.out, format!("cancelled run {run}"));
    let idle = home.yoi(&format!("cancel {worker}"));
    assert_eq!(idle.out, "there was no active run\n");
}

#[test]
fn ctrl_c_ends_the_command_and_cancelling_ends_the_run() {
    let (home, _server) = server(ENDLESS_PACE);
    let worker = home.create_worker();
    let follower = follow(&home, &worker);
    follower.interrupt();
    let note = format!("the run is still active; `yoi cancel {worker} --run ");
    follower.exits_with(130).reports(&[&note]);
    assert_eq!(home.json(&format!("show {worker}"))["state"], "running");

    home.yoi(&format!("cancel {worker}"));
    let follower = follow(&home, &worker);
    home.yoi(&format!("cancel {worker}"));
    follower.exits_with(1).reports(&["was cancelled"]);
}

#[test]
fn following_events_ends_when_the_worker_is_stopped() {
    let (home, _server) = server(NO_PACE);
    let worker = home.create_worker();
    let mut follower = home.spawn(&format!("events {worker} --follow"));
    follower.wait_for_output();
    let stop = home.yoi(&format!("stop {worker}"));
    assert_eq!(stop.out, format!("{worker} is stopped\n"));
    follower.exits_with(0).prints(&["worker_stopped"]);
    home.fails(1, &format!("send {worker} hi"))
        .reports(&["[worker_stopped]"]);
}

#[test]
fn ctrl_c_ends_the_wait_for_a_server_that_went_away() {
    let (home, server) = server(ENDLESS_PACE);
    let worker = home.create_worker();
    let mut follower = Terminal::start(&home.command(&format!("send {worker} hi --follow")));
    follower.wait_for("No");
    server.kill();
    follower.wait_for("looking for the server for 30 s");
    follower.press(CTRL_C);
    assert_eq!(follower.finish().0, Some(130));
}

#[test]
fn a_repeated_key_repeats_nothing() {
    let (home, _server) = server(NO_PACE);
    let create = || home.yoi("create --idempotency-key k1");
    let (first, again) = (create(), create());
    assert_eq!(first.out, again.out);
    again.reports(&["this key created"]);
    let worker = first.out.trim();
    let send = format!("send {worker} hi --follow --idempotency-key k2");
    assert_eq!(home.yoi(&send).out, home.yoi(&send).out);
    let page = home.json(&format!("transcript {worker}"));
    assert_eq!(page["last_sequence"], 2);
}

#[test]
fn an_input_may_come_from_standard_input() {
    let (home, _server) = server(NO_PACE);
    let worker = home.create_worker();
    for text in ["", "-"] {
        let line = format!("send {worker} {text} --follow");
        let sent = home.spawn_with_input("from a pipe\n", &line);
        sent.exits_with(0).prints(&["“from a pipe”"]);
    }
    let empty = home.spawn_with_input("", &format!("send {worker}"));
    empty.exits_with(1).reports(&["[input_empty]"]);
}

#[test]
fn local_records_are_listed_and_other_operations_are_unsupported() {
    let home = TestHome::new();
    let record = home.path("data/workers/rev");
    std::fs::create_dir_all(&record).unwrap();
    let metadata = json!({"worker_name": "rev", "workspace_root": home.path("workspace")});
    std::fs::write(record.join("metadata.json"), metadata.to_string()).unwrap();
    let _server = home.start_server(NO_PACE);

    let listed = home.json("workers --kind local_compat");
    let worker = listed["items"][0]["worker_id"].as_str().unwrap();
    let shown = home.yoi(&format!("show {worker} --runtime local-compat"));
    shown.prints(&["recorded", "rev"]);
    let directory = home.directory().to_str().unwrap();
    assert!(!shown.out.contains(directory), "{}", shown.out);
    for command in [
        "transcript WORKER",
        "events WORKER",
        "cancel WORKER",
        "stop WORKER",
        "rename WORKER other",
        "delete WORKER --yes",
        "export WORKER",
    ] {
        let command = command.replace("WORKER", worker);
        let refused = home.fails(1, &format!("{command} --runtime local-compat"));
        refused.reports(&["[operation_unsupported]"]);
        assert_eq!(refused.out, "", "{command}");
    }
    home.fails(1, "create --runtime local-compat")
        .reports(&["[operation_unsupported]"]);
    // A worker of one runtime is unknown in another.
    home.fails(1, &format!("show {worker} --runtime backend-internal"))
        .reports(&["[unknown_worker]"]);
    // Without a runtime all of them are searched.
    home.yoi("show rev").prints(&["local-compat", worker]);
}

#[test]
fn a_worker_is_renamed_exported_and_deleted() {
    let (home, _server) = server(NO_PACE);
    let worker = home.create_worker();
    let renamed = home.yoi(&format!("rename {worker} Zweiter"));
    assert_eq!(renamed.out, format!("{worker} is now “Zweiter”\n"));
    home.yoi(&format!("send {worker} good-morning --follow"));

    let file = home.path("conversation.md");
    let export = format!("export {worker} --output {}", file.display());
    home.yoi(&export).reports(&["wrote 2 entries"]);
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.starts_with("# Zweiter\n"), "{written}");
    assert_contains(
        &written,
        &["## 1 · user · ", "good-morning", "## 2 · assistant"],
    );
    home.fails(2, &export).reports(&["is not overwritten"]);

    home.fails(2, &format!("delete {worker}"))
        .reports(&["can't be undone", "--yes"]);
    let deleted = home.yoi(&format!("delete {worker} --yes"));
    assert_eq!(deleted.out, format!("{worker} is deleted\n"));
    for command in ["show", "delete --yes", "export"] {
        let gone = home.fails(1, &format!("{command} {worker}"));
        gone.reports(&["[unknown_worker]"]);
    }
}

#[test]
fn a_delete_at_a_terminal_asks_by_name_and_takes_nothing_but_yes() {
    let (home, _server) = server(NO_PACE);
    let worker = home.yoi("create --name Zweiter").out.trim().to_owned();
    let command = home.command(&format!("delete {worker}"));
    for no in ["", "n", "yesterday"] {
        let mut delete = Terminal::start(&command);
        delete.wait_for(&format!("Delete “Zweiter” ({worker})"));
        delete.wait_for("[y/N] ");
        delete.submit(no);
        let (code, last) = delete.finish();
        assert_eq!(code, Some(1), "{last}");
        assert_contains(&last, &["nothing was deleted"]);
    }
    home.yoi(&format!("show {worker}"));
    let mut delete = Terminal::start(&command);
    delete.wait_for("[y/N] ");
    delete.submit("yes");
    delete.wait_for(&format!("{worker} is deleted"));
    assert_eq!(delete.finish().0, Some(0));
    home.fails(1, &format!("show {worker}"));
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let home = TestHome::new();
    for line in [
        "show w1@backend-internal",
        "runtimes --server https://127.0.0.1:1",
        "workers --limit 0",
        "--json serve",
        "nonsense",
    ] {
        let refused = home.fails(2, line);
        assert!(refused.err.starts_with("error: "), "{}", refused.err);
        assert_eq!(refused.out, "", "{line}");
    }
}

#[test]
fn an_unreachable_server_is_exit_code_3() {
    let home = TestHome::new();
    home.fails(3, "workers")
        .reports(&["no running server was found"]);
    let address = ReservedAddress::new();
    home.fails(3, &format!("workers --server http://{}", address.get()))
        .reports(&["connection refused"]);
}

#[test]
fn another_user_needs_the_token_file() {
    let (_home, server) = server(NO_PACE);
    let other_user = TestHome::new();
    let runtimes = format!("runtimes --server {}", server.url);
    other_user
        .fails(1, &runtimes)
        .reports(&["[unauthorized]", "--token-file"]);
    let line = |mode| {
        let file = other_user.file("token", mode, &format!("{}\n", server.token));
        format!("{runtimes} --token-file {}", file.display())
    };
    other_user.yoi(&line(0o600));
    let open = other_user.fails(2, &line(0o644));
    open.reports(&["others than its owner have access"]);
    assert!(!open.err.contains(&server.token));
}

#[test]
fn a_closed_pipe_ends_the_command_silently() {
    let (home, _server) = server(NO_PACE);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    for line in ["completions zsh", "runtimes"] {
        let mut command = home.command(line);
        let output = command.stdout(writer.try_clone().unwrap()).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    }
}

#[test]
fn an_empty_variable_of_the_server_counts_as_unset() {
    let home = TestHome::new();
    let mut command = home.command("serve --workspace /nowhere");
    command.envs([("YOI_TOKEN_FILE", ""), ("YOI_LIMIT", "")]);
    let serve = Running(command.spawn().unwrap()).exits_with(2);
    serve.reports(&["error: the workspace is not a directory that can be read"]);
    assert_eq!(serve.err.lines().count(), 1, "{}", serve.err);
}

#[test]
fn short_names_of_commands_and_what_is_stopped() {
    let (home, _server) = server(NO_PACE);
    let worker = home.yoi("new --name Erster").out.trim().to_owned();
    home.yoi("create --name Zweiter");
    for list in ["ls", "ps"] {
        home.yoi(list).prints(&["Erster", "Zweiter"]);
    }
    home.yoi("stop Erster");
    let live = home.yoi("ls");
    assert!(!live.out.contains("Erster"), "{}", live.out);
    live.reports(&["1 stopped worker is hidden; --all lists it"]);
    home.yoi("ls --all").prints(&["Erster", "Zweiter"]);
    home.yoi("rm Erster --yes")
        .prints(&[&format!("{worker} is deleted")]);
}

#[test]
fn the_version_names_the_api() {
    let version = TestHome::new().yoi("--version").out;
    assert!(version.starts_with("yoi 0.1.0 ("), "{version}");
    assert!(version.ends_with("API 1)\n"), "{version}");
}

#[test]
fn a_server_on_a_terminal_says_what_to_do_next_and_its_link_signs_in() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home.command("serve --listen 127.0.0.1:0 --log off"));
    let said = terminal.wait_for("yoi serve --model");
    assert_contains(&said, &["yoi chat", "`yoi open`"]);
    let (_, link) = said.split_once("in a browser:").unwrap();
    let link = link.split_whitespace().next().unwrap();
    let (address, code) = link.split_once("/#code=").unwrap();
    let opened = home.yoi("open --print").out;
    let (same_address, another) = opened.trim().split_once("/#code=").unwrap();
    assert_eq!(address, same_address);
    assert_ne!(code, another);
    terminal.press(CTRL_C);
    assert_eq!(terminal.finish().0, Some(0));
}
