//! Repeated requests.

use super::*;
use crate::{CreateError, IdempotencyKey};

fn key(text: &str) -> Option<IdempotencyKey> {
    Some(text.parse().unwrap())
}

fn create(name: &str) -> CreateWorker {
    CreateWorker {
        display_name: Some(name.to_owned()),
        idempotency_key: key("k"),
        ..CreateWorker::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_under_the_same_key_finds_the_same_worker() {
    let fixture = Fixture::new();
    let first = at_once(fixture.runtime.create(create("Ada"))).unwrap();
    assert!(!first.replayed);
    let again = at_once(fixture.runtime.create(create("Ada"))).unwrap();
    assert_eq!((again.worker, again.replayed), (first.worker, true));
    let other = at_once(fixture.runtime.create(create("Bob")));
    assert_eq!(other, Err(CreateError::IdempotencyConflict));
    assert_eq!(fixture.runtime.status().workers.total(), 1);
    fixture.runtime.shutdown(SECOND).await;
    assert!(
        at_once(fixture.runtime.create(create("Ada")))
            .unwrap()
            .replayed
    );
}

#[tokio::test(start_paused = true)]
async fn a_repeated_create_gets_the_first_answer_whatever_became_of_the_worker() {
    let fixture = Fixture::new();
    for (name, key) in [(Some("Ada"), "named"), (None, "nameless")] {
        let request = CreateWorker {
            display_name: name.map(str::to_owned),
            idempotency_key: self::key(key),
            ..CreateWorker::default()
        };
        let first = at_once(fixture.runtime.create(request.clone())).unwrap();
        let worker = first.worker.id;
        let run = fixture.send(worker, "a");
        fixture.wait_for_end(worker, &run).await;
        at_once(fixture.runtime.rename(worker, "Bob")).unwrap();
        fixture.runtime.stop(worker).await.unwrap();
        let again = at_once(fixture.runtime.create(request)).unwrap();
        assert_eq!((again.worker, again.replayed), (first.worker, true));
    }
}

#[tokio::test(start_paused = true)]
async fn the_key_of_a_forgotten_worker_is_free_again() {
    let fixture = Fixture::with(Limits {
        workers: 1,
        ..Limits::default()
    });
    let first = at_once(fixture.runtime.create(create("Ada")))
        .unwrap()
        .worker
        .id;
    fixture.runtime.stop(first).await.unwrap();
    assert!(
        at_once(fixture.runtime.create(create("Ada")))
            .unwrap()
            .replayed
    );
    fixture.replace_the_only_worker().await;
    let second = at_once(fixture.runtime.create(create("Bob"))).unwrap();
    assert!(!second.replayed && second.worker.id != first);
}

#[test]
fn an_invalid_request_creates_nothing() {
    let fixture = Fixture::new();
    let unknown = CreateWorker {
        profile: Some("builtin:none".to_owned()),
        ..CreateWorker::default()
    };
    assert_eq!(
        at_once(fixture.runtime.create(unknown)),
        Err(CreateError::UnknownProfile)
    );
    let unnamed = at_once(fixture.runtime.create(create("a\nb")));
    assert!(
        matches!(unnamed, Err(CreateError::DisplayName(_))),
        "{unnamed:?}"
    );
    assert_eq!(fixture.runtime.status().workers.total(), 0);
}

impl Fixture {
    /// Makes the runtime forget its only, stopped worker, and stops the new one.
    async fn replace_the_only_worker(&self) {
        let worker = self.worker();
        self.runtime.stop(worker).await.unwrap();
    }
}
