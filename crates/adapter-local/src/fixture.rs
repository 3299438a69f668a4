//! A data directory for tests.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use cap_std::fs::Dir;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::config::{LocalConfig, LocalLimits};

/// A temporary data directory beside a workspace. Names are relative to the data directory.
pub(crate) struct DataDir {
    root: TempDir,
}

impl DataDir {
    /// An empty data directory, and an empty workspace.
    pub(crate) fn new() -> Self {
        let root = TempDir::with_prefix("canary-path-").unwrap();
        fs::create_dir(root.path().join("data")).unwrap();
        fs::create_dir(root.path().join("workspace")).unwrap();
        Self { root }
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.path().join("data").join(name)
    }

    /// The root of the workspace whose records are listed.
    pub(crate) fn workspace(&self) -> PathBuf {
        self.root.path().join("workspace")
    }

    /// A path outside the data directory.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The usual configuration for this directory.
    pub(crate) fn config(&self) -> LocalConfig {
        LocalConfig {
            data_dir: self.path(""),
            workspace_roots: vec![self.workspace()],
            limits: LocalLimits::default(),
        }
    }

    /// A handle of the directory.
    pub(crate) fn open(&self) -> Dir {
        Dir::open_ambient_dir(self.path(""), cap_std::ambient_authority()).unwrap()
    }

    /// A valid record of this workspace.
    pub(crate) fn record(&self, worker_name: &str) -> Value {
        json!({ "worker_name": worker_name, "workspace_root": self.workspace() })
    }

    /// Writes the metadata file of the record at `directory`.
    pub(crate) fn write(&self, directory: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let directory = self.path(directory);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("metadata.json"), content).unwrap();
    }

    /// Writes a valid record of this workspace at `directory`.
    pub(crate) fn write_record(&self, directory: impl AsRef<Path>, worker_name: &str) {
        self.write(directory, self.record(worker_name).to_string());
    }

    /// Makes a directory, and what leads to it.
    pub(crate) fn directory(&self, name: &str) {
        fs::create_dir_all(self.path(name)).unwrap();
    }

    /// Makes a FIFO that nobody writes to.
    pub(crate) fn fifo(&self, name: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let fifo = rustix::fs::FileType::Fifo;
        let mode = rustix::fs::Mode::RUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, fifo, mode, 0).unwrap();
    }

    /// Makes a symbolic link, and the directory it is in.
    pub(crate) fn link(&self, name: &str, target: impl AsRef<Path>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    /// Everything that older tooling writes into a record, all of it marked.
    pub(crate) fn full_record(&self, worker_name: &str) -> serde_json::Value {
        json!({
            "worker_name": worker_name,
            "workspace_root": self.workspace(),
            "active": { "session_id": "canary-session", "segment_id": "canary-segment" },
            "spawned_children": [{
                "worker_name": "canary-child",
                "socket_path": "/run/canary.sock",
                "scope_delegated": [{ "target": "/canary", "permission": "rw", "recursive": true }],
                "callback_address": "canary:1",
            }],
            "reclaimed_children": ["canary-reclaimed"],
            "peers": [{ "worker_name": "canary-peer" }],
            "resolved_manifest_snapshot": {
                "profile": { "source": { "provenance": "sk-canary-profile" } },
                "profile_selector": "builtin:canary-unused",
                "api_key": "sk-canary",
            },
            "canary-unknown": "canary",
        })
    }

    /// Writes one of everything that can go wrong, and two records that are listed.
    pub(crate) fn fill_with_hostile_records(&self) {
        self.write("pods/canary-full", self.full_record("full").to_string());
        let path = self.full_record("/home/canary").to_string();
        self.write("pods/canary-path", path);
        let deep = "[".repeat(200_000);
        let records: [(&str, &[u8]); 8] = [
            (
                "other",
                br#"{"worker_name":"canary","workspace_root":"/canary"}"#,
            ),
            ("none", br#"{"worker_name":"canary"}"#),
            (
                "relative",
                br#"{"worker_name":"canary","workspace_root":"canary"}"#,
            ),
            ("invalid-1", b"canary"),
            ("invalid-2", b"\xff\xfe\0canary"),
            ("invalid-3", deep.as_bytes()),
            ("invalid-4", br#"{"worker_name":1e999999,"x":"canary"}"#),
            ("sparse", b"canary"),
        ];
        for (name, content) in records {
            self.write(Path::new("pods").join(name), content);
        }
        let sparse = fs::File::options()
            .write(true)
            .open(self.path("pods/sparse/metadata.json"));
        sparse.unwrap().set_len(1 << 30).unwrap();
        self.fifo("pods/fifo/metadata.json");
        self.directory("pods/directory/metadata.json/canary");
        let outside = self.outside("canary-outside");
        fs::create_dir(&outside).unwrap();
        let file = outside.join("metadata.json");
        fs::write(&file, self.record("canary").to_string()).unwrap();
        self.link("pods/link-to-directory", &outside);
        self.link("workers/link-to-file/metadata.json", &file);
        self.link("workers/dangling", "canary-nowhere");
    }
}
