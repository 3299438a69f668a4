//! `yoi chat` in a real terminal, against a real server; and `yoi doctor` about one.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "chat/server.rs"]
mod server;
#[path = "chat/terminal.rs"]
mod terminal;

#[expect(dead_code, reason = "the tests of the other commands need more of it")]
#[path = "cli/fixture.rs"]
mod fixture;

use std::os::unix::fs::PermissionsExt as _;

use fixture::{Home, Workshop};
use serde_json::Value;
use server::Server;
use terminal::{ARROW_UP, CTRL_C, CTRL_D, ENTER, Terminal};

/// Between two words: a reply to a short message takes two seconds, long enough to be seen
/// while it comes.
const LEISURELY: u32 = 100;
/// As fast as it can.
const AT_ONCE: u32 = 0;

fn chat(home: &Home, args: &[&str]) -> Terminal {
    let mut command = home.command(["chat"]);
    command.args(args);
    Terminal::start(&command)
}

/// The id in `yoi chat ID`, which is the last thing that a conversation says.
fn id_at_the_end(last: &str) -> String {
    let (_, id) = last.split_once("go on with `yoi chat ").expect(last);
    id.split('`').next().unwrap().to_owned()
}

#[test]
fn a_reply_is_streamed_and_ctrl_d_leaves() {
    let home = Home::new();
    let _server = Server::start(&home, LEISURELY);
    let mut chat = chat(&home, &["--name", "Büro"]);
    chat.shows("“Büro”");
    chat.says("good morning");
    // The first words are there before the last ones are made.
    chat.shows("No model is configured");
    let worker = home.yoi(["workers", "--json"]).json()["items"][0].clone();
    assert_eq!(worker["state"], "running");
    chat.shows("You said: “good morning”");
    chat.shows("tokens read, 21 written");
    chat.prompts();
    chat.press(CTRL_D);
    let (code, last) = chat.ends();
    assert_eq!(code, Some(0), "{last}");
    assert_eq!(id_at_the_end(&last), worker["worker_id"].as_str().unwrap());
}

#[test]
fn ctrl_c_cancels_the_reply_and_clears_the_line_and_never_ends_the_conversation() {
    let home = Home::new();
    let _server = Server::start(&home, LEISURELY);
    let mut chat = chat(&home, &[]);
    chat.says(&"word ".repeat(150));
    chat.shows("No model is configured");
    chat.press(CTRL_C);
    chat.shows("the run was cancelled");
    chat.prompts();
    chat.press("half a thou");
    chat.shows("half a thou");
    chat.press(CTRL_C);
    chat.says("next");
    chat.shows("You said: “next”");
    chat.prompts();
    chat.press(CTRL_D);
    assert_eq!(chat.ends().0, Some(0));
}

#[test]
fn a_second_ctrl_c_gives_the_prompt_back_when_the_server_does_not_answer() {
    let home = Home::new();
    let server = Server::start(&home, LEISURELY);
    let mut chat = chat(&home, &[]);
    chat.says("never mind");
    chat.shows("No model is configured");
    server.freezes();
    chat.press(CTRL_C);
    chat.shows("cancelling");
    chat.press(CTRL_C);
    chat.shows("not waiting any longer");
    chat.prompts();
    server.thaws();
    chat.press(CTRL_D);
    assert_eq!(chat.ends().0, Some(0));
}

#[test]
fn what_was_typed_comes_back_with_arrow_up_in_the_next_conversation_as_well() {
    let home = Home::new();
    let _server = Server::start(&home, AT_ONCE);
    let mut first = chat(&home, &[]);
    first.says("the first thing");
    first.shows("“the first thing”");
    first.prompts();
    first.press(CTRL_D);
    let worker = id_at_the_end(&first.ends().1);

    let history = home.path(".local/state/yoi/chat-history");
    let mode = history.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let mut second = chat(&home, &[&worker]);
    second.prompts();
    second.press(ARROW_UP);
    second.shows("the first thing");
    second.press(ENTER);
    second.shows("You said: “the first thing”");
    second.prompts();
    second.press(CTRL_D);
    let (code, last) = second.ends();
    assert_eq!(code, Some(0));
    assert!(!last.contains("go on with"), "{last}");
    let page = home.yoi(["transcript", &worker, "--json"]).json();
    assert_eq!(page["last_sequence"], 4);
}

#[test]
fn a_reply_that_is_under_way_is_shown_first() {
    let home = Home::new();
    let _server = Server::start(&home, LEISURELY);
    let worker = home.yoi(["create"]).done().out;
    let worker = worker.trim();
    home.yoi(["send", worker, "begun elsewhere"]).done();
    let mut chat = chat(&home, &[worker]);
    chat.shows("a reply is under way");
    chat.shows("No model is configured");
    chat.shows("You said: “begun elsewhere”");
    chat.prompts();
    // While someone else has it busy, a message is refused and not lost.
    home.yoi(["send", worker, "someone else"]).done();
    chat.press("me too");
    chat.press(ENTER);
    chat.shows("[worker_busy]");
    chat.prompts();
    home.yoi(["cancel", worker]).done();
    chat.press(ARROW_UP);
    chat.shows("me too");
    chat.press(ENTER);
    chat.shows("You said: “me too”");
}

#[test]
fn a_server_that_is_restarted_between_two_messages_is_found_again() {
    let home = Home::new();
    let server = Server::start(&home, AT_ONCE);
    let mut chat = chat(&home, &["--name", "Keeper"]);
    chat.says("before");
    chat.shows("You said: “before”");
    chat.prompts();
    server.dies();
    // Another port and another token.
    let _server = Server::start(&home, AT_ONCE);
    chat.press("after");
    chat.press(ENTER);
    chat.shows("looking for the server");
    chat.shows("answers again");
    chat.shows("without what was said before");
    chat.shows("You said: “after”");
    chat.prompts();
    chat.press(CTRL_D);
    let (code, last) = chat.ends();
    assert_eq!(code, Some(0));
    let worker = home.yoi(["show", &id_at_the_end(&last), "--json"]).json();
    assert_eq!(worker["display_name"], "Keeper");
    // It was said once.
    assert_eq!(worker["conversation"]["transcript"]["last_sequence"], 2);
}

#[test]
fn a_server_that_dies_in_the_middle_of_a_reply_is_waited_for() {
    let home = Home::new();
    let server = Server::start(&home, LEISURELY);
    let mut chat = chat(&home, &[]);
    chat.says(&"word ".repeat(150));
    chat.shows("No model is configured");
    server.dies();
    chat.shows("looking for the server");
    let _server = Server::start(&home, AT_ONCE);
    chat.shows("answers again");
    chat.shows("the rest of this reply is lost");
    chat.shows("A new worker");
    chat.says("again");
    chat.shows("You said: “again”");
    chat.prompts();
    chat.press(CTRL_D);
    assert_eq!(chat.ends().0, Some(0));
}

#[test]
fn a_worker_that_was_stopped_ends_the_conversation() {
    let home = Home::new();
    let _server = Server::start(&home, AT_ONCE);
    let worker = home.yoi(["create"]).done().out;
    let worker = worker.trim();
    let mut chat_before = chat(&home, &[worker]);
    chat_before.prompts();
    home.yoi(["stop", worker]).done();
    chat_before.press("hello?");
    chat_before.press(ENTER);
    for chat in [chat_before, chat(&home, &[worker])] {
        let (code, last) = chat.ends();
        assert_eq!(code, Some(1), "{last}");
        assert!(last.contains("is stopped: it takes no messages"), "{last}");
    }
}

#[test]
fn from_a_pipe_all_of_it_is_one_message_and_only_the_reply_is_printed() {
    let shop = Workshop::open();
    let ran = shop.yoi_reading("two\nlines\n", ["chat"]).done();
    assert!(ran.out.starts_with("No model is configured"), "{}", ran.out);
    assert!(ran.out.ends_with("You said: “two lines”\n"), "{}", ran.out);
    let worker = id_at_the_end(&ran.err);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);

    let events = shop.yoi_reading("hi", ["chat", &worker, "--json"]).done();
    let last: Value = serde_json::from_str(events.out.lines().last().unwrap()).unwrap();
    assert_eq!(last["kind"], "run_finished");
    assert_eq!(events.err, "");

    let blank = shop.yoi_reading(" \n", ["chat"]).ended(2);
    assert!(blank.err.contains("no message"), "{}", blank.err);
    let workers = shop.yoi(["workers", "--json"]).json();
    assert_eq!(workers["items"].as_array().unwrap().len(), 1);
}

#[test]
fn at_a_terminal_there_is_no_json() {
    let home = Home::new();
    let (code, last) = chat(&home, &["--json"]).ends();
    assert_eq!(code, Some(2), "{last}");
}

#[test]
fn a_doctor_without_a_patient_says_how_to_get_one() {
    let home = Home::new();
    let ran = home.yoi(["doctor"]).ended(3);
    assert!(ran.out.contains("✗  server"), "{}", ran.out);
    assert!(ran.out.contains("`yoi serve`"), "{}", ran.out);
}

#[test]
fn a_doctor_goes_through_everything_and_asks_the_model_only_when_told_to() {
    let shop = Workshop::open();
    let ran = shop.yoi(["doctor"]).done();
    for row in [
        "✓  server",
        "✓  ready",
        "✓  token",
        "✓  version",
        "✓  workers",
    ] {
        assert!(ran.out.contains(row), "{row}: {}", ran.out);
    }
    assert!(ran.out.contains("–  answer"), "{}", ran.out);
    let workers = || shop.yoi(["workers", "--json"]).json()["items"].clone();
    assert_eq!(workers().as_array().unwrap().len(), 0);

    let rows = shop.yoi(["doctor", "--ask-model", "--json"]).json();
    let rows = rows.as_array().unwrap();
    let answer = rows.iter().find(|row| row["check"] == "answer").unwrap();
    assert_eq!(answer["outcome"], "ok");
    assert!(answer["detail"].as_str().unwrap().contains(" ms, "));
    assert_eq!(workers()[0]["state"], "stopped");
    for row in rows {
        let text = row.to_string();
        assert!(!text.contains(shop.token()), "{text}");
        assert!(!text.contains(shop.directory().to_str().unwrap()), "{text}");
    }
}

#[test]
fn a_doctor_sees_a_token_that_does_not_fit() {
    let shop = Workshop::open();
    let stranger = Home::new();
    let doctor = |token_file: &str| {
        let args = ["doctor", "--server", shop.url(), "--token-file", token_file];
        let ran = stranger.yoi(args).ended(1);
        assert!(!ran.out.contains(token_file), "{}", ran.out);
        ran.out
    };
    let other = "another-token-of-22-characters-or-more";
    let file = stranger.file("token", 0o600, other);
    let said = doctor(file.to_str().unwrap());
    assert!(said.contains("✓  server"), "{said}");
    assert!(said.contains("✗  token"), "{said}");
    assert!(!said.contains(other), "{said}");
    let file = stranger.file("token", 0o644, other);
    let said = doctor(file.to_str().unwrap());
    assert!(said.contains("can be read by others"), "{said}");
}
