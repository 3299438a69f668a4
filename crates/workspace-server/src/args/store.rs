//! The flags that say where the workers of a workspace are kept; shared by the server and the
//! commands that work on its file.

use std::path::PathBuf;

use clap::Args;

/// Where the workers of a workspace are kept. [`setting`](crate::store::setting) resolves it.
#[derive(Args, Clone)]
pub struct StoreArgs {
    /// Directory of the workspace
    #[arg(
        long,
        env = "YOI_WORKSPACE",
        value_name = "DIR",
        default_value = ".",
        hide_env_values = true
    )]
    pub workspace: PathBuf,

    /// File that keeps the workers over restarts, or `memory` to forget them [default: a file for
    /// this workspace below $XDG_DATA_HOME/yoi, or ~/.local/share/yoi; `yoi store path` prints it]
    #[arg(
        long,
        env = "YOI_STORE",
        value_name = "FILE|memory",
        hide_env_values = true
    )]
    pub store: Option<PathBuf>,
}
