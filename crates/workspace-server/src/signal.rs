//! The operator's signals: the first asks the server to end, the second ends it at once.

use std::io;
use std::thread;

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// The exit code of a process that a second signal ended: 128 + SIGINT, as shells have it.
const EXIT_SECOND_SIGNAL: i32 = 130;

/// Receives SIGTERM and SIGINT on a thread of its own, which lives as long as the process. The
/// second signal ends the process even when all other threads are blocked.
pub(crate) struct Signals {
    first: oneshot::Receiver<()>,
}

impl Signals {
    /// Replaces the default action of the signals.
    ///
    /// # Errors
    /// When the operating system refuses the handlers or the thread.
    pub(crate) fn listen() -> io::Result<Self> {
        let executor = Builder::new_current_thread().enable_io().build()?;
        let (mut terminate, mut interrupt) = {
            let _entered = executor.enter();
            (
                signal(SignalKind::terminate())?,
                signal(SignalKind::interrupt())?,
            )
        };
        let (requested, first) = oneshot::channel();
        let wait = async move {
            next(&mut terminate, &mut interrupt).await;
            // The receiver is gone when the server did not start or has ended.
            let _ = requested.send(());
            next(&mut terminate, &mut interrupt).await;
            // The log is not flushed: its reader may be what blocks the process.
            std::process::exit(EXIT_SECOND_SIGNAL);
        };
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || executor.block_on(wait))?;
        Ok(Self { first })
    }

    /// Waits for the first signal.
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
