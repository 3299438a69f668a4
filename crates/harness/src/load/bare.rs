//! The limit that ours is held against: an axum server as its documentation starts one, with
//! one route that answers the same bytes whatever is asked.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use clap::{Args, ValueEnum};
use rustix::process::{Signal, set_parent_process_death_signal};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::client::Door;
use crate::failure::Failure;
use crate::server::Server;

/// The name of the hidden subcommand.
pub(crate) const SUBCOMMAND: &str = "bare-server";

/// Longest wait for it to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the bare server answers.
#[derive(Args)]
pub(crate) struct BareArgs {
    /// How its route is asked
    #[arg(long, value_enum)]
    method: Method,
    /// Its route, in axum's syntax
    #[arg(long)]
    pattern: String,
    /// The status of every answer
    #[arg(long)]
    status: u16,
    /// File with the body of every answer
    #[arg(long)]
    body: PathBuf,
}

/// How a route is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Method {
    /// Reads.
    Get,
    /// Writes, with a JSON body.
    Post,
}

impl Method {
    /// As a request line has it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// The bodies of all `POST` routes, parsed as the API parses them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Posted {
    #[serde(default, rename = "content")]
    _content: String,
    #[serde(default, rename = "display_name")]
    _display_name: Option<String>,
    #[serde(default, rename = "profile")]
    _profile: Option<String>,
}

/// Serves until the harness is gone.
pub(crate) fn serve(args: BareArgs) -> ExitCode {
    if set_parent_process_death_signal(Some(Signal::KILL)).is_err() {
        return ExitCode::FAILURE;
    }
    // As many threads as the server under test has: the number of processors.
    let executor = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match executor.and_then(|executor| executor.block_on(answer(args))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

async fn answer(args: BareArgs) -> io::Result<()> {
    let body = Bytes::from(std::fs::read(&args.body)?);
    let status = StatusCode::from_u16(args.status).map_err(io::Error::other)?;
    let answer = (status, [(CONTENT_TYPE, "application/json")], body);
    let route = match args.method {
        Method::Get => get(async move || answer.clone()),
        Method::Post => post(async move |Json(_): Json<Posted>| answer.clone()),
    };
    let router = Router::new().route(&args.pattern, route);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    axum::serve(listener, router).await
}

/// A running bare server. Dropping it kills the process.
pub(super) struct Bare {
    _child: Child,
    /// The process.
    pub(super) id: u32,
    /// Whom to talk to; asked with the same bytes as `ours`, whose token it ignores.
    pub(super) door: Door,
}

impl Bare {
    /// Starts one in the process group of `ours`.
    pub(super) async fn start(
        ours: &Server,
        method: Method,
        pattern: &str,
        status: u16,
        body: &Path,
    ) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(Failure::io("finding the harness"))?;
        let group = i32::try_from(ours.id()).expect("the operating system's own number");
        let method = method.to_possible_value().expect("no method is hidden");
        let mut child = Command::new(program)
            .arg(SUBCOMMAND)
            .args(["--method", method.get_name(), "--pattern", pattern])
            .args(["--status", &status.to_string(), "--body"])
            .arg(body)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(group)
            .kill_on_drop(true)
            .spawn()
            .map_err(Failure::io("starting the bare server"))?;
        let id = child.id().expect("a child that was not waited for");
        let output = child.stdout.take().expect("a pipe was asked for");
        let mut lines = BufReader::new(output).lines();
        let line = timeout(PATIENCE, lines.next_line())
            .await
            .map_err(|_| Failure::TooLate("the bare server's first line"))?
            .map_err(Failure::io("reading the bare server's first line"))?;
        let address = line
            .and_then(|line| line.parse().ok())
            .ok_or_else(|| Failure::Undocumented("the bare server does not start".to_owned()))?;
        Ok(Self {
            _child: child,
            id,
            door: Door {
                address,
                token: ours.door().token.clone(),
            },
        })
    }
}
