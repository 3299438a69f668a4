//! A page of local records whose directory was scanned before.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use adapter_local::{LocalConfig, LocalLimits, LocalSource};
use registry_core::port::{CatalogQuery, WorkerCatalog as _};
use serde_json::json;
use tempfile::TempDir;

use super::{Error, Sample};

const PAGES: u32 = 400;
/// An interval within which the directory is not scanned a second time.
const REFRESH_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// A directory of records, and a source that reads it.
pub(super) struct LocalPage {
    source: LocalSource,
    _root: TempDir,
}

impl Sample for LocalPage {
    async fn new(size: usize) -> Result<Self, Error> {
        let root = tempfile::tempdir()?;
        let workspace = root.path().join("workspace");
        fs::create_dir(&workspace)?;
        for number in 0..size {
            write_record(root.path(), &workspace, number)?;
        }
        let source = LocalSource::new(LocalConfig {
            data_dir: root.path().to_owned(),
            workspace_roots: vec![workspace],
            limits: LocalLimits {
                refresh_interval: REFRESH_INTERVAL,
                ..LocalLimits::default()
            },
        });
        let page = source.list(&CatalogQuery::default()).await?;
        if page.workers.is_empty() {
            return Err("the records are not listed".into());
        }
        Ok(Self {
            source,
            _root: root,
        })
    }

    async fn round(&mut self) -> Result<Duration, Error> {
        let query = CatalogQuery::default();
        let began = Instant::now();
        for _ in 0..PAGES {
            black_box(self.source.list(&query).await?);
        }
        Ok(began.elapsed() / PAGES)
    }
}

/// Writes a record as older local tooling does.
fn write_record(data: &Path, workspace: &Path, number: usize) -> std::io::Result<()> {
    let directory = data.join("workers").join(format!("worker-{number}"));
    fs::create_dir_all(&directory)?;
    let content = json!({
        "worker_name": format!("worker-{number}"),
        "workspace_root": workspace,
        "resolved_manifest_snapshot": {
            "profile": { "source": { "provenance": "builtin:coder" } },
        },
    });
    fs::write(directory.join("metadata.json"), content.to_string())
}
