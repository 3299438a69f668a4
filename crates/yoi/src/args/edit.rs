//! Flags of `rename` and `delete`.

use clap::Args;
use registry_core::DisplayName;

use super::client::ClientArgs;
use super::worker::WorkerArgs;

pub(super) const DELETE_NOTES: &str = "\
A run that is active is cancelled first. Deleting can't be undone: `yoi export WORKER` writes the
conversation to a file before. At a terminal the command asks; elsewhere it needs --yes.";

#[derive(Args)]
pub(crate) struct RenameArgs {
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
    /// The worker's new name, for people
    pub(crate) name: DisplayName,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

#[derive(Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
    /// Delete without asking
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}
