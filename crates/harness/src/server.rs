//! The server under test: a process of its own, in a process group of its own, below a home
//! directory of its own.

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
use crate::client::{Client, Door};
use crate::failure::Failure;
use crate::process_reading::Reading;
use crate::worker::EMBEDDED;

/// Longest wait for the server to start, and to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// The metric of what answers hold until their clients have taken them.
pub(crate) const ANSWER_BYTES: &str = "yoi_http_answer_bytes";
/// Longest wait for counts to come to rest.
const REST: Duration = Duration::from_secs(10);
/// The pause between two looks at what should come to rest.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What a server is started with.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    args: Vec<String>,
    variables: Vec<(String, String)>,
    home: Option<PathBuf>,
    log_is_lost: bool,
    program: Option<PathBuf>,
}

impl Settings {
    /// Adds a flag with a value.
    pub(crate) fn with(mut self, flag: &str, value: impl std::fmt::Display) -> Self {
        self.args.extend([flag.to_owned(), value.to_string()]);
        self
    }

    /// Adds a flag.
    pub(crate) fn flag(mut self, flag: &str) -> Self {
        self.args.push(flag.to_owned());
        self
    }

    /// Another value for a limit of the embedded runtime.
    pub(crate) fn limit(self, name: &str, value: u64) -> Self {
        self.with("--limit", format!("{name}={value}"))
    }

    /// Adds an environment variable.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends the log to `/dev/null`: it is written all the same, and fills no disk.
    pub(crate) fn lose_log(mut self) -> Self {
        self.log_is_lost = true;
        self
    }

    /// Runs another program than the harness itself, which must take the server's flags.
    pub(crate) fn program(mut self, program: &Path) -> Self {
        self.program = Some(program.to_owned());
        self
    }

    /// Runs the server below a home that was prepared.
    pub(crate) fn below(mut self, home: &Path) -> Self {
        self.home = Some(home.to_owned());
        self
    }
}

/// A running server process. Dropping it kills the process.
pub(crate) struct Server {
    child: Child,
    id: u32,
    door: Door,
    /// The one line on standard output.
    pub(crate) line: String,
    log: PathBuf,
    /// Where the log is, and what the server writes unless it was started below another home.
    _own_home: TempDir,
}

/// What an ended process left behind.
pub(crate) struct Ended {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// How long that took, from the signal.
    pub(crate) took: Duration,
    /// Its whole log.
    pub(crate) log: Vec<u8>,
}

impl Server {
    /// Starts a server and waits until it listens.
    pub(crate) async fn start(settings: Settings) -> Result<Self, Failure> {
        let own_home = tempfile::tempdir().map_err(Failure::io("making a home"))?;
        let home = settings.home.as_deref().unwrap_or(own_home.path());
        let log = own_home.path().join("log");
        let log_file = File::create(&log).map_err(Failure::io("making a log file"))?;
        let mut command = match settings.program {
            Some(program) => Command::new(program),
            None => {
                let own = std::env::current_exe().map_err(Failure::io("finding the harness"))?;
                let mut command = Command::new(own);
                command.arg(child::SUBCOMMAND);
                command
            }
        };
        let mut child = command
            .args(["--listen", "127.0.0.1:0", "--log-format", "json"])
            .args(settings.args)
            .env_clear()
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .envs(settings.variables)
            .current_dir(home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(if settings.log_is_lost {
                Stdio::null()
            } else {
                Stdio::from(log_file)
            })
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(Failure::io("starting the server"))?;
        let id = child.id().expect("a child that was not waited for");
        let output = child.stdout.take().expect("a pipe was asked for");
        let mut lines = BufReader::new(output).lines();
        let line = timeout(PATIENCE, lines.next_line())
            .await
            .map_err(|_| Failure::TooLate("the server's first line"))?
            .map_err(Failure::io("reading the server's first line"))?
            .unwrap_or_default();
        let door = door(&line).ok_or_else(|| {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            Failure::Undocumented(format!("the server does not start: {line}{log}"))
        })?;
        Ok(Self {
            child,
            id,
            door,
            line,
            log,
            _own_home: own_home,
        })
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Whom to talk to.
    pub(crate) fn door(&self) -> &Door {
        &self.door
    }

    /// A new client.
    pub(crate) fn client(&self) -> Client {
        self.door.client()
    }

    /// The process at this instant.
    pub(crate) fn reading(&self) -> Result<Reading, Failure> {
        Reading::of(self.id)
    }

    /// What the embedded runtime says that it holds.
    pub(crate) async fn counts(&self) -> Result<RuntimeCounts, Failure> {
        let runtime: RuntimeSummary = self.client().read(EMBEDDED).await?;
        runtime
            .counts
            .ok_or_else(|| Failure::Undocumented("the runtime is unavailable".to_owned()))
    }

    /// The value of a metric without labels.
    pub(crate) async fn metric(&self, name: &str) -> Result<u64, Failure> {
        let answer = self.client().get("/metrics").await?.expect(200)?;
        let text = String::from_utf8_lossy(answer.body());
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
            .ok_or_else(|| Failure::Undocumented(format!("there is no metric {name}")))
    }

    /// Whether nothing is held for clients: no byte of an answer, and no request but the one
    /// that asks.
    pub(crate) async fn holds_nothing(&self) -> Result<bool, Failure> {
        Ok(self.metric(ANSWER_BYTES).await? == 0
            && self.metric("yoi_http_requests_in_flight").await? <= 1)
    }

    /// Looks until nothing is held, or for as long as that may take; whether it came to that.
    pub(crate) async fn lets_go(&self) -> Result<bool, Failure> {
        let began = Instant::now();
        while !self.holds_nothing().await? {
            if began.elapsed() > REST {
                return Ok(false);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(true)
    }

    /// A named limit of the server, as it states it.
    pub(crate) async fn stated_limit(&self, name: &str) -> Result<u64, Failure> {
        let workspace: serde_json::Value = self.client().read("/api/workspace").await?;
        let limits = workspace["limits"].as_array().cloned().unwrap_or_default();
        let stated = limits.iter().find(|limit| limit["name"] == name);
        stated
            .and_then(|limit| limit["value"].as_u64())
            .ok_or_else(|| Failure::Undocumented(format!("there is no limit {name}")))
    }

    /// Looks at the counts until they are `at_rest`, or for as long as that may take; gives
    /// the last ones.
    pub(crate) async fn settled(
        &self,
        at_rest: impl Fn(&RuntimeCounts) -> bool,
    ) -> Result<RuntimeCounts, Failure> {
        let began = Instant::now();
        loop {
            let counts = self.counts().await?;
            if at_rest(&counts) || began.elapsed() > REST {
                return Ok(counts);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Asks the process to end, and waits until it has.
    pub(crate) async fn terminate(mut self) -> Result<Ended, Failure> {
        let id = i32::try_from(self.id).ok().and_then(Pid::from_raw);
        let id = id.expect("the operating system's own number");
        let began = Instant::now();
        kill_process(id, Signal::TERM).map_err(|error| Failure::Io {
            doing: "asking the server to end",
            source: error.into(),
        })?;
        let status = timeout(PATIENCE, self.child.wait())
            .await
            .map_err(|_| Failure::TooLate("the server's end"))?
            .map_err(Failure::io("waiting for the server"))?;
        let took = began.elapsed();
        let log = std::fs::read(&self.log).map_err(Failure::io("reading the log"))?;
        Ok(Ended { status, took, log })
    }
}

/// What the server's one line says.
fn door(line: &str) -> Option<Door> {
    let (_, rest) = line.split_once("http://")?;
    let (address, rest) = rest.split_once(' ')?;
    let token = rest.strip_prefix("(token: ")?.strip_suffix(')')?;
    Some(Door {
        address: address.parse().ok()?,
        token: token.to_owned(),
    })
}
