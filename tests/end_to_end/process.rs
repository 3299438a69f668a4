//! The server as a process of its own: its standard output, its log, its signals.

use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use testkit::client::Client;
use testkit::deadline::in_time;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;

/// The server's binary.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_yoi-workspace-server");

/// A running server process. Dropping it kills the process.
pub(crate) struct ServerProcess {
    pub(crate) client: Client,
    /// The first line on standard output.
    pub(crate) line: String,
    lines: Lines<BufReader<ChildStdout>>,
    child: Child,
    /// What the process wrote to standard error, once it has ended.
    log: JoinHandle<String>,
}

/// What an ended process left behind.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) log: String,
}

impl ServerProcess {
    /// Starts the server binary with `home` as the user's home and runtime directory.
    pub(crate) async fn start(home: &Path, args: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_with_log(home, args, variables, Stdio::piped()).await
    }

    /// [`ServerProcess::start`] with a log whose reader is gone.
    pub(crate) async fn start_with_broken_log(home: &Path, args: &[&str]) -> Self {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        Self::start_with_log(home, args, &[], writer.into()).await
    }

    /// [`ServerProcess::start`] with a full log pipe, whose reader is returned.
    pub(crate) async fn start_with_stalled_log(home: &Path) -> (Self, UnixStream) {
        let (writer, reader) = full_pipe();
        let log = Stdio::from(OwnedFd::from(writer));
        (Self::start_with_log(home, &[], &[], log).await, reader)
    }

    async fn start_with_log(
        home: &Path,
        args: &[&str],
        variables: &[(&str, &str)],
        log: Stdio,
    ) -> Self {
        let mut command = Command::new(BINARY);
        command.args(["--listen", "127.0.0.1:0"]).args(args);
        Self::spawn(command, home, variables, log).await
    }

    /// [`ServerProcess::start`] by a shell that first runs `limits`, such as `ulimit -n 40`.
    pub(crate) async fn start_within(home: &Path, limits: &str, args: &[&str]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{limits}; exec \"$@\""), "sh", BINARY]);
        command.args(["--listen", "127.0.0.1:0"]).args(args);
        let path = std::env::var("PATH").unwrap_or_default();
        Self::spawn(command, home, &[("PATH", &path)], Stdio::piped()).await
    }

    /// Starts the server with a disk of its own at `disk`, which has so many bytes: a file system in
    /// memory that only it sees, and the test through [`ServerProcess::root`].
    pub(crate) async fn start_with_disk(
        home: &Path,
        disk: &Path,
        bytes: u32,
        args: &[&str],
    ) -> Self {
        let mount = format!("mount -t tmpfs -o size={bytes} none \"$0\" && exec \"$@\"");
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &mount]);
        command
            .arg(disk)
            .arg(BINARY)
            .args(["--listen", "127.0.0.1:0"])
            .args(args);
        let path = std::env::var("PATH").unwrap_or_default();
        Self::spawn(command, home, &[("PATH", &path)], Stdio::piped()).await
    }

    async fn spawn(
        mut command: Command,
        home: &Path,
        variables: &[(&str, &str)],
        log: Stdio,
    ) -> Self {
        let mut child = command
            .env_clear()
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .env("YOI_DRAIN_GRACE_MS", "0")
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
            let mut text = String::new();
            if let Some(mut errors) = errors {
                errors.read_to_string(&mut text).await.expect("a log");
            }
            text
        });
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line = in_time(lines.next_line()).await.expect("a line");
        let line = line.expect("the server starts");
        let word_at = |prefix: &str| {
            let word = line.split_once(prefix).unwrap_or_default().1;
            word.split([' ', ')']).next().unwrap_or_default().to_owned()
        };
        let base = format!("http://{}", word_at("http://"));
        Self {
            client: Client::new(base, word_at("token: ")),
            line,
            lines,
            child,
            log,
        }
    }

    /// The file system as the process sees it.
    pub(crate) fn root(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.id()))
    }

    /// Sends the process a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        send_signal(&self.child, signal);
    }

    /// The next line on standard output.
    pub(crate) async fn next_line(&mut self) -> String {
        let line = in_time(self.lines.next_line()).await.expect("a line");
        line.expect("it goes on")
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("a running process")
    }

    /// Waits until the process has ended.
    pub(crate) async fn ended(mut self) -> Ended {
        let status = in_time(self.child.wait()).await.expect("a status");
        let log = self.log.await.expect("a log");
        Ended { status, log }
    }
}

/// Sends a child a signal.
pub(crate) fn send_signal(child: &Child, signal: Signal) {
    let id = child.id().expect("a running process");
    let id = Pid::from_raw(id.try_into().expect("a process id")).expect("not zero");
    kill_process(id, signal).expect("a signal to our own child");
}

/// The writing end of a pipe that is full, and the reading end, which nobody reads.
pub(crate) fn full_pipe() -> (UnixStream, UnixStream) {
    let (reader, mut writer) = UnixStream::pair().expect("two sockets");
    writer.set_nonblocking(true).expect("a socket's mode");
    while writer.write(&[b'\n'; 4096]).is_ok() {}
    while writer.write(b"\n").is_ok() {}
    writer.set_nonblocking(false).expect("a socket's mode");
    (writer, reader)
}
