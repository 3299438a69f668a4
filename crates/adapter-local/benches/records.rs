//! What local records cost: reading the directory again when nothing has changed, and asking
//! the index in between.
//!
//! `cargo bench -p adapter-local`

use std::fs;
use std::time::Duration;

use adapter_local::{LocalConfig, LocalLimits, LocalSource};
use divan::Bencher;
use futures_util::FutureExt as _;
use registry_core::PageLimit;
use registry_core::port::{CatalogQuery, RuntimeSource as _};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime as Executor};

/// Records in the directory.
const RECORDS: [usize; 2] = [100, 10_000];
/// Workers on a page.
const PAGE: u32 = 50;
/// Longer than any measurement: the directory is read once.
const NEVER_AGAIN: Duration = Duration::from_secs(60 * 60);

fn main() {
    divan::main();
}

#[divan::bench(args = RECORDS)]
fn refresh_of_unchanged_records(bencher: Bencher<'_, '_>, records: usize) {
    let local = Local::with_records(records, Duration::ZERO);
    bencher.bench_local(|| local.executor.block_on(local.source.status()));
}

#[divan::bench(args = RECORDS)]
fn page_of_50_warm(bencher: Bencher<'_, '_>, records: usize) {
    let local = Local::with_records(records, NEVER_AGAIN);
    let catalog = local.source.catalog();
    let query = query();
    bencher.bench_local(|| {
        let page = catalog.list(&query).now_or_never();
        page.expect("nothing is read").expect("a page")
    });
}

#[divan::bench(args = RECORDS)]
fn look_up_warm(bencher: Bencher<'_, '_>, records: usize) {
    let local = Local::with_records(records, NEVER_AGAIN);
    let catalog = local.source.catalog();
    let page = local.executor.block_on(catalog.list(&query()));
    let newest = &page.expect("a page").workers[0].worker_id;
    bencher.bench_local(|| {
        let worker = catalog.get(newest).now_or_never();
        worker.expect("nothing is read").expect("it is on the page")
    });
}

fn query() -> CatalogQuery {
    CatalogQuery {
        limit: PageLimit::new(PAGE).expect("within the bounds of a page"),
        ..CatalogQuery::default()
    }
}

/// A source that has read its directory once.
struct Local {
    executor: Executor,
    source: LocalSource,
    _directory: TempDir,
}

impl Local {
    fn with_records(records: usize, refresh_interval: Duration) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let workspace_root = directory.path().join("workspace");
        fs::create_dir(&workspace_root).expect("a workspace");
        let data_dir = directory.path().join("data");
        for number in 0..records {
            let record = data_dir.join(format!("workers/worker-{number}"));
            fs::create_dir_all(&record).expect("a record's directory");
            let content = json!({
                "worker_name": format!("worker {number}"),
                "workspace_root": workspace_root,
            });
            fs::write(record.join("metadata.json"), content.to_string()).expect("a record");
        }
        let local = Self {
            executor: Builder::new_current_thread()
                .enable_time()
                .build()
                .expect("an executor"),
            source: LocalSource::new(LocalConfig {
                data_dir,
                workspace_root,
                limits: LocalLimits {
                    refresh_interval,
                    ..LocalLimits::default()
                },
            }),
            _directory: directory,
        };
        let status = local.executor.block_on(local.source.status());
        let shown = status.expect("the directory can be read").counts.workers;
        assert_eq!(shown.recorded, u64::try_from(records).unwrap_or(u64::MAX));
        local
    }
}
