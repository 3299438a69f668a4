//! A store that refuses a change: it leaves nothing reserved, and nobody waits for ever.

use super::*;
use crate::command::{Cancellation, CreateWorker};
use crate::error::{CreateError, InputError, StoreUnavailable};
use crate::store::scripted_store::{Fault, Operation, When};
use crate::store::{StoreErrorKind, WorkerStore};
use crate::{IdempotencyKey, Input, ReadError, RenameError, RunOutcome};

const REFUSED: StoreUnavailable = StoreUnavailable {
    kind: StoreErrorKind::Full,
};

impl Fixture {
    fn refuse_next(&self) {
        self.disturb(Operation::Commit, When::Nth(1));
    }

    fn disturb(&self, operation: Operation, when: When) {
        let fault = Fault::Fail(StoreErrorKind::Full);
        self.store.disturb(operation, when, fault);
    }
}

#[test]
fn an_input_that_is_refused_and_a_cancel() {
    explore_with(Persistence::Store, timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        fixture.refuse_next();
        let (a, b) = (fixture.clone(), fixture.clone());
        let (sent, cancelled) = both(async move { a.input(worker, "a").await }, async move {
            b.cancel(worker).await
        })
        .await;
        assert_eq!(sent, Err(InputError::Store(REFUSED)));
        assert_eq!(cancelled, Ok(Cancellation::NotRunning));
        assert_eq!(fixture.runtime.status().active_runs, 0);
        fixture.input(worker, "b").await.expect("it is idle");
        let histories = fixture.shut_down_and_check().await;
        assert_eq!(histories[0].runs(), 1);
    });
}

#[test]
fn a_name_that_is_refused_and_another() {
    explore_with(Persistence::Store, timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        fixture.refuse_next();
        let rename = |name: &'static str| {
            let fixture = fixture.clone();
            async move { fixture.runtime.rename(worker, name).await }
        };
        let (one, two) = both(rename("one"), rename("two")).await;
        let refused = Err(RenameError::Store(REFUSED));
        assert_ne!(one == refused, two == refused);
        let name = fixture.snapshot(worker).await.display_name;
        let expected = if one.is_ok() { "one" } else { "two" };
        assert_eq!(name.as_str(), expected);
        fixture.shut_down_and_check().await;
    });
}

#[test]
fn a_creation_that_is_refused_and_its_repetition() {
    explore_with(Persistence::Store, timeless(), |fixture| async move {
        fixture.refuse_next();
        let create = || {
            let fixture = fixture.clone();
            let key: IdempotencyKey = "once".parse().expect("it is one");
            let request = CreateWorker {
                idempotency_key: Some(key),
                ..CreateWorker::default()
            };
            async move { fixture.runtime.create(request).await }
        };
        let (one, two) = both(create(), create()).await;
        let refused = Err(CreateError::Store(REFUSED));
        assert_ne!(one == refused, two == refused);
        let created = one.or(two).expect("one is accepted").worker.id;
        let again = create().await.expect("it is there");
        assert_eq!((again.worker.id, again.replayed), (created, true));
        assert_eq!(fixture.shut_down_and_check().await.len(), 1);
    });
}

#[test]
fn an_end_that_is_refused_and_the_next_changes() {
    explore_with(Persistence::Store, timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        let run = fixture.input(worker, "a").await.expect("it is idle").run_id;
        // Not all of them: some schedules would try nothing else for ever.
        for number in 1..=10 {
            fixture.disturb(Operation::Commit, When::Nth(number));
        }
        fixture.ended(worker).await;
        fixture.store.clear();
        let (a, b) = (fixture.clone(), fixture.clone());
        let (sent, renamed) = both(async move { a.input(worker, "b").await }, async move {
            b.runtime.rename(worker, "Ada").await
        })
        .await;
        sent.expect("it is idle");
        renamed.expect("it is there");
        fixture.ended(worker).await;
        let index = fixture.store.index().await.expect("it can be read");
        assert!(index.workers.iter().all(|worker| !worker.has_active_run));
        let histories = fixture.shut_down_and_check().await;
        // Unless the store took it before it was to refuse it.
        let outcome = histories[0].outcome(run).expect("it has ended");
        assert!(matches!(
            outcome,
            RunOutcome::Failed | RunOutcome::Completed
        ));
    });
}

#[test]
fn a_worker_that_cannot_be_loaded_and_the_next_attempt() {
    explore_with(Persistence::Store, timeless(), |before| async move {
        let worker = before.worker().await;
        let after = before.reopened().await;
        before.disturb(Operation::Read, When::Nth(1));
        let rename = |name: &'static str| {
            let after = after.clone();
            async move { after.rename(worker, name).await }
        };
        let (one, two) = both(rename("one"), rename("two")).await;
        let refused = Err(RenameError::Store(REFUSED));
        assert_ne!(one == refused, two == refused);
        let name = after.get(worker).await.map(|worker| worker.display_name);
        let expected = if one.is_ok() { "one" } else { "two" };
        assert_eq!(
            name.map(|name| name.to_string()),
            Ok::<_, ReadError>(expected.into())
        );
        assert_eq!(after.status().resident_workers, 1);
    });
}

#[test]
fn an_input_and_a_creation_that_needs_its_place_in_memory() {
    let limits = Limits {
        workers: 1,
        ..timeless()
    };
    explore_with(Persistence::Store, limits, |fixture| async move {
        let worker = fixture.worker().await;
        let (a, b) = (fixture.clone(), fixture.clone());
        let (sent, created) = both(
            async move { a.runtime.send_input(worker, Input::new("a")).await },
            async move { b.runtime.create(CreateWorker::default()).await },
        )
        .await;
        // Whoever comes too late finds no place: neither may take that of the other.
        assert!(sent.is_ok() || created.is_ok());
        fixture.runtime.shutdown(NEVER).await;
        if let Ok(sent) = sent {
            let page = fixture.page(worker).await;
            assert_eq!(page.entries[0].run_id, sent.run_id);
            assert_eq!(page.in_flight, None);
            let index = fixture.store.index().await.expect("it can be read");
            assert!(index.workers.iter().all(|worker| !worker.has_active_run));
        }
        let status = fixture.runtime.status();
        assert!(status.resident_workers <= 1, "{status:?}");
        assert_eq!(status.active_runs, 0);
    });
}
