//! The source as the registry uses it, on a directory that nobody vouches for.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use registry_core::page::Position;
use registry_core::projection::{RuntimeStatus, RuntimeSummary, WorkerPage};
use registry_core::registry::WorkerListQuery;
use registry_core::{PageLimit, RegistryError, RuntimeRegistry, WorkerRef};

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

#[tokio::test]
async fn a_hostile_directory_is_answered_right_and_gives_nothing_away() {
    let records = DataDir::new();
    records.fill_with_hostility();
    let source = records.source();
    let debug = format!("{source:?} {:?}", records.config());
    let registry = registry_of(source);

    let summary: RuntimeSummary = registry.runtimes().await.remove(0);
    let page: WorkerPage = registry
        .list_workers(&WorkerListQuery::default())
        .await
        .unwrap();
    let mut told = format!("{debug} {summary:?} {page:?}");
    told += &serde_json::to_string(&(&summary, &page)).unwrap();
    for worker in &page.items {
        let name = WorkerRef::new(worker.runtime_id.clone(), worker.worker_id.clone());
        let detail = registry.worker(&name).await.unwrap();
        told += &format!("{detail:?} {}", serde_json::to_string(&detail).unwrap());
    }
    assert!(!told.contains(CANARY), "{told}");
    assert!(!told.contains("/home") && !told.contains(".sock"), "{told}");

    let counted = |diagnostics: &[registry_core::projection::Diagnostic]| -> Vec<(String, u32)> {
        let diagnostics = diagnostics.iter();
        diagnostics
            .map(|one| (one.code.to_string(), one.count))
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

    let names: BTreeSet<_> = page
        .items
        .iter()
        .map(|worker| worker.display_name.as_str())
        .collect();
    let neutral = names.iter().find(|name| name.starts_with("Local worker "));
    assert!(names.contains("full") && neutral.is_some(), "{names:?}");
    for worker in &page.items {
        assert_eq!(worker.state, WorkerState::Recorded);
        assert_eq!(worker.profile, None);
        let said: Vec<_> = worker
            .diagnostics
            .iter()
            .map(|one| one.code.as_str())
            .collect();
        assert_eq!(said, ["local_record_active", "local_profile_withheld"]);
    }
}

#[tokio::test]
async fn five_thousand_records_are_listed_exactly_once_newest_first() {
    const RECORDS: usize = 5_000;
    let records = DataDir::new();
    for n in 0..RECORDS {
        records.write_record(format!("pods/{n}"), "a");
    }
    let source = LocalSource::new(records.config());
    let mut listed = Vec::new();
    let mut after = None;
    loop {
        let page = page_of(&source, after.clone(), 200).await;
        assert_eq!(page.workers.len(), 200);
        listed.extend(page.workers.clone());
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let distinct: BTreeSet<_> = listed.iter().map(|worker| &worker.worker_id).collect();
    assert_eq!((listed.len(), distinct.len()), (RECORDS, RECORDS));
    assert!(listed.is_sorted_by_key(Place::of));
}

#[tokio::test]
async fn a_position_outlives_the_record_that_it_names() {
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

#[tokio::test]
async fn only_the_first_page_says_what_the_list_lacks() {
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

#[tokio::test]
async fn every_worker_is_in_state_recorded_and_in_no_other() {
    let records = DataDir::new();
    records.write_record("pods/a", "a");
    let source = records.source();
    for (state, workers) in [
        (WorkerState::Recorded, 1),
        (WorkerState::Idle, 0),
        (WorkerState::Running, 0),
        (WorkerState::Cancelling, 0),
        (WorkerState::Stopped, 0),
    ] {
        let query = CatalogQuery {
            state: Some(state),
            ..CatalogQuery::default()
        };
        let page = source.list(&query).await.unwrap();
        assert_eq!(
            (page.workers.len(), page.next),
            (workers, None),
            "{state:?}"
        );
    }
}

#[tokio::test]
async fn a_position_of_another_source_is_refused() {
    let records = DataDir::new();
    let query = CatalogQuery {
        after: Some("1.worker-1".parse().unwrap()),
        ..CatalogQuery::default()
    };
    let refused = records.source().list(&query).await;
    assert!(matches!(refused, Err(SourceError::InvalidPosition)));
}

#[tokio::test]
async fn a_worker_is_unknown_only_when_everything_was_read() {
    let records = DataDir::new();
    records.write_record("workers/a", "a");
    let source = records.source();
    let known = page_of(&source, None, 1).await.workers.remove(0);
    let unknown = "local-0123456789abcdef0123456789abcdef".parse().unwrap();
    let answer = source.get(&unknown).await;
    assert!(matches!(answer, Err(SourceError::UnknownWorker)));

    fs::write(records.path("pods"), "").unwrap();
    let answer = source.get(&unknown).await;
    assert!(matches!(answer, Err(SourceError::Unavailable { .. })));
    let detail = source.get(&known.worker_id).await.unwrap();
    assert_eq!((detail.worker, detail.conversation), (known, None));
}

#[tokio::test]
async fn a_worker_whose_record_was_left_unread_is_not_unknown() {
    let records = DataDir::new();
    records.write_record("pods/a", "a");
    records.write_record("pods/b", "b");
    let source = records.source();
    let known = page_of(&source, None, 1).await.workers.remove(0);
    let name = known.display_name.as_str();
    let metadata = records.path("pods").join(name).join("metadata.json");
    fs::remove_file(&metadata).unwrap();
    std::os::unix::fs::symlink("metadata.json", &metadata).unwrap();
    let answer = source.get(&known.worker_id).await;
    assert!(matches!(answer, Err(SourceError::Unavailable { .. })));

    let mut config = records.config();
    config.limits.records = 0;
    let source = LocalSource::new(config);
    let answer = source.get(&known.worker_id).await;
    assert!(matches!(answer, Err(SourceError::Unavailable { .. })));
}

#[tokio::test]
async fn a_directory_that_fails_is_unavailable_and_its_cause_has_no_path() {
    let records = DataDir::new();
    let mut config = records.config();
    config.data_dir = Path::new("/dev/null").join(CANARY);
    let registry = registry_of(LocalSource::new(config));
    let summary = registry.runtimes().await.remove(0);
    assert_eq!(summary.status, RuntimeStatus::Unavailable);

    let unknown = WorkerRef::new(summary.runtime_id, "a".parse().unwrap());
    let error = registry.worker(&unknown).await.unwrap_err();
    let RegistryError::RuntimeUnavailable {
        cause: Some(cause), ..
    } = &error
    else {
        panic!("{error:?}");
    };
    let told = format!("{error} {error:?} {cause} {cause:?} {:?}", error.source());
    assert!(!told.contains(CANARY) && !told.contains('/'), "{told}");
}

#[tokio::test]
async fn a_missing_directory_is_an_empty_catalog_until_it_is_there() {
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
