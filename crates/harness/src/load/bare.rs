//! The server that ours is compared with: `axum::serve` with one handler that answers a value of
//! the same type through `axum::Json`, and a log at the default level like ours.

use std::error::Error;
use std::io;
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
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;

use super::route::Route;
use crate::client::Endpoint;
use crate::failure::Failure;
use crate::server::Process;
use crate::side_server;

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
    tracing_subscriber::fmt()
        .json()
        .with_writer(io::stderr)
        .init();
    side_server::run(Builder::new_multi_thread(), listen(args))
}

async fn listen(args: &BareArgs) -> Result<(), Box<dyn Error>> {
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
    let listener = side_server::bind().await?;
    Ok(axum::serve(listener, router).await?)
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
        Ok(Self {
            endpoint: process.endpoint_without_token()?,
            _process: process,
        })
    }
}
