//! Flags of `store`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use yoi_workspace_server::args::{StoreAccess, StoreArgs, WorkspaceName};

pub(super) const NOTES: &str = "\
The file is the one that `yoi serve` uses in the same directory with the same settings: that of the
workspace, unless --store or YOI_STORE names another. `path`, `check` and `backup` work while the
server runs; `compact`, `recover` and `copy` need it stopped.

Exit codes: 0 success · 1 something is wrong with the store · 2 wrong usage.";

pub(super) const CHECK_NOTES: &str = "\
Reads everything and changes nothing, also while a server runs. Exits with 1 when something is
wrong; `yoi store recover FILE` saves what can be read then.";

pub(super) const BACKUP_NOTES: &str = "\
The copy is the store as it was at one instant, also while a server writes to it. It is a store of
its own: `yoi serve --store COPY` works on it. Nothing is overwritten.";

pub(super) const RECOVER_NOTES: &str = "\
The damaged file stays as it is. What was saved is a store of its own, to be moved into its place.
What was lost is listed; the command exits with 1 if anything was, or may have been.";

pub(super) const COPY_NOTES: &str = "\
FROM and TO are what --store takes: a file, or the address of a database. No server may use either of
them, and TO must not be there yet, or have no workers. Everything about the workers is copied, with
their ids. TO has either all of them or none: what fails half-way leaves TO as it was.

A worker that can't be read is named, and is not in the copy; the command exits with 1 then. FROM
stays as it is.";

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
    /// Copy the workers from a file to a database, or the reverse
    #[command(after_help = COPY_NOTES)]
    Copy(StoreCopyArgs),
}

impl StoreCommand {
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::Copy(args) => args.json,
            Self::Path(flags) | Self::Check(flags) | Self::Compact(flags) => flags.json,
            Self::Backup(args) | Self::Recover(args) => args.flags.json,
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

#[derive(Args)]
pub(crate) struct StoreCopyArgs {
    /// The store to copy: a file, or the address of a database
    #[arg(value_name = "FROM")]
    pub(crate) from: PathBuf,
    /// The store that gets the workers: a file, or the address of a database
    #[arg(value_name = "TO")]
    pub(crate) to: PathBuf,
    /// Name of the workspace in the database FROM [default: that of --store-workspace]
    #[arg(long, value_name = "NAME")]
    pub(crate) from_workspace: Option<WorkspaceName>,
    /// Name of the workspace in the database TO [default: that of --store-workspace]
    #[arg(long, value_name = "NAME")]
    pub(crate) to_workspace: Option<WorkspaceName>,
    #[command(flatten)]
    pub(crate) access: StoreAccess,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

impl StoreCopyArgs {
    /// Where the workers are, as the flags of a server would say it.
    pub(crate) fn source(&self) -> StoreArgs {
        self.place(&self.from, self.from_workspace.as_ref())
    }

    /// Where they come.
    pub(crate) fn target(&self) -> StoreArgs {
        self.place(&self.to, self.to_workspace.as_ref())
    }

    fn place(&self, store: &Path, workspace: Option<&WorkspaceName>) -> StoreArgs {
        let mut access = self.access.clone();
        if let Some(name) = workspace {
            access.store_workspace = Some(name.clone());
        }
        StoreArgs {
            store: Some(store.to_owned()),
            access,
        }
    }
}
