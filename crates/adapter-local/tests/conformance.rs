//! The local source keeps the contract: its catalog's whole, and of every other port that it
//! is absent.

use std::fs;
use std::sync::{Arc, Mutex};

use adapter_local::{LocalConfig, LocalLimits, LocalSource};
use async_trait::async_trait;
use registry_core::conformance::Subject;
use registry_core::port::RuntimeSource;
use tempfile::TempDir;

/// Keeps the directories of the sources it gave out until the test ends.
struct Local(Mutex<Vec<TempDir>>);

#[async_trait]
impl Subject for Local {
    async fn source(&self, workers: usize) -> Arc<dyn RuntimeSource> {
        let home = tempfile::tempdir().expect("a directory");
        let workspace_root = home.path().join("workspace");
        fs::create_dir(&workspace_root).expect("a workspace");
        for n in 0..workers {
            let directory = home.path().join(format!("data/workers/w{n}"));
            fs::create_dir_all(&directory).expect("a record's directory");
            let root = workspace_root.to_str().expect("a path of text");
            let record = format!(r#"{{"worker_name":"worker {n}","workspace_root":"{root}"}}"#);
            fs::write(directory.join("metadata.json"), record).expect("a record");
        }
        fs::create_dir_all(home.path().join("data")).expect("a data directory");
        let config = LocalConfig {
            data_dir: home.path().join("data"),
            workspace_roots: vec![workspace_root],
            limits: LocalLimits::default(),
        };
        self.0.lock().expect("no panic while held").push(home);
        Arc::new(LocalSource::new(config))
    }
}

registry_core::conformance_suite!(Local(Mutex::default()));
