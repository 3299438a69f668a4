//! Time that stands still, for what real threads do in a test.

use std::sync::mpsc;

/// While there is one, the paused time of a tokio runtime does not advance by itself, as it doesn't
/// while a blocking task runs. However long a busy machine takes, no deadline passes.
#[must_use = "dropping it lets time go on"]
pub struct StoppedClock(
    #[expect(dead_code, reason = "ends the task when dropped")] mpsc::Sender<()>,
);

impl StoppedClock {
    /// Stops the paused time of the runtime that this is called in.
    #[expect(clippy::new_without_default, reason = "it stops the clock")]
    pub fn new() -> Self {
        let (alive, end) = mpsc::channel();
        tokio::task::spawn_blocking(move || end.recv());
        Self(alive)
    }
}
