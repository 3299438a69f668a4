//! The audit trail: one event for each mutation, whatever became of it.

use std::fmt::{Debug, Write as _};
use std::sync::{LazyLock, Mutex};

use futures_util::FutureExt;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, NoSubscriber};
use tracing::{Dispatch, Event, Metadata, Subscriber};

use super::memory::record;
use super::*;
use crate::capability::Capability;
use crate::port::{CancelTarget, CreatedWorkerRecord, Replay};
use crate::projection::{CancelResult, WorkerState};
use crate::registry::audit::AUDIT_TARGET;

/// Keeps each audit event as the text of its fields.
#[derive(Clone, Default)]
struct Trail(Arc<Mutex<Vec<String>>>);

/// Nobody listens to it. As long as there is only one other subscriber, tracing asks the thread that
/// first reaches an event whether it listens, and remembers the answer for all: that may be another
/// test's. Of two it asks both.
static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));

impl Trail {
    /// Keeps the events of this thread until the guard is dropped.
    fn begin() -> (Self, DefaultGuard) {
        LazyLock::force(&ANOTHER);
        let trail = Self::default();
        let guard = tracing::subscriber::set_default(trail.clone());
        (trail, guard)
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Subscriber for Trail {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == AUDIT_TARGET
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // The duration is never the same.
        if field.name() != "duration_us" {
            write!(self.0, "{}={value:?} ", field.name()).unwrap();
        }
    }
}

#[tokio::test]
async fn a_mutation_leaves_one_event_with_its_outcome() {
    let (trail, _guard) = Trail::begin();
    let mut source = MockSource::with_all_ports(descriptor("r"));
    let lifecycle = source.lifecycle.as_mut().unwrap();
    let stopped = record(1, WorkerState::Stopped);
    lifecycle
        .expect_stop()
        .returning(move |_| Ok(stopped.clone().into()));
    lifecycle
        .expect_delete()
        .returning(|_| Err(SourceError::UnknownWorker));
    lifecycle.expect_rename().returning(|_, name| {
        let mut renamed = record(1, WorkerState::Stopped);
        renamed.display_name = name;
        Ok(renamed.into())
    });
    lifecycle
        .expect_cancel()
        .returning(|_, _| Ok(CancelResult::NotRunning));
    lifecycle.expect_create().returning(|_| {
        Ok(CreatedWorkerRecord {
            worker: record(1, WorkerState::Idle).into(),
            replay: Replay::Replayed,
        })
    });
    source.interaction = None;
    let registry = registry_of_mock(source);
    let worker = reference("r", "w1");

    registry.stop(&worker).await.unwrap();
    let name = "canary".parse().unwrap();
    registry.rename(&worker, name).await.unwrap();
    let target = CancelTarget::ActiveRun;
    registry.cancel(&worker, target).await.unwrap();
    let request = CreateWorker::default();
    let created = registry.create_worker(&worker.runtime_id, request).await;
    created.unwrap();
    registry.delete(&worker).await.unwrap_err();
    let refused = registry.send_input(&worker, input("canary")).await;
    assert!(matches!(
        refused,
        Err(RegistryError::OperationUnsupported {
            capability: Capability::SendInput,
            ..
        })
    ));
    assert_eq!(
        trail.lines(),
        [
            "message=operation operation=\"stop_worker\" runtime_id=r worker_id=w1 \
             outcome=\"done\" ",
            "message=operation operation=\"rename_worker\" runtime_id=r worker_id=w1 \
             outcome=\"done\" ",
            "message=operation operation=\"cancel_run\" runtime_id=r worker_id=w1 \
             outcome=\"nothing_to_do\" ",
            "message=operation operation=\"create_worker\" runtime_id=r worker_id=w1 \
             outcome=\"replayed\" ",
            "message=operation operation=\"delete_worker\" runtime_id=r worker_id=w1 \
             outcome=\"refused\" refusal=worker w1@r is unknown ",
            "message=operation operation=\"send_input\" runtime_id=r worker_id=w1 \
             outcome=\"refused\" refusal=runtime r does not support send_input ",
        ]
    );
}

/// A stop stands although nobody waits for its answer any more.
#[tokio::test]
async fn a_mutation_whose_caller_went_away_leaves_its_event_too() {
    let (trail, _guard) = Trail::begin();
    let registry = registry_of([Memory::hanging("r") as Arc<dyn RuntimeSource>]);
    let worker = reference("r", "w1");

    assert!(registry.stop(&worker).now_or_never().is_none());
    let create = registry.create_worker(&worker.runtime_id, CreateWorker::default());
    assert!(create.now_or_never().is_none());
    assert_eq!(
        trail.lines(),
        [
            "message=operation operation=\"stop_worker\" runtime_id=r worker_id=w1 \
             outcome=\"abandoned\" ",
            "message=operation operation=\"create_worker\" runtime_id=r \
             outcome=\"abandoned\" ",
        ]
    );
}
