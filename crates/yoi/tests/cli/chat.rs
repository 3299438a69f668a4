//! `yoi chat` in a real terminal and from a pipe.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::fixture::{
    IN_MEMORY, NO_PACE, SLOW_PACE, TestHome, assert_contains, forgetful_server, long_message,
    server,
};
use crate::terminal::{ARROW_UP, CTRL_C, CTRL_D, Terminal};

fn chat(home: &TestHome, args: &str) -> Terminal {
    Terminal::start(&home.command(&format!("chat {args}")))
}

/// The id in the `yoi chat ID` that a conversation ends with.
fn id_to_continue_with(last: &str) -> String {
    let (_, id) = last.split_once("continue with `yoi chat ").expect(last);
    id.split('`').next().unwrap().to_owned()
}

#[test]
fn a_reply_is_streamed_and_ctrl_d_leaves() {
    let (home, _server) = server(SLOW_PACE);
    let mut chat = chat(&home, "--name Büro");
    chat.wait_for("“Büro”");
    chat.send(&long_message());
    // The first words are printed while the last ones are still to come.
    chat.wait_for("No model is configured");
    let worker = home.json("workers")["items"][0].clone();
    assert_eq!(worker["state"], "running");
    chat.press(CTRL_C);
    chat.wait_for("the run was cancelled");
    chat.send("good morning");
    chat.wait_for("You said: “good morning”");
    chat.wait_for("input tokens, 21 output tokens");
    assert_eq!(id_to_continue_with(&chat.leave()), worker["worker_id"]);
}

#[test]
fn ctrl_c_cancels_the_reply_and_clears_the_line_and_never_ends_the_conversation() {
    let (home, _server) = server(SLOW_PACE);
    let mut chat = chat(&home, "");
    chat.send(&long_message());
    chat.wait_for("No model is configured");
    chat.press(CTRL_C);
    chat.wait_for("the run was cancelled");
    chat.wait_for_prompt();
    chat.press("half a thou");
    chat.wait_for("half a thou");
    chat.press(CTRL_C);
    chat.send("next");
    chat.wait_for("You said: “next”");
    chat.leave();
}

#[test]
fn a_line_that_is_not_utf_8_is_refused_and_the_conversation_continues() {
    let (home, _server) = server(NO_PACE);
    let mut chat = chat(&home, "");
    // Longer than what the line editor reads at once.
    let long = [&b"caf\xe9 "[..], &[b'x'; 2000], b"\r"].concat();
    for line in [&b"caf\xe9 x\r"[..], b"\xff\xfe\r", b"caf\xe9\r", &long] {
        chat.wait_for_prompt();
        chat.press(line);
        chat.wait_for("\nnote: that line was not sent");
    }
    chat.send("café");
    chat.wait_for("You said: “café”");
    let worker = id_to_continue_with(&chat.leave());
    // Nothing of the refused lines was sent.
    let page = home.json(&format!("transcript {worker}"));
    assert_eq!(page["last_sequence"], 2);
}

#[test]
fn a_second_ctrl_c_returns_to_the_prompt_when_the_server_does_not_respond() {
    let (home, server) = server(SLOW_PACE);
    let mut chat = chat(&home, "");
    chat.send(&long_message());
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
    let mut first = chat(&home, "");
    first.send("the first thing");
    first.wait_for("“the first thing”");
    let worker = id_to_continue_with(&first.leave());

    let history = home.path(".local/state/yoi/chat-history");
    let mode = history.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let mut second = chat(&home, &worker);
    second.wait_for_prompt();
    second.press(ARROW_UP);
    second.wait_for("the first thing");
    second.submit("");
    second.wait_for("You said: “the first thing”");
    let last = second.leave();
    assert!(!last.contains("continue with"), "{last}");
    let page = home.json(&format!("transcript {worker}"));
    assert_eq!(page["last_sequence"], 4);
}

#[test]
fn a_reply_in_progress_is_printed_first() {
    let (home, _server) = server(SLOW_PACE);
    let worker = home.create_worker();
    let someone_else_sends = |first: &str| {
        let input = format!("{first} {}", long_message());
        let send = home.spawn_with_input(&input, &format!("send {worker}"));
        send.exits_with(0);
    };
    someone_else_sends("begun-elsewhere");
    let mut chat = chat(&home, &worker);
    chat.wait_for("a reply is in progress");
    chat.wait_for("No model is configured");
    chat.wait_for("You said: “begun-elsewhere word");
    home.yoi(&format!("cancel {worker}"));
    chat.wait_for("was cancelled");
    chat.wait_for_prompt();
    // While somebody else's run is active, a message is refused and not lost.
    someone_else_sends("someone-else");
    chat.submit("me too");
    chat.wait_for("[worker_busy]");
    chat.wait_for_prompt();
    home.yoi(&format!("cancel {worker}"));
    chat.press(ARROW_UP);
    chat.wait_for("me too");
    chat.submit("");
    chat.wait_for("You said: “me too”");
}

#[test]
fn a_server_that_is_restarted_between_two_messages_is_found_again_with_the_conversation() {
    let (home, server) = server(NO_PACE);
    let mut chat = chat(&home, "--name Keeper");
    chat.send("before");
    chat.wait_for("You said: “before”");
    chat.wait_for_prompt();
    server.kill();
    // Another port and another token.
    let _server = home.start_server(NO_PACE);
    chat.submit("after");
    chat.wait_for("looking for the server");
    chat.wait_for("connected to");
    chat.wait_for("You said: “after”");
    let worker = id_to_continue_with(&chat.leave());
    let worker = home.json(&format!("show {worker}"));
    assert_eq!(worker["display_name"], "Keeper");
    // It was sent once.
    assert_eq!(worker["conversation"]["transcript"]["last_sequence"], 4);
}

#[test]
fn a_reply_that_a_crash_ends_is_said_to_stop_and_the_conversation_goes_on() {
    let (home, server) = server(SLOW_PACE);
    let mut chat = chat(&home, "");
    chat.send(&long_message());
    chat.wait_for("No model is configured");
    server.kill();
    chat.wait_for("looking for the server");
    let _server = home.start_server(NO_PACE);
    chat.wait_for("connected to");
    chat.wait_for("the reply stops here: the server was restarted");
    chat.wait_for("failed [interrupted]");
    chat.send("again");
    chat.wait_for("You said: “again”");
    let worker = id_to_continue_with(&chat.leave());
    let page = home.json(&format!("transcript {worker}"));
    // The second message was sent once, and the first one never again.
    let messages = page["entries"].as_array().unwrap().iter();
    let messages: Vec<_> = messages.filter(|entry| entry["role"] == "user").collect();
    assert_eq!(messages.len(), 2, "{page}");
}

#[test]
fn a_restarted_server_that_forgets_is_found_again_without_the_conversation() {
    let (home, server) = forgetful_server(NO_PACE);
    let mut chat = chat(&home, "--name Keeper");
    chat.send("before");
    chat.wait_for("You said: “before”");
    chat.wait_for_prompt();
    server.kill();
    let _server = home.start_server_with(NO_PACE, IN_MEMORY);
    chat.submit("after");
    chat.wait_for("looking for the server");
    chat.wait_for("connected to");
    chat.wait_for("without the earlier messages");
    chat.wait_for("You said: “after”");
    let worker = id_to_continue_with(&chat.leave());
    let worker = home.json(&format!("show {worker}"));
    assert_eq!(worker["display_name"], "Keeper");
    // It was sent once.
    assert_eq!(worker["conversation"]["transcript"]["last_sequence"], 2);
}

#[test]
fn a_server_that_dies_during_a_reply_and_forgets_is_waited_for() {
    let (home, server) = forgetful_server(SLOW_PACE);
    let mut chat = chat(&home, "");
    chat.send(&long_message());
    chat.wait_for("No model is configured");
    server.kill();
    chat.wait_for("looking for the server");
    let _server = home.start_server_with(NO_PACE, IN_MEMORY);
    chat.wait_for("connected to");
    chat.wait_for("the rest of this reply is lost");
    chat.wait_for("A new worker");
    chat.send("again");
    chat.wait_for("You said: “again”");
    chat.leave();
}

#[test]
fn a_stopped_worker_ends_the_conversation() {
    let (home, _server) = server(NO_PACE);
    let worker = home.create_worker();
    let mut chat_before = chat(&home, &worker);
    chat_before.wait_for_prompt();
    home.yoi(&format!("stop {worker}"));
    chat_before.submit("hello?");
    for chat in [chat_before, chat(&home, &worker)] {
        let (code, last) = chat.finish();
        assert_eq!(code, Some(1), "{last}");
        assert_contains(&last, &["is stopped: it accepts no input"]);
    }
}

#[test]
fn a_pipe_is_one_message_and_only_the_reply_is_printed() {
    let (home, _server) = server(NO_PACE);
    let reply = home.spawn_with_input("two\nlines\n", "chat").exits_with(0);
    let (start, end) = ("No model is configured", "You said: “two lines”\n");
    assert!(reply.out.starts_with(start), "{}", reply.out);
    assert!(reply.out.ends_with(end), "{}", reply.out);
    let worker = id_to_continue_with(&reply.err);
    assert_eq!(reply.err.lines().count(), 1, "{}", reply.err);

    let events = home.spawn_with_input("hi", &format!("chat {worker} --json"));
    let events = events.exits_with(0);
    let last: Value = serde_json::from_str(events.out.lines().last().unwrap()).unwrap();
    assert_eq!(last["kind"], "run_finished");
    assert_eq!(events.err, "");

    let blank = home.spawn_with_input(" \n", "chat");
    blank.exits_with(2).reports(&["no message"]);
    let workers = home.json("workers");
    assert_eq!(workers["items"].as_array().unwrap().len(), 1);
}

#[test]
fn json_at_a_terminal_is_wrong_usage() {
    let (code, last) = chat(&TestHome::new(), "--json").finish();
    assert_eq!(code, Some(2), "{last}");
}
