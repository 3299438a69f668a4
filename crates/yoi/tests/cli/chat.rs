//! `yoi chat` in a real terminal and from a pipe.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::fixture::{NO_PACE, TestHome, server};
use crate::terminal::{ARROW_UP, CTRL_C, CTRL_D, ENTER, Terminal};

/// Milliseconds per word: a reply to a short message takes two seconds, enough to observe it in
/// progress.
const SLOW_PACE: u32 = 100;

fn chat(home: &TestHome, args: &[&str]) -> Terminal {
    let mut command = home.command(["chat"]);
    command.args(args);
    Terminal::start(&command)
}

/// The id in the `yoi chat ID` that a conversation ends with.
fn id_to_continue_with(last: &str) -> String {
    let (_, id) = last.split_once("continue with `yoi chat ").expect(last);
    id.split('`').next().unwrap().to_owned()
}

#[test]
fn a_reply_is_streamed_and_ctrl_d_leaves() {
    let (home, _server) = server(SLOW_PACE);
    let mut chat = chat(&home, &["--name", "Büro"]);
    chat.wait_for("“Büro”");
    chat.send("good morning");
    // The first words are there before the last ones are made.
    chat.wait_for("No model is configured");
    let worker = home.yoi(["workers", "--json"]).json()["items"][0].clone();
    assert_eq!(worker["state"], "running");
    chat.wait_for("You said: “good morning”");
    chat.wait_for("input tokens, 21 output tokens");
    chat.wait_for_prompt();
    chat.press(CTRL_D);
    let (code, last) = chat.finish();
    assert_eq!(code, Some(0), "{last}");
    assert_eq!(
        id_to_continue_with(&last),
        worker["worker_id"].as_str().unwrap()
    );
}

#[test]
fn ctrl_c_cancels_the_reply_and_clears_the_line_and_never_ends_the_conversation() {
    let (home, _server) = server(SLOW_PACE);
    let mut chat = chat(&home, &[]);
    chat.send(&"word ".repeat(150));
    chat.wait_for("No model is configured");
    chat.press(CTRL_C);
    chat.wait_for("the run was cancelled");
    chat.wait_for_prompt();
    chat.press("half a thou");
    chat.wait_for("half a thou");
    chat.press(CTRL_C);
    chat.send("next");
    chat.wait_for("You said: “next”");
    chat.wait_for_prompt();
    chat.press(CTRL_D);
    assert_eq!(chat.finish().0, Some(0));
}

#[test]
fn a_second_ctrl_c_gives_the_prompt_back_when_the_server_does_not_answer() {
    let (home, server) = server(SLOW_PACE);
    let mut chat = chat(&home, &[]);
    chat.send("never mind");
    chat.wait_for("No model is configured");
    server.pause();
    chat.press(CTRL_C);
    chat.wait_for("cancelling");
    chat.press(CTRL_C);
    chat.wait_for("no longer waiting");
    chat.wait_for_prompt();
    server.resume();
    chat.press(CTRL_D);
    assert_eq!(chat.finish().0, Some(0));
}

#[test]
fn arrow_up_recalls_messages_of_earlier_conversations() {
    let (home, _server) = server(NO_PACE);
    let mut first = chat(&home, &[]);
    first.send("the first thing");
    first.wait_for("“the first thing”");
    first.wait_for_prompt();
    first.press(CTRL_D);
    let worker = id_to_continue_with(&first.finish().1);

    let history = home.path(".local/state/yoi/chat-history");
    let mode = history.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let mut second = chat(&home, &[&worker]);
    second.wait_for_prompt();
    second.press(ARROW_UP);
    second.wait_for("the first thing");
    second.press(ENTER);
    second.wait_for("You said: “the first thing”");
    second.wait_for_prompt();
    second.press(CTRL_D);
    let (code, last) = second.finish();
    assert_eq!(code, Some(0));
    assert!(!last.contains("continue with"), "{last}");
    let page = home.yoi(["transcript", &worker, "--json"]).json();
    assert_eq!(page["last_sequence"], 4);
}

#[test]
fn a_reply_in_progress_is_printed_first() {
    let (home, _server) = server(SLOW_PACE);
    let worker = home.yoi(["create"]).success().out;
    let worker = worker.trim();
    home.yoi(["send", worker, "begun elsewhere"]).success();
    let mut chat = chat(&home, &[worker]);
    chat.wait_for("a reply is in progress");
    chat.wait_for("No model is configured");
    chat.wait_for("You said: “begun elsewhere”");
    chat.wait_for_prompt();
    // While somebody else's run is active, a message is refused and not lost.
    home.yoi(["send", worker, "someone else"]).success();
    chat.press("me too");
    chat.press(ENTER);
    chat.wait_for("[worker_busy]");
    chat.wait_for_prompt();
    home.yoi(["cancel", worker]).success();
    chat.press(ARROW_UP);
    chat.wait_for("me too");
    chat.press(ENTER);
    chat.wait_for("You said: “me too”");
}

#[test]
fn a_server_that_is_restarted_between_two_messages_is_found_again() {
    let (home, server) = server(NO_PACE);
    let mut chat = chat(&home, &["--name", "Keeper"]);
    chat.send("before");
    chat.wait_for("You said: “before”");
    chat.wait_for_prompt();
    server.kill();
    // Another port and another token.
    let _server = home.start_server(NO_PACE);
    chat.press("after");
    chat.press(ENTER);
    chat.wait_for("looking for the server");
    chat.wait_for("connected to");
    chat.wait_for("without the earlier messages");
    chat.wait_for("You said: “after”");
    chat.wait_for_prompt();
    chat.press(CTRL_D);
    let (code, last) = chat.finish();
    assert_eq!(code, Some(0));
    let worker = home
        .yoi(["show", &id_to_continue_with(&last), "--json"])
        .json();
    assert_eq!(worker["display_name"], "Keeper");
    // It was sent once.
    assert_eq!(worker["conversation"]["transcript"]["last_sequence"], 2);
}

#[test]
fn a_server_that_dies_during_a_reply_is_waited_for() {
    let (home, server) = server(SLOW_PACE);
    let mut chat = chat(&home, &[]);
    chat.send(&"word ".repeat(150));
    chat.wait_for("No model is configured");
    server.kill();
    chat.wait_for("looking for the server");
    let _server = home.start_server(NO_PACE);
    chat.wait_for("connected to");
    chat.wait_for("the rest of this reply is lost");
    chat.wait_for("A new worker");
    chat.send("again");
    chat.wait_for("You said: “again”");
    chat.wait_for_prompt();
    chat.press(CTRL_D);
    assert_eq!(chat.finish().0, Some(0));
}

#[test]
fn a_stopped_worker_ends_the_conversation() {
    let (home, _server) = server(NO_PACE);
    let worker = home.yoi(["create"]).success().out;
    let worker = worker.trim();
    let mut chat_before = chat(&home, &[worker]);
    chat_before.wait_for_prompt();
    home.yoi(["stop", worker]).success();
    chat_before.press("hello?");
    chat_before.press(ENTER);
    for chat in [chat_before, chat(&home, &[worker])] {
        let (code, last) = chat.finish();
        assert_eq!(code, Some(1), "{last}");
        assert!(last.contains("is stopped: it accepts no input"), "{last}");
    }
}

#[test]
fn a_pipe_is_one_message_and_only_the_reply_is_printed() {
    let (home, _server) = server(NO_PACE);
    let finished = home.yoi_with_input("two\nlines\n", ["chat"]).success();
    assert!(
        finished.out.starts_with("No model is configured"),
        "{}",
        finished.out
    );
    assert!(
        finished.out.ends_with("You said: “two lines”\n"),
        "{}",
        finished.out
    );
    let worker = id_to_continue_with(&finished.err);
    assert_eq!(finished.err.lines().count(), 1, "{}", finished.err);

    let events = home
        .yoi_with_input("hi", ["chat", &worker, "--json"])
        .success();
    let last: Value = serde_json::from_str(events.out.lines().last().unwrap()).unwrap();
    assert_eq!(last["kind"], "run_finished");
    assert_eq!(events.err, "");

    let blank = home.yoi_with_input(" \n", ["chat"]).exit_code(2);
    assert!(blank.err.contains("no message"), "{}", blank.err);
    let workers = home.yoi(["workers", "--json"]).json();
    assert_eq!(workers["items"].as_array().unwrap().len(), 1);
}

#[test]
fn json_at_a_terminal_is_wrong_usage() {
    let home = TestHome::new();
    let (code, last) = chat(&home, &["--json"]).finish();
    assert_eq!(code, Some(2), "{last}");
}
