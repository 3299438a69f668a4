//! The server as a process of its own: its standard output, its log, its signals.

use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::fixture::PATIENCE;

/// A running server process. Dropping it kills the process.
pub(crate) struct ServerProcess {
    child: Child,
    /// Everything the process has written to standard error, once it has ended.
    log: JoinHandle<String>,
    /// The one line on standard output.
    pub(crate) line: String,
    pub(crate) base: String,
    pub(crate) token: String,
}

/// What an ended process left behind.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) log: String,
}

impl ServerProcess {
    /// Starts the server binary below `home`, which stands for the user's home directory and
    /// runtime directory, with more arguments and variables.
    pub(crate) async fn start(home: &Path, args: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_with_log(home, args, variables, Stdio::piped()).await
    }

    /// [`ServerProcess::start`] with a log whose reader has gone away.
    pub(crate) async fn start_with_broken_log(home: &Path, args: &[&str]) -> Self {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        Self::start_with_log(home, args, &[], writer.into()).await
    }

    /// [`ServerProcess::start`] with a log that takes nothing more, because its reader, which
    /// is returned, has stopped reading.
    pub(crate) async fn start_with_stalled_log(home: &Path) -> (Self, UnixStream) {
        let (reader, mut writer) = UnixStream::pair().expect("two sockets");
        writer.set_nonblocking(true).expect("a socket's mode");
        while writer.write(&[b'\n'; 4096]).is_ok() {}
        while writer.write(b"\n").is_ok() {}
        writer.set_nonblocking(false).expect("a socket's mode");
        let log = Stdio::from(OwnedFd::from(writer));
        (Self::start_with_log(home, &[], &[], log).await, reader)
    }

    async fn start_with_log(
        home: &Path,
        args: &[&str],
        variables: &[(&str, &str)],
        log: Stdio,
    ) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_yoi-workspace-server"))
            .args(["--listen", "127.0.0.1:0"])
            .args(args)
            .env_clear()
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .envs(variables.iter().copied())
            .current_dir(home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the server binary");
        let errors = child.stderr.take();
        let log = tokio::spawn(async move {
            let mut text = Vec::new();
            if let Some(mut errors) = errors {
                errors.read_to_end(&mut text).await.expect("a log");
            }
            String::from_utf8(text).expect("a log of text")
        });
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        let line = line
            .expect("a line in time")
            .expect("a line")
            .expect("the server starts");
        let word = |prefix: &str| {
            let from = line.find(prefix).map(|at| &line[at..]).unwrap_or_default();
            from.split([' ', ')']).next().unwrap_or_default().to_owned()
        };
        let base = word("http://");
        let token = line
            .split("token: ")
            .nth(1)
            .unwrap_or_default()
            .trim_end_matches(')')
            .to_owned();
        Self {
            child,
            log,
            line,
            base,
            token,
        }
    }

    /// Sends the process a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = self.child.id().expect("a running process");
        let id = i32::try_from(id)
            .ok()
            .and_then(Pid::from_raw)
            .expect("a process id");
        kill_process(id, signal).expect("a signal to our own child");
    }

    /// Waits until the process has ended.
    pub(crate) async fn ended(mut self) -> Ended {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let status = status.expect("an end in time").expect("a status");
        Ended {
            status,
            log: self.log.await.expect("a log"),
        }
    }
}
