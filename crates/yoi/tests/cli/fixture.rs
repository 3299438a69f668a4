//! A workshop: a server with directories of its own, and terminals to type at.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// A running server, found through its file by whoever shares its directories.
pub(crate) struct Workshop {
    home: Home,
    server: Child,
    url: String,
    token: String,
}

/// Directories of one user, of which nothing else on this machine knows.
pub(crate) struct Home(TempDir);

/// What a command printed, and how it ended.
pub(crate) struct Ran {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: i32,
}

/// A command that has not ended.
pub(crate) struct Running(Child);

impl Home {
    pub(crate) fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        for name in ["run", "data", "workspace"] {
            std::fs::create_dir(home.path(name)).unwrap();
        }
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file with `content` and the permission bits `mode`.
    pub(crate) fn file(&self, name: &str, mode: u32, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(&path, mode).unwrap();
        path
    }

    /// `yoi`, with an environment that leads nowhere else.
    pub(crate) fn command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_yoi"));
        command
            .env_clear()
            .env("HOME", self.0.path())
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("YOI_DATA_DIR", self.path("data"))
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn yoi(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// A server on a free port, with `pace_ms` between two words of a reply, and the line
    /// that it prints once it listens.
    pub(crate) fn serves(&self, pace_ms: &str) -> (Child, String) {
        let mut server = self
            .command(["serve", "--listen", "127.0.0.1:0"])
            .args(["--offline-pace-ms", pace_ms])
            .arg("--workspace")
            .arg(self.path("workspace"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        (server, line)
    }
}

impl Workshop {
    /// A server that answers as fast as it can.
    pub(crate) fn open() -> Self {
        Self::with_pace(Home::new(), "0")
    }

    /// A server that takes a second for each word, so that a run stays active until it is
    /// cancelled.
    pub(crate) fn open_slow() -> Self {
        Self::with_pace(Home::new(), "1000")
    }

    /// A server of the person who lives at `home`.
    pub(crate) fn at(home: Home) -> Self {
        Self::with_pace(home, "0")
    }

    fn with_pace(home: Home, pace_ms: &str) -> Self {
        let (server, line) = home.serves(pace_ms);
        let after = |mark: &str| {
            let at = line
                .find(mark)
                .unwrap_or_else(|| panic!("no {mark:?} in {line:?}"));
            let word = line[at..].trim_start_matches("token: ");
            let end = word.find([' ', ')', '\n']).unwrap_or(word.len());
            word[..end].to_owned()
        };
        let (url, token) = (after("http://"), after("token: "));
        Self {
            home,
            server,
            url,
            token,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    pub(crate) fn directory(&self) -> &Path {
        self.home.0.path()
    }

    /// Runs a command to its end.
    pub(crate) fn yoi(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ran {
        self.home.yoi(args)
    }

    /// Runs a command to its end, with `input` on its standard input.
    pub(crate) fn yoi_reading(
        &self,
        input: &str,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Ran {
        let mut command = self
            .home
            .command(args)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        command
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        Ran::of(command.wait_with_output().unwrap())
    }

    /// Begins a command.
    pub(crate) fn begins(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Running {
        Running(self.home.command(args).spawn().unwrap())
    }

    /// The id of a new worker.
    pub(crate) fn creates_a_worker(&self) -> String {
        self.yoi(["create"]).done().out.trim().to_owned()
    }

    /// Ends the server as a supervisor would, and gives its exit code.
    pub(crate) fn close(mut self) -> Option<i32> {
        terminate(&self.server, Signal::TERM);
        self.server.wait().unwrap().code()
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        if let Ok(None) = self.server.try_wait() {
            terminate(&self.server, Signal::TERM);
            let code = self.server.wait().unwrap().code();
            assert!(
                std::thread::panicking() || code == Some(0),
                "the server ended with {code:?}"
            );
        }
    }
}

impl Running {
    /// Waits for the first character on standard output.
    pub(crate) fn has_begun_to_print(&mut self) {
        let out = self.0.stdout.as_mut().unwrap();
        assert_eq!(out.read(&mut [0]).unwrap(), 1, "it ended without a word");
    }

    /// Presses Ctrl-C.
    pub(crate) fn interrupt(&self) {
        terminate(&self.0, Signal::INT);
    }

    /// Waits for its end; what was read before is not among its output.
    pub(crate) fn ends(self) -> Ran {
        Ran::of(self.0.wait_with_output().unwrap())
    }
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code().expect("no signal ended it"),
        }
    }

    /// It did what it was asked to.
    #[track_caller]
    pub(crate) fn done(self) -> Self {
        self.ended(0)
    }

    /// It ended with this exit code.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self
    }

    /// It did what it was asked to, and printed one JSON document on one line.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let done = self.done();
        assert_eq!(done.out.lines().count(), 1, "{}", done.out);
        serde_json::from_str(&done.out).unwrap()
    }
}

fn terminate(process: &Child, signal: Signal) {
    kill_process(Pid::from_child(process), signal).unwrap();
}
