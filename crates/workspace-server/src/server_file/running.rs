//! What clients read: the files of the servers that run, and nothing that others may have put
//! beside them.

use std::cmp::Reverse;
use std::fs::{File, TryLockError};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use http_api::{InstanceId, Token};
use jiff::Timestamp;
use registry_core::DisplayName;

use super::workspace_hash::{WorkspaceHash, WorkspaceKey};
use super::{Content, StorePlace};
use crate::private_dir::{PrivateDir, UnusableFile};

/// Most bytes of a server file that are read: an address, a token, a name, a time and a path are
/// less.
const FILE_MAX_BYTES: u64 = 16 * 1024;
/// Most running servers that [`running`] finds: more than one person starts.
const FILES_MAX: usize = 256;

/// The running servers, as the files in one or more directories of server files say.
#[derive(Default)]
pub struct RunningServers {
    /// The newest first.
    pub servers: Vec<RunningServer>,
    /// What was not read.
    pub passed_over: Vec<PassedOver>,
    /// Those of the directories in which a server has said which workspace it is of.
    keys: Vec<WorkspaceKey>,
}

/// What may be somebody else's, and was therefore not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PassedOver {
    /// As many server files of a directory: links, or not closed to others.
    Files(usize, PathBuf),
    /// The directory itself.
    Directory(PathBuf),
}

/// A running server, as its file describes it.
#[derive(Clone)]
pub struct RunningServer {
    /// Where it answers, for example `http://127.0.0.1:8787`.
    pub url: String,
    /// The workspace's name for people; `None` if it doesn't say.
    pub name: Option<DisplayName>,
    /// The token that requests need; `None` when they need none.
    pub token: Option<Token>,
    /// Which start of the server it is; `None` if it doesn't say, as an older version.
    pub instance: Option<InstanceId>,
    /// When it started.
    pub started_at: Timestamp,
    /// Where it keeps its workers.
    pub store: StorePlace,
    /// Which workspace it is of; `None` if it doesn't say, as an older version.
    pub workspace: Option<WorkspaceHash>,
}

impl RunningServers {
    fn sort(&mut self) {
        let newest_first = |server: &RunningServer| Reverse(server.started_at);
        self.servers.sort_by_key(newest_first);
    }

    /// The servers of the workspace whose canonical root this is, the newest first.
    pub fn of_workspace(&self, canonical_root: &Path) -> impl Iterator<Item = &RunningServer> {
        let hashes = self.keys.iter().map(|key| key.hash(canonical_root));
        let hashes: Vec<_> = hashes.collect();
        let is_of_it = move |server: &&RunningServer| {
            let workspace = server.workspace.as_ref();
            workspace.is_some_and(|workspace| hashes.contains(workspace))
        };
        self.servers.iter().filter(is_of_it)
    }
}

/// The servers that run now, as their files in `directories` say. What others may have put there is
/// passed over; files that can't be read are skipped.
pub fn running_in(directories: &[PathBuf]) -> RunningServers {
    let mut found = RunningServers::default();
    for directory in directories {
        let RunningServers {
            servers,
            passed_over,
            keys,
        } = running(directory);
        found.servers.extend(servers);
        found.passed_over.extend(passed_over);
        found.keys.extend(keys);
    }
    found.sort();
    // Two directories may be the same one by a link.
    let is_same = |server: &mut RunningServer, before: &mut RunningServer| {
        server.url == before.url && server.started_at == before.started_at
    };
    found.servers.dedup_by(is_same);
    found
}

/// The same, of one directory.
pub fn running(path: &Path) -> RunningServers {
    let mut found = RunningServers::default();
    let directory = match PrivateDir::open(path) {
        Ok(directory) => directory,
        Err(UnusableFile::NotPrivate) => {
            found.passed_over = vec![PassedOver::Directory(path.to_owned())];
            return found;
        }
        Err(UnusableFile::Io(_)) => return found,
    };
    found.keys.extend(WorkspaceKey::read(&directory));
    let mut passed_over = 0;
    let names = directory.names().into_iter().flatten();
    for name in names.filter(|name| is_file_name(name)) {
        match open_locked(&directory, &name) {
            Ok(Some(file)) if found.servers.len() < FILES_MAX => found.servers.extend(read(file)),
            Err(UnusableFile::NotPrivate) => passed_over += 1,
            Ok(_) | Err(UnusableFile::Io(_)) => {}
        }
    }
    if passed_over > 0 {
        found.passed_over = vec![PassedOver::Files(passed_over, path.to_owned())];
    }
    found.sort();
    found
}

/// Opens the file of this name if a running server holds its lock.
pub(super) fn open_locked(
    directory: &PrivateDir,
    name: &str,
) -> Result<Option<File>, UnusableFile> {
    let file = directory.open_file(name)?;
    Ok(match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(file),
        // When the lock is free, the server is gone.
        Ok(()) | Err(TryLockError::Error(_)) => None,
    })
}

fn read(file: File) -> Option<RunningServer> {
    let mut text = String::new();
    file.take(FILE_MAX_BYTES).read_to_string(&mut text).ok()?;
    let content: Content = serde_json::from_str(&text).ok()?;
    let token = content.token.map(|text| text.parse()).transpose().ok()?;
    let instance = content.instance.map(|text| text.parse()).transpose().ok()?;
    let workspace = content.workspace_hash.as_deref();
    Some(RunningServer {
        url: content.url,
        name: content.name,
        token,
        instance,
        started_at: content.started_at,
        store: content.store,
        workspace: workspace.and_then(WorkspaceHash::from_hex),
    })
}

fn is_file_name(name: &str) -> bool {
    name.starts_with("server-") && name.ends_with(".json")
}
