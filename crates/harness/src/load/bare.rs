//! The server that ours is compared with: `axum::serve` with one handler that answers a value of
//! the same type through `axum::Json`, and a log at the default level like ours.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use clap::{Args, ValueEnum as _};
use registry_core::projection::{
    AcceptedInput, EventBatch, TranscriptPage, WorkerDetail, WorkerPage,
};
use rustix::process::{Signal, set_parent_process_death_signal};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use super::route::Route;
use crate::client::Endpoint;
use crate::failure::Failure;
use crate::server::Process;

pub(crate) const SUBCOMMAND: &str = "bare-server";

#[derive(Args)]
pub(crate) struct BareArgs {
    /// The route
    #[arg(long, value_enum)]
    route: Route,
    /// File with a response body of our server
    #[arg(long)]
    body: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputBody {
    #[serde(rename = "content")]
    _content: String,
}

pub(crate) fn serve(args: &BareArgs) -> ExitCode {
    if set_parent_process_death_signal(Some(Signal::KILL)).is_err() {
        return ExitCode::FAILURE;
    }
    tracing_subscriber::fmt()
        .json()
        .with_writer(io::stderr)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match runtime.and_then(|runtime| runtime.block_on(listen(args))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

async fn listen(args: &BareArgs) -> io::Result<()> {
    let body = std::fs::read(&args.body)?;
    let handler = match args.route {
        Route::WorkerDetail => answer::<WorkerDetail>(&body)?,
        Route::WorkerPage => answer::<WorkerPage>(&body)?,
        Route::TranscriptPage => answer::<TranscriptPage>(&body)?,
        Route::EventBatch => answer::<EventBatch>(&body)?,
        Route::Input => {
            let accepted: Arc<AcceptedInput> = Arc::new(serde_json::from_slice(&body)?);
            post(async move |Json(_): Json<InputBody>| {
                (StatusCode::ACCEPTED, Json(Arc::clone(&accepted)))
            })
        }
    };
    let router = Router::new().route(args.route.pattern(), handler);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    axum::serve(listener, router).await
}

/// A handler that answers the value of `body`.
fn answer<T>(body: &[u8]) -> serde_json::Result<MethodRouter>
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let value: Arc<T> = Arc::new(serde_json::from_slice(body)?);
    Ok(get(async move || Json(Arc::clone(&value))))
}

pub(super) struct Bare {
    _process: Process,
    /// Its address; it ignores the token.
    pub(super) endpoint: Endpoint,
}

impl Bare {
    /// Starts a server that answers the value of `body`.
    pub(super) async fn start(route: Route, body: &[u8]) -> Result<Self, Failure> {
        let file = tempfile::NamedTempFile::new().map_err(Failure::io("creating a file"))?;
        std::fs::write(file.path(), body).map_err(Failure::io("writing a file"))?;
        let route = route.to_possible_value().expect("no route is hidden");
        let process = Process::start(SUBCOMMAND, |command| {
            command
                .args(["--route", route.get_name(), "--body"])
                .arg(file.path());
        })
        .await?;
        let address = process.first_line.parse();
        let address =
            address.map_err(|_| Failure::Protocol("the bare server does not start".to_owned()))?;
        Ok(Self {
            _process: process,
            endpoint: Endpoint {
                address,
                token: String::new(),
            },
        })
    }
}
