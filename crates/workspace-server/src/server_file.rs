//! The file, readable only by its owner, through which a second terminal finds the address and
//! token of a running server, and whether it serves the workspace that the terminal is in. The
//! server keeps it locked, so a file that can be locked was left behind by a server that is gone.

mod registration;
mod running;
mod workspace_hash;

use std::fs::File;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use http_api::{InstanceId, Token};
use jiff::Timestamp;
use registry_core::DisplayName;
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};

use crate::private_dir::PrivateDir;
pub(crate) use registration::Registration;
use running::open_locked;
pub use running::{PassedOver, RunningServer, RunningServers, running, running_in};
pub use workspace_hash::WorkspaceHash;
use workspace_hash::WorkspaceKey;

/// The file of this server; dropping it removes the file.
///
/// No `Debug`, no `Serialize`: it stands for a path.
pub struct ServerFile {
    /// Holds the lock while it is open.
    _locked: File,
    directory: PrivateDir,
    name: String,
}

/// What a server says of itself in its file.
///
/// No `Debug`, no `Serialize`: it holds paths and a token.
#[derive(Clone)]
pub struct Description {
    /// Where it listens.
    pub address: SocketAddr,
    /// The workspace's name for people.
    pub name: DisplayName,
    /// The token that requests need; `None` when they need none.
    pub token: Option<Token>,
    /// Which start of the server it is.
    pub instance: InstanceId,
    /// When it started.
    pub started_at: Timestamp,
    /// Where it keeps its workers.
    pub store: StorePlace,
    /// The root of its workspace. The file has its hash alone.
    pub workspace_root: PathBuf,
}

/// Why a server file could not be written. Carries no path.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Another server holds the file, or is about to write its own: it can be tried again soon.
    #[error("another server holds it")]
    Held,
    /// There is no place for it.
    #[error("{}", .0.kind())]
    NoPlace(io::Error),
}

/// Where a running server keeps its workers. For its own user alone: it has a path.
#[derive(Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorePlace {
    /// In memory.
    Memory,
    /// In this file.
    File(String),
    /// In a database.
    Database,
    /// It doesn't say.
    #[default]
    Unknown,
}

impl StorePlace {
    /// The file at `path`, as other processes can find it. A path that is no text is not told.
    pub(crate) fn of_file(path: &Path) -> Self {
        let path = std::path::absolute(path).ok();
        let path = path.and_then(|path| path.into_os_string().into_string().ok());
        path.map_or(Self::Unknown, Self::File)
    }
}

/// The file's content, the only place where the token is stored in plain text. Every field that an
/// older version doesn't write may be absent.
#[derive(Serialize, Deserialize)]
struct Content {
    url: String,
    #[serde(default)]
    name: Option<DisplayName>,
    token: Option<String>,
    #[serde(default)]
    instance: Option<String>,
    started_at: Timestamp,
    #[serde(default)]
    store: StorePlace,
    #[serde(default)]
    workspace_hash: Option<String>,
}

impl ServerFile {
    /// Writes the file of a server.
    ///
    /// # Errors
    /// [`WriteError`]; the server can run without the file.
    pub fn write(directory: &Path, server: &Description) -> Result<Self, WriteError> {
        let directory = PrivateDir::create(directory).map_err(io::Error::from)?;
        let name = file_name(server.address);
        // Another machine or container that shares the directory may have the same address.
        if open_locked(&directory, &name).is_ok_and(|file| file.is_some()) {
            return Err(WriteError::Held);
        }
        let content = Content::of(server, &directory)?;
        let content = serde_json::to_vec(&content).map_err(io::Error::from)?;
        // It is written under a name that `running` ignores, so that nobody else can hold the
        // lock, and then renamed, which follows no link and replaces an existing file.
        let unfinished = format!("unfinished-{name}");
        let mut file = directory.create_file(&unfinished)?;
        let written = file
            .try_lock()
            .map_err(io::Error::from)
            .and_then(|()| file.write_all(&content))
            .and_then(|()| directory.rename(&unfinished, &name));
        if let Err(error) = written {
            // A file that stays behind does no harm: `running` ignores its name.
            let _ = directory.remove(&unfinished);
            return Err(error.into());
        }
        Ok(Self {
            _locked: file,
            directory,
            name,
        })
    }
}

impl Content {
    fn of(server: &Description, directory: &PrivateDir) -> io::Result<Self> {
        let key = WorkspaceKey::create(directory)?;
        let root = std::fs::canonicalize(&server.workspace_root)?;
        Ok(Self {
            url: format!("http://{}", server.address),
            name: Some(server.name.clone()),
            token: server.token.as_ref().map(|token| token.reveal().to_owned()),
            instance: Some(server.instance.as_str().to_owned()),
            started_at: server.started_at,
            store: server.store.clone(),
            workspace_hash: Some(key.hash(&root).to_hex()),
        })
    }
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::WouldBlock {
            Self::Held
        } else {
            Self::NoPlace(error)
        }
    }
}

impl Drop for ServerFile {
    fn drop(&mut self) {
        // A file that stays behind does no harm: it is no longer locked.
        let _ = self.directory.remove(&self.name);
    }
}

/// The directories of server files, the preferred one first: `$XDG_RUNTIME_DIR/yoi`, and
/// `$XDG_STATE_HOME/yoi`, else `~/.local/state/yoi` (XDG Base Directory Specification 0.8). A server
/// writes its file to the first that it can use. None without any of these variables.
pub fn directories(variable: impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME");
    let state = state.or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    let mut bases: Vec<_> = absolute("XDG_RUNTIME_DIR").into_iter().collect();
    bases.extend(state.filter(|state| !bases.contains(state)));
    bases.into_iter().map(|base| base.join("yoi")).collect()
}

/// Where clients look for server files: in [`directories`]. Whoever has no `XDG_RUNTIME_DIR`, as a job
/// of cron, looks also where systemd has it for the sessions of the same user.
pub fn directories_to_search(variable: impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    let is_in_session = variable("XDG_RUNTIME_DIR").is_some_and(|path| path.is_absolute());
    let mut directories = directories(variable);
    if !is_in_session {
        let user = geteuid().as_raw();
        directories.push(format!("/run/user/{user}/yoi").into());
    }
    directories
}

/// `server-127.0.0.1-8787.json`; an IPv6 address has `_` for `:`.
fn file_name(address: SocketAddr) -> String {
    format!("server-{}.json", address_in_name(address))
}

/// How the name of a server's file says its address.
pub(crate) fn address_in_name(address: SocketAddr) -> String {
    let ip = address.ip().to_string().replace(':', "_");
    format!("{ip}-{}", address.port())
}

#[cfg(test)]
mod tests;
