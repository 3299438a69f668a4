//! What a catalog must do.

use std::collections::BTreeSet;

use super::{Fixture, Subject};
use crate::error::{RegistryError, SourceError};
use crate::id::{WorkerId, WorkerRef};
use crate::page::{PageLimit, Position};
use crate::port::CatalogQuery;
use crate::projection::{RuntimeStatus, WorkerState};
use crate::registry::{WorkerFilter, WorkerListQuery};

/// Descriptor, capabilities and counts agree with what the source is and holds.
pub async fn the_source_describes_itself(subject: &dyn Subject) {
    let fixture = Fixture::with_workers(subject, 3).await;
    let summary = fixture
        .registry
        .runtime(&fixture.runtime_id)
        .await
        .expect("registered");
    assert_eq!(summary.status, RuntimeStatus::Available);
    assert_eq!(summary.capabilities, fixture.source.capabilities());
    let counts = summary
        .counts
        .expect("an available source counts its workers");
    assert_eq!(
        counts.workers.iter().map(|(_, number)| number).sum::<u64>(),
        3
    );
    assert_eq!(counts.active_runs, 0);

    assert!(
        !summary.limits.is_empty(),
        "every source is bounded by something"
    );
    let names: BTreeSet<_> = summary
        .limits
        .iter()
        .map(|limit| limit.name.clone())
        .collect();
    assert_eq!(
        names.len(),
        summary.limits.len(),
        "limits have names of their own"
    );
    assert!(summary.limits.iter().all(|limit| limit.value > 0));
}

/// A list and a detail say the same of a worker, and both name its runtime.
pub async fn every_listed_worker_can_be_got(subject: &dyn Subject) {
    let fixture = Fixture::with_workers(subject, 3).await;
    let listed = fixture.all_workers(50).await;
    assert_eq!(listed.len(), 3);
    for worker in listed {
        let reference = fixture.reference(&worker.worker_id);
        assert_eq!(worker.runtime_id, fixture.runtime_id);
        assert_eq!(worker.display_ref, reference.display_ref());
        let detail = fixture
            .registry
            .worker(&reference)
            .await
            .expect("a listed worker");
        assert_eq!(detail.summary, worker);
    }
}

/// Whatever the page size, following the token shows each worker once, in one order.
pub async fn pages_show_every_worker_exactly_once(subject: &dyn Subject) {
    let fixture = Fixture::with_workers(subject, 7).await;
    let whole: Vec<_> = fixture.all_workers(200).await;
    assert_eq!(whole.len(), 7);
    for limit in [1, 2, 3, 6, 7, 8] {
        let paged = fixture.all_workers(limit).await;
        assert_eq!(paged, whole, "pages of {limit}");
    }
    let newest_first = whole
        .windows(2)
        .all(|pair| pair[0].created_at >= pair[1].created_at);
    assert!(newest_first, "lists begin with the newest worker");
}

/// Each worker is in the list of exactly one state, its own.
pub async fn the_state_filters_divide_the_workers(subject: &dyn Subject) {
    let fixture = Fixture::with_workers(subject, 4).await;
    let mut found = 0;
    for state in [
        WorkerState::Idle,
        WorkerState::Queued,
        WorkerState::Running,
        WorkerState::Cancelling,
        WorkerState::Stopped,
        WorkerState::Recorded,
    ] {
        let filter = WorkerFilter {
            state: Some(state),
            ..WorkerFilter::default()
        };
        let query = WorkerListQuery {
            filter,
            ..WorkerListQuery::default()
        };
        let page = fixture.registry.list_workers(&query).await.expect("a page");
        assert!(page.items.iter().all(|worker| worker.state == state));
        found += page.items.len();
    }
    assert_eq!(found, 4);
}

/// An id that almost names a worker names none.
pub async fn a_near_miss_of_an_id_is_unknown(subject: &dyn Subject) {
    let fixture = Fixture::with_workers(subject, 2).await;
    let real = fixture.any_worker().await.worker_id.to_string();
    let near_misses = [
        format!("{real}0"),
        format!("0{real}"),
        real[..real.len() - 1].to_owned(),
        real.replace('-', ""),
        real.replace('-', "_"),
        "0".to_owned(),
        "x".repeat(64),
    ];
    for text in near_misses.iter().filter(|text| **text != real) {
        let Ok(worker_id) = text.parse::<WorkerId>() else {
            continue;
        };
        let reference = WorkerRef::new(fixture.runtime_id.clone(), worker_id);
        match fixture.registry.worker(&reference).await {
            Err(RegistryError::UnknownWorker { worker }) => assert_eq!(worker, reference),
            other => panic!("{text} names nothing, yet the answer was {other:?}"),
        }
    }
}

/// A position that the source did not make is refused, not guessed at.
pub async fn a_position_that_the_source_did_not_make_is_refused(subject: &dyn Subject) {
    let fixture = Fixture::with_workers(subject, 2).await;
    for text in [
        "!",
        "0",
        "../x",
        "-1.-1",
        "local-",
        "99999999999999999999.local-0",
    ] {
        let after: Position = text.parse().expect("sound characters");
        let query = CatalogQuery {
            after: Some(after),
            state: None,
            limit: PageLimit::default(),
        };
        let answer = fixture.source.catalog().list(&query).await;
        assert!(
            matches!(answer, Err(SourceError::InvalidPosition)),
            "{text}: {answer:?}"
        );
    }
}
