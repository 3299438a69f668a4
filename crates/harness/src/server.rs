//! The server under test: a process with its own process group and home directory.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use registry_core::projection::{RuntimeCounts, RuntimeSummary};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::child;
use crate::client::{Client, Endpoint};
use crate::failure::Failure;
use crate::process_stats::ProcessStats;
use crate::worker::EMBEDDED;

/// Longest wait for a server to start, and to end.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// The metric of response bytes that clients have not read yet.
pub(crate) const RESPONSE_BYTES: &str = "yoi_http_answer_bytes";
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
    fn spawn(subcommand: &str, configure: impl FnOnce(&mut Command)) -> Result<Self, Failure> {
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

    /// Sends SIGKILL and waits until the process is gone, and with it its locks.
    async fn kill(mut self) -> Result<(), Failure> {
        let killed = self.child.kill().await;
        killed.map_err(Failure::io("killing the server"))
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
    /// Time from the signal to the end.
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

    /// Whether no response bytes are held and no other request is in flight.
    pub(crate) async fn is_idle(&self) -> Result<bool, Failure> {
        Ok(self.metric(RESPONSE_BYTES).await? == 0
            && self.metric("yoi_http_requests_in_flight").await? <= 1)
    }

    /// Waits until the server is idle; false if that takes too long.
    pub(crate) async fn wait_until_idle(&self) -> Result<bool, Failure> {
        let began = Instant::now();
        while !self.is_idle().await? {
            if began.elapsed() > COUNTS_TIMEOUT {
                return Ok(false);
            }
            tokio::time::sleep(COUNTS_PAUSE).await;
        }
        Ok(true)
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
        let began = Instant::now();
        loop {
            let counts = self.counts().await?;
            if expected(&counts) || began.elapsed() > COUNTS_TIMEOUT {
                return Ok(counts);
            }
            tokio::time::sleep(COUNTS_PAUSE).await;
        }
    }

    /// Sends SIGKILL and waits until the process is gone.
    pub(crate) async fn kill(self) -> Result<(), Failure> {
        self.process.kill().await
    }

    /// Sends SIGTERM and waits for the end of the process.
    pub(crate) async fn terminate(mut self) -> Result<Ended, Failure> {
        let id = i32::try_from(self.process.id).ok().and_then(Pid::from_raw);
        let id = id.expect("the operating system's own number");
        let began = Instant::now();
        kill_process(id, Signal::TERM)
            .map_err(|error| Failure::io("sending a signal to the server")(error.into()))?;
        let status = timeout(START_TIMEOUT, self.process.child.wait())
            .await
            .map_err(|_| Failure::Timeout("the server's end"))?
            .map_err(Failure::io("waiting for the server"))?;
        let took = began.elapsed();
        let log = std::fs::read(&self.log).map_err(Failure::io("reading the log"))?;
        Ok(Ended { status, took, log })
    }
}

/// The address and token of the server's first line.
fn parse_endpoint(line: &str) -> Option<Endpoint> {
    let (_, rest) = line.split_once("http://")?;
    let (address, rest) = rest.split_once(' ')?;
    let token = rest.strip_prefix("(token: ")?.strip_suffix(')')?;
    Some(Endpoint {
        address: address.parse().ok()?,
        token: token.to_owned(),
    })
}
