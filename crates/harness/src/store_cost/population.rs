//! Many workers in the store: the start of a server, its memory, and pages of the list.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter_store_sqlite::{Options, SqliteStore};
use tokio::task::JoinSet;
use worker_runtime::{CreateWorker, ListQuery, Runtime, WorkerId};

use super::{Error, Figure, ratio};
use crate::process_stats::format_mib;
use crate::server::{Server, Settings};
use crate::statistics::{Rounds, format_ms};

/// Workers of the small store.
const FEW: usize = 100;
/// Tasks that create workers.
const CREATORS: usize = 128;
/// Pages that are read of each store, in turns.
const PAGES: usize = 400;
/// Starts of the server.
const STARTS: usize = 5;

pub(super) async fn measure(many: usize) -> Result<Vec<Figure>, Error> {
    let directory = tempfile::tempdir()?;
    let files = [FEW, many].map(|workers| directory.path().join(format!("{workers}.sqlite3")));
    for (file, workers) in files.iter().zip([FEW, many]) {
        create(file, workers).await?;
    }
    let [few, all] = [pages(&files[0]).await?, pages(&files[1]).await?];
    let [mut few_times, mut all_times] = [(); 2].map(|()| Rounds::default());
    for page in 0..PAGES {
        for (list, times) in [(&few, &mut few_times), (&all, &mut all_times)] {
            let after = list.positions[page * 7 % list.positions.len()];
            let query = ListQuery {
                after,
                ..ListQuery::default()
            };
            let begun = Instant::now();
            let read = list.runtime.list(query).await?;
            times.record(begun.elapsed().as_secs_f64() * 1e3);
            if read.workers.len() != 50 {
                return Err("a page is not full".into());
            }
        }
    }
    drop((few, all));

    let mut starts = Vec::new();
    let mut resident = [0; 2];
    for _ in 0..STARTS {
        for (file, resident) in files.iter().zip(&mut resident) {
            let (took, bytes) = start(file).await?;
            starts.push(took);
            *resident = bytes;
        }
    }
    let slowest = starts.iter().skip(1).step_by(2).max().copied();
    let each = resident[1].saturating_sub(resident[0]) / (many - FEW) as u64;
    let what = format!("page of 50, {many} ÷ {FEW} stored workers");
    Ok(vec![
        ratio(&what, "≤ 1.15", [&all_times, &few_times]),
        Figure {
            what: format!("start with {many} stored workers, until the first list (slowest of 5)"),
            value: format_ms(slowest),
            goal: "≤ 1 s",
        },
        Figure {
            what: "memory of a stored worker, with a creation key".to_owned(),
            value: format!("{each} B ({} in all)", format_mib(resident[1])),
            goal: "≤ 300 B",
        },
    ])
}

async fn open(file: &Path) -> Result<Runtime, Error> {
    let store = SqliteStore::open(file, Options::default())?;
    Ok(Runtime::builder().open(Arc::new(store)).await?)
}

/// Creates workers, each under a key, as clients do that retry.
async fn create(file: &Path, workers: usize) -> Result<(), Error> {
    let runtime = open(file).await?;
    let mut creators = JoinSet::new();
    for creator in 0..CREATORS {
        let runtime = runtime.clone();
        creators.spawn(async move {
            for number in (creator..workers).step_by(CREATORS) {
                let key = format!("{number:08}-0198-7000-8000-0123456789ab").parse()?;
                let request = CreateWorker {
                    idempotency_key: Some(key),
                    ..CreateWorker::default()
                };
                runtime.create(request).await?;
            }
            Ok::<_, Error>(())
        });
    }
    while let Some(ended) = creators.join_next().await {
        ended??;
    }
    Ok(())
}

/// A runtime with all of its workers in the store alone, and positions in its list.
struct List {
    runtime: Runtime,
    positions: Vec<Option<WorkerId>>,
}

async fn pages(file: &Path) -> Result<List, Error> {
    let runtime = open(file).await?;
    let mut positions = vec![None];
    let mut query = ListQuery::default();
    loop {
        let page = runtime.list(query).await?;
        query.after = page.next;
        // The last page may not be full.
        if page.next.is_none() {
            positions.pop();
            break;
        }
        positions.push(page.next);
    }
    Ok(List { runtime, positions })
}

/// Starts a server on the store. Returns the time until its first list, and its memory then.
async fn start(file: &Path) -> Result<(Duration, u64), Error> {
    let begun = Instant::now();
    let server = Server::start(Settings::default().with("--store", file.display())).await?;
    let mut client = server.client();
    let page: serde_json::Value = client.get_json("/api/workers").await?;
    if page["items"].as_array().map(Vec::len) != Some(50) {
        return Err("the first list is not full".into());
    }
    let took = begun.elapsed();
    let resident = server.stats()?.resident_bytes;
    server.terminate().await?;
    Ok((took, resident))
}
