//! The server under test: a process with its own process group and home directory.

mod process;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use registry_core::projection::{RuntimeCounts, RuntimeSummary};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::process::Command;

pub(crate) use self::process::Process;

use crate::child;
use crate::client::{Client, Endpoint};
use crate::failure::Failure;
use crate::process_stats::ProcessStats;
use crate::worker::EMBEDDED;

/// Longest wait for a server to end.
const END_TIMEOUT: Duration = Duration::from_secs(30);
/// The metric of response bytes that clients have not read yet.
pub(crate) const UNREAD_RESPONSE_BYTES: &str = "yoi_http_unread_response_bytes";
/// The metric of open connections, that over which it is read among them.
pub(crate) const OPEN_CONNECTIONS: &str = "yoi_http_connections";
/// Longest wait for counts to reach what is expected.
const COUNTS_TIMEOUT: Duration = Duration::from_secs(10);
const COUNTS_PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
pub(crate) struct Settings {
    args: Vec<String>,
    variables: Vec<(String, String)>,
    home: Option<PathBuf>,
    discards_log: bool,
}

impl Settings {
    pub(crate) fn with(mut self, flag: &str, value: impl std::fmt::Display) -> Self {
        self.args.extend([flag.to_owned(), value.to_string()]);
        self
    }

    pub(crate) fn flag(mut self, flag: &str) -> Self {
        self.args.push(flag.to_owned());
        self
    }

    /// Sets a limit of the embedded runtime.
    pub(crate) fn limit(self, name: &str, value: u64) -> Self {
        self.with("--limit", format!("{name}={value}"))
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends the log to `/dev/null`, so that it is written and fills no disk.
    pub(crate) fn discard_log(mut self) -> Self {
        self.discards_log = true;
        self
    }

    pub(crate) fn home(mut self, home: &Path) -> Self {
        self.home = Some(home.to_owned());
        self
    }

    fn apply(self, command: &mut Command, directory: &Path) {
        let home = self.home.as_deref().unwrap_or(directory);
        if !self.args.iter().any(|arg| arg == "--store") {
            // The figures are those of the runtime, not of a disk.
            command.args(["--store", "memory"]);
        }
        command
            .args(["--listen", "127.0.0.1:0", "--log-format", "json"])
            // There is no load balancer, and `/proc` shows open files of a dumpable process alone.
            .args(["--drain-grace-ms", "0", "--allow-core-dumps"])
            .args(self.args)
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .envs(self.variables)
            .current_dir(home);
    }
}

pub(crate) struct Server {
    process: Process,
    endpoint: Endpoint,
    log: PathBuf,
    /// Holds the log, and is the server's home unless another one was prepared.
    _directory: TempDir,
}

pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// Time from the signal, or from the beginning of the wait, to the end.
    pub(crate) took: Duration,
    pub(crate) log: Vec<u8>,
}

impl Server {
    /// Starts a server and waits until it listens.
    pub(crate) async fn start(settings: Settings) -> Result<Self, Failure> {
        let directory = tempfile::tempdir().map_err(Failure::io("creating a home"))?;
        let log = directory.path().join("log");
        let log_file = File::create(&log).map_err(Failure::io("creating a log file"))?;
        let process = Process::start(child::SUBCOMMAND, |command| {
            let discards_log = settings.discards_log;
            settings.apply(command, directory.path());
            if !discards_log {
                command.stderr(log_file);
            }
        })
        .await?;
        let endpoint = parse_endpoint(&process.first_line).ok_or_else(|| {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            let line = &process.first_line;
            Failure::Protocol(format!("the server does not start: {line}{log}"))
        })?;
        Ok(Self {
            process,
            endpoint,
            log,
            _directory: directory,
        })
    }

    /// Starts a server with its own home, and kills it after `delay`, wherever it is by then.
    pub(crate) async fn start_and_kill(settings: Settings, delay: Duration) -> Result<(), Failure> {
        let directory = tempfile::tempdir().map_err(Failure::io("creating a home"))?;
        let process = Process::spawn(child::SUBCOMMAND, |command| {
            settings.apply(command, directory.path());
        })?;
        tokio::time::sleep(delay).await;
        process.kill().await
    }

    pub(crate) fn first_line(&self) -> &str {
        &self.process.first_line
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn client(&self) -> Client {
        self.endpoint.client()
    }

    pub(crate) fn stats(&self) -> Result<ProcessStats, Failure> {
        ProcessStats::read(self.process.id)
    }

    pub(crate) async fn counts(&self) -> Result<RuntimeCounts, Failure> {
        let runtime: RuntimeSummary = self.client().get_json(EMBEDDED).await?;
        runtime
            .counts
            .ok_or_else(|| Failure::Protocol("the runtime is unavailable".to_owned()))
    }

    /// The value of a metric without labels.
    pub(crate) async fn metric(&self, name: &str) -> Result<u64, Failure> {
        let response = self.client().get("/metrics").await?;
        let response = response.expect(200, "/metrics")?;
        let text = String::from_utf8_lossy(response.body());
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
            .ok_or_else(|| Failure::Protocol(format!("there is no metric {name}")))
    }

    /// Waits until a metric is at most `max`, or for the longest time that may take; gives its last
    /// value.
    pub(crate) async fn wait_for_metric(&self, name: &str, max: u64) -> Result<u64, Failure> {
        read_until(async || self.metric(name).await, |value| *value <= max).await
    }

    /// Whether no response bytes are held and no other request is in flight.
    pub(crate) async fn is_idle(&self) -> Result<bool, Failure> {
        Ok(self.metric(UNREAD_RESPONSE_BYTES).await? == 0
            && self.metric("yoi_http_requests_in_flight").await? <= 1)
    }

    /// Waits until the server is idle; false if that takes too long.
    pub(crate) async fn wait_until_idle(&self) -> Result<bool, Failure> {
        read_until(async || self.is_idle().await, |is_idle| *is_idle).await
    }

    /// A limit that `/api/workspace` states.
    pub(crate) async fn stated_limit(&self, name: &str) -> Result<u64, Failure> {
        let workspace: serde_json::Value = self.client().get_json("/api/workspace").await?;
        let limits = workspace["limits"].as_array().cloned().unwrap_or_default();
        let stated = limits.iter().find(|limit| limit["name"] == name);
        stated
            .and_then(|limit| limit["value"].as_u64())
            .ok_or_else(|| Failure::Protocol(format!("there is no limit {name}")))
    }

    /// Waits until the counts are as `expected`, or for the longest time that may take; gives
    /// the last ones.
    pub(crate) async fn wait_for_counts(
        &self,
        expected: impl Fn(&RuntimeCounts) -> bool,
    ) -> Result<RuntimeCounts, Failure> {
        read_until(async || self.counts().await, expected).await
    }

    /// Sends SIGKILL and waits until the process is gone.
    pub(crate) async fn kill(self) -> Result<(), Failure> {
        self.process.kill().await
    }

    /// Sends SIGTERM and waits for the end of the process.
    pub(crate) async fn terminate(self) -> Result<Ended, Failure> {
        self.signal(Signal::TERM)?;
        self.wait(END_TIMEOUT).await
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Failure> {
        self.process.signal(signal)
    }

    /// Stops the process, and waits until none of its threads goes on: the signal alone is not at once.
    pub(crate) fn freeze(&self) -> Result<(), Failure> {
        self.process.freeze()
    }

    /// Waits for the end of the process.
    pub(crate) async fn wait(mut self, longest: Duration) -> Result<Ended, Failure> {
        let began = Instant::now();
        let status = self.process.wait(longest).await?;
        let took = began.elapsed();
        let log = self.log()?;
        Ok(Ended { status, took, log })
    }

    /// What it has written to standard error so far.
    pub(crate) fn log(&self) -> Result<Vec<u8>, Failure> {
        std::fs::read(&self.log).map_err(Failure::io("reading the log"))
    }
}

/// Reads until what is read is as `expected`, or for the longest time that may take; gives what was
/// read last.
async fn read_until<T>(
    read: impl AsyncFn() -> Result<T, Failure>,
    expected: impl Fn(&T) -> bool,
) -> Result<T, Failure> {
    let began = Instant::now();
    loop {
        let waited = began.elapsed();
        let value = read().await?;
        if expected(&value) || waited > COUNTS_TIMEOUT {
            return Ok(value);
        }
        tokio::time::sleep(COUNTS_PAUSE).await;
    }
}

/// The address and token of the server's first line. One that stands by names no token.
fn parse_endpoint(line: &str) -> Option<Endpoint> {
    let (_, rest) = line.split_once("http://")?;
    let (address, rest) = rest.split_once(' ')?;
    let access = rest.strip_prefix('(')?.strip_suffix(')')?;
    let token = access.strip_prefix("token: ").unwrap_or_default();
    Some(Endpoint {
        address: address.parse().ok()?,
        token: token.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_names_the_address_and_perhaps_a_token() {
        for (line, token) in [
            ("yoi is listening on http://127.0.0.1:7 (token: abc)", "abc"),
            (
                "yoi is listening on http://127.0.0.1:7 (no token needed)",
                "",
            ),
            (
                "yoi is standing by on http://127.0.0.1:7 (until the workspace is free)",
                "",
            ),
        ] {
            let endpoint = parse_endpoint(line).expect(line);
            assert_eq!(endpoint.address.port(), 7);
            assert_eq!(endpoint.token, token);
        }
        assert!(parse_endpoint("error: no").is_none());
    }
}
