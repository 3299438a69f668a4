//! Which runs count against a quota, whatever becomes of their inputs.

use std::sync::Arc;

use async_trait::async_trait;
use registry_core::mock::MockSource;
use registry_core::port::{
    CatalogPage, CatalogQuery, RuntimeDescriptor, RuntimeSource, SourceStatus, WorkerCatalog,
    WorkerDetailRecord, WorkerRecord,
};
use registry_core::projection::{AcceptedInput, Facilities, ImplementationKind, WorkerState};
use registry_core::{Cursor, SourceError, WorkerId};
use tokio::task::yield_now;

use super::*;

/// A source whose workers are all idle, as one finds out after other requests had their turn.
struct Idle(MockSource);

#[async_trait]
impl WorkerCatalog for Idle {
    async fn list(&self, _: &CatalogQuery) -> Result<CatalogPage, SourceError> {
        Ok(CatalogPage::default())
    }

    async fn get(&self, id: &WorkerId) -> Result<WorkerDetailRecord, SourceError> {
        // The registry asks twice before it waits.
        yield_now().await;
        yield_now().await;
        let name = "Worker".parse().unwrap();
        Ok(WorkerRecord::new(id.clone(), name, WorkerState::Idle).into())
    }
}

#[async_trait]
impl RuntimeSource for Idle {
    fn descriptor(&self) -> &RuntimeDescriptor {
        self.0.descriptor()
    }

    async fn status(&self) -> Result<SourceStatus, SourceError> {
        self.0.status().await
    }

    fn catalog(&self) -> &dyn WorkerCatalog {
        self
    }
}

fn registry() -> RuntimeRegistry {
    let descriptor = RuntimeDescriptor {
        runtime_id: "r".parse().unwrap(),
        display_name: "R".parse().unwrap(),
        implementation_kind: ImplementationKind::EMBEDDED,
        facilities: Facilities::default(),
        models: Vec::new(),
        limits: Vec::new(),
    };
    let source = Idle(MockSource::with_catalog_only(descriptor));
    let builder = RuntimeRegistry::builder().register(Arc::new(source));
    builder.unwrap().build()
}

fn worker(id: &str) -> WorkerRef {
    WorkerRef::new("r".parse().unwrap(), id.parse().unwrap())
}

fn receipt(replay: Replay) -> Result<InputReceipt, RegistryError> {
    Ok(InputReceipt {
        accepted: AcceptedInput {
            run_id: "r1".parse().unwrap(),
            sequence: 1,
            cursor: Cursor::new(1, 2),
        },
        replay,
    })
}

#[tokio::test]
async fn the_places_of_ended_runs_are_there_for_all_who_ask_at_once() {
    let (registry, quota) = (registry(), RunQuota::new(3));
    for id in ["a", "b", "c"] {
        let run = quota.reserve(&registry, &worker(id), None).await;
        run.unwrap().settle(&receipt(Replay::First));
    }
    let (d, e, f, g) = (worker("d"), worker("e"), worker("f"), worker("g"));
    let runs = tokio::join!(
        quota.reserve(&registry, &d, None),
        quota.reserve(&registry, &e, None),
        quota.reserve(&registry, &f, None),
        quota.reserve(&registry, &g, None),
    );
    let reserved = [&runs.0, &runs.1, &runs.2, &runs.3].map(Option::is_some);
    assert_eq!(reserved.iter().filter(|it| **it).count(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_input_of_unknown_result_counts_until_a_repetition_tells_or_it_can_start_no_run() {
    let (registry, quota) = (registry(), RunQuota::new(1));
    let key = "once".parse().unwrap();
    let (a, b) = (worker("a"), worker("b"));
    drop(quota.reserve(&registry, &a, Some(&key)).await.unwrap());
    assert!(quota.reserve(&registry, &b, None).await.is_none());
    let repetition = quota.reserve(&registry, &a, Some(&key)).await;
    repetition.unwrap().settle(&receipt(Replay::Replayed));
    // The run has ended, and its input can still be sent again.
    drop(quota.reserve(&registry, &b, None).await.unwrap());
    assert!(quota.reserve(&registry, &a, None).await.is_none());
    assert!(quota.reserve(&registry, &a, Some(&key)).await.is_some());
    tokio::time::advance(UNKNOWN_RESULT).await;
    assert!(quota.reserve(&registry, &a, None).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_input_that_may_have_started_no_run_needs_a_place_when_it_is_sent_again() {
    let (registry, quota) = (registry(), RunQuota::new(1));
    let key = "once".parse().unwrap();
    let (a, b) = (worker("a"), worker("b"));
    drop(quota.reserve(&registry, &a, Some(&key)).await.unwrap());
    tokio::time::advance(UNKNOWN_RESULT).await;
    let other = quota.reserve(&registry, &b, None).await.unwrap();
    assert!(quota.reserve(&registry, &a, Some(&key)).await.is_none());
    drop(other);
}
