//! The flags that say where the workers of a workspace are kept; shared by the server and the
//! commands that work on its file.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

/// Where the workers of a workspace are kept. [`setting`](crate::store::setting) resolves it.
#[derive(Args, Clone)]
pub struct StoreArgs {
    /// File that keeps the workers over restarts, `memory` to forget them, or the address of a
    /// PostgreSQL database, postgres://USER@HOST:PORT/DATABASE, which is asked over TLS off loopback
    /// [default: a file for this workspace below $XDG_DATA_HOME/yoi, or ~/.local/share/yoi;
    /// `yoi store path` prints it]
    #[arg(
        long,
        env = "YOI_STORE",
        value_name = "FILE|memory|URL",
        hide_env_values = true
    )]
    pub store: Option<PathBuf>,

    /// The workspace, and what gets a server into a database
    #[command(flatten)]
    pub access: StoreAccess,
}

/// The workspace whose workers are meant, and what gets a server into a database.
#[derive(Args, Clone)]
pub struct StoreAccess {
    /// Directory of the workspace
    #[arg(
        long,
        env = "YOI_WORKSPACE",
        value_name = "DIR",
        default_value = ".",
        hide_env_values = true
    )]
    pub workspace: PathBuf,

    /// Name of the workspace in the database, the same for all servers of it [default: made from
    /// the path of the workspace's directory]
    #[arg(long, env = "YOI_STORE_WORKSPACE", value_name = "NAME")]
    pub store_workspace: Option<WorkspaceName>,

    /// File with the password for the database, as for --token-file; without it, YOI_STORE may hold
    /// the password, or else the file that PGPASSFILE names, or ~/.pgpass
    #[arg(
        long,
        env = "YOI_STORE_PASSWORD_FILE",
        value_name = "FILE",
        hide_env_values = true
    )]
    pub store_password_file: Option<PathBuf>,
}

/// The name of a workspace in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceName(String);

/// A text that is no [`WorkspaceName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to {max} letters of ASCII, digits, `-`, `_` and `.`", max = WorkspaceName::MAX_BYTES)]
pub struct InvalidWorkspaceName;

impl WorkspaceName {
    /// Bytes of a name at most.
    pub const MAX_BYTES: usize = 64;

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WorkspaceName {
    type Err = InvalidWorkspaceName;

    fn from_str(text: &str) -> Result<Self, InvalidWorkspaceName> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_name = (1..=Self::MAX_BYTES).contains(&text.len()) && text.bytes().all(is_allowed);
        is_name
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidWorkspaceName)
    }
}
