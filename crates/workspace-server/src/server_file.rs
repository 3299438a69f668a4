//! The file, readable only by its owner, through which a second terminal finds the address and
//! token of a running server. The server keeps it locked, so a file that can be locked was left
//! behind by a server that is gone.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use http_api::Token;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Permission bits of the file: its owner may read and write it.
const FILE_MODE: u32 = 0o600;
/// Permission bits of the directory: its owner alone may enter it.
const DIRECTORY_MODE: u32 = 0o700;
/// Most bytes of a server file that are read: an address, a token, a time and a path are less.
const FILE_MAX_BYTES: u64 = 16 * 1024;
/// Most running servers that [`running`] finds: more than one person starts.
const FILES_MAX: usize = 256;

/// The file of this server; dropping it removes the file.
///
/// No `Debug`, no `Serialize`: it holds a path.
pub struct ServerFile {
    /// Holds the lock while it is open.
    _locked: File,
    path: PathBuf,
}

/// A running server, as its file describes it.
pub struct RunningServer {
    /// Where it answers, for example `http://127.0.0.1:8787`.
    pub url: String,
    /// The token that requests need; `None` when they need none.
    pub token: Option<Token>,
    /// When it started.
    pub started_at: Timestamp,
    /// Where it keeps its workers.
    pub store: StorePlace,
    /// The directory of its workspace, links resolved, if it says so.
    pub workspace: Option<String>,
}

/// Where a running server keeps its workers. For its own user alone: it has a path.
#[derive(Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorePlace {
    /// In memory.
    Memory,
    /// In this file.
    File(String),
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

/// The file's content, the only place where the token is stored in plain text.
#[derive(Serialize, Deserialize)]
struct Content {
    url: String,
    token: Option<String>,
    started_at: Timestamp,
    #[serde(default)]
    store: StorePlace,
    #[serde(default)]
    workspace: Option<String>,
}

impl ServerFile {
    /// Writes the file of a server that is bound to `address`.
    ///
    /// # Errors
    /// When the directory or the file can't be written, or another running server holds it.
    /// The server can run without it.
    pub fn write(
        directory: &Path,
        address: SocketAddr,
        token: Option<&Token>,
        started_at: Timestamp,
        store: StorePlace,
        workspace: &Path,
    ) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(directory)?;
        let name = file_name(address);
        let path = directory.join(&name);
        // Another machine or container that shares the directory may have the same address.
        if open_locked(&path).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        // It is written under a name that `running` ignores, so that nobody else can hold the
        // lock, and then renamed, which follows no link and replaces an existing file.
        let unfinished = directory.join(format!("unfinished-{name}"));
        let mut file = create_private(&unfinished)?;
        let content = Content {
            url: format!("http://{address}"),
            token: token.map(|token| token.reveal().to_owned()),
            started_at,
            store,
            workspace: workspace_name(workspace),
        };
        let written = file
            .try_lock()
            .map_err(io::Error::from)
            .and_then(|()| file.write_all(&serde_json::to_vec(&content)?))
            .and_then(|()| std::fs::rename(&unfinished, &path));
        if let Err(error) = written {
            // A file that stays behind does no harm: `running` ignores its name.
            let _ = std::fs::remove_file(&unfinished);
            return Err(error);
        }
        Ok(Self {
            _locked: file,
            path,
        })
    }
}

/// Creates a file that its owner alone can access, in place of one that was left behind.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)
}

impl Drop for ServerFile {
    fn drop(&mut self) {
        // A file that stays behind does no harm: it is no longer locked.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The directory of server files: `$XDG_RUNTIME_DIR/yoi`, else `$XDG_STATE_HOME/yoi`, else
/// `~/.local/state/yoi` (XDG Base Directory Specification 0.8). `None` without any of them.
pub fn directory(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
    absolute("XDG_RUNTIME_DIR")
        .or_else(|| absolute("XDG_STATE_HOME"))
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|base| base.join("yoi"))
}

/// The running servers, newest first. Files that can't be read are skipped.
pub fn running(directory: &Path) -> Vec<RunningServer> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut servers: Vec<_> = entries
        .flatten()
        .filter(|entry| is_file_name(&entry.file_name().to_string_lossy()))
        .filter_map(|entry| read_if_running(&entry.path()))
        .take(FILES_MAX)
        .collect();
    servers.sort_by_key(|server| std::cmp::Reverse(server.started_at));
    servers
}

/// Opens `path` if it is a regular file, and not a link to one.
pub(crate) fn open_regular(path: &Path) -> Option<File> {
    // Opening a FIFO would block.
    if !path.symlink_metadata().ok()?.is_file() {
        return None;
    }
    File::open(path).ok()
}

/// Opens the file at `path` if a running server holds its lock.
fn open_locked(path: &Path) -> Option<File> {
    let file = open_regular(path)?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(file),
        // When the lock is free, the server is gone.
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

fn read_if_running(path: &Path) -> Option<RunningServer> {
    let file = open_locked(path)?;
    let mut text = String::new();
    file.take(FILE_MAX_BYTES).read_to_string(&mut text).ok()?;
    let content: Content = serde_json::from_str(&text).ok()?;
    let token = match content.token {
        Some(text) => Some(text.parse().ok()?),
        None => None,
    };
    Some(RunningServer {
        url: content.url,
        token,
        started_at: content.started_at,
        store: content.store,
        workspace: content.workspace,
    })
}

/// The workspace at `root` as server files name it; `None` when it can't be read, or is no text.
pub fn workspace_name(root: &Path) -> Option<String> {
    let root = std::fs::canonicalize(root).ok()?;
    root.into_os_string().into_string().ok()
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

fn is_file_name(name: &str) -> bool {
    name.starts_with("server-") && name.ends_with(".json")
}

#[cfg(test)]
mod tests;
