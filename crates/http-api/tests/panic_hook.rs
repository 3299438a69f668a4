//! The panic hook is the process's, so this test is alone in its process.

#![expect(
    clippy::unwrap_used,
    reason = "in a test an unwrap is the shortest way to say so"
)]

#[path = "support/log.rs"]
mod log;

use log::Log;

#[test]
fn a_panic_leaves_its_place_in_the_log_and_never_its_message() {
    let log = Log::default();
    tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false)
        .init();
    http_api::panic_hook::install();
    let content = "what a person wrote";
    let caught = std::panic::catch_unwind(|| panic!("{content}"));
    assert!(caught.is_err());
    let text = log.text();
    assert!(
        text.contains("ERROR") && text.contains("panic_hook.rs"),
        "{text}"
    );
    assert!(!text.contains(content), "{text}");
}
