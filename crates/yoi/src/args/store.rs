//! Flags of `store`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use yoi_workspace_server::args::StoreArgs;

pub(super) const NOTES: &str = "\
The file is the one that `yoi serve` uses in the same directory with the same settings: that of the
workspace, unless --store or YOI_STORE names another. `path`, `check` and `backup` work while the
server runs; `compact` and `recover` need it stopped.

Exit codes: 0 success · 1 something is wrong with the store · 2 wrong usage.";

pub(super) const CHECK_NOTES: &str = "\
Reads everything and changes nothing, also while a server runs. Exits with 1 when something is
wrong; `yoi store recover FILE` saves what can be read then.";

pub(super) const BACKUP_NOTES: &str = "\
The copy is the store as it was at one instant, also while a server writes to it. It is a store of
its own: `yoi serve --store COPY` works on it. Nothing is overwritten.";

pub(super) const RECOVER_NOTES: &str = "\
The damaged file stays as it is. What was saved is a store of its own, to be moved into its place.";

#[derive(Subcommand)]
pub(crate) enum StoreCommand {
    /// Print the file, whether or not it is there yet
    Path(StoreFlags),
    /// Check the file, and say how large it is and what is in it
    #[command(after_help = CHECK_NOTES)]
    Check(StoreFlags),
    /// Copy the store to a new file
    #[command(after_help = BACKUP_NOTES)]
    Backup(StoreTargetArgs),
    /// Write the file anew, without what deleted workers have left in it
    Compact(StoreFlags),
    /// Save what can be read of a damaged store in a new file
    #[command(after_help = RECOVER_NOTES)]
    Recover(StoreTargetArgs),
}

impl StoreCommand {
    pub(crate) fn flags(&self) -> &StoreFlags {
        match self {
            Self::Path(flags) | Self::Check(flags) | Self::Compact(flags) => flags,
            Self::Backup(args) | Self::Recover(args) => &args.flags,
        }
    }
}

#[derive(Args)]
pub(crate) struct StoreFlags {
    #[command(flatten)]
    pub(crate) place: StoreArgs,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct StoreTargetArgs {
    /// The new file, readable by you alone
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) flags: StoreFlags,
}
