//! The browser page in chromium, against the wired server: found by role and accessible name, as
//! people with a screen reader do. At the end of each test the browser has logged no error and no violation of
//! the policy, and has asked no other origin.

#![expect(
    clippy::unwrap_used,
    reason = "in a test an unwrap is the shortest way to say so"
)]
#![expect(
    clippy::print_stderr,
    reason = "what the page showed when a test failed"
)]

#[path = "browser/accessibility.rs"]
mod accessibility;
#[path = "browser/conversation.rs"]
mod conversation;
#[path = "browser/driver.rs"]
mod driver;
#[path = "browser/hostile_text.rs"]
mod hostile_text;
#[path = "browser/late_answers.rs"]
mod late_answers;
#[path = "browser/lifecycle.rs"]
mod lifecycle;
#[path = "browser/list.rs"]
mod list;
#[path = "browser/page.rs"]
mod page;
#[path = "browser/reading.rs"]
mod reading;
#[path = "browser/recovery.rs"]
mod recovery;
#[path = "browser/requests.rs"]
mod requests;
#[path = "browser/scale.rs"]
mod scale;
#[path = "browser/servers.rs"]
mod servers;
#[path = "browser/sign_in.rs"]
mod sign_in;
