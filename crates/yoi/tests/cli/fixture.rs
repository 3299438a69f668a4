//! Runs `yoi`, and servers, for a user with directories of their own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Milliseconds between two words of a reply: none at all.
pub(crate) const NO_PACE: u32 = 0;
/// So slow that a run stays active until it is cancelled.
pub(crate) const ENDLESS_PACE: u32 = 1000;
/// Slow enough that something can be done during the reply to a [`long_message`].
pub(crate) const SLOW_PACE: u32 = 100;

/// The flags of a server that forgets its workers when it ends.
pub(crate) const IN_MEMORY: &str = "--store memory";

/// The directories of one user, separate from everything else on this machine.
pub(crate) struct TestHome(TempDir);

/// A running server, which the clients of its user find by themselves.
pub(crate) struct TestServer {
    process: Child,
    pub(crate) url: String,
    /// Empty where none is needed.
    pub(crate) token: String,
}

/// A command that has exited.
pub(crate) struct Finished {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: i32,
}

/// A command that is running.
pub(crate) struct Running(pub(crate) Child);

/// A message whose reply takes twenty seconds at [`SLOW_PACE`], and so is cancelled before its end. It
/// has as many words as a reply quotes.
pub(crate) fn long_message() -> String {
    "word ".repeat(200)
}

/// A user, and a server of theirs with `pace_ms` milliseconds between two words of a reply.
pub(crate) fn server(pace_ms: u32) -> (TestHome, TestServer) {
    let home = TestHome::new();
    let server = home.start_server(pace_ms);
    (home, server)
}

/// The same, with a server that forgets its workers when it ends.
pub(crate) fn forgetful_server(pace_ms: u32) -> (TestHome, TestServer) {
    let home = TestHome::new();
    let server = home.start_server_with(pace_ms, IN_MEMORY);
    (home, server)
}

impl TestHome {
    pub(crate) fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        for name in ["run", "data", "workspace"] {
            std::fs::create_dir(home.path(name)).unwrap();
        }
        home
    }

    pub(crate) fn directory(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    /// Writes a file with the permission bits `mode`.
    pub(crate) fn file(&self, name: &str, mode: u32, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(&path, mode).unwrap();
        path
    }

    /// `yoi` with the words of `line`, in the workspace, and an environment that has nothing but
    /// this home: no certificate authorities either.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_yoi"));
        command
            .current_dir(self.path("workspace"))
            .env_clear()
            .env("HOME", self.directory())
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("YOI_DATA_DIR", self.path("data"))
            .env("YOI_DRAIN_GRACE_MS", "0")
            .env("SSL_CERT_FILE", self.path("no-certificates"))
            .env("SSL_CERT_DIR", self.path("no-certificates"))
            .args(line.split_whitespace())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command that succeeds.
    #[track_caller]
    pub(crate) fn yoi(&self, line: &str) -> Finished {
        self.spawn(line).exits_with(0)
    }

    /// Runs a command that exits with `code`.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, line: &str) -> Finished {
        self.spawn(line).exits_with(code)
    }

    /// Runs a command with `--json`; returns the one document on one line that it prints.
    #[track_caller]
    pub(crate) fn json(&self, line: &str) -> Value {
        let finished = self.yoi(&format!("{line} --json"));
        assert_eq!(finished.out.lines().count(), 1, "{}", finished.out);
        serde_json::from_str(&finished.out).unwrap()
    }

    pub(crate) fn spawn(&self, line: &str) -> Running {
        Running(self.command(line).spawn().unwrap())
    }

    pub(crate) fn spawn_with_input(&self, input: &str, line: &str) -> Running {
        let mut process = self.command(line).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = process.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        Running(process)
    }

    /// The file that keeps the workers of this home's workspace.
    pub(crate) fn store_file(&self) -> PathBuf {
        let workspace = self.path("workspace");
        let line = format!("store path --workspace {}", workspace.display());
        self.yoi(&line).out.trim_end().into()
    }

    /// The id of a new worker.
    pub(crate) fn create_worker(&self) -> String {
        self.yoi("create").out.trim().to_owned()
    }

    /// Starts a server on a free port, and waits until it listens.
    pub(crate) fn start_server(&self, pace_ms: u32) -> TestServer {
        self.start_server_with(pace_ms, "")
    }

    /// The same, with more flags: the words of `flags`.
    pub(crate) fn start_server_with(&self, pace_ms: u32, flags: &str) -> TestServer {
        let flags = format!("--listen 127.0.0.1:0 --offline-pace-ms {pace_ms} {flags}");
        self.serve("workspace", &flags)
    }

    /// Starts a server of a workspace in this home, and waits until it listens.
    pub(crate) fn serve(&self, workspace: &str, flags: &str) -> TestServer {
        let mut command = self.command("serve --workspace");
        command.arg(self.path(workspace));
        command.args(flags.split_whitespace());
        TestServer::start(&mut command)
    }
}

impl TestServer {
    /// Runs a command that starts a server, and waits until it listens.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::listening(command.stderr(Stdio::null()).spawn().unwrap())
    }

    /// The same, but does `then` as soon as the server's log says `waits`, or that it serves already.
    pub(crate) fn start_and_wait(command: &mut Command, waits: &str, then: impl FnOnce()) -> Self {
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(process.stderr.take().unwrap());
        let mut lines = log.lines().map_while(Result::ok);
        let is_there = |line: String| line.contains(waits) || line.contains("serving");
        assert!(lines.any(is_there), "no {waits:?}");
        then();
        Self::listening(process)
    }

    fn listening(mut process: Child) -> Self {
        let mut line = String::new();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let word_from = |start: &str| {
            let (_, rest) = line.split_once(start)?;
            let end = rest.find([' ', ')', '\n']).unwrap_or(rest.len());
            Some(rest[..end].to_owned())
        };
        Self {
            process,
            url: format!("http://{}", word_from("http://").expect(&line)),
            token: word_from("token: ").unwrap_or_default(),
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// Stops responding, but keeps its connections.
    pub(crate) fn pause(&self) {
        signal(&self.process, Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        signal(&self.process, Signal::CONT);
    }

    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks for a shutdown, and doesn't wait for it.
    pub(crate) fn drain(&self) {
        signal(&self.process, Signal::TERM);
    }

    /// Waits for the end; returns the exit code.
    pub(crate) fn ended(mut self) -> Option<i32> {
        self.process.wait().unwrap().code()
    }

    /// Shuts down as a supervisor would; returns the exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.terminate()
    }

    fn terminate(&mut self) -> Option<i32> {
        signal(&self.process, Signal::TERM);
        self.process.wait().unwrap().code()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            let code = self.terminate();
            assert!(
                std::thread::panicking() || code == Some(0),
                "the server exited with {code:?}"
            );
        }
    }
}

impl Running {
    /// Waits for the first character on standard output, and takes it.
    pub(crate) fn wait_for_output(&mut self) {
        let out = self.0.stdout.as_mut().unwrap();
        assert_eq!(out.read(&mut [0]).unwrap(), 1, "it exited without output");
    }

    /// Presses Ctrl-C.
    pub(crate) fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    pub(crate) fn signal(&self, sent: Signal) {
        signal(&self.0, sent);
    }

    pub(crate) fn finish(self) -> Finished {
        let output = self.0.wait_with_output().unwrap();
        Finished {
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code().expect("no signal ended it"),
        }
    }

    #[track_caller]
    pub(crate) fn exits_with(self, code: i32) -> Finished {
        let finished = self.finish();
        let Finished { out, err, .. } = &finished;
        assert_eq!(finished.code, code, "out: {out}\nerr: {err}");
        finished
    }
}

impl Finished {
    /// Standard output has each of `parts`.
    #[track_caller]
    pub(crate) fn prints(&self, parts: &[&str]) {
        assert_contains(&self.out, parts);
    }

    /// Standard error has each of `parts`.
    #[track_caller]
    pub(crate) fn reports(&self, parts: &[&str]) {
        assert_contains(&self.err, parts);
    }
}

#[track_caller]
pub(crate) fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in {text:?}");
    }
}

fn signal(process: &Child, signal: Signal) {
    kill_process(Pid::from_child(process), signal).unwrap();
}
