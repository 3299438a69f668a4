//! A process of this program: started with its own process group, ended by signals.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::client::Endpoint;
use crate::failure::Failure;

/// Longest wait for a server to start.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A process of this program that serves HTTP. Dropping it kills the process.
pub(crate) struct Process {
    child: Child,
    pub(crate) id: u32,
    /// Its first line on standard output, which names its address.
    pub(crate) first_line: String,
}

impl Process {
    /// Starts `subcommand` of this program and waits for its first line of output.
    pub(crate) async fn start(
        subcommand: &str,
        configure: impl FnOnce(&mut Command),
    ) -> Result<Self, Failure> {
        let mut process = Self::spawn(subcommand, configure)?;
        let stdout = process.child.stdout.take().expect("a pipe was requested");
        let mut lines = BufReader::new(stdout).lines();
        process.first_line = timeout(START_TIMEOUT, lines.next_line())
            .await
            .map_err(|_| Failure::Timeout("a server's first line"))?
            .map_err(Failure::io("reading a server's first line"))?
            .unwrap_or_default();
        Ok(process)
    }

    /// Starts `subcommand` of this program; its first line is not read.
    pub(super) fn spawn(
        subcommand: &str,
        configure: impl FnOnce(&mut Command),
    ) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(Failure::io("finding the harness"))?;
        let mut command = Command::new(program);
        command
            .arg(subcommand)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        configure(&mut command);
        let child = command.spawn();
        let child = child.map_err(Failure::io("starting a server"))?;
        let id = child.id().expect("a child that was not waited for");
        Ok(Self {
            child,
            id,
            first_line: String::new(),
        })
    }

    /// Where a server listens that asks for no token, and whose first line is its address.
    pub(crate) fn endpoint_without_token(&self) -> Result<Endpoint, Failure> {
        let address = self.first_line.parse();
        let address = address
            .map_err(|_| Failure::Protocol("a server beside ours does not start".to_owned()))?;
        Ok(Endpoint {
            address,
            token: String::new(),
        })
    }

    fn pid(&self) -> Pid {
        let id = i32::try_from(self.id).ok().and_then(Pid::from_raw);
        id.expect("the operating system's own number")
    }

    pub(super) fn signal(&self, signal: Signal) -> Result<(), Failure> {
        kill_process(self.pid(), signal)
            .map_err(|error| Failure::io("sending a signal to a server")(error.into()))
    }

    pub(super) fn freeze(&self) -> Result<(), Failure> {
        self.signal(Signal::STOP)?;
        // Its end, which would be a fault of its own, is left to be waited for.
        let options = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let stopped = waitid(WaitId::Pid(self.pid()), options);
        stopped.map_err(|error| Failure::io("waiting for a process to stop")(error.into()))?;
        Ok(())
    }

    /// Waits for its end.
    pub(super) async fn wait(&mut self, longest: Duration) -> Result<ExitStatus, Failure> {
        timeout(longest, self.child.wait())
            .await
            .map_err(|_| Failure::Timeout("a server's end"))?
            .map_err(Failure::io("waiting for a server"))
    }

    /// Sends SIGKILL and waits until the process is gone, and with it its locks.
    pub(super) async fn kill(mut self) -> Result<(), Failure> {
        let killed = self.child.kill().await;
        killed.map_err(Failure::io("killing the server"))
    }
}
