//! The local source against the number of its records.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use adapter_local::{LocalConfig, LocalLimits, LocalSource};
use registry_core::WorkerId;
use registry_core::port::{CatalogQuery, WorkerCatalog as _};
use serde_json::json;
use tempfile::TempDir;

use super::ScaleError;
use super::curve::{Curve, Measured, each_us, in_turns};
use crate::failure::Failure;

/// Records that there are.
const SIZES: [u32; 3] = [100, 1_000, 10_000];
/// Pages, and look-ups, of a round.
const READS: usize = 400;
/// Pages of a round that look at the directory first.
const REFRESHES: usize = 3;
/// An interval within which no directory is looked at a second time.
const NEVER_AGAIN: Duration = Duration::from_secs(24 * 60 * 60);

/// What is measured, in the order of the lines.
const LINES: [&str; 3] = [
    "page of 50",
    "look-up of a worker",
    "page of 50 after a look at the directory",
];

/// Directories of so many records, and two sources of them.
struct Stage {
    /// Looks at the directory once.
    warm: LocalSource,
    /// Looks at the directory each time.
    eager: LocalSource,
    worker: WorkerId,
    _root: TempDir,
}

/// Measures all operations at all sizes.
pub(super) async fn measure(rounds: u16) -> Result<Curve, ScaleError> {
    Ok(Curve {
        file: "local",
        title: "Cost of reading local records against their number",
        size: "records",
        unit: "µs per operation",
        sizes: SIZES.to_vec(),
        lines: in_turns::<Stage, _>(LINES, &SIZES, rounds).await?,
        method: "Calls of `adapter_local`; nothing in the directory changes. The source looks at \
                 the directory at most once a second, so a page that is read again within the \
                 second costs the first line, and one a second the third.",
    })
}

impl Measured<3> for Stage {
    async fn of(size: u32) -> Result<Self, ScaleError> {
        let root = tempfile::tempdir().map_err(Failure::io("making a directory"))?;
        let workspace = root.path().join("workspace");
        fs::create_dir(&workspace).map_err(Failure::io("making a directory"))?;
        for number in 0..size {
            record(root.path(), &workspace, number).map_err(Failure::io("writing a record"))?;
        }
        let source = |refresh_interval| {
            LocalSource::new(LocalConfig {
                data_dir: root.path().to_owned(),
                workspace_root: workspace.clone(),
                limits: LocalLimits {
                    refresh_interval,
                    ..LocalLimits::default()
                },
            })
        };
        let (warm, eager) = (source(NEVER_AGAIN), source(Duration::ZERO));
        let page = warm.list(&CatalogQuery::default()).await?;
        let worker = page.workers.into_iter().nth(READS % 50);
        let worker = worker.ok_or(ScaleError::Lost("the records are not shown"))?;
        Ok(Self {
            warm,
            eager,
            worker: worker.worker_id,
            _root: root,
        })
    }

    /// The figures of one round, in the order of [`LINES`].
    async fn round(&mut self) -> Result<[f64; 3], ScaleError> {
        let query = CatalogQuery::default();
        let began = Instant::now();
        for _ in 0..READS {
            black_box(self.warm.list(&query).await?);
        }
        let page = each_us(began, READS);
        let began = Instant::now();
        for _ in 0..READS {
            black_box(self.warm.get(&self.worker).await?);
        }
        let look_up = each_us(began, READS);
        let began = Instant::now();
        for _ in 0..REFRESHES {
            black_box(self.eager.list(&query).await?);
        }
        Ok([page, look_up, each_us(began, REFRESHES)])
    }
}

/// A record as older tooling writes them.
fn record(data: &Path, workspace: &Path, number: u32) -> std::io::Result<()> {
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
