//! The operator's signals: the first asks the server to end, the second ends it at once.

use std::io;
use std::thread;

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// The exit code of a process that a second signal ended: 128 + SIGINT, as shells have it.
const EXIT_SECOND_SIGNAL: i32 = 130;

/// SIGTERM and SIGINT, from the moment it is made.
///
/// They are waited for on a thread of their own, which lives as long as the process: the
/// others may all be blocked, for example on a log that nobody reads, and the second signal
/// is there for just that.
pub(crate) struct Signals {
    first: oneshot::Receiver<()>,
}

impl Signals {
    /// Takes the signals over from their default action. Not to be called by a task.
    ///
    /// # Errors
    /// When the operating system refuses the handlers or the thread.
    pub(crate) fn listen() -> io::Result<Self> {
        let waiting = Builder::new_current_thread().enable_io().build()?;
        let (mut terminate, mut interrupt) = {
            let _entered = waiting.enter();
            (
                signal(SignalKind::terminate())?,
                signal(SignalKind::interrupt())?,
            )
        };
        let (asked, first) = oneshot::channel();
        let wait = async move {
            next(&mut terminate, &mut interrupt).await;
            // Nobody listens to a server that is not up yet, or down already.
            let _ = asked.send(());
            next(&mut terminate, &mut interrupt).await;
            // Without a word: the log may be what blocks.
            std::process::exit(EXIT_SECOND_SIGNAL);
        };
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || waiting.block_on(wait))?;
        Ok(Self { first })
    }

    /// Ends with the first signal.
    ///
    /// # Cancellation
    /// Safe: the second signal still ends the process.
    pub(crate) async fn first(self) {
        // The sender is dropped only with the process.
        let _ = self.first.await;
    }
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) {
    // Both arms are cancel-safe: `Signal::recv` keeps a signal that was not taken.
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
