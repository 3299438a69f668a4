//! The signals with which an operator ends the server or has it read its files again.

use std::io::{self, IsTerminal as _};

use rustix::process::Signal as Number;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// SIGTERM: end, after load balancers had time to notice.
    End,
    /// SIGINT, or a terminal that is gone: end at once.
    EndAtOnce,
    /// SIGHUP: read again what can be.
    Reload,
}

/// Receives the signals, which no longer end the process by themselves.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    /// How many of the standard streams were terminals at the start.
    terminals: usize,
}

impl Signals {
    /// Replaces the default action of the signals. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the operating system refuses the handlers.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            terminals: terminals(),
        })
    }

    /// Waits for the next signal.
    ///
    /// # Cancellation
    /// Safe: a signal that was not taken is kept.
    pub(crate) async fn next(&mut self) -> Request {
        // All arms are cancel-safe, because `Signal::recv` is.
        tokio::select! {
            _ = self.terminate.recv() => Request::End,
            _ = self.interrupt.recv() => Request::EndAtOnce,
            // The kernel sends it also when the terminal is closed: whoever closes it ends what
            // runs there.
            _ = self.hangup.recv() => self.after_hangup(terminals()),
        }
    }

    /// What SIGHUP asks for when so many of the terminals are left. The shell may send another one
    /// for the same reason, which must not count as a second request to end.
    fn after_hangup(&mut self, terminals: usize) -> Request {
        let is_gone = terminals < self.terminals;
        self.terminals = terminals;
        if is_gone {
            Request::EndAtOnce
        } else {
            Request::Reload
        }
    }
}

/// How many of the standard streams are terminals that still exist.
fn terminals() -> usize {
    let streams = [
        io::stdin().is_terminal(),
        io::stdout().is_terminal(),
        io::stderr().is_terminal(),
    ];
    streams.iter().filter(|is_terminal| **is_terminal).count()
}

/// Makes a write beyond the limit on the size of a file (`ulimit -f`) fail, for the rest of the
/// process, instead of ending it with SIGXFSZ.
///
/// # Errors
/// When the operating system refuses the handler.
pub fn survive_file_size_limit() -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let _entered = runtime.enter();
    // The handler stays when its receiver and the runtime are gone.
    drop(signal(SignalKind::from_raw(Number::XFSZ.as_raw()))?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sighup_asks_for_the_end_once_where_a_terminal_is_gone() {
        let mut signals = Signals::listen().unwrap();
        signals.terminals = 2;
        let asked = [2, 0, 0].map(|left| signals.after_hangup(left));
        let expected = [Request::Reload, Request::EndAtOnce, Request::Reload];
        assert_eq!(asked, expected);
    }
}
