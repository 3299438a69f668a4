//! What an operation costs when there is much of everything, measured in process, through the
//! libraries. Rounds go over all sizes in turn, so that what disturbs the machine disturbs all
//! of them alike.

mod chart;
mod curve;
mod local;
mod memory;
mod pollers;
mod report;
mod workers;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use registry_core::SourceError;
use worker_runtime::{BuildError, CreateError, EventsError, InputError, StopError, UnknownWorker};

use crate::failure::Failure;

/// How often everything is measured, and where it is drawn.
#[derive(Args)]
pub(crate) struct ScaleArgs {
    /// Where charts and tables go
    #[arg(long, value_name = "DIR", default_value = "docs/performance")]
    out: PathBuf,

    /// Rounds over all sizes
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
}

/// Why a curve could not be measured or drawn.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScaleError {
    /// The machine refused something.
    #[error(transparent)]
    Machine(#[from] Failure),
    /// A runtime could not be built.
    #[error("building a runtime: {0}")]
    Build(#[from] BuildError),
    /// A worker could not be created.
    #[error("creating a worker: {0}")]
    Create(#[from] CreateError),
    /// An input was refused.
    #[error("sending an input: {0}")]
    Input(#[from] InputError),
    /// A worker could not be stopped.
    #[error("stopping a worker: {0}")]
    Stop(#[from] StopError),
    /// Events could not be read.
    #[error("reading events: {0}")]
    Events(#[from] EventsError),
    /// A worker is gone.
    #[error(transparent)]
    Unknown(#[from] UnknownWorker),
    /// Local records could not be read.
    #[error("reading local records: {0}")]
    Local(#[from] SourceError),
    /// A measurement has no end.
    #[error("{0}")]
    Lost(&'static str),
    /// A chart could not be drawn.
    #[error("drawing a chart: {0}")]
    Chart(String),
}

/// Measures all curves, and writes charts and tables.
pub(crate) fn run(args: &ScaleArgs) -> ExitCode {
    // One thread: what is measured is an operation's cost, not what several do to each other.
    let executor = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::io("making an executor"));
    let done = executor
        .map_err(ScaleError::from)
        .and_then(|executor| executor.block_on(measure(args)));
    match done {
        Ok(report) => {
            say(&report);
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure(args: &ScaleArgs) -> Result<String, ScaleError> {
    // First of all: memory that others gave back would be used again, and not be seen.
    let memory = memory::measure().await?;
    say("memory measured");
    let mut curves = Vec::new();
    curves.push(workers::measure(args.rounds).await?);
    say("workers measured");
    curves.push(pollers::measure(args.rounds).await?);
    say("pollers measured");
    curves.push(local::measure(args.rounds).await?);
    say("local records measured");
    curves.push(memory);
    report::write(&args.out, &curves)
}

/// Writes a line for people. Nobody may be reading; the exit code still tells.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
