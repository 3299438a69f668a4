//! Flags of `open`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use registry_core::RuntimeId;

use super::client::ClientArgs;
use super::worker::{WorkerArgs, WorkerName, worker_name};
use crate::complete;

pub(super) const NOTES: &str = "\
The address has a code by which the page signs in, once and within a minute. Where there is no
screen, the address is printed; where the browser can't be started, too, and the command fails.";

#[derive(Args)]
pub(crate) struct OpenArgs {
    /// The worker's runtime; by default all are searched
    #[arg(
        long,
        value_name = "ID",
        requires = "worker",
        add = ArgValueCompleter::new(complete::runtimes)
    )]
    runtime: Option<RuntimeId>,
    /// The worker to show: its name, its id, or the beginning or end of its id; `-` is the one used last
    #[arg(
        value_name = "WORKER",
        value_parser = worker_name,
        add = ArgValueCompleter::new(complete::workers)
    )]
    worker: Option<WorkerName>,
    /// Print the address instead of opening a browser
    #[arg(long)]
    pub(crate) print: bool,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

impl OpenArgs {
    /// The worker to show, if one is named.
    pub(crate) fn worker(&self) -> Option<WorkerArgs> {
        Some(WorkerArgs {
            runtime: self.runtime.clone(),
            worker: self.worker.clone()?,
        })
    }
}
