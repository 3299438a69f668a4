//! Inputs that are larger than the server takes.

use crate::fixture::{IN_MEMORY, NO_PACE, TestHome, forgetful_server};

/// What a server takes unless it is told otherwise (`input_bytes`).
const INPUT_BYTES: usize = 128 * 1024;

fn workers(home: &TestHome) -> usize {
    home.json("workers")["items"].as_array().unwrap().len()
}

#[test]
fn the_server_s_limit_is_named_however_much_larger_an_input_is() {
    let (home, _server) = forgetful_server(NO_PACE);
    let worker = home.create_worker();
    // The last one is twice as large as a body may be, since each character is escaped.
    for input in [
        "x".repeat(INPUT_BYTES + 1),
        "x".repeat(1024 * 1024),
        "\"".repeat(1024 * 1024),
    ] {
        for line in ["send -", "chat -", "chat"] {
            let refused = home.spawn_with_input(&input, line).exits_with(2);
            refused.reports(&["larger than 131072 bytes, the most that the server takes"]);
        }
    }
    assert_eq!(workers(&home), 1, "none was created");
    let full = "x".repeat(INPUT_BYTES);
    let line = format!("send {worker}");
    let accepted = home.spawn_with_input(&format!("{full}\r\n"), &line);
    accepted.exits_with(0);
    assert_eq!(
        home.json("transcript -")["entries"][0]["content"],
        full.as_str()
    );
}

#[test]
fn no_worker_is_created_for_a_message_beyond_a_limit_that_was_lowered() {
    let home = TestHome::new();
    let flags = format!("{IN_MEMORY} --limit input_bytes=1000");
    let _server = home.start_server_with(NO_PACE, &flags);
    let refused = home.spawn_with_input(&"x".repeat(1001), "chat");
    refused.exits_with(2).reports(&["larger than 1000 bytes"]);
    assert_eq!(workers(&home), 0);
    let accepted = home.spawn_with_input(&"x".repeat(1000), "chat");
    accepted.exits_with(0);
    assert_eq!(workers(&home), 1);
}
