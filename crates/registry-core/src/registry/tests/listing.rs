//! Lists: filters and tokens, and no source hides another.

mod model;

use super::*;
use crate::page::{PageLimit, PageToken};
use crate::projection::{ImplementationKind, WorkerPage, WorkerState};
use crate::registry::{WorkerFilter, WorkerListQuery};

fn refs(page: &WorkerPage) -> Vec<&str> {
    let workers = page.items.iter();
    workers.map(|worker| worker.display_ref.as_str()).collect()
}

async fn first_page(registry: &RuntimeRegistry) -> WorkerPage {
    let query = WorkerListQuery::default();
    registry.list_workers(&query).await.unwrap()
}

async fn page_of_one_runtime(
    registry: &RuntimeRegistry,
    runtime_id: &str,
    token: Option<&PageToken>,
) -> Result<WorkerPage, RegistryError> {
    let runtime_id = runtime_id.parse().unwrap();
    let limit = PageLimit::default();
    registry
        .list_runtime_workers(&runtime_id, None, token, limit)
        .await
}

async fn statuses(registry: &RuntimeRegistry) -> Vec<RuntimeStatus> {
    let runtimes = registry.runtimes().await;
    runtimes.into_iter().map(|runtime| runtime.status).collect()
}

fn assert_invalid_token(answer: &Result<WorkerPage, RegistryError>) {
    assert!(
        matches!(answer, Err(RegistryError::InvalidPageToken(_))),
        "{answer:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_hangs_or_fails_is_named_and_hides_no_other() {
    let registry = registry_of([
        Memory::hanging("hanging") as Arc<dyn RuntimeSource>,
        Memory::new(descriptor("failing"), Ports::NONE, Health::Failing),
        Memory::with_workers("sound", 2),
    ]);

    let page = first_page(&registry).await;
    assert_eq!(refs(&page), ["w1@sound", "w0@sound"]);
    let named = page.diagnostics.iter();
    let named = named.map(|d| (d.runtime_id.as_ref().unwrap().as_str(), d.code.as_str()));
    let late = ("hanging", "runtime_deadline_exceeded");
    let failed = ("failing", "runtime_unavailable");
    assert_eq!(named.collect::<Vec<_>>(), [late, failed]);
    assert!(!serde_json::to_string(&page).unwrap().contains("as told"));

    let began = tokio::time::Instant::now();
    let statuses = statuses(&registry).await;
    let lost = RuntimeStatus::Unavailable;
    assert_eq!(statuses, [lost, lost, RuntimeStatus::Available]);
    assert_eq!(began.elapsed(), READ_DEADLINE_DEFAULT);
}

#[tokio::test]
async fn a_source_that_panics_hides_no_other_either() {
    let mut panicking = MockSource::with_catalog_only(descriptor("panicking"));
    let list = panicking.catalog.expect_list().times(1);
    list.returning(|_| panic!("a defect"));
    let status = panicking.status.expect_status().times(1);
    status.returning(|| panic!("a defect"));
    let registry = registry_of([
        Arc::new(panicking) as Arc<dyn RuntimeSource>,
        Memory::with_workers("sound", 1),
    ]);
    let page = first_page(&registry).await;
    assert_eq!(refs(&page), ["w0@sound"]);
    assert_eq!(page.diagnostics[0].code.as_str(), "runtime_unavailable");
    let statuses = statuses(&registry).await;
    let expected = [RuntimeStatus::Unavailable, RuntimeStatus::Available];
    assert_eq!(statuses, expected);
}

#[tokio::test(start_paused = true)]
async fn the_list_of_one_runtime_that_hangs_is_an_error_not_an_empty_page() {
    let registry = registry_of([Memory::hanging("hanging") as Arc<dyn RuntimeSource>]);
    let answer = page_of_one_runtime(&registry, "hanging", None).await;
    let Err(RegistryError::RuntimeUnavailable { reason, .. }) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(reason, UnavailableReason::DeadlineExceeded);
}

#[tokio::test]
async fn filters_choose_runtimes_and_a_token_of_another_list_is_refused() {
    let mut local = descriptor("b");
    local.implementation_kind = ImplementationKind::LOCAL_COMPAT;
    let local = Memory::new(local, Ports::NONE, Health::Sound);
    let idle = (0..2).map(|number| (number, WorkerState::Idle));
    local.set(idle.collect(), Health::Sound);
    let registry = registry_of([
        Memory::with_workers("a", 2) as Arc<dyn RuntimeSource>,
        local,
    ]);
    let list = async |filter: WorkerFilter, page_token: Option<&PageToken>| {
        let query = WorkerListQuery {
            filter,
            page_token: page_token.cloned(),
            limit: PageLimit::new(1).unwrap(),
        };
        registry.list_workers(&query).await
    };
    let only = |runtime_id: &str| WorkerFilter {
        runtime_id: Some(runtime_id.parse().unwrap()),
        ..WorkerFilter::default()
    };
    let only_kind = |kind| WorkerFilter {
        implementation_kind: Some(kind),
        ..WorkerFilter::default()
    };

    let page = list(only("a"), None).await.unwrap();
    assert_eq!(refs(&page), ["w1@a"]);
    let token = page.next_page_token.unwrap();
    let page = list(only("a"), Some(&token)).await.unwrap();
    assert_eq!(
        (refs(&page), page.next_page_token.as_ref()),
        (vec!["w0@a"], None)
    );
    let page = list(only_kind(ImplementationKind::LOCAL_COMPAT), None).await;
    assert_eq!(refs(&page.unwrap()), ["w1@b"]);
    let page = list(only_kind("third".parse().unwrap()), None).await;
    assert!(refs(&page.unwrap()).is_empty());

    let other_kind = only_kind(ImplementationKind::LOCAL_COMPAT);
    assert_invalid_token(&list(other_kind, Some(&token)).await);
    assert_invalid_token(&page_of_one_runtime(&registry, "b", Some(&token)).await);
    let nowhere = list(only("c"), None).await;
    assert!(
        matches!(nowhere, Err(RegistryError::UnknownRuntime { .. })),
        "{nowhere:?}"
    );
}

/// A token that nobody gave can't be wrong, and a broken source must hide no other.
#[tokio::test]
async fn a_source_that_refuses_a_position_it_was_not_given_is_reported_as_failing() {
    let mut broken = MockSource::with_catalog_only(descriptor("a"));
    let list = broken.catalog.expect_list();
    list.returning(|_| Err(SourceError::InvalidPosition));
    let registry = registry_of([
        Arc::new(broken) as Arc<dyn RuntimeSource>,
        Memory::with_workers("b", 1),
    ]);

    let page = first_page(&registry).await;
    assert_eq!(refs(&page), ["w0@b"]);
    assert_eq!(page.diagnostics[0].code.as_str(), "runtime_unavailable");
    let refused = page_of_one_runtime(&registry, "a", None).await;
    assert!(
        matches!(refused, Err(RegistryError::RuntimeUnavailable { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_position_that_its_source_refuses_makes_the_token_invalid() {
    let registry = registry_of([Memory::with_workers("a", 2) as Arc<dyn RuntimeSource>]);
    let token = PageToken {
        runtime_id: "a".parse().unwrap(),
        position: Some("nowhere".parse().unwrap()),
    };
    assert_invalid_token(&page_of_one_runtime(&registry, "a", Some(&token)).await);
}
