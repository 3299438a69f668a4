//! Watches over a server from a thread of its own: hands signals on, keeps the deadline of the
//! shutdown, reports dropped log lines. Neither the main thread nor those that serve, all of which
//! may be blocked, can keep a signal from having its effect.

use std::io;
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle as TaskHandle;
use tokio::time::Instant;

use crate::config::SHUTDOWN_DEADLINE;
use crate::logging::DroppedLines;
use crate::signal::{Request, Signals};

/// The exit code after a second signal: 128 + SIGINT, as shells have it.
const EXIT_SECOND_SIGNAL: i32 = 130;
/// The exit code when the end is asked for before there is a server: nothing is left undone.
const EXIT_BEFORE_SERVING: i32 = 0;
/// How long a signal may be repeated until that is another request: GNU timeout sends one to the process
/// and then to its group, and Ctrl-C reaches both a wrapper that hands it on and the server.
const REPETITION: Duration = Duration::from_millis(100);
/// Longest wait for the server to end once it has stopped to listen. It ends in
/// [`SHUTDOWN_DEADLINE`] by itself unless all its threads are blocked.
pub(super) const BLOCKED_DEADLINE: Duration =
    SHUTDOWN_DEADLINE.saturating_add(Duration::from_millis(300));

/// A server that is watched.
pub(super) struct Serving {
    pub(super) server: TaskHandle<ExitCode>,
    /// Asks it to end, after load balancers had so long to notice.
    pub(super) stop: oneshot::Sender<Duration>,
    pub(super) drain_grace: Duration,
    /// Asks it to read its files again.
    pub(super) reload: Arc<Notify>,
    pub(super) dropped: DroppedLines,
}

/// The thread that takes the signals of the process. As long as there is no server, one that asks
/// for the end ends the process, and others are ignored.
pub(super) struct Supervisor {
    thread: JoinHandle<ExitCode>,
    serving: oneshot::Sender<Serving>,
}

impl Supervisor {
    /// Takes the signals from now on.
    ///
    /// # Errors
    /// When the system has no thread or no signal handlers.
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let mut signals = {
            let _entered = runtime.enter();
            Signals::listen()?
        };
        let (serving, handed_over) = oneshot::channel();
        let watch = async move || {
            let serving = until_serving(handed_over, async || signals.next().await).await;
            match serving {
                Some(serving) => supervise(serving, async || signals.next().await).await,
                None => ExitCode::FAILURE,
            }
        };
        let thread = thread::Builder::new().name("supervisor".to_owned());
        Ok(Self {
            thread: thread.spawn(move || runtime.block_on(watch()))?,
            serving,
        })
    }

    /// Lets the server `begin`, waits for its end, and returns the exit code. It begins once its signals
    /// are taken for it: who is told that it is ready may send one at once.
    pub(super) fn wait(self, serving: Serving, begin: oneshot::Sender<()>) -> ExitCode {
        // Both receivers live as long as their threads.
        let _ = self.serving.send(serving);
        let _ = begin.send(());
        // The panic hook has logged a panic.
        self.thread.join().unwrap_or(ExitCode::FAILURE)
    }
}

/// Waits for the server; `None` when there will be none, because the main thread gave up.
async fn until_serving(
    mut handed_over: oneshot::Receiver<Serving>,
    mut signal: impl AsyncFnMut() -> Request,
) -> Option<Serving> {
    loop {
        // Both arms are cancel-safe: the receiver keeps what was sent, and a signal is kept. What comes
        // after the server is the server's.
        tokio::select! {
            biased;
            serving = &mut handed_over => return serving.ok(),
            request = signal() => match request {
                Request::End | Request::EndAtOnce => process::exit(EXIT_BEFORE_SERVING),
                Request::Reload => {}
            },
        }
    }
}

/// Waits for the server's end. The first signal that asks for the end stops it; a second one, which is
/// another one or comes later than [`REPETITION`], or [`BLOCKED_DEADLINE`], ends the wait. In the
/// meantime dropped log lines are reported.
pub(super) async fn supervise(
    serving: Serving,
    mut signal: impl AsyncFnMut() -> Request,
) -> ExitCode {
    let Serving {
        mut server,
        stop,
        drain_grace,
        reload,
        dropped,
    } = serving;
    let ended = async {
        let (first, grace) = loop {
            // Both arms are cancel-safe: a `JoinHandle` keeps its result, and a signal is kept.
            tokio::select! {
                ended = &mut server => return ended,
                request = signal() => match request {
                    Request::End => break (request, drain_grace),
                    Request::EndAtOnce => break (request, Duration::ZERO),
                    Request::Reload => reload.notify_one(),
                },
            }
        };
        // Before the server is told: whoever sees what it does then may send another signal, and this
        // thread may have to wait for a processor until after that.
        let began = Instant::now();
        // The receiver is gone when the server ends at this moment.
        let _ = stop.send(grace);
        let second = async {
            loop {
                let request = signal().await;
                let is_repeated = request == first && began.elapsed() < REPETITION;
                if request != Request::Reload && !is_repeated {
                    break;
                }
            }
        };
        tokio::select! {
            ended = server => ended,
            // The log is not flushed: its reader may be what blocks the process.
            () = second => process::exit(EXIT_SECOND_SIGNAL),
            () = tokio::time::sleep(grace + BLOCKED_DEADLINE) => {
                tracing::warn!("ended without waiting for blocked threads");
                Ok(ExitCode::SUCCESS)
            }
        }
    };
    // The reports are cancel-safe, and the other arm ends the process.
    tokio::select! {
        // The panic hook has logged a panic.
        ended = ended => ended.unwrap_or(ExitCode::FAILURE),
        never = dropped.report_regularly() => match never {},
    }
}

#[cfg(test)]
mod tests;
