//! Lists: every worker once, and no source hides another.

use proptest::prelude::*;

use super::*;
use crate::page::{PageLimit, PageToken};
use crate::registry::{WorkerFilter, WorkerListQuery};

fn of(sources: Vec<Arc<dyn RuntimeSource>>) -> RuntimeRegistry {
    sources
        .into_iter()
        .fold(RuntimeRegistry::builder(), |b, s| b.register(s).unwrap())
        .build()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.unwrap().block_on(future)
}

async fn statuses(registry: &RuntimeRegistry) -> Vec<RuntimeStatus> {
    let runtimes = registry.runtimes().await;
    runtimes.into_iter().map(|runtime| runtime.status).collect()
}

proptest! {
    #[test]
    fn following_the_token_shows_every_worker_of_every_runtime_once(
        sizes in prop::collection::vec(0usize..12, 1..5),
        limit in 1u32..15,
    ) {
        let sources = sizes.iter().enumerate().map(|(n, size)| {
            Arc::new(Listed::new(&format!("r{n}"), *size)) as Arc<dyn RuntimeSource>
        });
        let registry = of(sources.collect());
        let shown = run(async {
            let limit = PageLimit::new(limit).unwrap();
            let mut query = WorkerListQuery { limit, ..WorkerListQuery::default() };
            let mut shown = Vec::new();
            loop {
                let page = registry.list_workers(&query).await.unwrap();
                assert!(page.items.len() <= limit.get());
                shown.extend(page.items.into_iter().map(|worker| worker.display_ref.to_string()));
                match page.next_page_token {
                    // As a client does: the token travels as text.
                    Some(token) => query.page_token = Some(token.to_string().parse().unwrap()),
                    None => return shown,
                }
            }
        });
        let expected: Vec<_> = sizes.iter().enumerate()
            .flat_map(|(n, size)| (0..*size).map(move |w| format!("w{w}@r{n}")))
            .collect();
        prop_assert_eq!(shown, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_hangs_or_fails_is_named_and_hides_no_other() {
    let mut failing = MockSource::with_catalog_only(descriptor("failing"));
    failing
        .catalog
        .expect_list()
        .times(1)
        .returning(|_| Err(SourceError::failed("boom")));
    failing
        .status
        .expect_status()
        .times(1)
        .returning(|| Err(SourceError::failed("boom")));
    let registry = of(vec![
        Arc::new(Hanging(descriptor("hanging"))),
        Arc::new(failing),
        Arc::new(Listed::new("sound", 2)),
    ]);

    let page = registry
        .list_workers(&WorkerListQuery::default())
        .await
        .unwrap();
    let shown: Vec<_> = page
        .items
        .iter()
        .map(|worker| worker.display_ref.to_string())
        .collect();
    assert_eq!(shown, ["w0@sound", "w1@sound"]);
    let said: Vec<_> = page
        .diagnostics
        .iter()
        .map(|d| (d.runtime_id.as_ref().unwrap().as_str(), d.code.as_str()))
        .collect();
    let late = ("hanging", "runtime_deadline_exceeded");
    assert_eq!(said, [late, ("failing", "runtime_unavailable")]);
    assert!(!serde_json::to_string(&page).unwrap().contains("boom"));

    let began = tokio::time::Instant::now();
    let statuses = statuses(&registry).await;
    assert_eq!(
        statuses,
        [
            RuntimeStatus::Unavailable,
            RuntimeStatus::Unavailable,
            RuntimeStatus::Available
        ]
    );
    assert_eq!(began.elapsed(), READ_DEADLINE_DEFAULT);
}

#[tokio::test]
async fn a_source_that_panics_hides_no_other_either() {
    let mut panicking = MockSource::with_catalog_only(descriptor("panicking"));
    panicking
        .catalog
        .expect_list()
        .times(1)
        .returning(|_| panic!("a defect"));
    panicking
        .status
        .expect_status()
        .times(1)
        .returning(|| panic!("a defect"));
    let registry = of(vec![Arc::new(panicking), Arc::new(Listed::new("sound", 1))]);
    let page = registry
        .list_workers(&WorkerListQuery::default())
        .await
        .unwrap();
    assert_eq!(page.items[0].display_ref, "w0@sound");
    assert_eq!(page.diagnostics[0].code.as_str(), "runtime_unavailable");
    let statuses = statuses(&registry).await;
    assert_eq!(
        statuses,
        [RuntimeStatus::Unavailable, RuntimeStatus::Available]
    );
}

#[tokio::test(start_paused = true)]
async fn the_list_of_one_runtime_that_hangs_is_an_error_not_an_empty_page() {
    let registry = of(vec![Arc::new(Hanging(descriptor("hanging")))]);
    let runtime_id = "hanging".parse().unwrap();
    let answer = registry
        .list_runtime_workers(&runtime_id, None, None, PageLimit::default())
        .await;
    let Err(RegistryError::RuntimeUnavailable { reason, .. }) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(reason, UnavailableReason::DeadlineExceeded);
}

#[tokio::test]
async fn filters_choose_runtimes_and_a_token_of_another_list_is_refused() {
    let mut local = Listed::new("b", 2);
    local.descriptor.implementation_kind = ImplementationKind::LocalCompat;
    let registry = of(vec![Arc::new(Listed::new("a", 2)), Arc::new(local)]);
    let list = async |filter: WorkerFilter, page_token: Option<&str>| {
        let page_token = page_token.map(|text| text.parse().unwrap());
        let query = WorkerListQuery {
            filter,
            page_token,
            limit: PageLimit::new(1).unwrap(),
        };
        registry.list_workers(&query).await
    };
    let only_a = || WorkerFilter {
        runtime_id: Some("a".parse().unwrap()),
        ..Default::default()
    };
    let only_local = || WorkerFilter {
        implementation_kind: Some(ImplementationKind::LocalCompat),
        ..Default::default()
    };

    let page = list(only_a(), None).await.unwrap();
    assert_eq!(page.items[0].display_ref, "w0@a");
    let token = page.next_page_token.unwrap().to_string();
    let page = list(only_a(), Some(&token)).await.unwrap();
    assert_eq!(page.items[0].display_ref, "w1@a");
    assert_eq!(page.next_page_token, None);
    assert_eq!(
        list(only_local(), None).await.unwrap().items[0].display_ref,
        "w0@b"
    );

    let refused = list(only_local(), Some(&token)).await;
    assert!(
        matches!(refused, Err(RegistryError::InvalidPageToken(_))),
        "{refused:?}"
    );
    let nowhere = WorkerFilter {
        runtime_id: Some("c".parse().unwrap()),
        ..Default::default()
    };
    let refused = list(nowhere, None).await;
    assert!(
        matches!(refused, Err(RegistryError::UnknownRuntime { .. })),
        "{refused:?}"
    );
    let b = "b".parse().unwrap();
    let token = token.parse().unwrap();
    let refused = registry
        .list_runtime_workers(&b, None, Some(&token), PageLimit::default())
        .await;
    assert!(
        matches!(refused, Err(RegistryError::InvalidPageToken(_))),
        "{refused:?}"
    );
}

/// A token that nobody gave can't be wrong, and a broken source must hide no other.
#[tokio::test]
async fn a_source_that_refuses_a_position_it_was_not_given_is_reported_as_failing() {
    let mut broken = MockSource::with_catalog_only(descriptor("a"));
    broken
        .catalog
        .expect_list()
        .returning(|_| Err(SourceError::InvalidPosition));
    let registry = of(vec![Arc::new(broken), Arc::new(Listed::new("b", 1))]);

    let page = registry.list_workers(&WorkerListQuery::default()).await;
    let page = page.unwrap();
    assert_eq!(page.items[0].display_ref, "w0@b");
    assert_eq!(page.diagnostics[0].code.as_str(), "runtime_unavailable");
    let a = "a".parse().unwrap();
    let refused = registry
        .list_runtime_workers(&a, None, None, PageLimit::default())
        .await;
    assert!(
        matches!(refused, Err(RegistryError::RuntimeUnavailable { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_position_that_its_source_refuses_makes_the_token_invalid() {
    let registry = of(vec![Arc::new(Listed::new("a", 2))]);
    let token = PageToken {
        runtime_id: "a".parse().unwrap(),
        position: Some("nowhere".parse().unwrap()),
    };
    let a = "a".parse().unwrap();
    let refused = registry
        .list_runtime_workers(&a, None, Some(&token), PageLimit::default())
        .await;
    assert!(
        matches!(refused, Err(RegistryError::InvalidPageToken(_))),
        "{refused:?}"
    );
}
