//! What `yoi chat` does to the terminal, and leaves of it.

use rustix::process::Signal;

use crate::fixture::{IN_MEMORY, SLOW_PACE, TestHome, forgetful_server, long_message};
use crate::terminal::{CTRL_C, Terminal};

fn chat(home: &TestHome, terminal: &str) -> Terminal {
    Terminal::start(home.command("chat").env("TERM", terminal))
}

#[test]
fn a_terminal_on_which_no_lines_are_edited_echoes_and_knows_its_keys() {
    for terminal in ["dumb", "Emacs", "cons25"] {
        let (home, _server) = forgetful_server(SLOW_PACE);
        let mut chat = chat(&home, terminal);
        chat.wait_for_prompt();
        chat.press("half a thou");
        chat.wait_for("half a thou");
        assert!(chat.is_as_before(), "{terminal}");
        chat.press(CTRL_C);
        chat.send(&long_message());
        chat.wait_for("No model is configured");
        chat.press(CTRL_C);
        chat.wait_for("the run was cancelled");
        chat.send("next");
        chat.wait_for("You said: “next”");
        chat.leave();
        let page = home.json("transcript -");
        let entries = page["entries"].as_array().unwrap().iter();
        let inputs = entries.filter(|entry| entry["role"] == "user");
        assert_eq!(inputs.count(), 2, "{terminal}: {page}");
    }
}

#[test]
fn a_signal_that_ends_the_chat_leaves_the_terminal_as_it_was() {
    let home = TestHome::new();
    let _server = home.start_server_with(SLOW_PACE, IN_MEMORY);
    for signal in [Signal::TERM, Signal::HUP, Signal::QUIT] {
        // The line editor marks what is pasted once it has the terminal.
        let mut at_prompt = chat(&home, "xterm");
        at_prompt.send("");
        at_prompt.wait_for_prompt();
        assert!(at_prompt.brackets_paste() && !at_prompt.is_as_before());
        at_prompt.signal(signal);
        at_prompt.is_ended_by(signal);
        assert!(at_prompt.is_as_before(), "{signal:?}");

        let mut in_reply = chat(&home, "xterm");
        in_reply.send(&long_message());
        in_reply.wait_for("No model is configured");
        assert!(!in_reply.is_as_before());
        in_reply.signal(signal);
        in_reply.is_ended_by(signal);
        assert!(in_reply.is_as_before(), "{signal:?}");
    }
}
