//! What is typed into `yoi chat`, and given to it on the command line.

use serde_json::Value;

use crate::fixture::{NO_PACE, SLOW_PACE, TestHome, assert_contains, long_message, server};
use crate::terminal::{ALT_ENTER, CTRL_C, CTRL_D, ENTER, Terminal};

fn chat(home: &TestHome, args: &str) -> Terminal {
    Terminal::start(&home.command(&format!("chat {args}")))
}

/// What the only worker, or `worker`, was told.
fn messages(home: &TestHome, worker: &str) -> Vec<String> {
    let page = home.json(&format!("transcript {worker}"));
    let entries = page["entries"].as_array().unwrap().iter();
    let said = entries.filter(|entry| entry["role"] == "user");
    said.map(|entry| entry["content"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn lines_typed_during_a_reply_are_kept_and_not_shown_in_it() {
    let (home, _server) = server(SLOW_PACE);
    let mut chat = chat(&home, "");
    chat.send("first");
    chat.wait_for("No model");
    chat.press(format!("second{ENTER}third{ENTER}half a "));
    let reply = chat.wait_for("You said: “first”");
    assert!(!reply.contains("second"), "{reply}");
    chat.wait_for("> second");
    chat.wait_for("You said: “second”");
    chat.wait_for("> third");
    chat.wait_for("You said: “third”");
    chat.wait_for("> half a ");
    chat.submit("line");
    chat.wait_for("You said: “half a line”");
    chat.leave();
    assert_eq!(
        messages(&home, "-"),
        ["first", "second", "third", "half a line"]
    );
}

#[test]
fn lines_that_are_pasted_as_if_they_were_typed_are_sent_one_after_the_other() {
    let (home, _server) = server(NO_PACE);
    let mut chat = chat(&home, "");
    chat.wait_for_prompt();
    let long = "word ".repeat(500) + "end";
    let lines = ["one", "two", &long, "four"];
    chat.press(lines.map(|line| format!("{line}{ENTER}")).concat());
    chat.wait_for("You said: “four”");
    chat.leave();
    assert_eq!(messages(&home, "-"), lines);
}

#[test]
fn a_message_has_several_lines_by_alt_enter_or_a_backslash() {
    let (home, _server) = server(NO_PACE);
    let mut chat = chat(&home, "");
    chat.wait_for_prompt();
    chat.press(format!("one{ALT_ENTER}two\\{ENTER}three{ENTER}"));
    chat.wait_for("You said: “one two three”");
    // A pasted text is one message.
    chat.wait_for_prompt();
    chat.press("\u{1b}[200~four\nfive\u{1b}[201~");
    chat.submit("");
    chat.wait_for("You said: “four five”");
    chat.leave();
    assert_eq!(messages(&home, "-"), ["one\ntwo\nthree", "four\nfive"]);
}

#[test]
fn nothing_of_a_cancelled_reply_or_a_cleared_line_is_left_on_the_screen() {
    let (home, _server) = server(SLOW_PACE);
    let mut chat = chat(&home, "");
    chat.send(&long_message());
    chat.wait_for("No model is configured");
    chat.press(CTRL_C);
    let reply = chat.wait_for("note: the run was cancelled\n");
    assert!(!reply.contains("^C") && reply.ends_with('\n'), "{reply:?}");
    chat.wait_for_prompt();
    chat.press(format!("one{ALT_ENTER}two"));
    chat.wait_for("two");
    chat.press(CTRL_C);
    assert_eq!(chat.wait_for("> "), "\n");
    chat.press(CTRL_D);
    assert_eq!(chat.finish().0, Some(0));
}

#[test]
fn commands_begin_with_a_slash_and_so_may_a_message() {
    let (home, _server) = server(NO_PACE);
    let mut chat = chat(&home, "--name Erster");
    chat.send("/help");
    chat.wait_for("/retry   send the last message again");
    chat.send("/retry");
    chat.wait_for("no message to send again");
    chat.send("/etc/passwd");
    chat.wait_for("/etc/passwd is no command, and was not sent");
    chat.send("//etc/passwd");
    chat.wait_for("You said: “/etc/passwd”");
    chat.send("/retry");
    chat.wait_for("You said: “/etc/passwd”");
    chat.send("/cancel");
    chat.wait_for("there is no active run");
    chat.send("/new");
    chat.wait_for("chatting with");
    chat.send("another");
    chat.wait_for("You said: “another”");
    chat.send("/exit");
    assert_eq!(chat.finish().0, Some(0));
    assert_eq!(messages(&home, "-"), ["another"]);
    assert_eq!(messages(&home, "Erster"), ["/etc/passwd"; 2]);
}

#[test]
fn a_chat_begins_with_a_message_and_goes_on_with_the_last_worker() {
    let (home, _server) = server(NO_PACE);
    let question = || {
        let mut command = home.command("chat");
        command.arg("What is it?");
        command
    };
    let mut asked = Terminal::start(&question());
    asked.wait_for("You said: “What is it?”");
    asked.leave();
    let mut again = chat(&home, "-c");
    again.wait_for("you:\n  What is it?\nassistant:\n  No model");
    again.send("/retry");
    again.wait_for("You said: “What is it?”");
    again.leave();
    assert_eq!(messages(&home, "-"), ["What is it?"; 2]);

    let mut once = question();
    let once = crate::fixture::Running(once.arg("--once").spawn().unwrap()).exits_with(0);
    assert!(
        once.out.ends_with("You said: “What is it?”\n"),
        "{}",
        once.out
    );
    assert_eq!(messages(&home, "-").len(), 1, "another worker");
    home.yoi("chat -c --once more");
    home.yoi("chat - again");
    assert_eq!(messages(&home, "-"), ["What is it?", "more", "again"]);
    // A word from a script is a name.
    home.fails(1, "chat nobody")
        .reports(&["no worker has the name “nobody”"]);
    let mut word = chat(&home, "hello");
    word.wait_for("no worker is called “hello”: it is a message to a new one");
    word.wait_for("You said: “hello”");
    word.leave();
}

#[test]
fn a_reply_is_markdown_and_breaks_between_words() {
    let (home, _server) = server(NO_PACE);
    for columns in [80, 40] {
        let mut command = home.command("chat --once");
        command.arg(format!("**strong** {}", "longish ".repeat(30)));
        let mut chat = Terminal::start_with(&command, columns);
        let reply = chat.wait_for("tokens\n");
        let reply = &reply[reply.find("No model").unwrap()..];
        assert!(!reply.contains("**"), "{reply}");
        for line in reply.lines() {
            assert!(line.chars().count() < columns.into(), "{line}");
        }
        let words = reply
            .split_whitespace()
            .filter(|word| word.contains("ongish"));
        assert_eq!(words.count(), 30, "{reply}");
        let (code, notes) = chat.finish();
        assert_eq!(code, Some(0));
        assert_contains(&notes.replace('\n', " "), &["continue with `yoi chat "]);
        for line in notes.lines() {
            assert!(line.chars().count() < columns.into(), "{line}");
        }
    }
    // In a pipe it is what the model said.
    let piped = home.spawn_with_input("**strong**", "chat").exits_with(0);
    piped.prints(&["“**strong**”"]);
}

#[test]
fn a_worker_that_another_client_stops_is_told_as_that() {
    let (home, _server) = server(SLOW_PACE);
    let mut chat = chat(&home, "--name Erster");
    chat.send(&long_message());
    chat.wait_for("No model");
    let mut follower = home.spawn("events - --follow --json");
    follower.wait_for_output();
    home.yoi("stop Erster");
    chat.wait_for("note: another client stopped this worker");
    let (code, last) = chat.finish();
    assert_eq!(code, Some(1), "{last}");
    assert_contains(&last, &["is stopped: it accepts no input"]);
    let events = follower.exits_with(0).out;
    let last: Value = serde_json::from_str(events.lines().last().unwrap()).unwrap();
    assert_eq!(last["kind"], "worker_stopped");

    let worker = home.create_worker();
    let send = format!("send {worker} --follow");
    let mut sender = home.spawn_with_input(&long_message(), &send);
    sender.wait_for_output();
    home.yoi("stop -");
    sender
        .exits_with(1)
        .reports(&["another client stopped this worker"]);
}
