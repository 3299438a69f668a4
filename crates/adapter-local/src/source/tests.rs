//! The source as the registry uses it, on a directory that nobody vouches for.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use registry_core::page::Position;
use registry_core::projection::{Diagnostic, RuntimeStatus, RuntimeSummary, WorkerPage};
use registry_core::registry::WorkerListQuery;
use registry_core::{PageLimit, RegistryError, RuntimeRegistry, WorkerRef};
use testkit::clock::StoppedClock;

use super::*;
use crate::fixture::DataDir;

/// In every place of the hostile directory from which nothing must get out.
const CANARY: &str = "canary";

impl DataDir {
    /// A source that looks at the directory anew for every call.
    fn source(&self) -> LocalSource {
        let mut config = self.config();
        config.limits.refresh_interval = Duration::ZERO;
        LocalSource::new(config)
    }
}

fn registry_of(source: LocalSource) -> RuntimeRegistry {
    let builder = RuntimeRegistry::builder().register(Arc::new(source));
    builder.unwrap().build()
}

async fn page_of(source: &LocalSource, after: Option<Position>, limit: u32) -> CatalogPage {
    let query = CatalogQuery {
        after,
        limit: PageLimit::new(limit).unwrap(),
        ..CatalogQuery::default()
    };
    source.list(&query).await.unwrap()
}

fn ids(page: &CatalogPage) -> Vec<WorkerId> {
    let workers = page.workers.iter();
    workers.map(|worker| worker.worker_id.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_hostile_directory_is_answered_right_and_gives_nothing_away() {
    let _stopped_clock = StoppedClock::new();
    let records = DataDir::new();
    records.fill_with_hostile_records();
    let source = records.source();
    let debug = format!("{source:?} {:?}", records.config());
    let registry = registry_of(source);

    let summary: RuntimeSummary = registry.runtimes().await.remove(0);
    let page: WorkerPage = registry
        .list_workers(&WorkerListQuery::default())
        .await
        .unwrap();
    let mut output = format!("{debug} {summary:?} {page:?}");
    output += &serde_json::to_string(&(&summary, &page)).unwrap();
    for worker in &page.items {
        let name = WorkerRef::new(worker.runtime_id.clone(), worker.worker_id.clone());
        let detail = registry.worker(&name).await.unwrap();
        output += &format!("{detail:?} {}", serde_json::to_string(&detail).unwrap());
    }
    assert!(!output.contains(CANARY), "{output}");
    assert!(
        !output.contains("/home") && !output.contains(".sock"),
        "{output}"
    );

    let counted = |diagnostics: &[Diagnostic]| -> Vec<(String, u32)> {
        let counts = diagnostics.iter();
        counts
            .map(|each| (each.code.to_string(), each.count))
            .collect()
    };
    let expected = [
        ("local_metadata_unreadable", 3),
        ("local_metadata_not_regular", 2),
        ("local_metadata_oversized", 1),
        ("local_metadata_invalid", 4),
        ("local_other_workspace", 1),
        ("local_no_workspace", 2),
    ]
    .map(|(code, count)| (code.to_owned(), count));
    assert_eq!(counted(&summary.diagnostics), expected);
    assert_eq!(counted(&page.diagnostics), expected);
    assert_eq!(summary.status, RuntimeStatus::Degraded);
    assert_eq!(summary.counts.unwrap().workers.recorded, 2);

    let workers = page.items.iter();
    let names: BTreeSet<_> = workers.map(|w| w.display_name.as_str()).collect();
    let neutral = names.iter().find(|name| name.starts_with("Local worker "));
    assert!(names.contains("full") && neutral.is_some(), "{names:?}");
    for worker in &page.items {
        assert_eq!(worker.state, WorkerState::Recorded);
        assert_eq!(worker.profile, None);
        let diagnostics = worker.diagnostics.iter();
        let codes: Vec<_> = diagnostics.map(|each| each.code.as_str()).collect();
        assert_eq!(codes, ["local_record_active", "local_profile_withheld"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_position_outlives_the_record_that_it_names() {
    let _stopped_clock = StoppedClock::new();
    let records = DataDir::new();
    for name in ["a", "b", "c", "d", "e"] {
        records.write_record(format!("pods/{name}"), name);
    }
    let source = records.source();
    let all = page_of(&source, None, 5).await;
    let first = page_of(&source, None, 2).await;
    let named = first.workers[1].display_name.as_str();
    fs::remove_dir_all(records.path("pods").join(named)).unwrap();
    records.write_record("pods/created-meanwhile", "new");

    let rest = page_of(&source, first.next.clone(), 5).await;
    let mut listed = [ids(&first), ids(&rest)].concat();
    // One that was created within the same tick may stand on either side of the position.
    listed.retain(|id| ids(&all).contains(id));
    assert_eq!(listed, ids(&all));
    assert_eq!(rest.next, None);
}

#[tokio::test(start_paused = true)]
async fn only_the_first_page_says_what_the_list_lacks() {
    let _stopped_clock = StoppedClock::new();
    let records = DataDir::new();
    records.write("pods/x", "invalid");
    records.write_record("pods/a", "a");
    records.write_record("pods/b", "b");
    let source = records.source();
    let first = page_of(&source, None, 1).await;
    let second = page_of(&source, first.next.clone(), 1).await;
    assert_eq!((first.diagnostics.len(), second.diagnostics.len()), (1, 0));
    assert_eq!(second.workers.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_worker_is_unknown_only_when_everything_was_read() {
    let _stopped_clock = StoppedClock::new();
    let assert_unavailable = async |source: &LocalSource, id: &WorkerId| {
        let answer = source.get(id).await;
        assert!(matches!(answer, Err(SourceError::Unavailable { .. })));
    };
    let records = DataDir::new();
    records.write_record("workers/a", "a");
    let source = records.source();
    let known = page_of(&source, None, 1).await.workers.remove(0);
    let unknown = "local-0123456789abcdef0123456789abcdef".parse().unwrap();
    let answer = source.get(&unknown).await;
    assert!(matches!(answer, Err(SourceError::UnknownWorker)));

    fs::write(records.path("pods"), "").unwrap();
    assert_unavailable(&source, &unknown).await;
    // No record could ever have this one.
    let foreign = source.get(&"w1".parse().unwrap()).await;
    assert!(matches!(foreign, Err(SourceError::UnknownWorker)));
    let detail = source.get(&known.worker_id).await.unwrap();
    assert_eq!(detail, known.clone().into());

    fs::remove_file(records.path("pods")).unwrap();
    let metadata = records.path("workers/a/metadata.json");
    fs::remove_file(&metadata).unwrap();
    std::os::unix::fs::symlink("metadata.json", &metadata).unwrap();
    assert_unavailable(&source, &known.worker_id).await;
    fs::remove_file(&metadata).unwrap();
    for unfinished in ["", r#"{"worker_name":"#, &" ".repeat(300 * 1024)] {
        fs::write(&metadata, unfinished).unwrap();
        assert_unavailable(&source, &known.worker_id).await;
    }

    let mut config = records.config();
    config.limits.records = 0;
    assert_unavailable(&LocalSource::new(config), &known.worker_id).await;
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_fails_is_unavailable_and_its_cause_has_no_path() {
    let _stopped_clock = StoppedClock::new();
    let records = DataDir::new();
    let mut config = records.config();
    config.data_dir = Path::new("/dev/null").join(CANARY);
    let registry = registry_of(LocalSource::new(config));
    let summary = registry.runtimes().await.remove(0);
    assert_eq!(summary.status, RuntimeStatus::Unavailable);

    let unknown = WorkerRef::new(
        summary.runtime_id,
        "local-0123456789abcdef0123456789abcdef".parse().unwrap(),
    );
    let error = registry.worker(&unknown).await.unwrap_err();
    let RegistryError::RuntimeUnavailable {
        cause: Some(cause), ..
    } = &error
    else {
        panic!("{error:?}");
    };
    let output = format!("{error} {error:?} {cause} {cause:?} {:?}", error.source());
    assert!(
        !output.contains(CANARY) && !output.contains('/'),
        "{output}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_missing_directory_is_an_empty_catalog_until_it_is_there() {
    let _stopped_clock = StoppedClock::new();
    let records = DataDir::new();
    let mut config = records.config();
    config.data_dir = records.path("later");
    config.limits.refresh_interval = Duration::ZERO;
    let source = LocalSource::new(config);
    let status = source.status().await.unwrap();
    assert_eq!(status.status, RuntimeStatus::Available);
    assert_eq!(status.diagnostics[0].code.as_str(), "local_data_missing");

    records.write_record("later/pods/a", "a");
    let status = source.status().await.unwrap();
    assert_eq!(
        (status.counts.workers.recorded, status.diagnostics.len()),
        (1, 0)
    );
}
