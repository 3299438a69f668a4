//! The signals that end a chat. The terminal has to be restored first, so they get a handler.

use std::io;
use std::process;

use signal_hook::low_level::emulate_default_handler;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub(super) struct TerminationSignals {
    hangup: Signal,
    quit: Signal,
    terminate: Signal,
}

impl TerminationSignals {
    /// Replaces the default action of the signals, for the rest of the process. Must be called
    /// within a tokio runtime.
    ///
    /// # Errors
    /// When the operating system refuses the handlers.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for one of them.
    ///
    /// # Cancellation
    /// Safe: a signal that was not received stays.
    pub(super) async fn recv(&mut self) -> SignalKind {
        // All arms are cancel-safe, because `Signal::recv` is.
        tokio::select! {
            _ = self.hangup.recv() => SignalKind::hangup(),
            _ = self.quit.recv() => SignalKind::quit(),
            _ = self.terminate.recv() => SignalKind::terminate(),
        }
    }
}

/// Ends the process by `signal`, as if it had no handler, so that whoever waits for the process
/// sees what ended it.
pub(super) fn end_process(signal: SignalKind) -> ! {
    let number = signal.as_raw_value();
    // It returns only when the default action can't be had back.
    let _ = emulate_default_handler(number);
    process::exit(128 + number)
}
