//! The worker that was used last in each workspace, which commands call `-` or `@last`. A small file
//! of the user's own has them, newest first.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use registry_core::WorkerRef;
use serde::{Deserialize, Serialize};
use yoi_workspace_server::server_file::WorkspaceHash;

use crate::connect::Target;
use crate::state_directory;

const FILE_NAME: &str = "last-workers";
const FILE_MODE: u32 = 0o600;
/// Most workspaces that are remembered: more than one person works in.
const WORKSPACES_MAX: usize = 64;
/// Most bytes of the file that are read. A larger one is none of ours, and is written anew.
const FILE_MAX_BYTES: u64 = 256 * 1024;

/// Where the last worker of one workspace is remembered.
pub(crate) struct LastWorker {
    /// `None` where nothing can be remembered: commands work without.
    path: Option<PathBuf>,
    workspace: String,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    workspace: String,
    worker: WorkerRef,
}

impl LastWorker {
    /// That of the workspace which `target` serves.
    pub(crate) fn of(target: &Target) -> Self {
        // A server has another port after a restart, and the same workspace.
        let workspace = target.workspace().map(WorkspaceHash::to_hex);
        Self {
            path: state_directory::of_process().map(|directory| directory.join(FILE_NAME)),
            workspace: workspace.unwrap_or_else(|| target.server.to_string()),
        }
    }

    /// Remembers nothing.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self {
            path: None,
            workspace: String::new(),
        }
    }

    pub(crate) fn get(&self) -> Option<WorkerRef> {
        let file = open(self.path.as_deref()?, OpenOptions::new().read(true)).ok()?;
        file.lock_shared().ok()?;
        let mut entries = read(&file).into_iter();
        let entry = entries.find(|entry| entry.workspace == self.workspace);
        entry.map(|entry| entry.worker)
    }

    /// Remembers `worker`, if that is possible.
    pub(crate) fn set(&self, worker: &WorkerRef) {
        if let Some(path) = &self.path {
            // A command works without.
            let _ = self.write(path, worker);
        }
    }

    fn write(&self, path: &Path, worker: &WorkerRef) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).mode(FILE_MODE);
        let mut file = open(path, &options)?;
        // Two commands at once must not lose one another's workspace.
        file.lock()?;
        let mut entries = vec![Entry {
            workspace: self.workspace.clone(),
            worker: worker.clone(),
        }];
        let others = read(&file).into_iter();
        entries.extend(others.filter(|entry| entry.workspace != self.workspace));
        entries.truncate(WORKSPACES_MAX);
        let content = serde_json::to_vec(&entries)?;
        file.rewind()?;
        file.set_len(0)?;
        file.write_all(&content)
    }
}

/// Opens the file at `path`, if it is one: opening a FIFO would block.
fn open(path: &Path, options: &OpenOptions) -> io::Result<File> {
    match path.symlink_metadata() {
        Ok(metadata) if !metadata.is_file() => Err(io::ErrorKind::InvalidInput.into()),
        Ok(_) | Err(_) => options.open(path),
    }
}

/// The entries of `file`; none of one that is damaged.
fn read(file: &File) -> Vec<Entry> {
    let mut bytes = Vec::new();
    match file.take(FILE_MAX_BYTES).read_to_end(&mut bytes) {
        Ok(_) => serde_json::from_slice(&bytes).unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn last_worker(directory: &Path, workspace: &str) -> LastWorker {
        LastWorker {
            path: Some(directory.join(FILE_NAME)),
            workspace: workspace.to_owned(),
        }
    }

    fn worker(id: &str) -> WorkerRef {
        WorkerRef::new("r".parse().unwrap(), id.parse().unwrap())
    }

    #[test]
    fn each_workspace_has_its_own_and_the_file_is_private_and_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let of = |workspace: &str| last_worker(directory.path(), workspace);
        assert_eq!(of("a").get(), None);
        of("a").set(&worker("w1"));
        of("b").set(&worker("w2"));
        of("a").set(&worker("w3"));
        assert_eq!(of("a").get(), Some(worker("w3")));
        assert_eq!(of("b").get(), Some(worker("w2")));
        let mode = directory.path().join(FILE_NAME).metadata().unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, FILE_MODE);

        for workspace in 0..WORKSPACES_MAX {
            of(&workspace.to_string()).set(&worker("w4"));
        }
        assert_eq!(of("a").get(), None, "the oldest makes way");
        assert_eq!(of("0").get(), Some(worker("w4")));
    }

    #[test]
    fn a_damaged_file_is_written_anew_and_what_is_no_file_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE_NAME);
        let last = last_worker(directory.path(), "a");
        for content in ["", "{", "[1]", r#"[{"workspace":"a"}]"#] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(last.get(), None);
            last.set(&worker("w1"));
            assert_eq!(last.get(), Some(worker("w1")));
        }
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        last.set(&worker("w1"));
        assert_eq!(last.get(), None);
    }
}
